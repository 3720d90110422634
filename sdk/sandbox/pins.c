/*
 * Kept per chat as the record {"message_ids"}, in the order of the messages.
 */
#include "sdk/sandbox/pins.h"

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/world.h"

static const char kind[] = "pins";

static const char *name_of(struct arena *arena, int64_t chat_id)
{
    return arena_printf(arena, "%lld", (long long)chat_id);
}

/* Never NULL. */
static cJSON *load(struct sandbox *sandbox, struct arena *arena, int64_t chat_id)
{
    const cJSON *record = world_record(sandbox->world, arena, kind, name_of(arena, chat_id));
    const cJSON *ids = json_get(record, "message_ids");

    return json_keep(arena, ids ? cJSON_Duplicate(ids, true) : cJSON_CreateArray());
}

static void save(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, const cJSON *ids)
{
    cJSON *record = json_keep(arena, cJSON_CreateObject()), *details = cJSON_CreateObject();

    json_set_copy(record, "message_ids", ids);
    world_put_record(sandbox->world, arena, kind, name_of(arena, chat_id), record);
    json_set_copy(details, "message_ids", ids);
    sandbox_emit(sandbox, "pin", chat_id, details);
}

cJSON *pins_all(struct sandbox *sandbox, struct arena *arena, int64_t chat_id)
{
    return load(sandbox, arena, chat_id);
}

cJSON *pins_newest(struct sandbox *sandbox, struct arena *arena, int64_t chat_id)
{
    const cJSON *ids = load(sandbox, arena, chat_id);
    int count = cJSON_GetArraySize(ids);

    if (!count)
        return NULL;
    return world_message(sandbox->world, arena, chat_id,
                         (int64_t)cJSON_GetArrayItem(ids, count - 1)->valuedouble);
}

/* Whether it was pinned. */
static bool take(cJSON *ids, int64_t message_id)
{
    cJSON *id;

    cJSON_ArrayForEach(id, ids) {
        if ((int64_t)id->valuedouble == message_id) {
            cJSON_Delete(cJSON_DetachItemViaPointer(ids, id));
            return true;
        }
    }
    return false;
}

void pins_remove(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, int64_t message_id)
{
    cJSON *ids = load(sandbox, arena, chat_id);

    if (take(ids, message_id))
        save(sandbox, arena, chat_id, ids);
}

/* Those of one topic; 0 = all. */
static void remove_some(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                        int64_t thread_id)
{
    cJSON *ids = load(sandbox, arena, chat_id), *id = ids->child;
    int before = cJSON_GetArraySize(ids);

    for (cJSON *next; id; id = next) {
        next = id->next;
        const cJSON *message =
            world_message(sandbox->world, arena, chat_id, (int64_t)id->valuedouble);
        int64_t its = json_get_bool(message, "is_topic_message")
                          ? json_get_int(message, "message_thread_id", 0)
                          : GENERAL_TOPIC;
        if (!thread_id || its == thread_id)
            cJSON_Delete(cJSON_DetachItemViaPointer(ids, id));
    }
    if (cJSON_GetArraySize(ids) != before)
        save(sandbox, arena, chat_id, ids);
}

/* Adds it in its place. false when it is there already. */
static bool put(cJSON *ids, int64_t message_id)
{
    int place = 0;
    const cJSON *id;

    cJSON_ArrayForEach(id, ids) {
        if ((int64_t)id->valuedouble == message_id)
            return false;
        place += id->valuedouble < (double)message_id;
    }
    json_insert(ids, place, cJSON_CreateNumber((double)message_id));
    return true;
}

/* The user pins a message, or with "pinned": false unpins it. */
void control_pin(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    int64_t message_id = json_get_int(control->body, "message_id", 0);
    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    const cJSON *message = world_message(sandbox->world, control->arena, place.chat_id, message_id);
    if (!message || !content_is_any(message)) {
        control_fail(control, 400, "message_id: there is no such message in this chat");
        return;
    }
    if (place.chat_id < 0 &&
        !members_may(sandbox->world, control->arena, place.chat_id,
                     members_find(sandbox->world, control->arena, place.chat_id, user_id),
                     "can_pin_messages")) {
        control_fail(control, 400, "user_id: this user may not pin messages here");
        return;
    }
    cJSON *ids = load(sandbox, control->arena, place.chat_id);
    if (cJSON_IsFalse(json_get(control->body, "pinned"))) {
        pins_remove(sandbox, control->arena, place.chat_id, message_id);
    } else if (put(ids, message_id)) {
        cJSON *copy = cJSON_Duplicate(message, true);
        cJSON_DeleteItemFromObjectCaseSensitive(copy, "reply_to_message");
        save(sandbox, control->arena, place.chat_id, ids);
        chats_announce(sandbox, control->arena,
                       &(struct announcement){.chat_id = place.chat_id,
                                              .from = user,
                                              .field = "pinned_message",
                                              .content = copy,
                                              .thread_id = place.thread_id});
    }
    respond_json(control->exchange, 200, control_object(control));
}

/* All of the chat learn of it by a message that says so, the bot as well. */
static void tell(struct call *call, const cJSON *pinned)
{
    struct world *world = call->sandbox->world;
    bool is_in_topic = json_get_bool(pinned, "is_topic_message");
    cJSON *copy = cJSON_Duplicate(pinned, true);

    cJSON_DeleteItemFromObjectCaseSensitive(copy, "reply_to_message");
    chats_announce(
        call->sandbox, call->arena,
        &(struct announcement){.chat_id = json_get_int(json_get(pinned, "chat"), "id", 0),
                               .from = world_bot(world, call->arena),
                               .field = "pinned_message",
                               .content = copy,
                               .thread_id =
                                   is_in_topic ? json_get_int(pinned, "message_thread_id", 0) : 0});
}

/* In a group to pin is a permission of members, too. */
static int check_pinning(struct call *call, int64_t chat_id)
{
    struct world *world = call->sandbox->world;

    if (chat_id > 0 ||
        members_may(world, call->arena, chat_id, members_find(world, call->arena, chat_id, THE_BOT),
                    "can_pin_messages"))
        return 0;
    return call_refuse(call, "not enough rights to manage pinned messages in the chat");
}

static int pin_message(struct call *call)
{
    cJSON *message;

    int r = call_message(call, "message to pin", &message);
    if (r == 0)
        r = check_pinning(call, call_int(call, "chat_id", 0));
    if (r < 0)
        return r;
    if (!content_is_any(message))
        return call_refuse(call, "a service message can't be pinned");
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    cJSON *ids = load(call->sandbox, call->arena, chat_id);
    if (!put(ids, call_int(call, "message_id", 0)))
        return 0;
    save(call->sandbox, call->arena, chat_id, ids);
    tell(call, message);
    return 0;
}

static int unpin_message(struct call *call)
{
    int64_t chat_id;
    cJSON *message;

    int r = call_chat(call, &chat_id);
    if (r == 0 && call_get(call, "message_id"))
        r = call_message(call, "message to unpin", &message);
    if (r == 0)
        r = check_pinning(call, chat_id);
    if (r < 0)
        return r;
    if (!call_get(call, "message_id"))
        message = pins_newest(call->sandbox, call->arena, chat_id);
    if (!message)
        return call_refuse(call, "message to unpin not found");
    pins_remove(call->sandbox, call->arena, chat_id, json_get_int(message, "message_id", 0));
    return 0;
}

static int unpin_all(struct call *call)
{
    int64_t chat_id;

    int r = call_any_chat(call, ACCESS_WRITE, &chat_id);
    if (r == 0)
        r = check_pinning(call, chat_id);
    if (r == 0)
        remove_some(call->sandbox, call->arena, chat_id, 0);
    return r;
}

/* Of a topic; without a thread of its own it is the general one. */
static int unpin_topic(struct call *call)
{
    int64_t chat_id, thread_id = call_int(call, "message_thread_id", 0);

    int r = call_any_chat(call, ACCESS_WRITE, &chat_id);
    if (r == 0 && !topics_are_in(call->sandbox->world, call->arena, chat_id))
        r = call_refuse(call, "the chat is not a forum");
    if (r == 0 && thread_id && !topics_find(call->sandbox->world, call->arena, chat_id, thread_id))
        r = call_refuse(call, "message thread not found");
    if (r == 0)
        r = check_pinning(call, chat_id);
    if (r == 0)
        remove_some(call->sandbox, call->arena, chat_id, thread_id ? thread_id : GENERAL_TOPIC);
    return r;
}

const struct method pin_methods[] = {
    {"pinChatMessage", pin_message},
    {"unpinChatMessage", unpin_message},
    {"unpinAllChatMessages", unpin_all},
    {"unpinAllForumTopicMessages", unpin_topic},
    {"unpinAllGeneralForumTopicMessages", unpin_topic},
    {0},
};

/*
 * Sending a text, chat actions, deleting, answering a button.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_CALLBACK_ANSWER = 200,
    MOST_DELETED = 100,
    DELETABLE_SECONDS = 48 * 3600,
    DICE_SECONDS = 24 * 3600,
};

static int send_message(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());

    int r = call_message_text(call, content);
    return r < 0 ? r : call_send_content(call, content);
}

static bool is_action(const char *action)
{
    static const char *const actions[] = {
        "typing",        "upload_photo",      "record_video",      "upload_video",
        "record_voice",  "upload_voice",      "upload_document",   "choose_sticker",
        "find_location", "record_video_note", "upload_video_note",
    };

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i], action) == 0)
            return true;
    return false;
}

static int send_chat_action(struct call *call)
{
    const char *action = call_text(call, "action");
    int64_t chat_id;

    int r = call_chat(call, &chat_id);
    if (r == 0 && !is_action(action))
        r = call_refuse(call, "wrong parameter action in request");
    if (r < 0)
        return r;
    world_set_action(call->sandbox->world, chat_id, action);
    cJSON *details = cJSON_CreateObject();
    json_set_text(details, "action", action);
    sandbox_emit(call->sandbox, "chat_action", chat_id, details);
    return 0;
}

/* Old messages stay, and a dice of a private chat cannot be thrown again for a day; in a group the
 * right to delete is for all that there is. */
static int check_deletable(struct call *call, const cJSON *message)
{
    struct world *world = call->sandbox->world;
    int64_t age = world_now(world) - json_get_int(message, "date", 0);
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    const cJSON *bot = chat_id < 0 ? members_find(world, call->arena, chat_id, THE_BOT) : NULL;

    if (bot && member_is_administrator(bot) &&
        members_may(world, call->arena, chat_id, bot, "can_delete_messages"))
        return 0;
    if (bot && !message_is_own(message))
        return call_refuse(call, "message can't be deleted");
    if (age > DELETABLE_SECONDS ||
        (json_get(message, "dice") && !bot && message_is_own(message) && age < DICE_SECONDS))
        return call_refuse(call, "message can't be deleted for everyone");
    return 0;
}

static int delete_message(struct call *call)
{
    cJSON *message;

    int r = call_message(call, "message to delete", &message);
    if (r == 0)
        r = check_deletable(call, message);
    if (r < 0)
        return r;
    message_delete(call->sandbox, call->arena, message);
    return 0;
}

static int delete_messages(struct call *call)
{
    const cJSON *ids = call_get(call, "message_ids"), *id;
    cJSON *found = json_keep(call->arena, cJSON_CreateArray());
    const cJSON *message;
    int64_t chat_id;

    if (!cJSON_GetArraySize(ids))
        return call_refuse(call, "message identifiers are not specified");
    if (cJSON_GetArraySize(ids) > MOST_DELETED)
        return call_refuse(call, "too many message identifiers specified");
    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    cJSON_ArrayForEach(id, ids) {
        if (id->valuedouble <= 0)
            return call_refuse(call, "invalid message identifier specified");
        message =
            world_message(call->sandbox->world, call->arena, chat_id, (int64_t)id->valuedouble);
        r = message ? check_deletable(call, message) : 0;
        if (r < 0)
            return r;
        if (message)
            cJSON_AddItemToArray(found, cJSON_Duplicate(message, true));
    }
    cJSON_ArrayForEach(message, found)
        message_delete(call->sandbox, call->arena, message);
    return 0;
}

static int answer_callback_query(struct call *call)
{
    const char *id = call_text(call, "callback_query_id"), *text = call_text(call, "text");

    if (text && utf8_length(text) > LONGEST_CALLBACK_ANSWER)
        return call_refuse(call, "MESSAGE_TOO_LONG");
    int64_t chat_id = world_take_callback(call->sandbox->world, id);
    if (!chat_id)
        return call_refuse(call, "query is too old and response timeout expired or query ID is "
                                 "invalid");
    cJSON *details = cJSON_CreateObject();
    json_set_text(details, "callback_query_id", id);
    json_set_copy(details, "text", call_get(call, "text"));
    json_set_copy(details, "url", call_get(call, "url"));
    json_set_bool(details, "show_alert", call_bool(call, "show_alert"));
    sandbox_emit(call->sandbox, "answer_callback", chat_id, details);
    return 0;
}

const struct method message_methods[] = {
    {"sendMessage", send_message},
    {"sendChatAction", send_chat_action},
    {"deleteMessage", delete_message},
    {"deleteMessages", delete_messages},
    {"answerCallbackQuery", answer_callback_query},
    {0},
};

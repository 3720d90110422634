/*
 * A user's message makes the topic it is written to, when there is none. The general topic is no
 * topic for bots that send: as at Telegram, its id is refused.
 */
#include "sdk/sandbox/place.h"

#include <stdlib.h>

#include "host/core/arena.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/world.h"

int64_t business_owner(struct world *world, struct arena *arena, const char *id)
{
    const char *name = arena_printf(arena, "business:%s", id);
    const char *user_id = world_text(world, arena, name, "");

    return user_id ? strtoll(user_id, NULL, 10) : 0;
}

bool place_read(struct control *control, int64_t user_id, struct place *ret)
{
    struct world *world = control->sandbox->world;
    struct place place = {
        .chat_id = json_get_int(control->body, "chat_id", user_id),
        .thread_id = json_get_int(control->body, "message_thread_id", 0),
        .business_connection_id = json_get_text(control->body, "business_connection_id"),
    };

    if (place.chat_id != user_id &&
        (place.chat_id > 0 || world_standing(world, place.chat_id) == CHAT_UNKNOWN)) {
        control_fail(control, 400, "chat_id: there is no such group");
        return false;
    }
    if (place.chat_id < 0 &&
        !members_enter(control->sandbox, control->arena, place.chat_id, user_id)) {
        control_fail(control, 400, "chat_id: this user is banned from this group");
        return false;
    }
    if (place.thread_id && !topics_are_in(world, control->arena, place.chat_id)) {
        control_fail(control, 400, "message_thread_id: the chat is no forum");
        return false;
    }
    if (place.business_connection_id &&
        !business_owner(world, control->arena, place.business_connection_id)) {
        control_fail(control, 400, "business_connection_id: there is no such connection");
        return false;
    }
    if (place.thread_id == GENERAL_TOPIC)
        place.thread_id = 0;
    if (place.thread_id)
        topics_ensure(world, control->arena, place.chat_id, place.thread_id);
    *ret = place;
    return true;
}

void place_set(cJSON *message, const struct place *place)
{
    if (place->thread_id) {
        json_set_int(message, "message_thread_id", place->thread_id);
        json_set_bool(message, "is_topic_message", true);
    }
    if (place->business_connection_id)
        json_set_text(message, "business_connection_id", place->business_connection_id);
}

/* The topic is there, and open to the bot. */
static int check_thread(struct call *call, int64_t chat_id, int64_t thread_id)
{
    struct world *world = call->sandbox->world;
    const cJSON *topic = thread_id > GENERAL_TOPIC && topics_are_in(world, call->arena, chat_id)
                             ? topics_find(world, call->arena, chat_id, thread_id)
                             : NULL;

    if (!topic)
        return call_refuse(call, "message thread not found");
    const cJSON *bot = members_find(world, call->arena, chat_id, THE_BOT);
    if (json_get_bool(topic, "is_closed") && !json_get_bool(topic, "is_by_bot") &&
        !(member_is_administrator(bot) &&
          members_may(world, call->arena, chat_id, bot, "can_manage_topics")))
        return call_refuse(call, "TOPIC_CLOSED");
    return 0;
}

int call_place(struct call *call, int64_t chat_id, struct place *ret)
{
    struct world *world = call->sandbox->world;
    struct place place = {.chat_id = chat_id,
                          .thread_id = call_int(call, "message_thread_id", 0),
                          .business_connection_id = call_text(call, "business_connection_id")};

    if (call_get(call, "message_thread_id")) {
        int r = check_thread(call, chat_id, place.thread_id);
        if (r < 0)
            return r;
    }
    if (place.business_connection_id &&
        !business_owner(world, call->arena, place.business_connection_id))
        return call_refuse(call, "business connection not found");
    *ret = place;
    return 0;
}

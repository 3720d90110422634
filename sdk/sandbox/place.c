/*
 * A topic exists from the first message in it. The general topic is no topic for those who send: as
 * at Telegram, its id is refused.
 */
#include "sdk/sandbox/place.h"

#include <stdlib.h>

#include "host/core/arena.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { GENERAL_TOPIC = 1 };

int64_t business_owner(struct world *world, struct arena *arena, const char *id)
{
    const char *name = arena_printf(arena, "business:%s", id);
    const char *user_id = world_text(world, arena, name, "");

    return user_id ? strtoll(user_id, NULL, 10) : 0;
}

static bool is_forum(struct world *world, struct arena *arena, int64_t chat_id)
{
    return json_get_bool(world_chat(world, arena, chat_id), "is_forum");
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
    if (place.thread_id && !is_forum(world, control->arena, place.chat_id)) {
        control_fail(control, 400, "message_thread_id: the chat is no forum");
        return false;
    }
    if (place.business_connection_id &&
        !business_owner(world, control->arena, place.business_connection_id)) {
        control_fail(control, 400, "business_connection_id: there is no such connection");
        return false;
    }
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

int call_place(struct call *call, int64_t chat_id, struct place *ret)
{
    static const char *const elsewhere[] = {
        "direct_messages_topic_id", "ephemeral_message_parameters", "suggested_post_parameters"};
    struct world *world = call->sandbox->world;
    struct place place = {.chat_id = chat_id,
                          .thread_id = call_int(call, "message_thread_id", 0),
                          .business_connection_id = call_text(call, "business_connection_id")};

    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (call_get(call, elsewhere[i]))
            return call_fail(call, 501, "Not Implemented: the sandbox does not simulate %s yet",
                             elsewhere[i]);
    if (call_get(call, "message_thread_id") &&
        (place.thread_id <= GENERAL_TOPIC || !is_forum(world, call->arena, chat_id)))
        return call_refuse(call, "message thread not found");
    if (place.business_connection_id &&
        !business_owner(world, call->arena, place.business_connection_id))
        return call_refuse(call, "business connection not found");
    *ret = place;
    return 0;
}

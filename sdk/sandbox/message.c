/*
 * What sending has in common: the chat and the place in it, what is replied to, the keyboard, and
 * what can be said of any message.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/ephemeral.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/keyboard.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/pins.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/reactions.h"
#include "sdk/sandbox/reply.h"
#include "sdk/sandbox/reply_markup.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/stars.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/world.h"

enum { LEAST_PRICE = 5, HIGHEST_PRICE = 100000 };

static const char sealed_kind[] = "sealed_message";

/* Whether the bot may write there; a business account's chats are open to it. */
static int check_standing(struct call *call, int64_t chat_id)
{
    bool is_business = call_text(call, "business_connection_id") != NULL;

    switch (world_standing(call->sandbox->world, chat_id)) {
    case CHAT_SILENT:
        if (is_business)
            break;
        return call_fail(call, 403, "Forbidden: bot can't initiate conversation with a user");
    case CHAT_BLOCKED:
        return call_fail(call, 403, "Forbidden: bot was blocked by the user");
    case CHAT_UNKNOWN:
        return call_refuse(call, "chat not found");
    case CHAT_OPEN:
        break;
    }
    int r = call_access(call, chat_id, ACCESS_WRITE);
    return r < 0 ? r : call_may_send(call, chat_id);
}

static int find_place(struct call *call, struct place *ret)
{
    int64_t chat_id = call_int(call, "chat_id", 0);

    if (!call_get(call, "chat_id"))
        return call_refuse(call, "chat_id is empty");
    int r = check_standing(call, chat_id);
    return r < 0 ? r : call_place(call, chat_id, ret);
}

int call_chat(struct call *call, int64_t *ret_chat_id)
{
    struct place place;

    int r = find_place(call, &place);
    if (r < 0)
        return r;
    *ret_chat_id = place.chat_id;
    return 0;
}

int call_message(struct call *call, const char *what, cJSON **ret_message)
{
    int64_t chat_id;

    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    *ret_message =
        world_message(call->sandbox->world, call->arena, chat_id, call_int(call, "message_id", 0));
    return *ret_message ? 0 : call_refuse(call, "%s not found", what);
}

int call_markup(struct call *call, const cJSON **ret_keyboard)
{
    cJSON *keyboard;

    int r = keyboard_read(call, call_int(call, "chat_id", 0), call_get(call, "reply_markup"),
                          &keyboard);
    if (r == 0)
        *ret_keyboard = keyboard;
    return r;
}

/* The effects that everybody can use. */
static bool is_effect(const char *id)
{
    static const char *const ids[] = {"5104841245755180586", "5107584321108051014",
                                      "5104858069142078462", "5159385139981059251",
                                      "5046509860389126442", "5046589136895476101"};

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

/* A post can only be suggested to a channel, and there are none here. */
static int check_suggestion(struct call *call)
{
    const cJSON *suggestion = call_get(call, "suggested_post_parameters");
    const cJSON *price = json_get(suggestion, "price");
    int64_t amount = json_get_int(price, "amount", 0);
    const char *currency = json_get_text(price, "currency");

    if (price && strcmp(currency, "XTR") == 0 && (amount < LEAST_PRICE || amount > HIGHEST_PRICE))
        return call_refuse(call, "invalid amount of Telegram Stars specified");
    if (suggestion)
        return call_refuse(call, "suggested posts can be sent only to channel direct messages");
    return 0;
}

/* What any message can have, into its members. */
static int read_options(struct call *call, const struct place *place, cJSON *members)
{
    const char *effect = call_text(call, "message_effect_id");
    bool has_effect = effect && *effect && strcmp(effect, "0") != 0;

    if (call_get(call, "direct_messages_topic_id"))
        return call_refuse(call, "chat is not a channel direct messages chat");
    if (has_effect && place->chat_id < 0)
        return call_refuse(call, "can't use message effects in the chat");
    if (has_effect && !is_effect(effect))
        return call_refuse(call, "EFFECT_ID_INVALID");
    if (call_bool(call, "allow_paid_broadcast") &&
        stars_of_bot(call->sandbox->world, call->arena) <= 0) /* what it would be paid with */
        return call_refuse(call, "FLOODSKIP_NOT_ALLOWED");
    if (has_effect)
        json_set_text(members, "effect_id", effect);
    if (call_bool(call, "protect_content"))
        json_set_bool(members, "has_protected_content", true);
    return 0;
}

/* On behalf of a business account it is its owner who writes. */
static cJSON *begin_message(struct call *call, const struct place *place)
{
    struct world *world = call->sandbox->world;
    cJSON *message = sandbox_new_message(call->sandbox, call->arena, place->chat_id, NULL);

    place_set(message, place);
    if (place->business_connection_id) {
        int64_t owner = business_owner(world, call->arena, place->business_connection_id);
        json_set_copy(message, "sender_business_bot", json_get(message, "from"));
        json_set_copy(message, "from", world_user(world, call->arena, owner));
    }
    return message;
}

int call_new_message(struct call *call, cJSON **ret_message)
{
    cJSON *members = json_keep(call->arena, cJSON_CreateObject());
    const cJSON *keyboard, *member;
    struct place place;

    int r = check_suggestion(call);
    if (r == 0)
        r = find_place(call, &place);
    if (r == 0)
        r = ephemeral_read(call, &place);
    if (r == 0)
        r = reply_read(call, &place, members);
    if (r == 0)
        r = call_markup(call, &keyboard);
    if (r == 0)
        r = read_options(call, &place, members);
    if (r < 0)
        return r;
    cJSON *message = place.receiver_id ? ephemeral_new(call, &place) : begin_message(call, &place);
    cJSON_ArrayForEach(member, members)
        json_set_copy(message, member->string, member);
    topics_anchor(call->sandbox->world, call->arena, message);
    json_set_copy(message, "reply_markup", keyboard);
    *ret_message = message;
    return 0;
}

/* What came with a keyboard of its own below the text field cannot be edited. */
static void seal(struct call *call, const cJSON *message)
{
    const cJSON *markup = call_get(call, "reply_markup");
    int64_t id = json_get_int(message, "message_id", 0);

    if (json_get(markup, "keyboard") || json_get(markup, "remove_keyboard") ||
        (json_get_bool(markup, "force_reply") && !json_get(markup, "inline_keyboard")))
        world_put_record(call->sandbox->world, call->arena, sealed_kind,
                         arena_printf(call->arena, "%lld", (long long)id), markup);
}

bool message_is_sealed(struct sandbox *sandbox, struct arena *arena, const cJSON *message)
{
    int64_t id = json_get_int(message, "message_id", 0);

    return world_record(sandbox->world, arena, sealed_kind,
                        arena_printf(arena, "%lld", (long long)id)) != NULL;
}

bool message_is_own(const cJSON *message)
{
    return json_get_bool(json_get(message, "from"), "is_bot") ||
           json_get(message, "sender_business_bot");
}

const char *message_group_id(struct arena *arena)
{
    return world_random_number(arena);
}

void message_delete(struct sandbox *sandbox, struct arena *arena, const cJSON *message)
{
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    int64_t id = json_get_int(message, "message_id", 0);
    cJSON *details = cJSON_CreateObject();

    world_delete_message(sandbox->world, id);
    json_set_int(details, "message_id", id);
    sandbox_emit(sandbox, "delete", chat_id, details);
    reply_markup_forget(sandbox, arena, chat_id, id);
    pins_remove(sandbox, arena, chat_id, id);
    reactions_forget(sandbox, arena, chat_id, id);
    world_remove_record(sandbox->world, sealed_kind, arena_printf(arena, "%lld", (long long)id));
}

void call_publish(struct call *call, const cJSON *message, const char *type)
{
    call->published = message;
    call->published_text = sandbox_publish(call->sandbox, call->arena, message, type);
}

void call_send(struct call *call, cJSON *message)
{
    call->result = message;
    if (json_get(message, "ephemeral_message_id")) {
        ephemeral_publish(call->sandbox, call->arena, message);
        return;
    }
    call_publish(call, message, "message");
    reply_markup_place(call->sandbox, call->arena, message, call_get(call, "reply_markup"));
    seal(call, message);
}

int call_send_content(struct call *call, const cJSON *content)
{
    cJSON *message;
    const cJSON *member;

    int r = call_new_message(call, &message);
    if (r < 0)
        return r;
    cJSON_ArrayForEach(member, content)
        json_set_copy(message, member->string, member);
    call_send(call, message);
    return 0;
}

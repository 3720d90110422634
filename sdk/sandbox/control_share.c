/*
 * What users send besides texts and files, and what they delete.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/polls.h"
#include "sdk/sandbox/reply.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/share.h"
#include "sdk/sandbox/world.h"

enum { MOST_OPTIONS = 12, MOST_SHARED = 10 };

/* Puts what the value says into the message. NULL, or what is wrong. */
typedef const char *share_fn(struct control *control, const cJSON *value, cJSON *message);

static const char *share_place(struct control *control, const cJSON *value, cJSON *message)
{
    const cJSON *location = share_location(control->arena, value);

    json_set_copy(message, "location", location);
    return location ? NULL : "location needs latitude and longitude";
}

static const char *share_a_venue(struct control *control, const cJSON *value, cJSON *message)
{
    const cJSON *venue = share_venue(control->arena, value);

    if (!venue || !json_get(venue, "title") || !json_get(venue, "address"))
        return "venue needs latitude, longitude, title and address";
    json_set_copy(message, "venue", venue);
    json_set_copy(message, "location", json_get(venue, "location"));
    return NULL;
}

/* The user's own contact, when it says no other. */
static const char *share_a_contact(struct control *control, const cJSON *value, cJSON *message)
{
    cJSON *contact = share_contact(control->arena, value);

    if (!contact)
        return "contact needs phone_number and first_name";
    json_set_copy(contact, "user_id", json_get(value, "user_id"));
    json_set_copy(message, "contact", contact);
    return NULL;
}

static const char *share_a_dice(struct control *control, const cJSON *value, cJSON *message)
{
    const char *emoji = json_get_text(value, "emoji");
    const cJSON *dice = share_dice(control->arena, emoji ? emoji : "🎲");

    json_set_copy(message, "dice", dice);
    return dice ? NULL : "dice: there is no such emoji";
}

static const char *share_poll(struct control *control, const cJSON *value, cJSON *message)
{
    const char *question = json_get_text(value, "question");
    const cJSON *options = json_get(value, "options"), *text;
    const char *type = json_get_text(value, "type");
    bool is_anonymous = !cJSON_IsFalse(json_get(value, "is_anonymous"));
    cJSON *poll = json_keep(control->arena, cJSON_CreateObject()), *list;
    int count = cJSON_GetArraySize(options);

    if (!question || !*question || count < 1 || count > MOST_OPTIONS)
        return "poll needs a question and 1 to 12 options";
    json_set_text(poll, "question", question);
    list = cJSON_AddArrayToObject(poll, "options");
    cJSON_ArrayForEach(text, options) {
        cJSON *option = cJSON_CreateObject();
        cJSON_AddItemToArray(list, option);
        if (!cJSON_IsString(text) || !*text->valuestring)
            return "options must be texts";
        json_set_text(option, "text", text->valuestring);
    }
    json_set_bool(poll, "is_closed", false);
    json_set_bool(poll, "is_anonymous", is_anonymous);
    json_set_text(poll, "type", type && strcmp(type, "quiz") == 0 ? "quiz" : "regular");
    json_set_bool(poll, "allows_multiple_answers", json_get_bool(value, "allows_multiple_answers"));
    json_set_bool(poll, "allows_revoting", true);
    json_set_bool(poll, "members_only", false);
    poll_add(control->sandbox, control->arena, poll, false);
    json_set_copy(message, "poll", poll);
    return NULL;
}

static const char *share_forward(struct control *control, const cJSON *value, cJSON *message)
{
    const cJSON *source =
        world_message(control->sandbox->world, control->arena,
                      json_get_int(value, "from_chat_id", 0), json_get_int(value, "message_id", 0));

    if (!source || !content_is_any(source))
        return "forward: there is no such message";
    if (json_get_bool(source, "has_protected_content"))
        return "forward: the message is protected";
    content_put(message, content_of(control->arena, source));
    json_set_copy(message, "forward_origin", message_origin(control->arena, source));
    return NULL;
}

/* A file_id of a sticker that is known. */
static const char *share_sticker(struct control *control, const cJSON *value, cJSON *message)
{
    const char *id = json_get_text(value, "file_id");
    const cJSON *file = id ? world_file(control->sandbox->world, control->arena, id) : NULL;
    const char *kind = json_get_text(file, "kind");

    if (!kind || strcmp(kind, "sticker") != 0)
        return "sticker: there is no such file_id";
    media_attach(message, "sticker", json_get(file, "object"));
    return NULL;
}

static const char *share_users(struct control *control, const cJSON *value, cJSON *message)
{
    const cJSON *ids = json_get(value, "user_ids"), *id;
    cJSON *shared = json_keep(control->arena, cJSON_CreateObject()), *users;

    if (!json_is_int(json_get(value, "request_id")) || !cJSON_GetArraySize(ids) ||
        cJSON_GetArraySize(ids) > MOST_SHARED)
        return "users_shared needs request_id and 1 to 10 user_ids";
    json_set_copy(shared, "request_id", json_get(value, "request_id"));
    users = cJSON_AddArrayToObject(shared, "users");
    cJSON_ArrayForEach(id, ids) {
        cJSON *user = cJSON_CreateObject();
        cJSON_AddItemToArray(users, user);
        if (!json_is_int(id) ||
            !world_user(control->sandbox->world, control->arena, (int64_t)id->valuedouble))
            return "user_ids: there is no such user";
        json_set_copy(user, "user_id", id);
    }
    json_set_copy(message, "users_shared", shared);
    return NULL;
}

static const char *share_chat(struct control *control, const cJSON *value, cJSON *message)
{
    cJSON *shared = json_keep(control->arena, cJSON_CreateObject());

    if (!json_is_int(json_get(value, "request_id")) || !json_is_int(json_get(value, "chat_id")))
        return "chat_shared needs request_id and chat_id";
    json_set_copy(shared, "request_id", json_get(value, "request_id"));
    json_set_copy(shared, "chat_id", json_get(value, "chat_id"));
    json_set_copy(message, "chat_shared", shared);
    return NULL;
}

static const char *share_web_app_data(struct control *control, const cJSON *value, cJSON *message)
{
    (void)control;
    if (!json_get_text(value, "data") || !json_get_text(value, "button_text"))
        return "web_app_data needs data and button_text";
    json_set_copy(message, "web_app_data", value);
    return NULL;
}

static const struct thing {
    const char *name;
    share_fn *share;
} things[] = {
    {"location", share_place},    {"venue", share_a_venue},
    {"contact", share_a_contact}, {"dice", share_a_dice},
    {"poll", share_poll},         {"forward", share_forward},
    {"sticker", share_sticker},   {"users_shared", share_users},
    {"chat_shared", share_chat},  {"web_app_data", share_web_app_data},
};

static const struct thing *find_thing(const cJSON *body)
{
    const struct thing *found = NULL;

    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        if (!json_get(body, things[i].name))
            continue;
        if (found)
            return NULL;
        found = &things[i];
    }
    return found;
}

void control_share(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const struct thing *thing = find_thing(control->body);
    cJSON *members = json_keep(control->arena, cJSON_CreateObject());
    const cJSON *member;
    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    if (!thing) {
        control_fail(control, 400, "name one thing to share, such as location or contact");
        return;
    }
    if (world_standing(sandbox->world, place.chat_id) == CHAT_BLOCKED) {
        control_fail(control, 400, "this user has blocked the bot");
        return;
    }
    const char *wrong = thing->share(control, json_get(control->body, thing->name), members);
    if (wrong) {
        control_fail(control, 400, "%s", wrong);
        return;
    }
    if (!place.business_connection_id)
        world_set_standing(sandbox->world, place.chat_id, CHAT_OPEN);
    cJSON *message = sandbox_new_message(sandbox, control->arena, place.chat_id, user);
    place_set(message, &place);
    if (!control_reply_to(control, message, json_get_int(control->body, "reply_to_message_id", 0)))
        return;
    cJSON_ArrayForEach(member, members)
        json_set_copy(message, member->string, member);
    if (json_get(message, "poll"))
        poll_shown(sandbox, control->arena, message);
    control_post(control, message);
}

static void tell_deleted(struct control *control, const cJSON *message)
{
    cJSON *deleted = json_keep(control->arena, cJSON_CreateObject()), *ids;

    json_set_copy(deleted, "business_connection_id", json_get(message, "business_connection_id"));
    json_set_copy(deleted, "chat", json_get(message, "chat"));
    ids = cJSON_AddArrayToObject(deleted, "message_ids");
    cJSON_AddItemToArray(ids, cJSON_Duplicate(json_get(message, "message_id"), true));
    sandbox_push_update(control->sandbox, control->arena, "deleted_business_messages", deleted, 0);
}

void control_delete(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    struct place place;

    if (!control_user(control, user_id) || !place_read(control, user_id, &place))
        return;
    const cJSON *message = world_message(sandbox->world, control->arena, place.chat_id,
                                         json_get_int(control->body, "message_id", 0));
    bool is_own = json_get_int(json_get(message, "from"), "id", 0) == user_id;
    if (!message || (place.chat_id < 0 && !is_own)) {
        control_fail(control, 400, "message_id: this user has no such message in this chat");
        return;
    }
    message_delete(sandbox, control->arena, message);
    if (json_get(message, "business_connection_id"))
        tell_deleted(control, message);
    respond_json(control->exchange, 200, json_keep(control->arena, cJSON_CreateObject()));
}

/* The user wants no more of a draft that the bot is writing. */
void control_stop_draft(struct control *control)
{
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    cJSON *stopped = json_keep(control->arena, cJSON_CreateObject());

    if (!control_user(control, user_id))
        return;
    if (!json_is_int(json_get(control->body, "draft_id"))) {
        control_fail(control, 400, "draft_id must be a number");
        return;
    }
    json_set_copy(stopped, "chat", world_chat(control->sandbox->world, control->arena, user_id));
    json_set_copy(stopped, "message_thread_id", json_get(control->body, "message_thread_id"));
    json_set_copy(stopped, "draft_id", json_get(control->body, "draft_id"));
    sandbox_push_update(control->sandbox, control->arena, "stopped_message_generation", stopped, 0);
    respond_json(control->exchange, 200, json_keep(control->arena, cJSON_CreateObject()));
}

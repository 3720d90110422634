/*
 * Groups, business accounts, and what users do besides writing in private.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_TITLE = 128, LONGEST_TEXT = 4096, LONGEST_CAPTION = 1024 };

static cJSON *new_object(struct control *control)
{
    return json_keep(control->arena, cJSON_CreateObject());
}

static cJSON *member(const cJSON *user, const char *status)
{
    cJSON *chat_member = cJSON_CreateObject();

    json_set_text(chat_member, "status", status);
    json_set_copy(chat_member, "user", user);
    return chat_member;
}

/* The user has made a group and added the bot to it. */
static void tell_added(struct control *control, const cJSON *chat, const cJSON *user)
{
    struct sandbox *sandbox = control->sandbox;
    const cJSON *bot = world_bot(sandbox->world, control->arena);
    cJSON *change = new_object(control);

    json_set_copy(change, "chat", chat);
    json_set_copy(change, "from", user);
    json_set_int(change, "date", world_now(control->sandbox->world));
    json_set(change, "old_chat_member", member(bot, "left"));
    json_set(change, "new_chat_member", member(bot, "member"));
    sandbox_push_update(sandbox, control->arena, "my_chat_member", change, 0);
}

void control_add_chat(struct control *control)
{
    const char *type = json_get_text(control->body, "type");
    const char *title = json_get_text(control->body, "title");
    cJSON *chat = new_object(control);

    const cJSON *user = control_user(control, json_get_int(control->body, "user_id", 0));
    if (!user)
        return;
    if (!type || (strcmp(type, "group") != 0 && strcmp(type, "supergroup") != 0)) {
        control_fail(control, 400, "type must be group or supergroup");
        return;
    }
    if (!title || !*title || utf8_length(title) > LONGEST_TITLE) {
        control_fail(control, 400, "title must be a text of 1 to 128 characters");
        return;
    }
    json_set_text(chat, "type", type);
    json_set_text(chat, "title", title);
    if (json_get_bool(control->body, "is_forum"))
        json_set_bool(chat, "is_forum", true);
    world_add_chat(control->sandbox->world, control->arena, chat);
    tell_added(control, chat, user);
    respond_json(control->exchange, 200, chat);
}

/* The bot is connected to the user's business account. */
void control_connect_business(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const char *id = world_random_name(control->arena);
    cJSON *connection = new_object(control), *answer = new_object(control);

    const cJSON *user = control_user(control, user_id);
    if (!user)
        return;
    world_set_text(sandbox->world, arena_printf(control->arena, "business:%s", id), "",
                   arena_printf(control->arena, "%lld", (long long)user_id));
    json_set_text(connection, "id", id);
    json_set_copy(connection, "user", user);
    json_set_int(connection, "user_chat_id", user_id);
    json_set_int(connection, "date", world_now(control->sandbox->world));
    json_set_bool(connection, "is_enabled", true);
    sandbox_push_update(sandbox, control->arena, "business_connection", connection, 0);
    json_set_text(answer, "business_connection_id", id);
    respond_json(control->exchange, 200, answer);
}

/* A message of the album: a text file that says its caption. */
static cJSON *album_item(struct control *control, const struct place *place, const cJSON *user,
                         const char *group, const char *caption)
{
    struct sandbox *sandbox = control->sandbox;
    const struct media media = {
        .kind = "document", .file_name = "item.txt", .bytes = caption, .size = strlen(caption)};
    cJSON *message = sandbox_new_message(sandbox, control->arena, place->chat_id, user);

    place_set(message, place);
    media_attach(message, media.kind, media_store(sandbox->world, control->arena, &media));
    json_set_text(message, "media_group_id", group);
    if (*caption)
        json_set_text(message, "caption", caption);
    return message;
}

/* As Telegram does: nothing but the id tells the bot what belongs together. */
void control_send_album(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const char *group = json_get_text(control->body, "media_group_id");
    const cJSON *captions = json_get(control->body, "captions"), *caption;
    cJSON *answer = new_object(control), *messages;
    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    cJSON_ArrayForEach(caption, captions) {
        if (!cJSON_IsString(caption) || utf8_length(caption->valuestring) > LONGEST_CAPTION)
            break;
    }
    if (!cJSON_GetArraySize(captions) || caption) {
        control_fail(control, 400, "captions must be a list of texts of at most 1024 characters");
        return;
    }
    if (!group)
        group = world_random_name(control->arena);
    world_set_standing(sandbox->world, place.chat_id, CHAT_OPEN);
    messages = cJSON_AddArrayToObject(answer, "messages");
    cJSON_ArrayForEach(caption, captions) {
        cJSON *message = album_item(control, &place, user, group, caption->valuestring);
        sandbox_publish(sandbox, control->arena, message, "message");
        sandbox_push_update(sandbox, control->arena, "message", message, 0);
        cJSON_AddItemToArray(messages, cJSON_Duplicate(message, true));
    }
    json_set_text(answer, "media_group_id", group);
    respond_json(control->exchange, 200, answer);
}

void control_edit(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const char *text = json_get_text(control->body, "text");
    struct place place;
    cJSON *answer = new_object(control);

    if (!control_user(control, user_id) || !place_read(control, user_id, &place))
        return;
    cJSON *message = world_message(sandbox->world, control->arena, place.chat_id,
                                   json_get_int(control->body, "message_id", 0));
    if (!message || json_get_int(json_get(message, "from"), "id", 0) != user_id) {
        control_fail(control, 400, "message_id: this user has no such message in this chat");
        return;
    }
    if (!text || !*text || utf8_length(text) > LONGEST_TEXT || !json_get(message, "text")) {
        control_fail(control, 400, "text must be a text of 1 to 4096 characters, for a text");
        return;
    }
    json_set_text(message, "text", text);
    json_set_int(message, "edit_date", world_now(control->sandbox->world));
    sandbox_publish(sandbox, control->arena, message, "edit");
    sandbox_push_update(sandbox, control->arena,
                        json_get(message, "business_connection_id") ? "edited_business_message"
                                                                    : "edited_message",
                        message, 0);
    json_set_copy(answer, "message", message);
    respond_json(control->exchange, 200, answer);
}

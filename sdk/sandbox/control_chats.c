/*
 * Groups, business accounts, and what users do besides writing in private.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_TEXT = 4096, LONGEST_CAPTION = 1024 };

static cJSON *new_object(struct control *control)
{
    return json_keep(control->arena, cJSON_CreateObject());
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
    json_set_bool(cJSON_AddObjectToObject(connection, "rights"), "can_reply", true);
    world_put_record(sandbox->world, control->arena, "business_connection", id, connection);
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
        if (!control_may_send(control, message))
            return;
        sandbox_publish(sandbox, control->arena, message, "message");
        chats_tell(sandbox, control->arena, "message", message);
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
    if (json_get(message, "business_connection_id"))
        sandbox_push_update(sandbox, control->arena, "edited_business_message", message, 0);
    else
        chats_tell(sandbox, control->arena, "edited_message", message);
    json_set_copy(answer, "message", message);
    respond_json(control->exchange, 200, answer);
}

/*
 * What sending and editing have in common: the chat, the text, the keyboard, the reply.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/reply_markup.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/spec.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_RAW_TEXT = 32768,
    LONGEST_CAPTION = 1024,
    LONGEST_CALLBACK_DATA = 64,
    MOST_BUTTONS = 100,
};

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

int call_own_message(struct call *call, cJSON **ret_message)
{
    int64_t chat_id;

    if (call_text(call, "inline_message_id"))
        return call_fail(call, 501, "Not Implemented: the sandbox has no inline messages yet");
    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    if (call_int(call, "message_id", 0) <= 0)
        return call_refuse(call, "message identifier is not specified");
    cJSON *message =
        world_message(call->sandbox->world, call->arena, chat_id, call_int(call, "message_id", 0));
    if (!message)
        return call_refuse(call, "message to edit not found");
    if (!json_get_bool(json_get(message, "from"), "is_bot"))
        return call_refuse(call, "message can't be edited");
    *ret_message = message;
    return 0;
}

static int format(struct call *call, const char *text, const char *parse_mode,
                  const cJSON *entities, size_t most_characters, const char *too_long,
                  struct formatted *ret_formatted)
{
    struct formatted formatted;

    if (text && strlen(text) > LONGEST_RAW_TEXT)
        return call_refuse(call, "text is too long");
    const char *wrong =
        entities_read(call->arena, text ? text : "", parse_mode, entities, &formatted);
    if (wrong)
        return call_refuse(call, "%s", wrong);
    if (utf8_length(formatted.text) > most_characters)
        return call_refuse(call, "%s", too_long);
    *ret_formatted = formatted;
    return 0;
}

int call_formatted(struct call *call, const char *text_name, const char *entities_name,
                   size_t most_characters, struct formatted *ret_formatted)
{
    bool is_caption = strcmp(text_name, "caption") == 0;

    return format(call, call_text(call, text_name), call_text(call, "parse_mode"),
                  call_get(call, entities_name), most_characters,
                  is_caption ? "message caption is too long" : "message is too long",
                  ret_formatted);
}

int call_caption_of(struct call *call, const cJSON *object, struct formatted *ret_formatted)
{
    return format(call, json_get_text(object, "caption"), json_get_text(object, "parse_mode"),
                  json_get(object, "caption_entities"), LONGEST_CAPTION,
                  "message caption is too long", ret_formatted);
}

/* The fields that say what a button does: all but these. */
static bool is_action(const char *field)
{
    return strcmp(field, "text") != 0 && strcmp(field, "style") != 0 &&
           strcmp(field, "icon_custom_emoji_id") != 0;
}

static bool is_button_url(const char *url)
{
    return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0 ||
           strncmp(url, "tg://", 5) == 0 || (strchr(url, '.') && !strpbrk(url, " \t\r\n:"));
}

static int check_button(struct call *call, const cJSON *button)
{
    const cJSON *fields = spec_fields(call->sandbox->spec, "InlineKeyboardButton"), *field;
    const char *data = json_get_text(button, "callback_data"), *url = json_get_text(button, "url");
    int actions = 0;

    cJSON_ArrayForEach(field, fields) {
        const char *name = json_get_text(field, "name");
        actions += is_action(name) && json_get(button, name);
    }
    if (!*json_get_text(button, "text"))
        return call_refuse(call, "inline keyboard button text must be non-empty");
    if (!actions)
        return call_refuse(call, "can't parse inline keyboard button: Text buttons are unallowed "
                                 "in the inline keyboard");
    if (actions > 1)
        return call_refuse(call, "can't parse inline keyboard button: exactly one of its action "
                                 "fields must be used");
    if (data && (!*data || strlen(data) > LONGEST_CALLBACK_DATA))
        return call_refuse(call, "BUTTON_DATA_INVALID");
    if (json_get_bool(button, "pay") && strncmp(call->method, "send", 4) == 0 &&
        strcmp(call->method, "sendInvoice") != 0)
        return call_refuse(call, "BUTTON_TYPE_INVALID");
    if (url && !is_button_url(url))
        return call_refuse(call, "inline keyboard button URL '%s' is invalid: Wrong HTTP URL", url);
    return 0;
}

int call_markup(struct call *call, const cJSON **ret_keyboard)
{
    const cJSON *markup = call_get(call, "reply_markup"), *row, *button;
    const cJSON *rows = json_get(markup, "inline_keyboard");
    int buttons = 0;

    cJSON_ArrayForEach(row, rows) {
        cJSON_ArrayForEach(button, row) {
            int r = check_button(call, button);
            if (r < 0)
                return r;
            if (++buttons > MOST_BUTTONS)
                return call_refuse(call, "reply markup is too long");
        }
    }
    *ret_keyboard = buttons ? markup : NULL;
    return 0;
}

/* The message that reply_parameters name, without its own reply; NULL when there is none. */
static int find_original(struct call *call, int64_t chat_id, cJSON **ret_original)
{
    const cJSON *reply = call_get(call, "reply_parameters");
    int64_t id = json_get_int(reply, "message_id", 0);
    cJSON *original = NULL;

    if (id)
        original = world_message(call->sandbox->world, call->arena, chat_id, id);
    if (id && !original && !json_get_bool(reply, "allow_sending_without_reply"))
        return call_refuse(call, "message to be replied not found");
    if (original)
        cJSON_DeleteItemFromObjectCaseSensitive(original, "reply_to_message");
    *ret_original = original;
    return 0;
}

int call_new_message(struct call *call, cJSON **ret_message)
{
    const cJSON *keyboard;
    cJSON *original = NULL;
    struct place place;

    int r = call_markup(call, &keyboard);
    if (r == 0)
        r = find_place(call, &place);
    if (r == 0)
        r = find_original(call, place.chat_id, &original);
    if (r < 0)
        return r;
    cJSON *message = sandbox_new_message(call->sandbox, call->arena, place.chat_id, NULL);
    place_set(message, &place);
    json_set_copy(message, "reply_to_message", original);
    json_set_copy(message, "reply_markup", keyboard);
    if (call_bool(call, "protect_content"))
        json_set_bool(message, "has_protected_content", true);
    *ret_message = message;
    return 0;
}

void call_publish(struct call *call, const cJSON *message, const char *type)
{
    call->published = message;
    call->published_text = sandbox_publish(call->sandbox, call->arena, message, type);
}

void call_send(struct call *call, cJSON *message)
{
    call_publish(call, message, "message");
    reply_markup_place(call->sandbox, call->arena, message, call_get(call, "reply_markup"));
    call->result = message;
}

void message_set_text(cJSON *message, const char *text_name, const char *entities_name,
                      const struct formatted *formatted)
{
    cJSON_DeleteItemFromObjectCaseSensitive(message, text_name);
    cJSON_DeleteItemFromObjectCaseSensitive(message, entities_name);
    if (!*formatted->text)
        return;
    json_set_text(message, text_name, formatted->text);
    if (cJSON_GetArraySize(formatted->entities))
        json_set_copy(message, entities_name, formatted->entities);
}

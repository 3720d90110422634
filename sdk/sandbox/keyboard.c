#include "sdk/sandbox/keyboard.h"

#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/link.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_DATA = 64,
    LONGEST_COPIED = 256,
    LONGEST_PLACEHOLDER = 64,
    MOST_BUTTONS = 100,
    MOST_SHOWN = 300,
    MOST_IN_ROW = 12,
    MOST_USERS = 10,
};

struct reader {
    struct call *call;
    int64_t chat_id;
    int count;   /* of buttons so far */
    cJSON *seen; /* "request_id" of those before */
};

/* ---- inline keyboards ---- */

typedef int check_fn(struct reader *reader, const cJSON *value, cJSON *button);

/* The first button of the first row. */
static bool is_first(const struct reader *reader)
{
    return !reader->count;
}

static int check_url(struct reader *reader, const cJSON *value, cJSON *button)
{
    const char *link;
    const char *wrong = link_read(reader->call->arena, value->valuestring, LINK_ANY, &link);

    if (wrong)
        return call_refuse(reader->call, "inline keyboard button %s", wrong);
    json_set_text(button, "url", link);
    return 0;
}

static int check_data(struct reader *reader, const cJSON *value, cJSON *button)
{
    if (strlen(value->valuestring) > LONGEST_DATA)
        return call_refuse(reader->call, "BUTTON_DATA_INVALID");
    json_set_copy(button, "callback_data", value);
    return 0;
}

static int check_web_app(struct reader *reader, const cJSON *value, cJSON *button)
{
    const char *link;
    const char *wrong =
        link_read(reader->call->arena, json_get_text(value, "url"), LINK_HTTPS, &link);

    if (wrong)
        return call_refuse(reader->call, "inline keyboard button Web App %s", wrong);
    if (reader->chat_id < 0)
        return call_refuse(reader->call, "BUTTON_TYPE_INVALID");
    json_set_text(cJSON_AddObjectToObject(button, "web_app"), "url", link);
    return 0;
}

/* Messages have it as an ordinary link. */
static int check_login(struct reader *reader, const cJSON *value, cJSON *button)
{
    const char *bot = json_get_text(value, "bot_username"), *link;
    const char *wrong =
        link_read(reader->call->arena, json_get_text(value, "url"), LINK_HTTPS, &link);
    const cJSON *self = world_bot(reader->call->sandbox->world, reader->call->arena);

    if (bot && *bot == '@')
        bot++;
    if (bot && *bot && strcasecmp(bot, json_get_text(self, "username")) != 0)
        return call_refuse(reader->call, "bot \"%s\" not found", bot);
    if (wrong)
        return call_refuse(reader->call, "inline keyboard button login %s", wrong);
    json_set_text(button, "url", link);
    return 0;
}

static int check_switch(struct reader *reader, const cJSON *value, cJSON *button)
{
    (void)reader;
    json_set_copy(button, value->string, value);
    return 0;
}

static int check_chosen_chat(struct reader *reader, const cJSON *value, cJSON *button)
{
    static const char *const kinds[] = {"allow_user_chats", "allow_bot_chats", "allow_group_chats",
                                        "allow_channel_chats"};
    const char *query = json_get_text(value, "query");
    cJSON *chosen = cJSON_AddObjectToObject(button, "switch_inline_query_chosen_chat");
    bool is_any = false;

    json_set_text(chosen, "query", query ? query : "");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool is_allowed = json_get_bool(value, kinds[i]);
        json_set_bool(chosen, kinds[i], is_allowed);
        is_any |= is_allowed;
    }
    return is_any ? 0 : call_refuse(reader->call, "at least one chat type must be allowed");
}

static int check_copy(struct reader *reader, const cJSON *value, cJSON *button)
{
    const char *text = json_get_text(value, "text");

    if (!*text || utf8_length(text) > LONGEST_COPIED)
        return call_refuse(reader->call, "BUTTON_COPY_TEXT_INVALID");
    json_set_copy(button, "copy_text", value);
    return 0;
}

/* Only in messages of one method, or offered as results, and there as the very first button. */
static int check_leader(struct reader *reader, const cJSON *value, cJSON *button,
                        const char *method)
{
    const char *called = reader->call->method;

    if (strcmp(called, method) != 0 && strncmp(called, "answer", 6) != 0 &&
        strncmp(called, "savePrepared", 12) != 0)
        return call_refuse(reader->call, "BUTTON_TYPE_INVALID");
    if (!is_first(reader))
        return call_refuse(reader->call, "BUTTON_POS_INVALID");
    json_set_copy(button, value->string, value);
    return 0;
}

static int check_game(struct reader *reader, const cJSON *value, cJSON *button)
{
    return check_leader(reader, value, button, "sendGame");
}

static int check_pay(struct reader *reader, const cJSON *value, cJSON *button)
{
    return check_leader(reader, value, button, "sendInvoice");
}

/* What a button can do, in the order in which Telegram looks for it. */
static const struct action {
    const char *name;
    check_fn *check;
} actions[] = {
    {"url", check_url},
    {"callback_data", check_data},
    {"callback_game", check_game},
    {"pay", check_pay},
    {"switch_inline_query", check_switch},
    {"switch_inline_query_chosen_chat", check_chosen_chat},
    {"switch_inline_query_current_chat", check_switch},
    {"login_url", check_login},
    {"web_app", check_web_app},
    {"copy_text", check_copy},
    {"disabled", check_switch},
};

/* An empty text is no action, nor is a false one; but an empty inline query is. */
static bool is_set(const cJSON *value)
{
    if (!value || cJSON_IsFalse(value) || cJSON_IsNull(value))
        return false;
    return !cJSON_IsString(value) || *value->valuestring ||
           strncmp(value->string, "switch_inline", 13) == 0;
}

static int read_inline_button(struct reader *reader, const cJSON *given, cJSON *button)
{
    const struct action *action = NULL;
    int found = 0;

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!is_set(json_get(given, actions[i].name)))
            continue;
        action = found++ ? action : &actions[i];
    }
    if (!action)
        return call_refuse(reader->call, "can't parse inline keyboard button: Text buttons are "
                                         "unallowed in the inline keyboard");
    if (found > 1)
        return call_refuse(reader->call, "can't parse inline keyboard button: exactly one of its "
                                         "action fields must be used");
    json_set_copy(button, "text", json_get(given, "text"));
    json_set_copy(button, "icon_custom_emoji_id", json_get(given, "icon_custom_emoji_id"));
    json_set_copy(button, "style", json_get(given, "style"));
    return action->check(reader, json_get(given, action->name), button);
}

/* ---- reply keyboards ---- */

/* What a key can ask for, and what it is called when it is not in a private chat. */
static const struct request {
    const char *name, *only_in_private;
} requests[] = {
    {"request_contact", "phone number can be requested in private chats only"},
    {"request_location", "location can be requested in private chats only"},
    {"request_poll", "poll can be requested in private chats only"},
    {"request_users", "users can be requested in private chats only"},
    {"request_chat", "chats can be requested in private chats only"},
    {"request_managed_bot", "managed bots can be requested in private chats only"},
    {"web_app", "Web App buttons can be used in private chats only"},
};

static int check_request(struct reader *reader, const cJSON *value)
{
    const char *link, *wrong = NULL;
    int64_t most = json_get_int(value, "max_quantity", 1);
    int64_t id = json_get_int(value, "request_id", 0);
    const cJSON *seen;

    if (strcmp(value->string, "web_app") == 0)
        wrong = link_read(reader->call->arena, json_get_text(value, "url"), LINK_HTTPS, &link);
    if (wrong)
        return call_refuse(reader->call, "keyboard button Web App %s", wrong);
    if (most < 1 || most > MOST_USERS)
        return call_refuse(reader->call, "BUTTON_QUANTITY_MAX_INVALID");
    if (!json_get(value, "request_id"))
        return 0;
    cJSON_ArrayForEach(seen, reader->seen) {
        if (seen->valuedouble == (double)id)
            return call_refuse(reader->call, "BUTTON_ID_INVALID");
    }
    cJSON_AddItemToArray(reader->seen, cJSON_CreateNumber((double)id));
    return 0;
}

static int check_key(struct reader *reader, const cJSON *key)
{
    int found = 0;

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const cJSON *value = json_get(key, requests[i].name);
        if (!is_set(value))
            continue;
        if (++found > 1)
            return call_refuse(reader->call,
                               "can't parse keyboard button: at most one of its action "
                               "fields must be used");
        if (reader->chat_id < 0)
            return call_refuse(reader->call, "%s", requests[i].only_in_private);
        int r = check_request(reader, value);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_keys(struct reader *reader, const cJSON *rows)
{
    const cJSON *row, *key;

    cJSON_ArrayForEach(row, rows) {
        cJSON_ArrayForEach(key, row) {
            int r = check_key(reader, key);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* ---- either ---- */

static bool has_text(const cJSON *button)
{
    const char *text = json_get_text(button, "text");

    return text && *text;
}

/* As Telegram does: buttons without a text and whatever is too many are left out. */
static int read_inline_row(struct reader *reader, const cJSON *row, cJSON *rows)
{
    cJSON *kept = cJSON_CreateArray();
    const cJSON *given;
    int r = 0;

    cJSON_ArrayForEach(given, row) {
        if (!has_text(given) || cJSON_GetArraySize(kept) == MOST_IN_ROW ||
            reader->count == MOST_SHOWN)
            continue;
        cJSON *button = cJSON_CreateObject();
        cJSON_AddItemToArray(kept, button);
        r = read_inline_button(reader, given, button);
        if (r < 0)
            break;
        reader->count++;
    }
    if (cJSON_GetArraySize(kept))
        cJSON_AddItemToArray(rows, kept);
    else
        cJSON_Delete(kept);
    return r;
}

static int read_inline(struct reader *reader, const cJSON *markup, cJSON **ret_keyboard)
{
    cJSON *keyboard = json_keep(reader->call->arena, cJSON_CreateObject());
    cJSON *kept = cJSON_AddArrayToObject(keyboard, "inline_keyboard");
    const cJSON *row;

    if (json_get_bool(markup, "force_reply"))
        json_set_bool(keyboard, "force_reply", true);
    cJSON_ArrayForEach(row, json_get(markup, "inline_keyboard")) {
        int r = read_inline_row(reader, row, kept);
        if (r < 0)
            return r;
    }
    if (reader->count > MOST_BUTTONS)
        return call_refuse(reader->call, "reply markup is too long");
    *ret_keyboard = reader->count ? keyboard : NULL;
    return 0;
}

int keyboard_read(struct call *call, int64_t chat_id, const cJSON *markup, cJSON **ret_keyboard)
{
    struct reader reader = {.call = call, .chat_id = chat_id};
    const char *placeholder = json_get_text(markup, "input_field_placeholder");

    *ret_keyboard = NULL;
    if (!markup)
        return 0;
    if (placeholder && utf8_length(placeholder) > LONGEST_PLACEHOLDER)
        return call_refuse(call, "reply markup is too long");
    reader.seen = json_keep(call->arena, cJSON_CreateArray());
    if (cJSON_GetArraySize(json_get(markup, "keyboard")))
        return check_keys(&reader, json_get(markup, "keyboard"));
    return read_inline(&reader, markup, ret_keyboard);
}

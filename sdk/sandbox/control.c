/*
 * The control API: acting as the users, watching, and ordering what shall go wrong. README.md lists
 * the calls.
 */
#include "sdk/sandbox/control.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/inline.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/pins.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/polls.h"
#include "sdk/sandbox/reactions.h"
#include "sdk/sandbox/reply.h"
#include "sdk/sandbox/reply_markup.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_TEXT = 4096,
    LONGEST_NAME = 64,
    LONGEST_CALLBACK_DATA = 64,
};

void control_fail(struct control *control, int status, const char *format, ...)
{
    cJSON *body = json_keep(control->arena, cJSON_CreateObject());
    va_list args;

    va_start(args, format);
    json_set_text(body, "error", arena_vprintf(control->arena, format, args));
    va_end(args);
    respond_json(control->exchange, status, body);
}

cJSON *control_user(struct control *control, int64_t id)
{
    cJSON *user = world_user(control->sandbox->world, control->arena, id);

    if (!user)
        control_fail(control, 400, "user_id: there is no such user");
    return user;
}

bool control_number(struct control *control, const char *name, int64_t missing, int64_t *ret_number)
{
    const char *text = http_exchange_param(control->exchange, name);
    char *end;

    *ret_number = missing;
    if (!text)
        return true;
    int64_t number = strtoll(text, &end, 10);
    if (end == text || *end || number < 0 || number > INT64_C(1) << 53) {
        control_fail(control, 400, "%s must be a whole number", name);
        return false;
    }
    *ret_number = number;
    return true;
}

cJSON *control_object(struct control *control)
{
    return json_keep(control->arena, cJSON_CreateObject());
}

static void add_user(struct control *control)
{
    const char *name = json_get_text(control->body, "first_name");
    const char *language = json_get_text(control->body, "language_code");
    int64_t id = json_get_int(control->body, "id", 0);

    if (!name || !*name || utf8_length(name) > LONGEST_NAME) {
        control_fail(control, 400, "first_name must be a text of 1 to 64 characters");
        return;
    }
    if (json_get(control->body, "language_code") && (!language || strlen(language) > 35)) {
        control_fail(control, 400, "language_code must be a text like \"en\"");
        return;
    }
    if (json_get(control->body, "id") && (id < 1 || id > WORLD_LARGEST_ID)) {
        control_fail(control, 400, "id must be a positive whole number");
        return;
    }
    id = world_add_user(control->sandbox->world, id, name, language);
    if (!id) {
        control_fail(control, 400, "id: there is such a user already");
        return;
    }
    cJSON *user = world_user(control->sandbox->world, control->arena, id);
    sandbox_emit(control->sandbox, "user", id, NULL);
    respond_json(control->exchange, 200, user);
}

bool control_reply_to(struct control *control, cJSON *message, int64_t message_id)
{
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);

    if (!message_id)
        return true;
    cJSON *original = world_message(control->sandbox->world, control->arena, chat_id, message_id);
    if (!original) {
        control_fail(control, 400, "reply_to_message_id: there is no such message in this chat");
        return false;
    }
    reply_set(message, original);
    return true;
}

void control_post(struct control *control, cJSON *message)
{
    struct sandbox *sandbox = control->sandbox;
    cJSON *answer = control_object(control);

    bool is_business = json_get(message, "business_connection_id") != NULL;
    if (!control_may_send(control, message))
        return;
    topics_anchor(sandbox->world, control->arena, message);
    sandbox_publish(sandbox, control->arena, message, "message");
    if (!is_business)
        reply_markup_answer(sandbox, control->arena, message);
    if (is_business)
        sandbox_push_update(sandbox, control->arena, "business_message", message, 0);
    else
        chats_tell(sandbox, control->arena, "message", message);
    json_set_copy(answer, "message", message);
    respond_json(control->exchange, 200, answer);
}

static void send_text(struct control *control)
{
    struct world *world = control->sandbox->world;
    const char *text = json_get_text(control->body, "text");
    int64_t user_id = json_get_int(control->body, "user_id", 0);

    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    if (!text || !*text || utf8_length(text) > LONGEST_TEXT) {
        control_fail(control, 400, "text must be a text of 1 to 4096 characters");
        return;
    }
    struct formatted formatted = entities_of_plain(control->arena, text);
    if (!*formatted.text) {
        control_fail(control, 400, "text must not be blank");
        return;
    }
    if (world_standing(world, place.chat_id) == CHAT_BLOCKED) {
        control_fail(control, 400, "this user has blocked the bot");
        return;
    }
    if (!place.business_connection_id)
        world_set_standing(world, place.chat_id, CHAT_OPEN);
    cJSON *message = sandbox_new_message(control->sandbox, control->arena, place.chat_id, user);
    place_set(message, &place);
    if (!control_reply_to(control, message, json_get_int(control->body, "reply_to_message_id", 0)))
        return;
    json_set_text(message, "text", formatted.text);
    if (cJSON_GetArraySize(formatted.entities))
        json_set_copy(message, "entities", formatted.entities);
    control_post(control, message);
}

const char *control_pressed_data(struct control *control, const cJSON *message)
{
    const cJSON *rows = json_get(json_get(message, "reply_markup"), "inline_keyboard");
    const char *data = json_get_text(control->body, "data");
    int64_t row = json_get_int(control->body, "row", -1);
    int64_t column = json_get_int(control->body, "column", -1);

    if (!data) {
        const cJSON *button = NULL;
        if (row >= 0 && row < 1000 && column >= 0 && column < 1000)
            button = cJSON_GetArrayItem(cJSON_GetArrayItem(rows, (int)row), (int)column);
        data = json_get_text(button, "callback_data");
        if (!data)
            control_fail(control, 400, "row and column name no button with callback_data");
    } else if (!*data || strlen(data) > LONGEST_CALLBACK_DATA) {
        data = NULL;
        control_fail(control, 400, "data must have 1 to 64 bytes");
    }
    return data;
}

static void press(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);

    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (user && json_get(control->body, "inline_message_id")) {
        control_press_inline(control, user, json_get_text(control->body, "inline_message_id"));
        return;
    }
    if (!user || !place_read(control, user_id, &place))
        return;
    const cJSON *message = world_message(sandbox->world, control->arena, place.chat_id,
                                         json_get_int(control->body, "message_id", 0));
    if (!message) {
        control_fail(control, 400, "message_id: there is no such message in this chat");
        return;
    }
    const char *inline_id = inline_id_of(sandbox, control->arena, message);
    if (inline_id) {
        control_press_inline(control, user, inline_id);
        return;
    }
    const char *data = control_pressed_data(control, message);
    if (!data)
        return;
    const char *id = world_random_name(control->arena);
    cJSON *query = control_object(control), *answer = control_object(control);
    json_set_text(query, "id", id);
    json_set_copy(query, "from", user);
    json_set_copy(query, "message", message);
    json_set_text(query, "chat_instance",
                  arena_printf(control->arena, "%lld", (long long)place.chat_id));
    json_set_text(query, "data", data);
    world_add_callback(sandbox->world, id, place.chat_id);
    sandbox_push_update(sandbox, control->arena, "callback_query", query, 0);
    json_set_text(answer, "callback_query_id", id);
    respond_json(control->exchange, 200, answer);
}

static cJSON *member(struct control *control, const char *status)
{
    cJSON *chat_member = cJSON_CreateObject();

    json_set_text(chat_member, "status", status);
    json_set_copy(chat_member, "user", world_bot(control->sandbox->world, control->arena));
    if (strcmp(status, "kicked") == 0)
        json_set_int(chat_member, "until_date", 0);
    return chat_member;
}

void control_set_blocked(struct control *control, int64_t user_id, bool is_blocked)
{
    struct sandbox *sandbox = control->sandbox;
    cJSON *change = control_object(control);

    world_set_standing(sandbox->world, user_id, is_blocked ? CHAT_BLOCKED : CHAT_OPEN);
    json_set_copy(change, "chat", world_chat(sandbox->world, control->arena, user_id));
    json_set_copy(change, "from", world_user(sandbox->world, control->arena, user_id));
    json_set_int(change, "date", world_now(sandbox->world));
    json_set(change, "old_chat_member", member(control, is_blocked ? "member" : "kicked"));
    json_set(change, "new_chat_member", member(control, is_blocked ? "kicked" : "member"));
    sandbox_push_update(sandbox, control->arena, "my_chat_member", change, 0);
    chats_emit(sandbox, user_id, user_id);
}

static void block(struct control *control)
{
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const cJSON *blocked = json_get(control->body, "blocked");

    if (!control_user(control, user_id))
        return;
    if (!cJSON_IsBool(blocked)) {
        control_fail(control, 400, "blocked must be true or false");
        return;
    }
    control_set_blocked(control, user_id, cJSON_IsTrue(blocked));
    respond_json(control->exchange, 200, control_object(control));
}

static const struct route {
    const char *method, *path; /* a path ending with "/" goes on */
    void (*run)(struct control *control);
} routes[] = {
    {"GET", "state", control_get_state},
    {"GET", "inspect", control_inspect},
    {"POST", "users", add_user},
    {"POST", "bot", control_set_bot},
    {"GET", "chats", control_list_chats},
    {"POST", "chats", control_add_chat},
    {"DELETE", "chats", control_delete_chat},
    {"GET", "chats/", control_get_messages},
    {"GET", "members", control_list_members},
    {"POST", "members", control_change_member},
    {"POST", "migrate", control_migrate},
    {"GET", "topics", control_list_topics},
    {"POST", "topics", control_add_topic},
    {"GET", "events", control_get_events},
    {"POST", "send", send_text},
    {"POST", "press", press},
    {"POST", "album", control_send_album},
    {"POST", "edit", control_edit},
    {"POST", "share", control_share},
    {"POST", "delete", control_delete},
    {"POST", "stop_draft", control_stop_draft},
    {"POST", "vote", control_vote},
    {"POST", "react", control_react},
    {"POST", "pin", control_pin},
    {"POST", "business", control_connect_business},
    {"POST", "inline", control_ask_inline},
    {"POST", "choose", control_choose_inline},
    {"GET", "inline/", control_inline},
    {"POST", "web_app", control_open_web_app},
    {"POST", "guest", control_ask_guest},
    {"POST", "checkout", control_checkout},
    {"POST", "pay", control_pay},
    {"POST", "subscription", control_change_subscription},
    {"GET", "invoices/", control_show_invoice},
    {"GET", "stars", control_show_stars},
    {"POST", "stars", control_set_stars},
    {"POST", "block", block},
    {"POST", "upload", control_upload},
    {"GET", "files/", control_file},
    {"GET", "requests", control_get_requests},
    {"POST", "transcription", control_script_transcription},
    {"GET", "fal", control_get_fal},
    {"POST", "fal", control_set_fal},
    {"POST", "fal/key", control_rotate_fal_key},
    {"GET", "openai", control_get_openai},
    {"POST", "openai", control_set_openai},
    {"GET", "faults", control_list_faults},
    {"POST", "faults", control_order_fault},
    {"DELETE", "faults", control_remove_faults},
    {"GET", "limits", control_get_limits},
    {"POST", "limits", control_set_limits},
    {"GET", "clock", control_get_clock},
    {"POST", "clock", control_set_clock},
    {"GET", "wait", control_wait},
    {"GET", "updates", control_list_updates},
    {"POST", "updates", control_push_update},
    {"POST", "replay", control_replay},
    {"POST", "reset", control_reset},
};

static bool matches(const struct route *route, const char *rest)
{
    size_t length = strlen(route->path);

    return route->path[length - 1] == '/' ? strncmp(rest, route->path, length) == 0
                                          : strcmp(rest, route->path) == 0;
}

/* Reads the body, where it is JSON; an empty one is an empty object. */
static bool read_body(struct control *control)
{
    const struct http_exchange *exchange = control->exchange;

    if (!exchange->body_size)
        control->body = control_object(control);
    else if (utf8_is_valid(exchange->body, exchange->body_size))
        control->body = json_parse(control->arena, exchange->body, exchange->body_size);
    if (cJSON_IsObject(control->body))
        return true;
    control_fail(control, 400, "the body must be a JSON object");
    return false;
}

void control_handle(struct sandbox *sandbox, struct http_exchange *exchange, const char *rest)
{
    struct control control = {.sandbox = sandbox, .exchange = exchange, .arena = exchange->arena};
    bool is_path_known = false;

    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!matches(&routes[i], rest))
            continue;
        is_path_known = true;
        if (strcmp(routes[i].method, exchange->method) != 0)
            continue;
        control.rest = rest + strlen(routes[i].path);
        if (routes[i].run == control_upload || strcmp(exchange->method, "POST") != 0 ||
            read_body(&control))
            routes[i].run(&control);
        return;
    }
    control_fail(&control, is_path_known ? 405 : 404,
                 is_path_known ? "this path wants another method" : "there is no such call");
}

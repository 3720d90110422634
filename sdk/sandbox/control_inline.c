/*
 * Control calls of inline mode and its like: a user asks the bot from somewhere, and sends what it
 * offers.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/inline.h"
#include "sdk/sandbox/invoice.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_QUERY = 256,
    LONGEST_TEXT = 4096,
    INLINE_SECONDS = 30,
    WEB_APP_SECONDS = 3600,
    GUEST_SECONDS = 60,
    LONGEST_WAIT_S = 50,
};

/* ---- asking ---- */

/* What the bot is told of the chat where the query is typed. */
static const char *chat_type(struct control *control, int64_t user_id)
{
    int64_t chat_id = json_get_int(control->body, "chat_id", user_id);

    if (chat_id == user_id)
        return "sender";
    return json_get_text(world_chat(control->sandbox->world, control->arena, chat_id), "type");
}

void control_ask_inline(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    const char *text = json_get_text(control->body, "query");
    const char *offset = json_get_text(control->body, "offset");
    const char *id = world_random_name(control->arena);
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    cJSON *query = control_object(control), *kept = control_object(control);
    cJSON *answer = control_object(control);

    const cJSON *user = control_user(control, user_id);
    if (!user)
        return;
    if (!text || utf8_length(text) > LONGEST_QUERY) {
        control_fail(control, 400, "query must be a text of at most 256 characters");
        return;
    }
    const char *type = chat_type(control, user_id);
    if (!type) {
        control_fail(control, 400, "chat_id: there is no such group");
        return;
    }
    json_set_text(query, "id", id);
    json_set_copy(query, "from", user);
    json_set_text(query, "query", text);
    json_set_text(query, "offset", offset ? offset : "");
    json_set_text(query, "chat_type", type);
    json_set_int(kept, "user_id", user_id);
    json_set_text(kept, "query", text);
    world_put_record(sandbox->world, control->arena, "inline_query", id, kept);
    world_add_query(sandbox->world, id, user_id, INLINE_SECONDS);
    sandbox_push_update(sandbox, control->arena, "inline_query", query, 0);
    json_set_text(answer, "id", id);
    respond_json(control->exchange, 200, answer);
}

/* ---- what the bot has answered ---- */

static void show_message(struct control *control, const char *id)
{
    const cJSON *message =
        world_record(control->sandbox->world, control->arena, inline_message_kind, id);

    if (message)
        respond_json(control->exchange, 200, message);
    else
        control_fail(control, 404, "there is no such inline message");
}

/* The answer as it is by then, or NULL while there is none. */
static cJSON *find_answer(struct control *control, const char *query_id)
{
    cJSON *record = world_record(control->sandbox->world, control->arena, "inline_query", query_id);

    return json_get(record, "results") ? record : NULL;
}

/* Waits for the bot's answer to that query. */
static AISHA_ASYNC void show_results(struct control *control, const char *query_id)
{
    struct feed *events = control->sandbox->events;
    int64_t timeout_s;
    cJSON *answer;

    if (!control_number(control, "timeout", 0, &timeout_s))
        return;
    if (!world_record(control->sandbox->world, control->arena, "inline_query", query_id)) {
        control_fail(control, 404, "there is no such inline query");
        return;
    }
    int64_t left_ms = (timeout_s < LONGEST_WAIT_S ? timeout_s : LONGEST_WAIT_S) * 1000;
    while (!(answer = find_answer(control, query_id)) && left_ms > 0) {
        int64_t before_ms = clock_steady_ms(control->sandbox->clock);
        if (feed_wait(events, feed_last(events), left_ms) < 0 &&
            http_exchange_is_gone(control->exchange))
            return;
        left_ms -= clock_steady_ms(control->sandbox->clock) - before_ms;
    }
    if (answer)
        respond_json(control->exchange, 200, answer);
    else
        control_fail(control, 408, "the bot has not answered yet");
}

void control_inline(struct control *control)
{
    const char *slash = strchr(control->rest, '/');

    if (!slash)
        show_message(control, control->rest);
    else if (strcmp(slash, "/results") == 0)
        show_results(control,
                     arena_strndup(control->arena, control->rest, (size_t)(slash - control->rest)));
    else
        control_fail(control, 404, "there is no such call");
}

/* ---- choosing ---- */

static const cJSON *find_result(struct control *control, const cJSON *answer, const char *id)
{
    const cJSON *result;

    cJSON_ArrayForEach(result, json_get(answer, "results")) {
        if (id && strcmp(json_get_text(result, "id"), id) == 0)
            return result;
    }
    control_fail(control, 400, "the bot has not answered with such a result");
    return NULL;
}

/* The message stands where the body says, for the bot to see. */
static void post(struct control *control, const cJSON *user, const struct place *place,
                 const char *id, const cJSON *content)
{
    struct sandbox *sandbox = control->sandbox;
    cJSON *message = sandbox_new_message(sandbox, control->arena, place->chat_id, user);
    const char *slug = json_get_text(content, "invoice_slug");
    const cJSON *member;

    place_set(message, place);
    json_set_copy(message, "via_bot", world_bot(sandbox->world, control->arena));
    cJSON_ArrayForEach(member, content)
        json_set_copy(message, member->string, member);
    cJSON_DeleteItemFromObjectCaseSensitive(message, "invoice_slug");
    if (slug)
        invoice_attach(sandbox->world, control->arena, message,
                       invoice_of_slug(sandbox->world, control->arena, slug));
    if (json_get(message, "reply_markup"))
        inline_show(sandbox, control->arena, id, message);
    sandbox_publish(sandbox, control->arena, message, "message");
    chats_tell(sandbox, control->arena, "message", message);
}

/* The user sends one of the results: to somebody, or, where the body has a chat_id, to that chat. */
void control_choose_inline(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    const char *query_id = json_get_text(control->body, "inline_query_id");
    const char *result_id = json_get_text(control->body, "result_id");
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    cJSON *chosen = control_object(control), *answer = control_object(control);
    struct place place = {0};

    const cJSON *user = control_user(control, user_id);
    if (!user || (json_get(control->body, "chat_id") && !place_read(control, user_id, &place)))
        return;
    const cJSON *asked =
        query_id ? world_record(sandbox->world, control->arena, "inline_query", query_id) : NULL;
    const cJSON *result = find_result(control, asked, result_id);
    if (!result)
        return;
    const cJSON *message = json_get(result, "message");
    const char *id = inline_new(sandbox, control->arena, message);
    if (place.chat_id)
        post(control, user, &place, id, message);
    json_set_text(chosen, "result_id", result_id);
    json_set_copy(chosen, "from", user);
    json_set_copy(chosen, "query", json_get(asked, "query"));
    if (json_get(message, "reply_markup"))
        json_set_text(chosen, "inline_message_id", id);
    sandbox_push_update(sandbox, control->arena, "chosen_inline_result", chosen, 0);
    json_set_text(answer, "inline_message_id", id);
    respond_json(control->exchange, 200, answer);
}

/* A number that stands for the chat of an inline message, of which the bot learns no more. */
static const char *chat_instance_of(struct arena *arena, const char *message_id)
{
    return arena_printf(arena, "%lld", strtoll(arena_strndup(arena, message_id, 15), NULL, 16));
}

void control_press_inline(struct control *control, const cJSON *user, const char *message_id)
{
    struct sandbox *sandbox = control->sandbox;
    const cJSON *message =
        world_record(sandbox->world, control->arena, inline_message_kind, message_id);
    cJSON *query = control_object(control), *answer = control_object(control);
    const char *id = world_random_name(control->arena);

    if (!message) {
        control_fail(control, 400, "inline_message_id: there is no such message");
        return;
    }
    const char *data = control_pressed_data(control, message);
    if (!data)
        return;
    json_set_text(query, "id", id);
    json_set_copy(query, "from", user);
    json_set_text(query, "inline_message_id", message_id);
    json_set_text(query, "chat_instance", chat_instance_of(control->arena, message_id));
    json_set_text(query, "data", data);
    world_add_callback(sandbox->world, id, json_get_int(user, "id", 0));
    sandbox_push_update(sandbox, control->arena, "callback_query", query, 0);
    json_set_text(answer, "callback_query_id", id);
    respond_json(control->exchange, 200, answer);
}

/* ---- web apps and guests ---- */

/* A web app of the bot's is open: what it sends with answerWebAppQuery needs this id. */
void control_open_web_app(struct control *control)
{
    const char *id = world_random_name(control->arena);
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    cJSON *answer = control_object(control);

    if (!control_user(control, user_id))
        return;
    world_add_query(control->sandbox->world, id, user_id, WEB_APP_SECONDS);
    json_set_text(answer, "web_app_query_id", id);
    respond_json(control->exchange, 200, answer);
}

/* The user calls the bot in a group that it is not in. */
void control_ask_guest(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    const char *text = json_get_text(control->body, "text");
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const char *id = world_random_name(control->arena);
    cJSON *answer = control_object(control);
    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    if (place.chat_id > 0 ||
        member_is_there(members_find(sandbox->world, control->arena, place.chat_id, THE_BOT))) {
        control_fail(control, 400, "chat_id must be a group without the bot");
        return;
    }
    if (!text || !*text || utf8_length(text) > LONGEST_TEXT) {
        control_fail(control, 400, "text must be a text of 1 to 4096 characters");
        return;
    }
    cJSON *message = sandbox_new_message(sandbox, control->arena, place.chat_id, user);
    place_set(message, &place);
    json_set_text(message, "text", text);
    sandbox_publish(sandbox, control->arena, message, "message");
    json_set_text(message, "guest_query_id", id);
    world_put_record(sandbox->world, control->arena, "guest_query", id, message);
    world_add_query(sandbox->world, id, user_id, GUEST_SECONDS);
    sandbox_push_update(sandbox, control->arena, "guest_message", message, 0);
    json_set_text(answer, "guest_query_id", id);
    respond_json(control->exchange, 200, answer);
}

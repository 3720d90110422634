/*
 * An inline message stands in a chat the bot cannot see: all it gets is its inline_message_id. It
 * is kept as a record {"text", "reply_markup"}.
 */
#include "sdk/sandbox/queries.h"

#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_QUERY = 256,
    MOST_RESULTS = 50,
    INLINE_SECONDS = 30,
    CHECKOUT_SECONDS = 10,
};

static cJSON *new_object(struct control *control)
{
    return json_keep(control->arena, cJSON_CreateObject());
}

/* Kinds of records: what the bot answered to a query, and what became of the chosen ones. */
static const char results_kind[] = "inline_results";
const char inline_message_kind[] = "inline_message";

/* ---- what users do ---- */

/* Sends a question of that kind, and answers with its id. */
static void ask(struct control *control, const char *kind, cJSON *query, const cJSON *user,
                int64_t seconds)
{
    struct sandbox *sandbox = control->sandbox;
    const char *id = world_random_name(control->arena);
    cJSON *answer = new_object(control);

    json_set_text(query, "id", id);
    json_set_copy(query, "from", user);
    world_add_query(sandbox->world, id, json_get_int(user, "id", 0), seconds);
    sandbox_push_update(sandbox, control->arena, kind, query, 0);
    json_set_text(answer, "id", id);
    respond_json(control->exchange, 200, answer);
}

void control_ask_inline(struct control *control)
{
    const char *text = json_get_text(control->body, "query");
    cJSON *query = new_object(control);

    const cJSON *user = control_user(control, json_get_int(control->body, "user_id", 0));
    if (!user)
        return;
    if (!text || utf8_length(text) > LONGEST_QUERY) {
        control_fail(control, 400, "query must be a text of at most 256 characters");
        return;
    }
    json_set_text(query, "query", text);
    json_set_text(query, "offset", "");
    json_set_text(query, "chat_type", "sender");
    ask(control, "inline_query", query, user, INLINE_SECONDS);
}

void control_checkout(struct control *control)
{
    cJSON *query = new_object(control);
    const char *payload = json_get_text(control->body, "payload");

    const cJSON *user = control_user(control, json_get_int(control->body, "user_id", 0));
    if (!user)
        return;
    json_set_text(query, "currency", "XTR");
    json_set_int(query, "total_amount", json_get_int(control->body, "total_amount", 1));
    json_set_text(query, "invoice_payload", payload ? payload : "");
    ask(control, "pre_checkout_query", query, user, CHECKOUT_SECONDS);
}

static const cJSON *find_result(struct control *control, const char *query_id, const char *id)
{
    const cJSON *results =
        world_record(control->sandbox->world, control->arena, results_kind, query_id);
    const cJSON *result;

    cJSON_ArrayForEach(result, results) {
        if (strcmp(json_get_text(result, "id"), id) == 0)
            return result;
    }
    return NULL;
}

/* The user sends one of the results to somebody. */
void control_choose_inline(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    const char *query_id = json_get_text(control->body, "inline_query_id");
    const char *result_id = json_get_text(control->body, "result_id");
    const char *id = world_random_name(control->arena);
    cJSON *message = new_object(control), *chosen = new_object(control);
    cJSON *answer = new_object(control);

    const cJSON *user = control_user(control, json_get_int(control->body, "user_id", 0));
    if (!user)
        return;
    const cJSON *result = query_id && result_id ? find_result(control, query_id, result_id) : NULL;
    if (!result) {
        control_fail(control, 400, "the bot has not answered with such a result");
        return;
    }
    json_set_copy(message, "text",
                  json_get(json_get(result, "input_message_content"), "message_text"));
    json_set_copy(message, "reply_markup", json_get(result, "reply_markup"));
    world_put_record(sandbox->world, control->arena, inline_message_kind, id, message);
    json_set_text(chosen, "result_id", result_id);
    json_set_copy(chosen, "from", user);
    json_set_text(chosen, "query", "");
    if (json_get(result, "reply_markup"))
        json_set_text(chosen, "inline_message_id", id);
    sandbox_push_update(sandbox, control->arena, "chosen_inline_result", chosen, 0);
    json_set_text(answer, "inline_message_id", id);
    respond_json(control->exchange, 200, answer);
}

void control_inline_message(struct control *control)
{
    const cJSON *message =
        world_record(control->sandbox->world, control->arena, inline_message_kind, control->rest);

    if (message)
        respond_json(control->exchange, 200, message);
    else
        control_fail(control, 404, "there is no such inline message");
}

/* A number that stands for the chat of an inline message, of which the bot learns no more. */
static const char *chat_instance_of(struct arena *arena, const char *message_id)
{
    return arena_printf(arena, "%lld", strtoll(arena_strndup(arena, message_id, 15), NULL, 16));
}

void control_press_inline(struct control *control, const cJSON *user)
{
    struct sandbox *sandbox = control->sandbox;
    const char *message_id = json_get_text(control->body, "inline_message_id");
    const cJSON *message =
        world_record(sandbox->world, control->arena, inline_message_kind, message_id);
    cJSON *query = new_object(control), *answer = new_object(control);
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

/* ---- what the bot does ---- */

static int take_query(struct call *call, const char *name)
{
    if (world_take_callback(call->sandbox->world, call_text(call, name)))
        return 0;
    return call_refuse(call,
                       "query is too old and response timeout expired or query ID is invalid");
}

static int answer_inline_query(struct call *call)
{
    const cJSON *results = call_get(call, "results"), *result, *other;

    if (cJSON_GetArraySize(results) > MOST_RESULTS)
        return call_refuse(call, "RESULTS_TOO_MUCH");
    cJSON_ArrayForEach(result, results) {
        for (other = results->child; other != result; other = other->next)
            if (strcmp(json_get_text(result, "id"), json_get_text(other, "id")) == 0)
                return call_refuse(call, "RESULT_ID_DUPLICATE");
    }
    int r = take_query(call, "inline_query_id");
    if (r < 0)
        return r;
    world_put_record(call->sandbox->world, call->arena, results_kind,
                     call_text(call, "inline_query_id"), results);
    return 0;
}

const struct method query_methods[] = {
    {"answerInlineQuery", answer_inline_query},
    {0},
};

/*
 * Answers that become messages of users: to inline queries, web apps and guests.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/inline.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    MOST_RESULTS = 50,
    LONGEST_OFFSET = 64,
    LONGEST_START_PARAMETER = 64,
    PREPARED_SECONDS = 86400,
};

/* Ends the query. ret_user_id, which may be NULL, is who asked. */
static int take_query(struct call *call, const char *name, int64_t *ret_user_id)
{
    int64_t user_id = world_take_callback(call->sandbox->world, call_text(call, name));

    if (!user_id)
        return call_refuse(call, "query is too old and response timeout expired or query ID is "
                                 "invalid");
    if (ret_user_id)
        *ret_user_id = user_id;
    return 0;
}

/* ---- inline queries ---- */

static int check_button(struct call *call)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_-";
    const cJSON *button = call_get(call, "button");
    const char *start = json_get_text(button, "start_parameter");
    const char *url = json_get_text(json_get(button, "web_app"), "url");

    if (!button)
        return 0;
    if ((start != NULL) == (url != NULL))
        return call_refuse(call, "can't parse inline query results button: "
                                 "InlineQueryResultsButton must have exactly one optional field");
    if (!*json_get_text(button, "text"))
        return call_refuse(call, "SWITCH_PM_TEXT_EMPTY");
    if (start &&
        (!*start || strlen(start) > LONGEST_START_PARAMETER || start[strspn(start, letters)]))
        return call_refuse(call, "START_PARAM_INVALID");
    if (url && strncmp(url, "https://", 8) != 0)
        return call_refuse(call, "URL_INVALID");
    return 0;
}

static bool is_repeated(const cJSON *results, const cJSON *result)
{
    for (const cJSON *other = results->child; other != result; other = other->next)
        if (strcmp(json_get_text(result, "id"), json_get_text(other, "id")) == 0)
            return true;
    return false;
}

/* All the results, each with the message that it will be. */
static int read_results(struct call *call, cJSON **ret_results)
{
    cJSON *results = json_keep(call->arena, cJSON_Duplicate(call_get(call, "results"), true));
    cJSON *result, *message;

    if (cJSON_GetArraySize(results) > MOST_RESULTS)
        return call_refuse(call, "too many inline query results specified");
    cJSON_ArrayForEach(result, results) {
        int r = inline_read(call, result, &message);
        if (r < 0)
            return r;
        if (is_repeated(results, result))
            return call_refuse(call, "RESULT_ID_DUPLICATE");
        json_set_copy(result, "message", message);
    }
    *ret_results = results;
    return 0;
}

static int answer_inline_query(struct call *call)
{
    const char *id = call_text(call, "inline_query_id"), *offset = call_text(call, "next_offset");
    cJSON *results = NULL, *answer;

    int r = read_results(call, &results);
    if (r == 0)
        r = check_button(call);
    if (r == 0 && offset && strlen(offset) > LONGEST_OFFSET)
        r = call_refuse(call, "NEXT_OFFSET_INVALID");
    if (r == 0)
        r = take_query(call, "inline_query_id", NULL);
    if (r < 0)
        return r;
    answer = world_record(call->sandbox->world, call->arena, "inline_query", id);
    if (!answer)
        answer = json_keep(call->arena, cJSON_CreateObject());
    json_set_copy(answer, "results", results);
    json_set_copy(answer, "button", call_get(call, "button"));
    json_set_text(answer, "next_offset", offset ? offset : "");
    world_put_record(call->sandbox->world, call->arena, "inline_query", id, answer);
    cJSON *details = cJSON_CreateObject();
    json_set_text(details, "inline_query_id", id);
    sandbox_emit(call->sandbox, "inline_answer", json_get_int(answer, "user_id", 0), details);
    return 0;
}

/* ---- one result ---- */

static int read_result(struct call *call, cJSON **ret_message)
{
    return inline_read(call, call_get(call, "result"), ret_message);
}

static int answer_web_app_query(struct call *call)
{
    cJSON *message;

    int r = read_result(call, &message);
    if (r == 0)
        r = take_query(call, "web_app_query_id", NULL);
    if (r < 0)
        return r;
    const char *id = inline_new(call->sandbox, call->arena, message);
    call->result = json_keep(call->arena, cJSON_CreateObject());
    if (json_get(message, "reply_markup"))
        json_set_text(call->result, "inline_message_id", id);
    return 0;
}

static int save_prepared_inline_message(struct call *call)
{
    struct world *world = call->sandbox->world;
    const char *id = world_random_name(call->arena);
    cJSON *message;

    if (call_int(call, "user_id", 0) <= 0)
        return call_refuse(call, "invalid user_id specified");
    int r = read_result(call, &message);
    if (r < 0)
        return r;
    if (!world_user(world, call->arena, call_int(call, "user_id", 0)))
        return call_refuse(call, "USER_ID_INVALID");
    world_put_record(world, call->arena, "prepared_message", id, message);
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_text(call->result, "id", id);
    json_set_int(call->result, "expiration_date", world_now(world) + PREPARED_SECONDS);
    return 0;
}

/* The answer stands in the chat where the guest was called, which is not one of the bot's. */
static int answer_guest_query(struct call *call)
{
    struct world *world = call->sandbox->world;
    const char *query_id = call_text(call, "guest_query_id");
    cJSON *content;
    const cJSON *member;

    int r = read_result(call, &content);
    if (r == 0)
        r = take_query(call, "guest_query_id", NULL);
    if (r < 0)
        return r;
    const cJSON *asked = world_record(world, call->arena, "guest_query", query_id);
    cJSON *message = sandbox_new_message(call->sandbox, call->arena,
                                         json_get_int(json_get(asked, "chat"), "id", 0),
                                         world_bot(world, call->arena));
    json_set_copy(message, "guest_bot_caller_user", json_get(asked, "from"));
    cJSON_ArrayForEach(member, content)
        json_set_copy(message, member->string, member);
    sandbox_publish(call->sandbox, call->arena, message, "message");
    const char *id = inline_new(call->sandbox, call->arena, content);
    inline_show(call->sandbox, call->arena, id, message);
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_text(call->result, "inline_message_id", id);
    return 0;
}

const struct method query_methods[] = {
    {"answerInlineQuery", answer_inline_query},
    {"answerWebAppQuery", answer_web_app_query},
    {"savePreparedInlineMessage", save_prepared_inline_message},
    {"answerGuestQuery", answer_guest_query},
    {0},
};

/*
 * The queue as its clients see it: submit, status, result, cancel; and calls that wait for the end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"

enum { LONGEST_WEBHOOK = 4096, STREAM_MS = 500 };

static const char requests[] = "/requests/";

/* "https://queue.fal.run/OWNER/APP/requests/ID": a model's path is not part of it. */
static const char *request_url(struct arena *arena, const cJSON *request)
{
    const char *model = json_get_text(request, "model"), *end = strchr(model, '/');

    end = end ? strchr(end + 1, '/') : NULL;
    return arena_printf(arena, "%s/%.*s%s%s", json_get_text(request, "base"),
                        end ? (int)(end - model) : (int)strlen(model), model, requests,
                        json_get_text(request, "id"));
}

static cJSON *describe(struct fal_call *call, const cJSON *request, bool has_logs)
{
    cJSON *answer = json_keep(call->arena, cJSON_CreateObject());
    const char *url = request_url(call->arena, request);
    enum fal_state state = fal_state_of(request);

    json_set_text(answer, "status", fal_state_name(state));
    json_set_text(answer, "request_id", json_get_text(request, "id"));
    json_set_text(answer, "response_url", url);
    json_set_text(answer, "status_url", arena_printf(call->arena, "%s/status", url));
    json_set_text(answer, "cancel_url", arena_printf(call->arena, "%s/cancel", url));
    if (state == FAL_QUEUED) {
        json_set_int(answer, "queue_position",
                     fal_position(call->fal, json_get_text(request, "id")));
        return answer;
    }
    if (has_logs)
        json_set_copy(answer, "logs", fal_logs(call->fal, call->arena, request));
    else
        json_set(answer, "logs", cJSON_CreateNull());
    if (state == FAL_RUNNING)
        return answer;
    int64_t ms = json_get_int(request, "ended_ms", 0) - json_get_int(request, "started_ms", 0);
    cJSON *metrics = cJSON_AddObjectToObject(answer, "metrics");
    json_set(metrics, "inference_time", cJSON_CreateNumber((double)ms / 1000));
    json_set_copy(answer, "error", json_get(request, "error"));
    json_set_copy(answer, "error_type", json_get(request, "error_type"));
    return answer;
}

/* The model of that id, when the body is an object. NULL after having answered. */
static AISHA_ASYNC const struct fal_model *read_input(struct fal_call *call, const char *id)
{
    const struct http_exchange *exchange = call->exchange;
    const struct fal_model *model = fal_model(call->fal, id);

    json_set_text(call->logged, "model", id);
    if (!model) {
        fal_refuse(call, 404, NULL, arena_printf(call->arena, "Application \"%s\" not found", id));
        return NULL;
    }
    cJSON *input = utf8_is_valid(exchange->body, exchange->body_size)
                       ? json_parse(call->arena, exchange->body, exchange->body_size)
                       : NULL;
    if (!cJSON_IsObject(input)) {
        fal_refuse(call, 400, "bad_request", "The request body is not a JSON object");
        return NULL;
    }
    json_set_copy(call->logged, "input", input);
    return model;
}

static AISHA_ASYNC void submit(struct fal_call *call, const char *id)
{
    const struct http_exchange *exchange = call->exchange;
    const char *webhook = http_exchange_param(exchange, "fal_webhook");
    const char *longest = http_exchange_param(exchange, "fal_max_queue_length");

    if (webhook)
        json_set_text(call->logged, "fal_webhook", webhook);
    const struct fal_model *model = read_input(call, id);
    if (!model)
        return;
    if (webhook && strlen(webhook) > LONGEST_WEBHOOK) {
        fal_refuse(call, 400, "bad_request", "fal_webhook is too long");
        return;
    }
    if (longest && (int64_t)fal_count(call->fal, false) > strtoll(longest, NULL, 10)) {
        fal_refuse(call, 429, NULL, "Queue length limit exceeded");
        return;
    }
    const char *request_id = fal_start(call, model, exchange->body, webhook);
    http_exchange_add_header(call->exchange, "x-fal-request-id", request_id);
    cJSON *answer = describe(call, fal_request(call->fal, call->arena, request_id), false);
    if (!json_get(answer, "queue_position")) { /* it has started at once: not what a submit says */
        json_set_text(answer, "status", fal_state_name(FAL_QUEUED));
        json_set_int(answer, "queue_position", 0);
        cJSON_DeleteItemFromObjectCaseSensitive(answer, "logs");
    }
    fal_answer(call, 200, json_text(call->arena, answer));
}

/* The output, or the error with which it has ended. */
static AISHA_ASYNC void answer_result(struct fal_call *call, const cJSON *request)
{
    const char *error_type = json_get_text(request, "error_type");
    int status = (int)json_get_int(request, "http", 200);

    http_exchange_add_header(call->exchange, "x-fal-request-id", json_get_text(request, "id"));
    if (status == 200)
        http_exchange_add_header(call->exchange, "X-Fal-Billable-Units", "1");
    else
        http_exchange_add_header(call->exchange, "X-Fal-Retryable",
                                 json_get_bool(request, "is_retryable") ? "true" : "false");
    if (error_type)
        http_exchange_add_header(call->exchange, "X-Fal-Error-Type", error_type);
    if (status == 504 && json_get(request, "start_by_ms"))
        http_exchange_add_header(call->exchange, "X-Fal-Request-Timeout-Type", "user");
    fal_answer(call, status, json_get_text(request, "result"));
}

static AISHA_ASYNC void cancel(struct fal_call *call, const cJSON *request)
{
    bool is_cancelled = fal_cancel(call->fal, json_get_text(request, "id"));

    fal_answer(call, is_cancelled ? 202 : 400,
               is_cancelled ? "{\"status\":\"CANCELLATION_REQUESTED\"}"
                            : "{\"status\":\"ALREADY_COMPLETED\"}");
}

/* Until something has happened, or half a second is over. */
static AISHA_ASYNC bool watch(struct fal_call *call)
{
    struct feed *events = call->sandbox->events;
    int r = feed_wait(events, feed_last(events), STREAM_MS);

    return (r == 0 || r == -AISHA_E_TIMEOUT) && !http_exchange_is_gone(call->exchange);
}

/* Server-sent events: one for each change of the status. */
static AISHA_ASYNC void stream(struct fal_call *call, const char *id, bool has_logs)
{
    const char *last = "";
    enum fal_state state;

    http_exchange_begin(call->exchange, 200, "text/event-stream", HTTP_SIZE_UNKNOWN);
    do {
        struct arena arena = {0};
        struct fal_call part = *call;
        part.arena = &arena;
        const cJSON *request = fal_request(call->fal, &arena, id);
        state = request ? fal_state_of(request) : FAL_COMPLETED;
        const char *text = request ? json_text(&arena, describe(&part, request, has_logs)) : last;
        int r = 0;
        if (strcmp(text, last) != 0) {
            const char *event = arena_printf(&arena, "data: %s\n\n", text);
            r = http_exchange_write(call->exchange, event, strlen(event));
            last = arena_strdup(call->arena, text);
        }
        arena_clear(&arena);
        if (r < 0)
            return;
    } while (state != FAL_COMPLETED && watch(call));
}

/* Finds the request of a path "OWNER/APP/…/requests/ID[/…]"; ret_what is what follows the id. */
static cJSON *find(struct fal_call *call, const char *rest, const char **ret_what)
{
    const char *id = strstr(rest, requests) + strlen(requests), *end = strchrnul(id, '/');
    cJSON *request =
        fal_request(call->fal, call->arena, arena_strndup(call->arena, id, (size_t)(end - id)));
    const char *url = request ? request_url(call->arena, request) : "";
    const char *app = request ? url + strlen(json_get_text(request, "base")) + 1 : "";

    *ret_what = *end ? end + 1 : "";
    size_t length = strcspn(app, "/");
    length += app[length] ? 1 + strcspn(app + length + 1, "/") : 0;
    return request && strncmp(rest, app, length) == 0 && rest[length] == '/' ? request : NULL;
}

void fal_handle_queue(struct fal_call *call, const char *rest)
{
    const char *logs = http_exchange_param(call->exchange, "logs"),
               *method = call->exchange->method;
    bool has_logs = logs && (strcmp(logs, "1") == 0 || strcmp(logs, "true") == 0);
    const char *what;

    if (!strstr(rest, requests)) {
        if (strcmp(method, "POST") == 0)
            submit(call, rest);
        else
            fal_refuse(call, 405, NULL, "Method Not Allowed");
        return;
    }
    cJSON *request = find(call, rest, &what);
    if (!request) {
        fal_answer(call, 404, "{\"status\":\"NOT_FOUND\"}");
        return;
    }
    const char *id = json_get_text(request, "id");
    json_set_text(call->logged, "request_id", id);
    enum fal_state state = fal_state_of(request);
    if (strcmp(method, "PUT") == 0 && strcmp(what, "cancel") == 0)
        cancel(call, request);
    else if (strcmp(method, "GET") != 0)
        fal_refuse(call, 405, NULL, "Method Not Allowed");
    else if (strcmp(what, "status") == 0)
        fal_answer(call, state == FAL_COMPLETED ? 200 : 202,
                   json_text(call->arena, describe(call, request, has_logs)));
    else if (strcmp(what, "status/stream") == 0)
        stream(call, id, has_logs);
    else if (*what && strcmp(what, "response") != 0)
        fal_refuse(call, 404, NULL, "Not Found");
    else if (state != FAL_COMPLETED)
        fal_refuse(call, 400, NULL, "Request is still in progress");
    else
        answer_result(call, request);
}

void fal_run_directly(struct fal_call *call, const char *id)
{
    const struct fal_model *model = read_input(call, id);

    if (!model)
        return;
    if ((int64_t)fal_count(call->fal, true) >= call->fal->settings.concurrency) {
        fal_refuse(call, 429, NULL, "Concurrent request limit exceeded");
        return;
    }
    const char *request_id = fal_start(call, model, call->exchange->body, NULL);
    const cJSON *request = fal_request(call->fal, call->arena, request_id);
    while (request && fal_state_of(request) != FAL_COMPLETED) {
        if (!watch(call))
            return;
        request = fal_request(call->fal, call->arena, request_id);
    }
    if (request)
        answer_result(call, request);
    else
        fal_refuse(call, 500, "internal_error", "Internal Server Error");
}

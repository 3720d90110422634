#include "sdk/sandbox/openai.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    REQUESTS_PER_MINUTE = 10000,
    TOKENS_PER_MINUTE = 2000000,
    HIGHEST_RATE = 1000000000,
    LONGEST_KEY = 200,
    MOST_GONE = 1000,
    BYTES_PER_TOKEN = 4,
};

/* ---- settings ---- */

static const char kind[] = "setting", id[] = "openai";

static void apply(struct openai *openai, const cJSON *settings);

void openai_start(struct openai *openai, struct world *world)
{
    struct arena arena = {0};

    *openai = (struct openai){.world = world,
                              .requests_per_minute = REQUESTS_PER_MINUTE,
                              .tokens_per_minute = TOKENS_PER_MINUTE,
                              .chat = cJSON_CreateArray(),
                              .moderation = cJSON_CreateArray()};
    apply(openai, world_record(world, &arena, kind, id));
    arena_clear(&arena);
}

void openai_done(struct openai *openai)
{
    free(openai->key);
    cJSON_Delete(openai->gone);
    cJSON_Delete(openai->chat);
    cJSON_Delete(openai->moderation);
}

cJSON *openai_describe(const struct openai *openai, struct arena *arena)
{
    cJSON *answer = json_keep(arena, cJSON_CreateObject());

    json_set(answer, "key", openai->key ? cJSON_CreateString(openai->key) : cJSON_CreateNull());
    json_set(answer, "gone",
             openai->gone ? cJSON_Duplicate(openai->gone, true) : cJSON_CreateArray());
    json_set_int(answer, "requests_per_minute", openai->requests_per_minute);
    json_set_int(answer, "tokens_per_minute", openai->tokens_per_minute);
    json_set_copy(answer, "chat", openai->chat);
    json_set_copy(answer, "moderation", openai->moderation);
    return answer;
}

static const char *check_setting(struct arena *arena, const cJSON *item)
{
    const char *name = item->string;
    int64_t number;

    if (strcmp(name, "key") == 0)
        return cJSON_IsNull(item) || (cJSON_IsString(item) && *item->valuestring &&
                                      strlen(item->valuestring) <= LONGEST_KEY)
                   ? NULL
                   : "key must be a text or null";
    if (strcmp(name, "gone") == 0 || strcmp(name, "chat") == 0 || strcmp(name, "moderation") == 0)
        return cJSON_IsArray(item) && cJSON_GetArraySize(item) <= MOST_GONE
                   ? NULL
                   : arena_printf(arena, "%s must be a list", name);
    if (strcmp(name, "requests_per_minute") == 0 || strcmp(name, "tokens_per_minute") == 0)
        return json_to_int(item, &number) && number >= 1 && number <= HIGHEST_RATE
                   ? NULL
                   : arena_printf(arena, "%s must be a whole number from 1", name);
    return arena_printf(arena, "%s is not known", name);
}

static void replace(cJSON **list, const cJSON *value)
{
    if (!value)
        return;
    cJSON_Delete(*list);
    *list = cJSON_Duplicate(value, true);
}

static void apply(struct openai *openai, const cJSON *body)
{
    const cJSON *key = json_get(body, "key");

    if (key) {
        free(openai->key);
        openai->key = cJSON_IsString(key) ? strdup(key->valuestring) : NULL;
    }
    replace(&openai->gone, json_get(body, "gone"));
    replace(&openai->chat, json_get(body, "chat"));
    replace(&openai->moderation, json_get(body, "moderation"));
    openai->requests_per_minute =
        json_get_int(body, "requests_per_minute", openai->requests_per_minute);
    openai->tokens_per_minute = json_get_int(body, "tokens_per_minute", openai->tokens_per_minute);
    openai->requests_left = (double)openai->requests_per_minute;
    openai->tokens_left = (double)openai->tokens_per_minute;
}

const char *openai_change(struct openai *openai, struct arena *arena, const cJSON *body)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, body) {
        const char *wrong = check_setting(arena, item);
        if (wrong)
            return wrong;
    }
    apply(openai, body);
    cJSON *kept = openai_describe(openai, arena);
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "chat");
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "moderation");
    world_put_record(openai->world, arena, kind, id, kept);
    return NULL;
}

/* ---- answers ---- */

void openai_answer(struct openai_call *call, int status, const char *type, const char *body)
{
    struct http_exchange *exchange = call->exchange;
    struct arena *arena = call->arena;
    const struct fault *fault = call->fault;

    http_exchange_add_header(exchange, "x-request-id",
                             arena_printf(arena, "req_%s", world_random_name(arena)));
    http_exchange_add_header(exchange, "openai-version", "2020-10-01");
    http_exchange_add_header(exchange, "openai-processing-ms", "7");
    if (fault && fault->is_answer)
        sandbox_log_fault(call->sandbox, call->name, &call->params, NULL, fault);
    else
        sandbox_log(call->sandbox, call->name, &call->params, NULL, status, body);
    if (fault && fault->is_after && sandbox_fail(call->sandbox, exchange, fault))
        return;
    sandbox_respond(call->sandbox, exchange, fault, status, type, body, strlen(body));
}

void openai_answer_json(struct openai_call *call, const cJSON *body)
{
    openai_answer(call, 200, "application/json", json_text(call->arena, body));
}

bool openai_fail(struct openai_call *call, int status, const char *param, const char *code,
                 const char *message)
{
    cJSON *body = json_keep(call->arena, cJSON_CreateObject());
    cJSON *error = cJSON_AddObjectToObject(body, "error");

    json_set_text(error, "message", message);
    json_set_text(error, "type",
                  status >= 500   ? "server_error"
                  : status == 429 ? "rate_limit_error"
                                  : "invalid_request_error");
    json_set(error, "param", param ? cJSON_CreateString(param) : cJSON_CreateNull());
    json_set(error, "code", code ? cJSON_CreateString(code) : cJSON_CreateNull());
    openai_answer(call, status, "application/json", json_text(call->arena, body));
    return false;
}

const char *openai_id(struct openai_call *call, const char *prefix)
{
    return arena_printf(call->arena, "%s-%s", prefix, world_random_name(call->arena));
}

int64_t openai_tokens(const char *text)
{
    return (int64_t)(strlen(text) + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}

/* ---- limits ---- */

/* "12ms", "1.5s", "6m0s": how long until all of it is there again. */
static const char *reset_text(struct arena *arena, double missing, int64_t per_minute)
{
    int64_t ms = (int64_t)(missing * 60000 / (double)per_minute);

    if (ms < 1000)
        return arena_printf(arena, "%" PRId64 "ms", ms);
    if (ms < 60000)
        return arena_printf(arena, "%gs", (double)ms / 1000);
    return arena_printf(arena, "%" PRId64 "m%" PRId64 "s", ms / 60000, ms / 1000 % 60);
}

static void tell_limit(struct openai_call *call, const char *what, int64_t limit, double left)
{
    struct http_exchange *exchange = call->exchange;
    struct arena *arena = call->arena;
    double shown = left > 0 ? left : 0;

    http_exchange_add_header(exchange, arena_printf(arena, "x-ratelimit-limit-%s", what),
                             arena_printf(arena, "%" PRId64, limit));
    http_exchange_add_header(exchange, arena_printf(arena, "x-ratelimit-remaining-%s", what),
                             arena_printf(arena, "%" PRId64, (int64_t)shown));
    http_exchange_add_header(exchange, arena_printf(arena, "x-ratelimit-reset-%s", what),
                             reset_text(arena, (double)limit - shown, limit));
}

static double refill(double left, int64_t per_minute, int64_t passed_ms)
{
    double more = left + (double)per_minute * (double)passed_ms / 60000;

    return more < (double)per_minute ? more : (double)per_minute;
}

bool openai_spend(struct openai_call *call, int64_t tokens)
{
    struct openai *openai = &call->sandbox->openai;
    int64_t now_ms = clock_steady_ms(call->sandbox->clock), passed_ms = now_ms - openai->left_at_ms;

    openai->requests_left = refill(openai->requests_left, openai->requests_per_minute, passed_ms);
    openai->tokens_left = refill(openai->tokens_left, openai->tokens_per_minute, passed_ms);
    openai->left_at_ms = now_ms;
    bool has_requests = openai->requests_left >= 1;
    bool has_tokens = openai->tokens_left >= (double)tokens;
    if (has_requests && has_tokens) {
        openai->requests_left--;
        openai->tokens_left -= (double)tokens;
    }
    tell_limit(call, "requests", openai->requests_per_minute, openai->requests_left);
    tell_limit(call, "tokens", openai->tokens_per_minute, openai->tokens_left);
    if (has_requests && has_tokens)
        return true;
    double missing =
        has_requests ? (double)tokens - openai->tokens_left : 1 - openai->requests_left;
    double per_minute =
        (double)(has_requests ? openai->tokens_per_minute : openai->requests_per_minute);
    int64_t wait_s = (int64_t)ceil(missing * 60 / per_minute);
    http_exchange_add_header(call->exchange, "retry-after",
                             arena_printf(call->arena, "%" PRId64, wait_s));
    return openai_fail(call, 429, NULL, "rate_limit_exceeded",
                       arena_printf(call->arena,
                                    "Rate limit reached on %s per min. Please try again in %" PRId64
                                    "s.",
                                    has_requests ? "tokens" : "requests", wait_s));
}

/* ---- paths ---- */

static AISHA_ASYNC bool is_authorized(struct openai_call *call)
{
    const char *header = http_exchange_header(call->exchange, "authorization");
    const char *wanted = call->sandbox->openai.key, *key = NULL;

    if (header && strncasecmp(header, "Bearer ", 7) == 0)
        key = header + 7 + strspn(header + 7, " ");
    if (!key || !*key)
        return openai_fail(
            call, 401, NULL, "invalid_api_key",
            "You didn't provide an API key. You need to provide your API key in an "
            "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).");
    if (wanted && strcmp(key, wanted) != 0)
        return openai_fail(call, 401, NULL, "invalid_api_key", "Incorrect API key provided.");
    return true;
}

/* The body's members are the parameters. */
static AISHA_ASYNC bool read_json(struct openai_call *call)
{
    const struct http_exchange *exchange = call->exchange;
    cJSON *body = utf8_is_valid(exchange->body, exchange->body_size)
                      ? json_parse(call->arena, exchange->body, exchange->body_size)
                      : NULL;

    if (!cJSON_IsObject(body))
        return openai_fail(call, 400, NULL, NULL,
                           "We could not parse the JSON body of your request.");
    call->params.values = body;
    return true;
}

static AISHA_ASYNC void list_models(struct openai_call *call)
{
    openai_list_models(call);
}

static const struct path {
    const char *method, *path, *name;
    void (*run)(struct openai_call *call);
    bool is_form;
} paths[] = {
    {"POST", "v1/audio/transcriptions", "transcription", openai_transcribe, true},
    {"POST", "v1/chat/completions", "openai.chat", openai_chat},
    {"POST", "v1/moderations", "openai.moderation", openai_moderate},
    {"GET", "v1/models", "openai.models", list_models},
};

static const struct path *find_path(const char *method, const char *rest)
{
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(paths[i].method, method) == 0 && strcmp(paths[i].path, rest) == 0)
            return &paths[i];
    return NULL;
}

static AISHA_ASYNC void run(struct openai_call *call, const struct path *path, const char *rest)
{
    static const char one_model[] = "v1/models/";
    bool is_get = strcmp(call->exchange->method, "GET") == 0;
    bool is_model = !path && is_get && strncmp(rest, one_model, strlen(one_model)) == 0;
    int status = 0;

    if (path && path->is_form)
        status = params_read(call->arena, call->exchange, &call->params);
    if (status)
        openai_fail(call, 400, NULL, NULL, "Could not parse multipart form");
    else if (is_model && is_authorized(call))
        openai_show_model(call, rest + strlen(one_model));
    else if (path && is_authorized(call) && (path->is_form || is_get || read_json(call)))
        path->run(call);
    else if (!path && !is_model)
        openai_fail(call, 404, NULL, NULL,
                    arena_printf(call->arena,
                                 "Invalid URL (%s /%s): the sandbox does not simulate it",
                                 call->exchange->method, rest));
}

void openai_handle(struct sandbox *sandbox, struct http_exchange *exchange, const char *rest)
{
    const struct path *path = find_path(exchange->method, rest);
    struct openai_call call = {
        .sandbox = sandbox,
        .exchange = exchange,
        .arena = exchange->arena,
        .name = path ? path->name : "openai.model",
        .params.values = json_keep(exchange->arena, cJSON_CreateObject()),
    };

    call.fault = faults_take(sandbox->faults, call.arena, call.name);
    if (call.fault && !call.fault->is_after && sandbox_fail(sandbox, exchange, call.fault)) {
        if (params_read(call.arena, exchange, &call.params))
            call.params.values = json_keep(call.arena, cJSON_CreateObject());
        sandbox_log_fault(sandbox, call.name, &call.params, NULL, call.fault);
        return;
    }
    run(&call, path, rest);
}

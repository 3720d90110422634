/*
 * One request: what the server may answer, what is tried again, and what the operator reads of it.
 *
 * When to try again follows the official clients: after lost connections, 408, 409, 429 and 5xx,
 * unless the server says otherwise in x-should-retry; not when the account is empty, which is a 429,
 * too.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "openai.h"

enum {
    MAX_TRIES = 3,
    FIRST_PAUSE_MS = 500,
    LAST_PAUSE_MS = 8000,
    LONGEST_PAUSE_MS = 60 * 1000, /* who asks for more is not available */
    ANSWER_BYTES = 4 * 1024 * 1024,
    MAX_WORD = 64,
    BYTES_OF_A_TOKEN = 4, /* of English; where it matters, the server counts */
};

/* What became of one try. */
struct outcome {
    int error; /* 0, or a negative code */
    bool is_temporary;
    int64_t pause_ms; /* which the server asked for */
    const struct aisha_json *json;
};

/* ---- the request ---- */

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t openai_end_after(int64_t timeout_ms)
{
    return clock_ms() + timeout_ms;
}

const char *openai_url(struct aisha_ctx *ctx, const char *path)
{
    const struct config *config = aisha_config(ctx);
    size_t length = strlen(config->base_url);

    while (length > 0 && config->base_url[length - 1] == '/')
        length--;
    return aisha_printf(ctx, "%.*s%s", (int)length, config->base_url, path);
}

const char *const *openai_headers(struct aisha_ctx *ctx, const char *type)
{
    const struct config *config = aisha_config(ctx);

    const struct {
        const char *name, *value;
    } rows[] = {
        {"Authorization: Bearer ", config->api_key},
        {"OpenAI-Organization: ", config->organization},
        {"OpenAI-Project: ", config->project},
        {"Content-Type: ", type ? type : ""},
    };

    enum { COUNT = sizeof rows / sizeof *rows };

    const char **headers = aisha_alloc(ctx, (COUNT + 1) * sizeof *headers);

    for (size_t i = 0, n = 0; i < COUNT; i++)
        if (*rows[i].value)
            headers[n++] = aisha_concat(ctx, rows[i].name, rows[i].value, NULL);
    return headers;
}

/* ---- the answer ---- */

/* The first row that fits; NULL and 0 fit everything. */
static const struct {
    int first_status, last_status;
    const char *code; /* the error's code or type */
    int error;
    bool is_temporary;
} errors[] = {
    {400, 499, "model_not_found", -AISHA_E_NOT_FOUND, false},
    {404, 404, NULL, -AISHA_E_NOT_FOUND, false},
    {410, 410, NULL, -AISHA_E_NOT_FOUND, false},
    {401, 401, NULL, -AISHA_E_DENIED, false},
    {403, 403, NULL, -AISHA_E_DENIED, false}, /* a country, a permission */
    {408, 409, NULL, -AISHA_E_UPSTREAM, true},
    {400, 400, "context_length_exceeded", -AISHA_E_LIMIT, false},
    {413, 413, NULL, -AISHA_E_LIMIT, false},
    {429, 429, "insufficient_quota", -AISHA_E_DENIED, false},
    {429, 429, "credit_balance_exhausted", -AISHA_E_DENIED, false},
    {429, 429, "organization_spend_limit_exceeded", -AISHA_E_DENIED, false},
    {429, 429, "project_spend_limit_exceeded", -AISHA_E_DENIED, false},
    {429, 429, "organization_usage_limit_exceeded", -AISHA_E_DENIED, false},
    {429, 429, NULL, -AISHA_E_UNAVAILABLE, true},
    {400, 499, NULL, -AISHA_E_INVALID, false},
    {500, 599, NULL, -AISHA_E_UPSTREAM, true},
    {0, 999, NULL, -AISHA_E_UPSTREAM, false},
};

static bool is_same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void classify(const struct aisha_http_response *answer, const char *code, const char *type,
                     struct outcome *outcome)
{
    const char *should_retry = aisha_http_header(answer, "x-should-retry");

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].first_status <= answer->status && answer->status <= errors[i].last_status &&
            (!errors[i].code || is_same(errors[i].code, code) || is_same(errors[i].code, type))) {
            outcome->error = errors[i].error;
            outcome->is_temporary = errors[i].is_temporary;
            break;
        }
    bool is_final = outcome->error == -AISHA_E_DENIED || outcome->error == -AISHA_E_NOT_FOUND;
    if (should_retry && !is_final) /* an empty account stays empty, whatever a gateway says */
        outcome->is_temporary = strcmp(should_retry, "true") == 0;
}

static int64_t limited(double pause_ms)
{
    if (!(pause_ms > 0))
        return 0;
    return pause_ms > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS + 1 : (int64_t)pause_ms;
}

/* Milliseconds, seconds or a date; 0 when the server asks for nothing. */
static int64_t pause_of(struct aisha_ctx *ctx, const struct aisha_http_response *answer)
{
    static const struct {
        const char *header;
        double unit_ms;
    } headers[] = {{"retry-after-ms", 1}, {"retry-after", 1000}};

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const char *value = aisha_http_header(answer, headers[i].header);
        char *end = NULL;
        double number = value ? strtod(value, &end) : 0;
        if (value && end != value && *end == '\0')
            return limited(number * headers[i].unit_ms);
    }
    struct tm date = {0};
    const char *value = aisha_http_header(answer, "retry-after");
    const char *end = value ? strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date) : NULL;
    return end && *end == '\0' ? limited((double)(timegm(&date) - aisha_now(ctx)) * 1000) : 0;
}

/* Half a second, doubled each time, less up to a quarter so that not all come back at once. */
static int64_t backoff_ms(int try)
{
    int64_t pause_ms = (int64_t)FIRST_PAUSE_MS << (try - 1);

    if (pause_ms > LAST_PAUSE_MS)
        pause_ms = LAST_PAUSE_MS;
    return pause_ms - (int64_t)arc4random_uniform((uint32_t)(pause_ms / 4));
}

/* Only words as servers name things go to the log: what they say in sentences may quote the user, or
 * the key. */
static const char *word(const struct config *config, const char *text)
{
    bool is_word = text && *text && strlen(text) <= MAX_WORD && !strstr(text, config->api_key);

    for (const char *c = text; is_word && *c; c++)
        is_word = isalnum((unsigned char)*c) || strchr("._-[]/", *c);
    return is_word ? text : "-";
}

static AISHA_ASYNC void tell_refusal(struct aisha_ctx *ctx, const char *what,
                                     const struct aisha_http_response *answer,
                                     const struct outcome *outcome)
{
    const struct config *config = aisha_config(ctx);
    const char *code = aisha_json_text(outcome->json, "error.code");
    const char *type = aisha_json_text(outcome->json, "error.type");
    bool is_serious = !outcome->is_temporary && outcome->error != -AISHA_E_NOT_FOUND;

    aisha_log(ctx, is_serious ? AISHA_LOG_ERROR : AISHA_LOG_WARN,
              "%s refused: status=%d code=%s type=%s param=%s request=%s", what, answer->status,
              word(config, code), word(config, type),
              word(config, aisha_json_text(outcome->json, "error.param")),
              word(config, aisha_http_header(answer, "x-request-id")));
    if (outcome->error == -AISHA_E_DENIED)
        aisha_alert(ctx, answer->status == 429
                             ? "the account has no credit left, or has spent its limit"
                         : answer->status == 401
                             ? "the key is refused; check OPENAI_API_KEY"
                             : "the key may not do what is asked of it; the log says what that is");
}

/* JSON, or {"error": {"message", "type", "code"}} or whatever else servers say. */
static AISHA_ASYNC struct outcome read_answer(struct aisha_ctx *ctx, const char *what,
                                              const struct aisha_http_response *answer)
{
    struct outcome outcome = {.json = aisha_json_parse(ctx, answer->body, answer->body_size)};

    if (answer->status >= 200 && answer->status <= 299 && outcome.json)
        return outcome;
    classify(answer, aisha_json_text(outcome.json, "error.code"),
             aisha_json_text(outcome.json, "error.type"), &outcome);
    outcome.pause_ms = pause_of(ctx, answer);
    tell_refusal(ctx, what, answer, &outcome);
    return outcome;
}

static AISHA_ASYNC struct outcome try_once(struct aisha_ctx *ctx,
                                           const struct openai_request *request, int64_t timeout_ms)
{
    const struct aisha_http_response *answer;

    int r =
        aisha_http(ctx, &answer, .url = openai_url(ctx, request->path),
                   .headers = openai_headers(ctx, request->body ? "application/json" : NULL),
                   .body = request->body, .body_size = request->body ? strlen(request->body) : 0,
                   .parts = request->parts, .part_count = request->part_count,
                   .timeout_ms = timeout_ms, .max_body_bytes = ANSWER_BYTES);
    if (r == 0) {
        struct outcome outcome = read_answer(ctx, request->what, answer);
        r = request->model ? limits_note(ctx, request->model, answer) : 0;
        return r < 0 ? (struct outcome){.error = r} : outcome;
    }
    if (r != -AISHA_E_CANCELED)
        aisha_log(ctx, AISHA_LOG_WARN, "%s failed: %s", request->what, aisha_error_text(r));
    /* What timed out may have been done, and paid for: it is not sent again. */
    return (struct outcome){.error = r == -AISHA_E_INVALID ? -AISHA_E_DENIED : r, /* key or URL */
                            .is_temporary = r == -AISHA_E_UNAVAILABLE};
}

int openai_send(struct aisha_ctx *ctx, const struct aisha_json **ret_answer,
                const struct openai_request *request)
{
    const struct config *config = aisha_config(ctx);
    int64_t tokens = request->body ? (int64_t)strlen(request->body) / BYTES_OF_A_TOKEN : 0;

    if (!*config->api_key) {
        aisha_log(ctx, AISHA_LOG_ERROR, "there is no key: set OPENAI_API_KEY");
        return -AISHA_E_DENIED;
    }
    for (int try = 1;; try++) {
        int64_t left_ms = request->end_ms - clock_ms();
        int64_t patience_ms = left_ms < LONGEST_PAUSE_MS ? left_ms : LONGEST_PAUSE_MS;
        int r = request->model ? limits_wait(ctx, request->model, tokens, patience_ms) : 0;
        if (r < 0)
            return r;
        left_ms = request->end_ms - clock_ms();
        if (left_ms <= 0)
            return -AISHA_E_TIMEOUT;
        struct outcome outcome = try_once(ctx, request, left_ms);
        if (outcome.error == 0)
            *ret_answer = outcome.json;
        int64_t pause_ms = outcome.pause_ms ? outcome.pause_ms : backoff_ms(try);
        if (!outcome.is_temporary || try == MAX_TRIES || pause_ms > LONGEST_PAUSE_MS ||
            pause_ms >= request->end_ms - clock_ms())
            return outcome.error;
        r = aisha_sleep(ctx, pause_ms);
        if (r < 0)
            return r;
    }
}

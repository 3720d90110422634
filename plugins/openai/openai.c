/*
 * openai: the service "speech" by OpenAI's transcription endpoint, or by any server that speaks the
 * same protocol.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/aisha.h>
#include <aisha/service/speech.h>

enum {
    MAX_TRIES = 3,
    FIRST_PAUSE_MS = 500,
    LONGEST_PAUSE_MS = 60 * 1000, /* who asks for more is not available */
    ANSWER_BYTES = 4 * 1024 * 1024,
    LEAST_TIMEOUT_MS = 60 * 1000,
    LONGEST_TIMEOUT_MS = 5 * 60 * 1000,
    CHECK_TIMEOUT_MS = 8 * 1000,
    SPEED = 8, /* at least so much faster than speech */
};

struct config {
    const char *api_key, *base_url, *model;
};

/* What became of one request. */
struct outcome {
    int error; /* 0, or a negative code */
    bool is_temporary;
    int64_t pause_ms; /* which the server asked for */
    const char *text;
};

/* ---- the request ---- */

/* The ending decides what the server takes a file for. */
static const struct {
    const char *ending, *content_type;
} formats[] = {
    {".mp3", "audio/mpeg"}, {".ogg", "audio/ogg"}, {".flac", "audio/flac"},
    {".m4a", "audio/mp4"},  {".wav", "audio/wav"},
};

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), ending_length = strlen(ending);

    return length >= ending_length && strcasecmp(text + length - ending_length, ending) == 0;
}

static struct aisha_http_part file_part(struct aisha_ctx *ctx, const char *path)
{
    struct aisha_http_part part = {.name = "file", .path = path};

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (ends_with(path, formats[i].ending)) {
            part.file_name = aisha_printf(ctx, "speech%s", formats[i].ending);
            part.content_type = formats[i].content_type;
        }
    return part;
}

static int64_t timeout_for(int64_t duration_ms)
{
    int64_t timeout_ms = LEAST_TIMEOUT_MS + duration_ms / SPEED;

    return timeout_ms < LONGEST_TIMEOUT_MS ? timeout_ms : LONGEST_TIMEOUT_MS;
}

static const char *url_of(struct aisha_ctx *ctx, const char *base_url, const char *path)
{
    size_t length = strlen(base_url);

    while (length > 0 && base_url[length - 1] == '/')
        length--;
    return aisha_printf(ctx, "%.*s%s", (int)length, base_url, path);
}

/* ---- the answer ---- */

/* The first row that fits; NULL and 0 fit everything. */
static const struct {
    int first_status, last_status;
    const char *code; /* the error's code or type */
    int error;
    bool is_temporary;
} errors[] = {
    {401, 401, NULL, -AISHA_E_DENIED, false},
    {403, 404, NULL, -AISHA_E_DENIED, false}, /* a country, a permission, an unknown model */
    {408, 409, NULL, -AISHA_E_UPSTREAM, true},
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
    if (should_retry)
        outcome->is_temporary = strcmp(should_retry, "true") == 0;
}

/* Whole milliseconds or seconds; 0 when there are none (a date is not worth reading). */
static int64_t pause_of(const struct aisha_http_response *answer)
{
    static const struct {
        const char *header;
        double unit_ms;
    } headers[] = {{"retry-after-ms", 1}, {"retry-after", 1000}};

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const char *value = aisha_http_header(answer, headers[i].header);
        char *end = NULL;
        double pause_ms = value ? strtod(value, &end) * headers[i].unit_ms : 0;
        if (value && end != value && *end == '\0' && pause_ms > 0)
            return pause_ms > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS + 1 : (int64_t)pause_ms;
    }
    return 0;
}

/* A server may repeat the key in what it says about it. */
static const char *printable(const struct config *config, const char *text)
{
    return !text || !*text || strstr(text, config->api_key) ? "-" : text;
}

static void log_refusal(struct aisha_ctx *ctx, const struct config *config,
                        const struct aisha_http_response *answer, const struct outcome *outcome,
                        const char *code, const char *message)
{
    const char *id = aisha_http_header(answer, "x-request-id");
    const char *advice = answer->status == 401 ? "; check OPENAI_API_KEY" : "";

    aisha_log(ctx, outcome->is_temporary ? AISHA_LOG_WARN : AISHA_LOG_ERROR,
              "transcription refused: status=%d code=%.64s request=%.64s %.200s%s", answer->status,
              printable(config, code), printable(config, id),
              /* of a key, even what is left out of it */
              answer->status == 401 ? "-" : printable(config, message), advice);
}

/* {"text": "…"}, or {"error": {"message", "type", "code"}} or whatever else servers say. */
static struct outcome read_answer(struct aisha_ctx *ctx, const struct config *config,
                                  const struct aisha_http_response *answer)
{
    const struct aisha_json *json = aisha_json_parse(ctx, answer->body, answer->body_size);
    struct outcome outcome = {.text = aisha_json_text(json, "text")};

    if (answer->status == 200 && outcome.text)
        return outcome;
    const char *code = aisha_json_text(json, "error.code");
    const char *type = aisha_json_text(json, "error.type");
    classify(answer, code, type, &outcome);
    outcome.pause_ms = pause_of(answer);
    log_refusal(ctx, config, answer, &outcome, code ? code : type,
                aisha_json_text(json, "error.message"));
    return outcome;
}

static AISHA_ASYNC struct outcome try_once(struct aisha_ctx *ctx, const struct config *config,
                                           const struct aisha_speech_request *request)
{
    const char *const headers[] = {
        aisha_printf(ctx, "Authorization: Bearer %s", config->api_key),
        NULL,
    };
    const struct aisha_http_part parts[] = {
        file_part(ctx, request->path),
        {.name = "model", .text = config->model},
        {.name = "response_format", .text = "json"},
        {.name = "language", .text = request->language},
    };
    const struct aisha_http_response *answer;

    int r =
        aisha_http(ctx, &answer, .url = url_of(ctx, config->base_url, "/audio/transcriptions"),
                   .headers = headers, .parts = parts,
                   .part_count = sizeof parts / sizeof *parts - (request->language ? 0 : 1),
                   .timeout_ms = timeout_for(request->duration_ms), .max_body_bytes = ANSWER_BYTES);
    if (r == 0)
        return read_answer(ctx, config, answer);
    if (r != -AISHA_E_CANCELED)
        aisha_log(ctx, AISHA_LOG_WARN, "transcription failed: %s", aisha_error_text(r));
    /* What timed out may have been done, and paid for: it is not sent again. */
    return (struct outcome){.error = r == -AISHA_E_INVALID ? -AISHA_E_DENIED : r, /* key or URL */
                            .is_temporary = r == -AISHA_E_UNAVAILABLE};
}

static AISHA_ASYNC int transcribe(struct aisha_ctx *ctx,
                                  const struct aisha_speech_result **ret_result,
                                  const struct aisha_speech_request *request)
{
    const struct config *config = aisha_config(ctx);
    struct aisha_speech_result *result = aisha_alloc(ctx, sizeof *result);
    struct outcome outcome;

    if (!*config->api_key) {
        aisha_log(ctx, AISHA_LOG_ERROR, "there is no key: set OPENAI_API_KEY");
        return -AISHA_E_DENIED;
    }
    for (int try = 1;; try++) {
        outcome = try_once(ctx, config, request);
        if (!outcome.is_temporary || try == MAX_TRIES || outcome.pause_ms > LONGEST_PAUSE_MS)
            break;
        int r = aisha_sleep(ctx, outcome.pause_ms ? outcome.pause_ms : FIRST_PAUSE_MS << try);
        if (r < 0)
            return r;
    }
    if (outcome.error < 0)
        return outcome.error;
    *result = (struct aisha_speech_result){
        .size = sizeof *result, .text = outcome.text, .model = config->model};
    *ret_result = result;
    return 0;
}

/* Asks for the models, which costs nothing. A compatible server may have no list of them. */
static AISHA_ASYNC int check_key(struct aisha_ctx *ctx)
{
    const struct config *config = aisha_config(ctx);
    const struct aisha_http_response *answer;

    if (!*config->api_key)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING, .text = "there is no key",
                            .advice = "set OPENAI_API_KEY; until then nothing is transcribed");
    const char *const headers[] = {
        aisha_printf(ctx, "Authorization: Bearer %s", config->api_key),
        NULL,
    };
    int r = aisha_http(ctx, &answer, .url = url_of(ctx, config->base_url, "/models"),
                       .headers = headers, .timeout_ms = CHECK_TIMEOUT_MS,
                       .max_body_bytes = ANSWER_BYTES);
    if (r < 0)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING,
                            .text = aisha_printf(ctx, "no answer: %s", aisha_error_text(r)),
                            .advice = "look at OPENAI_BASE_URL and the network");
    if (answer->status == 401 || answer->status == 403)
        return aisha_health(ctx, .state = AISHA_HEALTH_FAILED, .text = "the key is refused",
                            .advice =
                                "make one at platform.openai.com, put it into OPENAI_API_KEY");
    if (answer->status >= 500)
        return aisha_health(ctx, .state = AISHA_HEALTH_WARNING,
                            .text = aisha_printf(ctx, "the server answers %d", answer->status),
                            .advice = "it is not you; see status.openai.com");
    return 0;
}

static const struct aisha_option options[] = {
    AISHA_OPTION(struct config, api_key, .value = "", .is_secret = true,
                 .summary = "the key; nothing works without one"),
    AISHA_OPTION(struct config, base_url, .value = "https://api.openai.com/v1",
                 .summary = "OpenAI, or a server that speaks its protocol"),
    AISHA_OPTION(struct config, model, .value = "gpt-transcribe",
                 .summary = "the model that transcribes"),
};

static const struct aisha_speech_functions speech = {.size = sizeof speech,
                                                     .transcribe = transcribe};

static const struct aisha_service services[] = {
    {.name = "speech", .version = 1, .functions = &speech},
};

static const struct aisha_health_check health[] = {
    {.name = "key", .run = check_key},
};

AISHA_PLUGIN(.name = "openai", .version = "1.0", .summary = "Speech recognition by OpenAI",
             .config_size = sizeof(struct config), .options = AISHA_TABLE(options),
             .provides = AISHA_TABLE(services), .health = AISHA_TABLE(health))

/*
 * Request, envelope, retries. The URL holds the token, so no message here ever contains it.
 */
#include "host/telegram/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>
#include <aisha/http.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/http_client.h"
#include "host/telegram/api.h"
#include "host/telegram/codec.h"
#include "host/telegram/outbound.h"

enum {
    MAX_ANSWER_BYTES = 64 * 1024 * 1024, /* 100 updates of 512 KiB, and room */
    CALL_TIMEOUT_MS = 30000,
    UPLOAD_TIMEOUT_MS = 180000,
    DOWNLOAD_TIMEOUT_MS = 120000,
    MAX_TRIES = 8,
    MAX_PAUSE_MS = 15000,
    MAX_PATIENCE_S = 120, /* a longer retry_after is an error for the caller */
    BOT_API_DOWNLOAD_BYTES = 20 << 20,
};

struct telegram {
    struct loop *loop;
    struct http_client *http;
    struct outbound *outbound;
    char *token;
    char *base; /* ends before the method: ".../bot<token>/" */
    char *file_base;
};

int telegram_new(struct telegram **ret_telegram, struct loop *loop, struct http_client *http,
                 const struct telegram_options *options)
{
    struct telegram *telegram = calloc(1, sizeof *telegram);
    const struct outbound_options limits = {.rate = options->rate, .chat_rate = options->chat_rate};
    size_t length = strlen(options->api_url);

    if (!telegram)
        return -ENOMEM;
    while (length > 0 && options->api_url[length - 1] == '/')
        length--;
    *telegram = (struct telegram){.loop = loop, .http = http, .token = strdup(options->token)};
    if (!telegram->token)
        abort();
    if (asprintf(&telegram->base, "%.*s/bot%s/", (int)length, options->api_url, options->token) < 0)
        abort();
    if (asprintf(&telegram->file_base, "%.*s/file/bot%s/", (int)length, options->api_url,
                 options->token) < 0)
        abort();
    int r = outbound_new(&telegram->outbound, loop, &limits);
    if (r < 0) {
        telegram_free(telegram);
        return r;
    }
    *ret_telegram = telegram;
    return 0;
}

void telegram_free(struct telegram *telegram)
{
    if (!telegram)
        return;
    outbound_free(telegram->outbound);
    free(telegram->token);
    free(telegram->base);
    free(telegram->file_base);
    free(telegram);
}

/* ---- one request ---- */

static void delete_json(void *json)
{
    cJSON_Delete(json);
}

static int64_t parameter(const cJSON *answer, const char *name)
{
    const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(answer, "parameters");

    return codec_integer(cJSON_GetObjectItemCaseSensitive(parameters, name));
}

/* A server that does not know our URL may quote it. */
static void hide_token(const struct telegram *telegram, char *text)
{
    size_t length = strlen(telegram->token);

    for (char *at = text; length > 0 && (at = strstr(at, telegram->token)); at += length)
        memset(at, '*', length);
}

/* {"ok":true,"result":…} or {"ok":false,"error_code":…,"description":…}, else it is not Telegram. */
static int read_envelope(const struct telegram *telegram, struct arena *arena,
                         const struct aisha_http_response *answer, const cJSON **ret_result,
                         struct telegram_failure *failure)
{
    cJSON *json;

    failure->error_code = answer->status;
    failure->body = answer->body;
    if (codec_parse(answer->body, answer->body_size, &json) < 0)
        return -AISHA_E_UPSTREAM;
    arena_defer(arena, delete_json, json);
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(json, "result");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ok")) && result) {
        *failure = (struct telegram_failure){0};
        *ret_result = result;
        return 0;
    }
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "error_code");
    const cJSON *description = cJSON_GetObjectItemCaseSensitive(json, "description");
    if (!cJSON_IsNumber(code) || !cJSON_IsString(description))
        return -AISHA_E_UPSTREAM;
    hide_token(telegram, description->valuestring);
    int64_t retry_after_s = parameter(json, "retry_after");
    *failure = (struct telegram_failure){
        .error_code = code->valueint,
        .description = arena_strdup(arena, description->valuestring),
        .retry_after_s = retry_after_s > 0 ? retry_after_s : 0,
        .migrate_to_chat_id = parameter(json, "migrate_to_chat_id"),
    };
    return -AISHA_E_TELEGRAM;
}

static struct aisha_http_part to_http_part(const struct codec_part *part)
{
    struct aisha_http_part http = {.name = part->name, .text = part->value};

    if (part->file) {
        http.bytes = part->file->bytes;
        http.bytes_size = part->file->bytes_size;
        http.path = part->file->path;
        http.file_name = part->file->file_name ? part->file->file_name : "file";
        http.content_type = part->file->mime_type;
    }
    return http;
}

/* Slots of their own: an upload takes long, and answers to queries cannot wait ("" = the others). */
static const char *purpose_of(const char *method, const struct codec_body *body)
{
    if (strcmp(method, "getUpdates") == 0)
        return " poll";
    if (strncasecmp(method, "answer", strlen("answer")) == 0)
        return " answer";
    return body->parts ? " upload" : "";
}

int telegram_request(struct telegram *telegram, struct arena *arena, const char *method,
                     const struct codec_body *body, int64_t timeout_ms, const cJSON **ret_result,
                     struct telegram_failure *failure)
{
    static const char *const json_headers[] = {"Content-Type: application/json", NULL};
    const struct aisha_http_response *answer;
    const char *error = "";
    struct aisha_http_request request = {
        .size = sizeof request,
        .method = "POST",
        .url = arena_printf(arena, "%s%s", telegram->base, method),
        .timeout_ms = timeout_ms,
        .max_body_bytes = MAX_ANSWER_BYTES,
    };

    *failure = (struct telegram_failure){0};
    if (body->parts) {
        struct aisha_http_part *parts = arena_alloc(arena, body->part_count * sizeof *parts);
        for (size_t i = 0; i < body->part_count; i++)
            parts[i] = to_http_part(&body->parts[i]);
        request.parts = parts;
        request.part_count = body->part_count;
    } else {
        request.headers = json_headers;
        request.body = body->json;
        request.body_size = strlen(body->json);
    }
    int r = http_client_fetch_as(telegram->http, purpose_of(method, body), arena, &request, &answer,
                                 &error);
    if (r < 0) {
        failure->description = error;
        return r;
    }
    return read_envelope(telegram, arena, answer, ret_result, failure);
}

/* ---- a call, with its turn and its retries ---- */

static bool is_transient(int r, const struct telegram_failure *failure)
{
    switch (-r) {
    case AISHA_E_UNAVAILABLE:
    case AISHA_E_TIMEOUT:
        return true;
    case AISHA_E_UPSTREAM: /* a proxy's page, half an answer */
        return failure->error_code == 0 || failure->error_code == 200 || failure->error_code >= 500;
    case AISHA_E_TELEGRAM:
        return (failure->error_code >= 500 && failure->error_code != 501) ||
               failure->error_code == 421 ||
               (failure->error_code == 429 && failure->retry_after_s <= MAX_PATIENCE_S);
    default:
        return false;
    }
}

static int64_t pause_before(int try, const struct telegram_failure *failure)
{
    if (failure->error_code == 429)
        return failure->retry_after_s * 1000 + 200;
    int64_t pause_ms = 250LL << try;
    return pause_ms < MAX_PAUSE_MS ? pause_ms : MAX_PAUSE_MS;
}

static AISHA_ASYNC int request_with_retries(struct telegram *telegram, struct arena *arena,
                                            const char *method, const struct codec_body *body,
                                            const cJSON **ret_result,
                                            struct telegram_failure *failure)
{
    int64_t timeout_ms = body->parts ? UPLOAD_TIMEOUT_MS : CALL_TIMEOUT_MS;

    for (int try = 1;; try++) {
        int r = telegram_request(telegram, arena, method, body, timeout_ms, ret_result, failure);
        if (r == 0 || !is_transient(r, failure) || try == MAX_TRIES)
            return r;
        int64_t pause_ms = pause_before(try, failure);
        log_warn("telegram", "method=%s try=%d code=%d %s, next try in %lld ms", method, try,
                 failure->error_code,
                 failure->description ? failure->description : aisha_error_text(r),
                 (long long)pause_ms);
        int slept = wait_sleep(telegram->loop, pause_ms);
        if (slept < 0)
            return slept;
    }
}

static AISHA_ASYNC int request_in_turn(struct telegram *telegram, struct arena *arena,
                                       const char *method, int64_t chat_id,
                                       const struct codec_body *body, const cJSON **ret_result,
                                       struct telegram_failure *failure)
{
    if (chat_id == 0 || strncasecmp(method, "get", 3) == 0)
        return request_with_retries(telegram, arena, method, body, ret_result, failure);
    int r = outbound_enter(telegram->outbound, chat_id);
    if (r < 0)
        return r;
    r = request_with_retries(telegram, arena, method, body, ret_result, failure);
    outbound_leave(telegram->outbound, chat_id);
    return r;
}

/* The chat_id member of a params struct; 0 when there is none or it is a name. */
static int64_t chat_of(const struct api_type *type, const void *params)
{
    size_t size = params ? *(const size_t *)params : 0;

    for (size_t i = 0; type && i < type->field_count; i++) {
        const struct api_field *field = &type->fields[i];
        if (strcmp(field->name, "chat_id") == 0 && field->offset + sizeof(int64_t) <= size)
            return *(const int64_t *)((const char *)params + field->offset);
    }
    return 0;
}

static AISHA_PRINTF(4, 5) int explain(struct arena *arena, struct telegram_failure *failure, int r,
                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    failure->description = arena_vprintf(arena, format, args);
    va_end(args);
    return r;
}

int telegram_call(struct telegram *telegram, struct arena *arena, const char *name,
                  const void *params, void *ret, struct telegram_failure *failure)
{
    const struct api_method *method = api_find_method(name);
    struct codec_body body;
    const char *field = NULL;
    const cJSON *result;

    *failure = (struct telegram_failure){0};
    if (!method)
        return explain(arena, failure, -AISHA_E_INVALID, "this host does not know the method %s",
                       name);
    int r = codec_write(arena, method, params, &body, &field);
    if (r < 0)
        return explain(arena, failure, r, "the parameter %s is missing or wrong",
                       field ? field : "");
    r = request_in_turn(telegram, arena, name, chat_of(method->params, params), &body, &result,
                        failure);
    return r < 0 ? r : codec_read_result(arena, method, result, ret);
}

int telegram_call_json(struct telegram *telegram, struct arena *arena, const char *method,
                       const char *json, const char **ret_json, struct telegram_failure *failure)
{
    const struct codec_body body = {.json = json};
    const cJSON *result;
    cJSON *params = NULL;

    *failure = (struct telegram_failure){0};
    int r = codec_parse(json, strlen(json), &params);
    arena_defer(arena, delete_json, params);
    if (r < 0 || !cJSON_IsObject(params))
        return explain(arena, failure, -AISHA_E_INVALID, "the parameters of %s are no JSON object",
                       method);
    if (!*method ||
        strspn(method, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") !=
            strlen(method))
        return explain(arena, failure, -AISHA_E_INVALID, "%s cannot be a method", method);
    r = request_in_turn(telegram, arena, method,
                        codec_integer(cJSON_GetObjectItemCaseSensitive(params, "chat_id")), &body,
                        &result, failure);
    if (r == 0 && ret_json) {
        char *text = cJSON_PrintUnformatted(result);
        if (!text)
            abort();
        arena_defer(arena, free, text);
        *ret_json = text;
    }
    return r;
}

/* ---- files ---- */

static bool is_safe_path(const char *path)
{
    for (const char *c = path; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return path[0] && path[0] != '/' && !strstr(path, "..") && !strpbrk(path, "?#\\") &&
           strlen(path) < 512;
}

int telegram_download(struct telegram *telegram, struct arena *arena, const char *file_id,
                      int64_t max_bytes, const char *path, struct telegram_failure *failure)
{
    const struct aisha_get_file_params params = {.size = sizeof params, .file_id = file_id};
    const struct aisha_telegram_file *file;
    const struct aisha_http_response *answer;
    const char *error;

    if (max_bytes <= 0 || max_bytes > BOT_API_DOWNLOAD_BYTES)
        max_bytes = BOT_API_DOWNLOAD_BYTES;
    int r = telegram_call(telegram, arena, "getFile", &params, &file, failure);
    if (r == -AISHA_E_TELEGRAM && strcasestr(failure->description, "file is too big"))
        return -AISHA_E_LIMIT;
    if (r < 0)
        return r;
    if (file->file_size > max_bytes)
        return -AISHA_E_LIMIT;
    if (!file->file_path || !is_safe_path(file->file_path))
        return explain(arena, failure, -AISHA_E_UPSTREAM, "getFile gave no path");
    const struct aisha_http_request request = {
        .size = sizeof request,
        .url = arena_printf(arena, "%s%s", telegram->file_base, file->file_path),
        .timeout_ms = DOWNLOAD_TIMEOUT_MS,
        .max_body_bytes = (size_t)max_bytes,
        .save_path = path,
    };
    r = http_client_fetch_as(telegram->http, " file", arena, &request, &answer, &error);
    if (r < 0)
        failure->description = error;
    if (r == 0 && answer->status != 200) {
        unlink(path); /* of another 2xx */
        failure->error_code = answer->status;
        return explain(arena, failure, -AISHA_E_UPSTREAM, "the download was refused");
    }
    return r;
}

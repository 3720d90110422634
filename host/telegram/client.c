/*
 * Request, envelope, download. The URL holds the token, so no message here ever contains it.
 */
#include "host/telegram/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>
#include <aisha/http.h>

#include "host/core/arena.h"
#include "host/core/wait.h"
#include "host/io/http_client.h"
#include "host/telegram/client_internal.h"
#include "host/telegram/codec.h"
#include "host/telegram/outbound.h"

enum {
    MAX_ANSWER_BYTES = 64 * 1024 * 1024, /* 100 updates of 512 KiB, and room */
    DOWNLOAD_TIMEOUT_MS = 120000,
    DOWNLOAD_TRIES = 3,
    DOWNLOAD_PAUSE_MS = 200, /* twice as long after the second one */
    BOT_API_DOWNLOAD_BYTES = 20 << 20,
    LOCAL_DOWNLOAD_BYTES = 2000 << 20,
};

int telegram_new(struct telegram **ret_telegram, struct loop *loop, struct http_client *http,
                 const struct telegram_options *options)
{
    struct telegram *telegram = calloc(1, sizeof *telegram);
    size_t length = strlen(options->api_url);

    if (!telegram)
        return -ENOMEM;
    while (length > 0 && options->api_url[length - 1] == '/')
        length--;
    *telegram = (struct telegram){
        .loop = loop, .http = http, .token = strdup(options->token), .is_local = options->is_local};
    TAILQ_INIT(&telegram->uploading);
    if (!telegram->token)
        abort();
    if (asprintf(&telegram->base, "%.*s/bot%s/", (int)length, options->api_url, options->token) < 0)
        abort();
    if (asprintf(&telegram->file_base, "%.*s/file/bot%s/", (int)length, options->api_url,
                 options->token) < 0)
        abort();
    int r = outbound_new(&telegram->outbound, loop, &options->limits);
    if (r < 0) {
        telegram_free(telegram);
        return r;
    }
    *ret_telegram = telegram;
    return 0;
}

struct outbound *telegram_outbound(const struct telegram *telegram)
{
    return telegram->outbound;
}

void telegram_set_memory(struct telegram *telegram, const struct telegram_memory *memory,
                         void *user)
{
    telegram->memory = memory;
    telegram->memory_user = user;
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

static cJSON *result_of(const cJSON *envelope)
{
    return cJSON_GetObjectItemCaseSensitive(envelope, "result");
}

/* {"ok":true,"result":…} or {"ok":false,"error_code":…,"description":…}, else it is not Telegram. */
static int read_envelope(const struct telegram *telegram, struct arena *arena,
                         const struct aisha_http_response *answer, cJSON **ret_envelope,
                         struct telegram_failure *failure)
{
    cJSON *json;

    failure->error_code = answer->status;
    failure->body = answer->body;
    if (codec_parse(answer->body, answer->body_size, &json) < 0)
        return -AISHA_E_UPSTREAM;
    arena_defer(arena, delete_json, json);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ok")) && result_of(json)) {
        *failure = (struct telegram_failure){0};
        *ret_envelope = json;
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

static const char *url_of(const struct telegram *telegram, struct arena *arena, const char *method)
{
    char *url = arena_alloc(arena, strlen(telegram->base) + strlen(method) + 1);

    stpcpy(stpcpy(url, telegram->base), method);
    return url;
}

static AISHA_ASYNC int fetch(struct telegram *telegram, struct arena *arena, const char *method,
                             const struct codec_body *body, int64_t timeout_ms,
                             const struct aisha_http_response **ret_answer,
                             struct telegram_failure *failure)
{
    static const char *const json_headers[] = {"Content-Type: application/json", NULL};
    const char *error = "";
    struct aisha_http_request request = {
        .size = sizeof request,
        .method = "POST",
        .url = url_of(telegram, arena, method),
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
    int r = http_client_fetch_as(telegram->http, purpose_of(method, body), arena, &request,
                                 ret_answer, &error);
    if (r < 0)
        failure->description = error;
    return r;
}

/* How every success begins, if not by the specification. */
static const char success[] = "{\"ok\":true,\"result\":";

/* Then *ret_size is how much of the body there is up to the last brace. */
static bool is_success(const struct aisha_http_response *answer, size_t *ret_size)
{
    size_t size = answer->body_size;

    while (size > 0 && answer->body[size - 1] != '}')
        size--;
    *ret_size = size;
    return answer->status == 200 && size >= sizeof success &&
           memcmp(answer->body, success, sizeof success - 1) == 0;
}

/* failure->error_code is the status when there was an answer at all. */
static void count(struct telegram *telegram, int r, const struct telegram_failure *failure)
{
    if (r == 0)
        telegram->counts[TELEGRAM_OK]++;
    else if (failure->error_code == 429)
        telegram->counts[TELEGRAM_FLOOD]++;
    else if (failure->error_code)
        telegram->counts[TELEGRAM_ERROR]++;
    else if (r != -AISHA_E_CANCELED)
        telegram->counts[TELEGRAM_UNREACHED]++;
}

uint64_t telegram_count(const struct telegram *telegram, enum telegram_outcome outcome)
{
    return telegram->counts[outcome];
}

/* ret_envelope NULL: it is not needed. */
static AISHA_ASYNC int ask(struct telegram *telegram, struct arena *arena, const char *method,
                           const struct codec_body *body, int64_t timeout_ms,
                           const struct aisha_http_response **ret_answer, cJSON **ret_envelope,
                           struct telegram_failure *failure)
{
    cJSON *unneeded;
    size_t size;

    int r = fetch(telegram, arena, method, body, timeout_ms, ret_answer, failure);
    if (r == 0 && (ret_envelope || !is_success(*ret_answer, &size)))
        r = read_envelope(telegram, arena, *ret_answer, ret_envelope ? ret_envelope : &unneeded,
                          failure);
    count(telegram, r, failure);
    return r;
}

int telegram_request(struct telegram *telegram, struct arena *arena, const char *method,
                     const struct codec_body *body, int64_t timeout_ms, const cJSON **ret_result,
                     struct telegram_failure *failure)
{
    const struct aisha_http_response *answer;
    cJSON *envelope;

    int r = ask(telegram, arena, method, body, timeout_ms, &answer, ret_result ? &envelope : NULL,
                failure);
    if (r == 0 && ret_result)
        *ret_result = result_of(envelope);
    return r;
}

/* The result as it came; NULL when the envelope does not look as it always does. */
static const char *text_of_result(struct arena *arena, const struct aisha_http_response *answer,
                                  const cJSON *result)
{
    const size_t before = sizeof success - 1;
    size_t size;

    if (result->next || !is_success(answer, &size))
        return NULL;
    return arena_strndup(arena, answer->body + before, size - 1 - before);
}

int telegram_get_updates(struct telegram *telegram, struct arena *arena, const char *params,
                         int64_t timeout_ms, cJSON **ret_updates, const char **ret_text,
                         struct telegram_failure *failure)
{
    const struct codec_body body = {.json = params};
    const struct aisha_http_response *answer;
    cJSON *envelope;

    int r = ask(telegram, arena, "getUpdates", &body, timeout_ms, &answer, &envelope, failure);
    if (r < 0)
        return r;
    cJSON *result = result_of(envelope);
    if (!cJSON_IsArray(result))
        return -AISHA_E_UPSTREAM;
    *ret_text = text_of_result(arena, answer, result);
    *ret_updates = cJSON_DetachItemViaPointer(envelope, result);
    return 0;
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

/* The file lies on a disk of this machine and belongs to the Bot API server: path becomes a link. */
static int link_local(const char *file_path, int64_t max_bytes, const char *path,
                      struct telegram_failure *failure)
{
    struct stat info;

    if (stat(file_path, &info) < 0 || !S_ISREG(info.st_mode) || access(file_path, R_OK) < 0) {
        failure->description = "the file that getFile names cannot be read here: does the Bot API "
                               "server run on this machine, with --local?";
        return -AISHA_E_UPSTREAM;
    }
    if (info.st_size > max_bytes)
        return -AISHA_E_LIMIT;
    return symlink(file_path, path) < 0 ? -errno : 0;
}

static AISHA_ASYNC int fetch_file(struct telegram *telegram, struct arena *arena,
                                  const char *file_path, int64_t max_bytes, const char *path,
                                  struct telegram_failure *failure)
{
    const struct aisha_http_response *answer;
    const char *error;
    const struct aisha_http_request request = {
        .size = sizeof request,
        .url = arena_printf(arena, "%s%s", telegram->file_base, file_path),
        .timeout_ms = DOWNLOAD_TIMEOUT_MS,
        .max_body_bytes = (size_t)max_bytes,
        .save_path = path,
    };

    int r = http_client_fetch_as(telegram->http, " file", arena, &request, &answer, &error);
    if (r < 0)
        failure->description = error;
    if (r == 0 && answer->status != 200) {
        unlink(path); /* of another 2xx */
        failure->error_code = answer->status;
        failure->description = "the download was refused";
        return -AISHA_E_UPSTREAM;
    }
    return r;
}

/* Broken off before or in the middle of the answer, or refused by a server in trouble. */
static bool may_work_later(int r, const struct telegram_failure *failure)
{
    return r == -AISHA_E_UNAVAILABLE ||
           (r == -AISHA_E_UPSTREAM && (failure->error_code == 0 || failure->error_code >= 500));
}

static AISHA_ASYNC int fetch_file_patiently(struct telegram *telegram, struct arena *arena,
                                            const char *file_path, int64_t max_bytes,
                                            const char *path, struct telegram_failure *failure)
{
    for (int try = 1;; try++) {
        failure->error_code = 0;
        int r = fetch_file(telegram, arena, file_path, max_bytes, path, failure);
        if (try == DOWNLOAD_TRIES || !may_work_later(r, failure))
            return r;
        r = wait_sleep(telegram->loop, (int64_t)DOWNLOAD_PAUSE_MS << (try - 1));
        if (r < 0)
            return r;
    }
}

int telegram_download(struct telegram *telegram, struct arena *arena, const char *file_id,
                      int64_t max_bytes, const char *path, struct telegram_failure *failure)
{
    const struct aisha_get_file_params params = {.size = sizeof params, .file_id = file_id};
    const int64_t most = telegram->is_local ? LOCAL_DOWNLOAD_BYTES : BOT_API_DOWNLOAD_BYTES;
    const struct aisha_telegram_file *file;

    if (max_bytes <= 0 || max_bytes > most)
        max_bytes = most;
    int r = telegram_call(telegram, arena, "getFile", &params, &file, failure);
    if (r == -AISHA_E_TELEGRAM && strcasestr(failure->description, "file is too big"))
        return -AISHA_E_LIMIT;
    if (r < 0)
        return r;
    if (file->file_size > max_bytes)
        return -AISHA_E_LIMIT;
    if (telegram->is_local && file->file_path && file->file_path[0] == '/')
        return link_local(file->file_path, max_bytes, path, failure);
    if (!file->file_path || !is_safe_path(file->file_path)) {
        failure->description = "getFile gave no path";
        return -AISHA_E_UPSTREAM;
    }
    return fetch_file_patiently(telegram, arena, file->file_path, max_bytes, path, failure);
}

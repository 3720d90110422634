/*
 * OpenAI's transcription endpoint. It decodes what it receives and says what it heard; the words
 * are the sandbox's own, clearly marked, unless a test has scripted them.
 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/audio.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/params.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LARGEST_FILE = 25 * 1024 * 1024 };

static const double shortest_seconds = 0.1;

static const char *const models[] = {"gpt-transcribe", "whisper-1", "gpt-4o-transcribe",
                                     "gpt-4o-mini-transcribe"};

/* What the format of the bytes must be for each extension; NULL = the sandbox cannot decode it. */
static const struct {
    const char *extension, *format;
} formats[] = {
    {"flac", "flac"}, {"mp3", "mp3"}, {"mpeg", "mp3"}, {"mpga", "mp3"}, {"ogg", "ogg"},
    {"wav", "wav"},   {"mp4", NULL},  {"m4a", NULL},   {"webm", NULL},
};

struct transcription {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct arena *arena;
    struct params params;
    const struct upload *file;
    struct audio_info info;
    int status; /* for the log */
    const char *response;
};

static void respond(struct transcription *t, int status, const char *type, const char *body)
{
    t->status = status;
    t->response = body;
    http_exchange_add_header(t->exchange, "x-request-id",
                             arena_printf(t->arena, "req_%s", world_random_name(t->arena)));
    http_exchange_respond(t->exchange, status, type, body, strlen(body));
}

/* Always false, for `return fail(…)`. */
static bool fail(struct transcription *t, int status, const char *param, const char *code,
                 const char *message)
{
    cJSON *body = json_keep(t->arena, cJSON_CreateObject());
    cJSON *error = cJSON_AddObjectToObject(body, "error");

    json_set_text(error, "message", message);
    json_set_text(error, "type", status >= 500 ? "server_error" : "invalid_request_error");
    json_set(error, "param", param ? cJSON_CreateString(param) : cJSON_CreateNull());
    json_set(error, "code", code ? cJSON_CreateString(code) : cJSON_CreateNull());
    respond(t, status, "application/json", json_text(t->arena, body));
    return false;
}

static bool is_authorized(struct transcription *t)
{
    const char *header = http_exchange_header(t->exchange, "authorization");

    if (header && strncasecmp(header, "Bearer ", 7) == 0 && header[7 + strspn(header + 7, " ")])
        return true;
    return fail(t, 401, NULL, "invalid_api_key",
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).");
}

static bool check_model(struct transcription *t)
{
    const char *model = json_get_text(t->params.values, "model");
    const char *format = json_get_text(t->params.values, "response_format");
    bool is_whisper = model && strcmp(model, "whisper-1") == 0;
    size_t i = 0, count = sizeof models / sizeof *models;

    if (!model || !*model)
        return fail(t, 400, "model", NULL, "you must provide a model parameter");
    while (i < count && strcmp(models[i], model) != 0)
        i++;
    if (i == count)
        return fail(t, 404, NULL, "model_not_found",
                    arena_printf(t->arena,
                                 "The model `%s` does not exist or you do not have access to it.",
                                 model));
    if (!format || strcmp(format, "json") == 0 || strcmp(format, "text") == 0 ||
        (is_whisper && strcmp(format, "verbose_json") == 0))
        return true;
    return fail(t, 400, "response_format", "unsupported_value",
                arena_printf(t->arena,
                             "response_format '%s' is not compatible with model '%s'. Use 'json' "
                             "or 'text' instead.",
                             format, model));
}

static bool check_language(struct transcription *t)
{
    const char *language = json_get_text(t->params.values, "language");

    if (!language || !*language ||
        (strlen(language) == 2 && strspn(language, "abcdefghijklmnopqrstuvwxyz") == 2))
        return true;
    return fail(t, 400, "language", "invalid_language_format",
                arena_printf(t->arena,
                             "Invalid language '%s'. Language parameter must be specified in "
                             "ISO-639-1 format.",
                             language));
}

static int inspect(void *arg)
{
    struct transcription *t = arg;

    return audio_inspect(t->file->bytes, t->file->size, &t->info);
}

/* Decodes the file; its name's extension must be one of the list, and must not lie. */
static AISHA_ASYNC bool hear(struct transcription *t)
{
    const char *dot = t->file->file_name ? strrchr(t->file->file_name, '.') : NULL;
    size_t i = 0, count = sizeof formats / sizeof *formats;

    while (dot && i < count && strcasecmp(formats[i].extension, dot + 1) != 0)
        i++;
    if (!dot || i == count)
        return fail(t, 400, NULL, NULL,
                    "Invalid file format. Supported formats: ['flac', 'm4a', 'mp3', 'mp4', "
                    "'mpeg', 'mpga', 'ogg', 'wav', 'webm']");
    if (t->file->size > LARGEST_FILE)
        return fail(t, 413, NULL, NULL,
                    arena_printf(t->arena,
                                 "Maximum content size limit (%d) exceeded (%zu bytes read)",
                                 LARGEST_FILE, t->file->size));
    int r = workers_run(t->sandbox->workers, inspect, t);
    if (r < 0 || !formats[i].format || strcmp(formats[i].format, t->info.format) != 0)
        return fail(t, 400, "file", "invalid_value",
                    "Audio file might be corrupted or unsupported");
    if (t->info.seconds < shortest_seconds)
        return fail(t, 400, "file", "audio_too_short",
                    "Audio file is too short. Minimum audio length is 0.1 seconds.");
    return true;
}

/* The next scripted text, or what was heard. */
static const char *text_of(struct transcription *t)
{
    cJSON *scripted = cJSON_DetachItemFromArray(t->sandbox->transcripts, 0);

    if (scripted)
        return json_keep(t->arena, scripted)->valuestring;
    return arena_printf(t->arena, "[sandbox] heard %.1f s of audio, %u %s", t->info.seconds,
                        t->info.phrases, t->info.phrases == 1 ? "phrase" : "phrases");
}

static cJSON *one_segment(double seconds, const char *text)
{
    cJSON *segments = cJSON_CreateArray(), *segment = cJSON_CreateObject();

    json_set_int(segment, "id", 0);
    json_set_int(segment, "seek", 0);
    json_set_int(segment, "start", 0);
    json_set(segment, "end", cJSON_CreateNumber(seconds));
    json_set_text(segment, "text", text);
    json_set(segment, "tokens", cJSON_CreateArray());
    json_set_int(segment, "temperature", 0);
    json_set(segment, "avg_logprob", cJSON_CreateNumber(-0.1));
    json_set_int(segment, "compression_ratio", 1);
    json_set_int(segment, "no_speech_prob", 0);
    cJSON_AddItemToArray(segments, segment);
    return segments;
}

static void respond_text(struct transcription *t, const char *text)
{
    const char *format = json_get_text(t->params.values, "response_format");
    const char *language = json_get_text(t->params.values, "language");
    cJSON *body = json_keep(t->arena, cJSON_CreateObject());

    if (format && strcmp(format, "text") == 0) {
        respond(t, 200, "text/plain; charset=utf-8", arena_printf(t->arena, "%s\n", text));
        return;
    }
    json_set_text(body, "text", text);
    if (format && strcmp(format, "verbose_json") == 0) {
        json_set_text(body, "task", "transcribe");
        json_set_text(body, "language", language && *language ? language : "english");
        json_set(body, "duration", cJSON_CreateNumber(t->info.seconds));
        json_set(body, "segments", one_segment(t->info.seconds, text));
    }
    cJSON *usage = cJSON_AddObjectToObject(body, "usage");
    json_set_text(usage, "type", "duration");
    json_set_int(usage, "seconds", (int64_t)ceil(t->info.seconds));
    respond(t, 200, "application/json", json_text(t->arena, body));
}

static AISHA_ASYNC void transcribe(struct transcription *t)
{
    struct sandbox *sandbox = t->sandbox;
    const struct fault *fault = faults_take(sandbox->faults, t->arena, "transcription");

    t->params.values = json_keep(t->arena, cJSON_CreateObject());
    int status = params_read(t->arena, t->exchange, &t->params);
    if (fault && sandbox_fail(sandbox, t->exchange, fault)) {
        sandbox_log_fault(sandbox, "transcription", &t->params, NULL, fault);
        return;
    }
    t->file = params_upload(&t->params, "file");
    if (status)
        fail(t, 400, NULL, NULL, "Could not parse multipart form");
    else if (!is_authorized(t))
        ;
    else if (!t->file)
        fail(t, 400, "file", NULL, "you must provide a file parameter");
    else if (check_model(t) && check_language(t) && hear(t))
        respond_text(t, text_of(t));
    sandbox_log(sandbox, "transcription", &t->params, NULL, t->status, t->response);
}

static void list_models(struct transcription *t)
{
    cJSON *body = json_keep(t->arena, cJSON_CreateObject());

    if (!is_authorized(t))
        return;
    json_set_text(body, "object", "list");
    cJSON *data = cJSON_AddArrayToObject(body, "data");
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        cJSON *model = cJSON_CreateObject();
        json_set_text(model, "id", models[i]);
        json_set_text(model, "object", "model");
        json_set_int(model, "created", 1677532384);
        json_set_text(model, "owned_by", "sandbox");
        cJSON_AddItemToArray(data, model);
    }
    respond(t, 200, "application/json", json_text(t->arena, body));
}

void openai_handle(struct sandbox *sandbox, struct http_exchange *exchange, const char *rest)
{
    struct transcription t = {.sandbox = sandbox, .exchange = exchange, .arena = exchange->arena};
    bool is_post = strcmp(exchange->method, "POST") == 0;

    if (is_post && strcmp(rest, "v1/audio/transcriptions") == 0)
        transcribe(&t);
    else if (!is_post && strcmp(rest, "v1/models") == 0)
        list_models(&t);
    else
        fail(&t, 404, NULL, NULL,
             arena_printf(t.arena, "Invalid URL (%s /%s): the sandbox does not simulate it",
                          exchange->method, rest));
}

/*
 * fal.ai's hosts are one here: the queue, storage, the platform API, direct calls and files lie below
 * /fal/, and what no other path is belongs to the queue.
 */
#include "sdk/sandbox/fal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/embedded.h"
#include "sdk/sandbox/fal_sign.h"
#include "sdk/sandbox/fal_webhook.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/params.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

int fal_new(struct fal **ret_fal, struct sandbox *sandbox)
{
    const struct embedded_file *file = embedded_find(spec_files, "fal-models.json");
    struct fal *fal = calloc(1, sizeof *fal);

    if (!fal)
        return -ENOMEM;
    fal->sandbox = sandbox;
    TAILQ_INIT(&fal->jobs);
    fal->catalogue = file ? cJSON_ParseWithLength((const char *)file->bytes, file->size) : NULL;
    fal->settings_arena = calloc(1, sizeof *fal->settings_arena);
    if (!fal->catalogue || !fal->settings_arena) {
        fal_free(fal);
        return -ENOMEM;
    }
    fal_load_settings(fal);
    fal_resume(fal);
    fal_webhook_resume(fal);
    *ret_fal = fal;
    return 0;
}

void fal_free(struct fal *fal)
{
    if (!fal)
        return;
    if (fal->catalogue)
        fal_forget_jobs(fal);
    cJSON_Delete(fal->catalogue);
    if (fal->settings_arena)
        arena_clear(fal->settings_arena);
    free(fal->settings_arena);
    free(fal);
}

void fal_reset(struct fal *fal)
{
    fal_forget_jobs(fal);
    fal_load_settings(fal);
}

/* ---- answers ---- */

static void log_call(struct fal_call *call, int status, const char *response)
{
    const struct params params = {.values = call->logged};

    if (call->fault && call->fault->is_answer)
        sandbox_log_fault(call->sandbox, call->name, &params, NULL, call->fault);
    else
        sandbox_log(call->sandbox, call->name, &params, NULL, status, response);
}

static AISHA_ASYNC void send_answer(struct fal_call *call, int status, const char *type,
                                    const void *bytes, size_t size)
{
    if (call->fault && call->fault->is_after &&
        sandbox_fail(call->sandbox, call->exchange, call->fault))
        return;
    sandbox_respond(call->sandbox, call->exchange, call->fault, status, type, bytes, size);
}

void fal_answer(struct fal_call *call, int status, const char *json)
{
    log_call(call, status, json);
    send_answer(call, status, "application/json", json, strlen(json));
}

void fal_refuse(struct fal_call *call, int status, const char *error_type, const char *detail)
{
    cJSON *body = json_keep(call->arena, cJSON_CreateObject());

    json_set_text(body, "detail", detail);
    if (error_type) {
        json_set_text(body, "error_type", error_type);
        http_exchange_add_header(call->exchange, "X-Fal-Error-Type", error_type);
    }
    fal_answer(call, status, json_text(call->arena, body));
}

void fal_answer_bytes(struct fal_call *call, const char *type, const void *bytes, size_t size)
{
    log_call(call, 200, "");
    send_answer(call, 200, type, bytes, size);
}

bool fal_is_authorized(struct fal_call *call)
{
    const char *header = http_exchange_header(call->exchange, "authorization");
    const char *wanted = call->fal->settings.key, *key = NULL;

    if (header && strncasecmp(header, "Key ", 4) == 0)
        key = header + 4 + strspn(header + 4, " ");
    if (key && *key && (!wanted || strcmp(key, wanted) == 0))
        return true;
    fal_refuse(call, 401, NULL,
               header ? "Cannot access application: invalid key credentials"
                      : "Authentication is required to access this application.");
    return false;
}

/* ---- paths ---- */

enum handler {
    JWKS,
    INITIATE,
    INITIATE_PARTS,
    TOKEN,
    UPLOAD_WITH_TOKEN,
    UPLOAD,
    FILES,
    MODELS,
    PRICES,
    RUN,
    QUEUE
};

static const struct path {
    const char *method, *path; /* one that ends with "/" goes on */
    enum handler handler;
    const char *name; /* NULL = told by what follows */
    bool is_open;     /* needs no key */
} paths[] = {
    {"GET", ".well-known/jwks.json", JWKS, "fal.jwks", true},
    {"POST", "storage/upload/initiate", INITIATE, "fal.initiate"},
    {"POST", "storage/upload/initiate-multipart", INITIATE_PARTS, "fal.initiate"},
    {"POST", "storage/auth/token", TOKEN, "fal.initiate"},
    {"POST", "files/upload", UPLOAD_WITH_TOKEN, "fal.upload", true},
    {NULL, "upload/", UPLOAD, "fal.upload", true},
    {NULL, "files/", FILES, "fal.file", true},
    {"GET", "v1/models", MODELS, "fal.models", true},
    {"GET", "v1/models/pricing", PRICES, "fal.prices"},
    {"POST", "run/", RUN, "fal.run"},
    {NULL, "", QUEUE, NULL},
};

static bool is_at(const struct path *path, const char *method, const char *rest)
{
    size_t length = strlen(path->path);
    bool goes_on = !length || path->path[length - 1] == '/';

    return (!path->method || strcmp(path->method, method) == 0) &&
           (goes_on ? strncmp(rest, path->path, length) == 0 : strcmp(rest, path->path) == 0);
}

/* What a call to the queue is named. */
static const char *queue_name(const char *rest)
{
    static const struct {
        const char *end, *name;
    } ends[] = {
        {"/status", "fal.status"}, {"/status/stream", "fal.stream"}, {"/cancel", "fal.cancel"}};

    const char *id = strstr(rest, "/requests/");
    const char *end = id ? strchr(id + strlen("/requests/"), '/') : NULL;

    if (!id)
        return "fal.submit";
    for (size_t i = 0; end && i < sizeof ends / sizeof *ends; i++)
        if (strcmp(end, ends[i].end) == 0)
            return ends[i].name;
    return "fal.result";
}

static AISHA_ASYNC void dispatch(struct fal_call *call, enum handler handler, const char *rest)
{
    switch (handler) {
    case JWKS:
        fal_answer(call, 200, fal_jwks(call->fal, call->arena));
        return;
    case INITIATE:
    case INITIATE_PARTS:
        fal_initiate(call, handler == INITIATE_PARTS);
        return;
    case TOKEN:
        fal_give_token(call);
        return;
    case UPLOAD_WITH_TOKEN:
        fal_upload_with_token(call);
        return;
    case UPLOAD:
        fal_upload(call, rest);
        return;
    case FILES:
        fal_download(call, rest);
        return;
    case MODELS:
        fal_list_models(call);
        return;
    case PRICES:
        fal_list_prices(call);
        return;
    case RUN:
        fal_run_directly(call, rest);
        return;
    case QUEUE:
        fal_handle_queue(call, rest);
        return;
    }
}

void fal_handle(struct sandbox *sandbox, struct http_exchange *exchange, const char *rest)
{
    struct arena *arena = exchange->arena;
    const char *host = http_exchange_header(exchange, "host");
    struct fal_call call = {.fal = sandbox->fal,
                            .sandbox = sandbox,
                            .exchange = exchange,
                            .arena = arena,
                            .base = arena_printf(arena, "http://%s/fal", host ? host : "127.0.0.1"),
                            .logged = json_keep(arena, cJSON_CreateObject())};
    const struct path *path = paths;

    while (!is_at(path, exchange->method, rest))
        path++;
    rest += strlen(path->path);
    call.name = path->name ? path->name : queue_name(rest);
    json_set_text(call.logged, "path", exchange->path);
    if (*exchange->query)
        json_set_text(call.logged, "query", exchange->query);
    call.fault = faults_take(sandbox->faults, arena, call.name);
    if (call.fault && !call.fault->is_after && sandbox_fail(sandbox, exchange, call.fault)) {
        log_call(&call, call.fault->status, call.fault->body);
        return;
    }
    if (path->is_open || fal_is_authorized(&call))
        dispatch(&call, path->handler, rest);
}

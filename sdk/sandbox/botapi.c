/*
 * The Bot API's outer shell: token, parameters, the check against the spec, the envelope.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/spec.h"
#include "sdk/sandbox/text.h"
#include "sdk/sandbox/world.h"

static const struct method *const tables[] = {
    self_methods,     update_methods,    message_methods, edit_methods,    media_methods,
    album_methods,    share_methods,     poll_methods,    copy_methods,    pin_methods,
    reaction_methods, ephemeral_methods, profile_methods, command_methods, query_methods,
    payment_methods,  topic_methods,     member_methods,  chat_methods,    invite_methods,
    sticker_methods,  game_methods,      paid_methods,    draft_methods,   rich_methods,
    business_methods, other_methods,
};

static int AISHA_PRINTF(4, 0)
    fail(struct call *call, int error_code, const char *prefix, const char *format, va_list args)
{
    const char *text = arena_vprintf(call->arena, format, args);

    call->error_code = error_code;
    call->error = arena_printf(call->arena, "%s%s", prefix, text);
    return -AISHA_E_INVALID;
}

int call_fail(struct call *call, int error_code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int r = fail(call, error_code, "", format, args);
    va_end(args);
    return r;
}

int call_refuse(struct call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int r = fail(call, 400, "Bad Request: ", format, args);
    va_end(args);
    return r;
}

int call_retry_after(struct call *call, int64_t seconds)
{
    call->parameters = json_keep(call->arena, cJSON_CreateObject());
    json_set_int(call->parameters, "retry_after", seconds);
    return call_fail(call, 429, "Too Many Requests: retry after %" PRId64, seconds);
}

cJSON *call_get(const struct call *call, const char *name)
{
    return json_get(call->params.values, name);
}

const char *call_text(const struct call *call, const char *name)
{
    return json_get_text(call->params.values, name);
}

int64_t call_int(const struct call *call, const char *name, int64_t missing)
{
    return json_get_int(call->params.values, name, missing);
}

bool call_bool(const struct call *call, const char *name)
{
    return json_get_bool(call->params.values, name);
}

/* A chat named by its @username becomes its id; an unknown one stays, and is not found. */
static void resolve_chat(struct call *call)
{
    const char *name = call_text(call, "chat_id");
    int64_t id =
        name && *name == '@' ? chats_of_username(call->sandbox->world, call->arena, name) : 0;

    if (id)
        json_set_int(call->params.values, "chat_id", id);
}

/* The id of the bot with that token, or 0 when it does not look like one. */
static int64_t bot_of(const char *token)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_-";
    char *end;
    int64_t id = *token >= '1' && *token <= '9' ? strtoll(token, &end, 10) : 0;

    if (id <= 0 || id > WORLD_LARGEST_ID || *end != ':' || !end[1] ||
        end[1 + strspn(end + 1, allowed)])
        return 0;
    return id;
}

static method_fn *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct method *method = tables[i]; method->name; method++)
            if (strcmp(method->name, name) == 0)
                return method->run;
    return NULL;
}

static AISHA_ASYNC int run(struct call *call, int params_status, const struct spec_type *method)
{
    if (params_status == 413)
        return call_fail(call, 413, "Request Entity Too Large");
    if (params_status)
        return call_refuse(call, "strings must be encoded in UTF-8, and a form must be complete");
    if (!method)
        return call_fail(call, 404, "Not Found");
    method_fn *fn = find_method(call->method);
    const char *wrong = spec_check(call->arena, method, &call->params);
    if (wrong)
        return call_refuse(call, "%s", wrong);
    resolve_chat(call);
    int r = call_flood(call);
    if (r == 0)
        r = fn ? fn(call) : call_other(call);
    if (world_take_failure(call->sandbox->world))
        return call_fail(call, 500, "Internal Server Error");
    return r;
}

/* {"ok": …}, as text. */
static const char *envelope(const struct call *call, int r)
{
    struct text out = {0};

    if (r < 0) {
        text_add_string(&out, "{\"ok\":false,\"error_code\":");
        text_add_int(&out, call->error_code);
        text_add_string(&out, ",\"description\":");
        json_print_string(&out, call->error);
        if (call->parameters) {
            text_add_string(&out, ",\"parameters\":");
            json_print(&out, call->parameters);
        }
    } else {
        text_add_string(&out, "{\"ok\":true,\"result\":");
        if (!call->result)
            text_add_string(&out, "true");
        else if (call->result == call->published)
            text_add_string(&out, call->published_text);
        else
            json_print(&out, call->result);
    }
    if (r == 0 && call->note) {
        text_add_string(&out, ",\"description\":");
        json_print_string(&out, call->note);
    }
    text_add_char(&out, '}');
    const char *text = arena_strndup(call->arena, out.bytes, out.size);
    text_free(&out);
    return text;
}

static void refuse(struct http_exchange *exchange, int status, const char *description)
{
    cJSON *body = json_keep(exchange->arena, cJSON_CreateObject());

    json_set_bool(body, "ok", false);
    json_set_int(body, "error_code", status);
    json_set_text(body, "description", description);
    respond_json(exchange, status, body);
}

/* The address names the method, or else a parameter does; it is never one of the method's own. */
static void find_name(struct call *call, cJSON *values)
{
    const char *name = json_get_text(values, "method");

    if (!*call->method && name)
        call->method = arena_strdup(call->arena, name);
    cJSON_DeleteItemFromObjectCaseSensitive(values, "method");
}

static void add_retry_after(struct http_exchange *exchange, const struct call *call)
{
    int64_t seconds = json_get_int(call->parameters, "retry_after", 0);

    if (seconds)
        http_exchange_add_header(exchange, "Retry-After",
                                 arena_printf(exchange->arena, "%" PRId64, seconds));
}

static AISHA_ASYNC void answer(struct sandbox *sandbox, struct http_exchange *exchange,
                               struct call *call)
{
    struct params params = {0};
    int status = params_read(call->arena, exchange, &params);
    find_name(call, params.values);
    const struct spec_type *method = spec_method(sandbox->spec, call->method);

    call->params = params;
    if (status)
        call->params.values = json_keep(call->arena, cJSON_CreateObject());
    call->method = method ? method->name : call->method;
    const cJSON *unknown = json_keep(call->arena, spec_unknown(method, &call->params));
    const struct fault *fault = faults_take(sandbox->faults, call->arena, call->method);
    if (fault && !fault->is_after && sandbox_fail(sandbox, exchange, fault)) {
        sandbox_log_fault(sandbox, call->method, &call->params, unknown, fault);
        return;
    }
    int r = run(call, status, method);
    if (r == -AISHA_E_CANCELED)
        return;
    const char *body = envelope(call, r);
    status = r < 0 ? call->error_code : 200;
    if (fault && fault->is_after && sandbox_fail(sandbox, exchange, fault)) {
        sandbox_log_fault(sandbox, call->method, &call->params, unknown, fault);
        return;
    }
    add_retry_after(exchange, call);
    sandbox_respond(sandbox, exchange, fault, status, "application/json", body, strlen(body));
    sandbox_log_json(sandbox, call->method, &call->params, unknown, status, body);
}

void botapi_execute(struct sandbox *sandbox, struct arena *arena, const char *method,
                    const struct params *params)
{
    struct call call = {.sandbox = sandbox, .arena = arena, .method = method, .params = *params};
    const struct spec_type *known = spec_method(sandbox->spec, method);

    call.method = known ? known->name : method;
    const cJSON *unknown = json_keep(arena, spec_unknown(known, &call.params));
    int r = run(&call, 0, known);
    if (r != -AISHA_E_CANCELED)
        sandbox_log_json(sandbox, call.method, &call.params, unknown, r < 0 ? call.error_code : 200,
                         envelope(&call, r));
}

void botapi_handle(struct sandbox *sandbox, struct http_exchange *exchange, const char *rest)
{
    const char *slash = strchr(rest, '/');
    struct call call = {.sandbox = sandbox, .arena = exchange->arena};

    if (strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "POST") != 0) {
        refuse(exchange, 405, "Method Not Allowed");
        return;
    }
    if (!slash) {
        refuse(exchange, 404, "Not Found");
        return;
    }
    int64_t bot_id = bot_of(arena_strndup(exchange->arena, rest, (size_t)(slash - rest)));
    if (!bot_id) {
        refuse(exchange, 401, "Unauthorized");
        return;
    }
    world_set_bot_id(sandbox->world, bot_id);
    call.method = slash + 1;
    if (strncmp(call.method, "test/", 5) == 0) /* Telegram's test environment is a world as any */
        call.method += 5;
    answer(sandbox, exchange, &call);
}

void botapi_download(struct sandbox *sandbox, struct http_exchange *exchange, const char *rest)
{
    const char *slash = strchr(rest, '/');
    size_t size = 0;

    if (!slash || !bot_of(arena_strndup(exchange->arena, rest, (size_t)(slash - rest)))) {
        refuse(exchange, 401, "Unauthorized");
        return;
    }
    const struct fault *fault = faults_take(sandbox->faults, exchange->arena, "file");
    if (fault && sandbox_fail(sandbox, exchange, fault))
        return;
    const void *bytes = world_linked_bytes(sandbox->world, exchange->arena, slash + 1, &size);
    if (!bytes)
        refuse(exchange, 404, "Not Found");
    else
        sandbox_respond(sandbox, exchange, fault, 200, "application/octet-stream", bytes, size);
}

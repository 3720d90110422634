#include "sdk/sandbox/sandbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/core/worker.h"
#include "host/io/http_client.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/flood.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/params.h"
#include "sdk/sandbox/picture.h"
#include "sdk/sandbox/polls.h"
#include "sdk/sandbox/spec.h"
#include "sdk/sandbox/text.h"
#include "sdk/sandbox/updates.h"
#include "sdk/sandbox/webhook.h"
#include "sdk/sandbox/world.h"

static const char clock_setting[] = "clock_offset_ms";

enum { LONGEST_LOGGED = 16384, LONGEST_START = 1000, WORKER_THREADS = 2, PIECES_PER_SECOND = 10 };

/* Those who watch may remember numbers of an earlier run: these are always higher. cJSON writes
 * whole numbers of up to 15 digits as such. */
static int64_t first_revision(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 100000 + now.tv_nsec / 10000;
}

static void restore_clock(struct sandbox *sandbox)
{
    struct arena arena = {0};
    const char *text = world_text(sandbox->world, &arena, clock_setting, "");

    if (text)
        clock_set_offset(sandbox->clock, strtoll(text, NULL, 10));
    arena_clear(&arena);
}

/* An ordered conflict ends the poll that waits, too. */
static void on_faults(void *user)
{
    struct sandbox *sandbox = user;
    struct wait *waiting = sandbox->poll.waiting;

    sandbox_emit(sandbox, "faults", 0, NULL);
    if (!waiting || !faults_left(sandbox->faults, FAULT_CONFLICT))
        return;
    sandbox->poll.waiting = NULL; /* taking the fault calls us again */
    if (faults_take_kind(sandbox->faults, FAULT_CONFLICT))
        wait_wake(waiting, -AISHA_E_CONFLICT);
    else
        sandbox->poll.waiting = waiting;
}

int sandbox_new(struct sandbox **ret_sandbox, struct loop *loop,
                const struct sandbox_options *options)
{
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);

    if (!sandbox)
        return -ENOMEM;
    sandbox->loop = loop;
    sandbox->limits = flood_defaults(options->has_flood_limits);
    sandbox->transcripts = cJSON_CreateArray();
    int r = workers_new(&sandbox->workers, loop, WORKER_THREADS);
    if (r == 0)
        r = clock_new(&sandbox->clock, loop);
    if (r == 0)
        r = world_open(&sandbox->world, loop, options->data_directory, sandbox->clock);
    if (r == 0)
        r = spec_new(&sandbox->spec);
    if (r == 0)
        r = faults_new(&sandbox->faults, sandbox->clock, on_faults, sandbox);
    if (r == 0)
        r = flood_new(&sandbox->flood, sandbox->clock);
    if (r == 0)
        r = feed_new(&sandbox->events, loop, "revision", first_revision());
    if (r == 0)
        r = feed_new(&sandbox->requests, loop, "n", 0);
    if (r == 0)
        r = http_client_new(&sandbox->http, loop, &(struct http_client_options){.slots = 16});
    if (r == 0)
        r = updates_new(&sandbox->updates, sandbox);
    if (r == 0)
        r = webhook_new(&sandbox->webhook, sandbox);
    if (r < 0) {
        sandbox_free(sandbox);
        return r;
    }
    flood_set_limits(sandbox->flood, &sandbox->limits);
    openai_start(&sandbox->openai, sandbox->world);
    sandbox->poll.launched_at_ms = clock_steady_ms(sandbox->clock);
    restore_clock(sandbox);
    r = polls_start(sandbox);
    pictures_start();
    if (r == 0)
        r = fal_new(&sandbox->fal, sandbox);
    if (r < 0) {
        sandbox_free(sandbox);
        return r;
    }
    *ret_sandbox = sandbox;
    return 0;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (!sandbox)
        return;
    polls_done(sandbox);
    fal_free(sandbox->fal);
    webhook_free(sandbox->webhook);
    updates_free(sandbox->updates);
    http_client_free(sandbox->http);
    workers_free(sandbox->workers);
    world_close(sandbox->world);
    spec_free(sandbox->spec);
    faults_free(sandbox->faults);
    flood_free(sandbox->flood);
    clock_free(sandbox->clock);
    feed_free(sandbox->events);
    feed_free(sandbox->requests);
    cJSON_Delete(sandbox->transcripts);
    openai_done(&sandbox->openai);
    free(sandbox);
}

/* Whether a browser sends it for a page that is not ours. */
static bool is_foreign(const struct http_exchange *exchange)
{
    const char *origin = http_exchange_header(exchange, "origin");
    const char *host = http_exchange_header(exchange, "host");

    return origin && (!host || strncmp(origin, "http://", 7) != 0 || strcmp(origin + 7, host) != 0);
}

void sandbox_handle(struct http_exchange *exchange, void *user)
{
    static const struct {
        const char *prefix;
        void (*handle)(struct sandbox *sandbox, struct http_exchange *exchange, const char *rest);
    } parts[] = {
        {"/bot", botapi_handle}, {"/file/bot", botapi_download}, {"/openai/", openai_handle},
        {"/fal/", fal_handle},   {"/sandbox/", control_handle},
    };
    struct sandbox *sandbox = user;

    if (is_foreign(exchange)) {
        http_exchange_respond(exchange, 403, "text/plain", "another site's page asks\n", 25);
        return;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t length = strlen(parts[i].prefix);
        if (strncmp(exchange->path, parts[i].prefix, length) == 0) {
            parts[i].handle(sandbox, exchange, exchange->path + length);
            return;
        }
    }
    page_handle(exchange);
}

void respond_json(struct http_exchange *exchange, int status, const cJSON *body)
{
    const char *text = json_text(exchange->arena, body);

    http_exchange_respond(exchange, status, "application/json", text, strlen(text));
}

void sandbox_emit(struct sandbox *sandbox, const char *type, int64_t chat_id, cJSON *details)
{
    cJSON *event = details ? details : cJSON_CreateObject();

    json_set_text(event, "type", type);
    json_set_int(event, "chat_id", chat_id);
    feed_add(sandbox->events, event);
}

const char *sandbox_publish(struct sandbox *sandbox, struct arena *arena, const cJSON *message,
                            const char *type)
{
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    struct text event = {0};

    const char *text = world_save_message(sandbox->world, arena, message);
    bool is_bots = json_get_bool(json_get(message, "from"), "is_bot") ||
                   json_get(message, "sender_business_bot");
    if (is_bots && strcmp(type, "message") == 0)
        world_set_action(sandbox->world, chat_id, NULL);
    text_add_string(&event, "{\"message\":");
    text_add_string(&event, text);
    text_add_string(&event, ",\"message_id\":");
    text_add_int(&event, json_get_int(message, "message_id", 0));
    text_add_string(&event, ",\"type\":");
    json_print_string(&event, type);
    text_add_string(&event, ",\"chat_id\":");
    text_add_int(&event, chat_id);
    feed_add_text(sandbox->events, &event);
    return text;
}

bool sandbox_push_update(struct sandbox *sandbox, struct arena *arena, const char *kind,
                         const cJSON *payload, int64_t update_id)
{
    return updates_push(sandbox->updates, arena, kind, payload, update_id);
}

void sandbox_move_clock(struct sandbox *sandbox, int64_t offset_ms)
{
    cJSON *details = cJSON_CreateObject();
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, offset_ms);
    world_set_text(sandbox->world, clock_setting, "", text);
    clock_set_offset(sandbox->clock, offset_ms);
    json_set_int(details, "now", clock_now(sandbox->clock));
    json_set(details, "offset_s", cJSON_CreateNumber((double)offset_ms / 1000));
    sandbox_emit(sandbox, "clock", 0, details);
}

cJSON *sandbox_new_message(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                           const cJSON *from)
{
    cJSON *message = json_keep(arena, cJSON_CreateObject());
    struct world *world = sandbox->world;

    json_set_int(message, "message_id", world_next_message_id(world));
    json_set(message, "from", from ? cJSON_Duplicate(from, true) : world_bot(world, NULL));
    json_set(message, "chat", world_chat(world, NULL, chat_id));
    json_set_int(message, "date", world_now(world));
    return message;
}

/* Texts of parameters that are too long in sum are left out. */
static void print_params(struct text *out, const struct params *params)
{
    const cJSON *value;
    size_t room = LONGEST_LOGGED;

    cJSON_ArrayForEach(value, params->values) {
        json_print_string(out, value->string);
        text_add_char(out, ':');
        size_t from = out->size;
        json_print(out, value);
        size_t length = out->size - from;
        if (length > room) {
            out->size = from;
            json_print_string(out, "(too long to show)");
        }
        room -= length < room ? length : room;
        text_add_char(out, ',');
    }
}

static void print_uploads(struct text *out, const struct params *params)
{
    for (size_t i = 0; i < params->upload_count; i++) {
        const struct upload *upload = &params->uploads[i];
        cJSON *file = cJSON_CreateObject();
        json_set_text(file, "file_name", upload->file_name);
        if (upload->content_type)
            json_set_text(file, "content_type", upload->content_type);
        json_set_int(file, "size", (int64_t)upload->size);
        json_print_string(out, upload->name);
        text_add_char(out, ':');
        json_print(out, file);
        text_add_char(out, ',');
        cJSON_Delete(file);
    }
}

/* All of the response, or the beginning of it as a text. */
static void print_response(struct text *out, const char *response, bool is_json)
{
    size_t length = strlen(response);

    if (is_json && length <= LONGEST_LOGGED) {
        text_add(out, response, length);
        return;
    }
    size_t shown = length < LONGEST_START ? length : LONGEST_START;
    while (shown && ((unsigned char)response[shown] & 0xc0) == 0x80)
        shown--; /* not within a character */
    char *start = strndup(response, shown);
    json_print_string(out, start ? start : "");
    free(start);
}

struct entry {
    const char *method;
    const struct params *params;
    const cJSON *unknown;
    int status;
    const char *response;
    bool is_json, is_fault;
};

static void log_entry(struct sandbox *sandbox, const struct entry *entry)
{
    struct text out = {0};

    text_add_string(&out, "{\"method\":");
    json_print_string(&out, entry->method);
    text_add_string(&out, ",\"params\":{");
    print_params(&out, entry->params);
    print_uploads(&out, entry->params);
    if (out.bytes[out.size - 1] == ',')
        out.size--;
    text_add_string(&out, "},");
    if (entry->unknown) {
        text_add_string(&out, "\"ignored\":");
        json_print(&out, entry->unknown);
        text_add_char(&out, ',');
    }
    if (entry->is_fault)
        text_add_string(&out, "\"fault\":true,");
    text_add_string(&out, "\"status\":");
    text_add_int(&out, entry->status);
    text_add_string(&out, ",\"response\":");
    if (entry->status)
        print_response(&out, entry->response, entry->is_json);
    else
        text_add_string(&out, "null");
    feed_add_text(sandbox->requests, &out);
}

static bool is_json(const char *text)
{
    cJSON *parsed = text ? cJSON_Parse(text) : NULL;
    bool is_parsed = parsed != NULL;

    cJSON_Delete(parsed);
    return is_parsed;
}

void sandbox_log(struct sandbox *sandbox, const char *method, const struct params *params,
                 const cJSON *unknown, int status, const char *response)
{
    log_entry(sandbox, &(struct entry){method, params, unknown, status, response,
                                       .is_json = is_json(response)});
}

void sandbox_log_json(struct sandbox *sandbox, const char *method, const struct params *params,
                      const cJSON *unknown, int status, const char *response)
{
    log_entry(sandbox, &(struct entry){method, params, unknown, status, response, .is_json = true});
}

void sandbox_log_fault(struct sandbox *sandbox, const char *method, const struct params *params,
                       const cJSON *unknown, const struct fault *fault)
{
    log_entry(sandbox, &(struct entry){method, params, unknown, fault->status, fault->body,
                                       .is_json = is_json(fault->body), .is_fault = true});
}

bool sandbox_fail(struct sandbox *sandbox, struct http_exchange *exchange,
                  const struct fault *fault)
{
    if (fault->delay_ms && clock_sleep(sandbox->clock, fault->delay_ms) < 0)
        return true;
    if (!fault->is_answer)
        return false;
    if (fault->is_reset) {
        http_exchange_reset(exchange);
        return true;
    }
    if (fault->is_drop) {
        http_exchange_drop(exchange);
        return true;
    }
    if (fault->retry_after)
        http_exchange_add_header(exchange, "Retry-After",
                                 arena_printf(exchange->arena, "%" PRId64, fault->retry_after));
    sandbox_respond(sandbox, exchange, fault, fault->status, fault->content_type, fault->body,
                    strlen(fault->body));
    return true;
}

void sandbox_respond(struct sandbox *sandbox, struct http_exchange *exchange,
                     const struct fault *fault, int status, const char *content_type,
                     const void *body, size_t size)
{
    size_t sent = 0, most = fault && fault->is_truncated ? size / 2 : size;
    int64_t rate = fault ? fault->bytes_per_second : 0;
    size_t piece = !rate ? most : rate < PIECES_PER_SECOND ? 1 : (size_t)rate / PIECES_PER_SECOND;

    if (most == size && !rate) {
        http_exchange_respond(exchange, status, content_type, body, size);
        return;
    }
    http_exchange_begin(exchange, status, content_type, size);
    while (sent < most) {
        size_t count = most - sent < piece ? most - sent : piece;
        if (http_exchange_write(exchange, (const char *)body + sent, count) < 0)
            return;
        sent += count;
        if (rate && sent < most && clock_sleep(sandbox->clock, (int64_t)count * 1000 / rate) < 0)
            return;
    }
}

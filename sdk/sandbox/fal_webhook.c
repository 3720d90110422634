/*
 * A message that is to be delivered is the record "fal_hook" {id, url, attempts, next_ms}, by the
 * request's id, until it has been taken or given up: ten repetitions within two hours, none after a
 * redirect.
 */
#include "sdk/sandbox/fal_webhook.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/io/http_client.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/fal_sign.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/params.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/text.h"
#include "sdk/sandbox/world.h"

enum { TIMEOUT_MS = 15000, HELD_MS = 5000, STALE_S = 3600, LARGEST_ANSWER = 65536 };

static const int64_t delays_s[] = {10, 20, 40, 80, 160, 320, 640, 1200, 2000, 2700};

static const char kind[] = "fal_hook";

struct delivery {
    struct fal *fal;
    char id[40];
};

/* One message. */
struct message {
    const char *url, *request_id, *body;
    bool is_forged, is_unsigned, is_stale;
};

static cJSON *load(const struct delivery *delivery, struct arena *arena)
{
    return world_record(delivery->fal->sandbox->world, arena, kind, delivery->id);
}

/* The result is put in as it is: its numbers may be longer than those of our trees. */
static const char *body_of(struct arena *arena, const cJSON *request, const char *what)
{
    const char *error = json_get_text(request, "error"), *id = json_get_text(request, "id");
    bool is_retried = what && strcmp(what, "retried") == 0; /* on another server, as another one */
    bool has_payload = !what || strcmp(what, "no_payload") != 0;
    struct text text = {0};

    text_add_string(&text, "{\"request_id\":");
    json_print_string(&text, is_retried ? world_random_name(arena) : id);
    text_add_string(&text, ",\"gateway_request_id\":");
    json_print_string(&text, id);
    text_add_string(&text, ",\"status\":");
    json_print_string(&text, error ? "ERROR" : "OK");
    if (error) {
        text_add_string(&text, ",\"error\":");
        json_print_string(&text, error);
    }
    text_add_string(&text, ",\"payload\":");
    text_add_string(&text, has_payload ? json_get_text(request, "result") : "null");
    if (!has_payload)
        text_add_string(&text, ",\"payload_error\":\"Response payload is not JSON serializable\"");
    text_add_char(&text, '}');
    char *whole = text_take(&text);
    const char *body = arena_strdup(arena, whole);
    free(whole);
    return body;
}

/* Something else than the truth. */
static const char *forged_body(struct arena *arena, const cJSON *request)
{
    const char *id = json_get_text(request, "id");
    bool is_error = json_get(request, "error") != NULL;

    return arena_printf(arena,
                        "{\"request_id\":\"%s\",\"gateway_request_id\":\"%s\",\"status\":\"%s\"%s,"
                        "\"payload\":{\"images\":[],\"detail\":\"forged\"}}",
                        id, id, is_error ? "OK" : "ERROR",
                        is_error ? "" : ",\"error\":\"Invalid status code: 422\"");
}

static bool is_here(const char *url)
{
    return strncmp(url, "http://127.0.0.1:", 17) == 0 || strncmp(url, "http://localhost:", 17) == 0;
}

static void log_message(struct fal *fal, struct arena *arena, const struct message *message,
                        int status, const char *answer)
{
    struct params params = {.values = json_keep(arena, cJSON_CreateObject())};

    json_set_text(params.values, "request_id", message->request_id);
    json_set_text(params.values, "url", message->url);
    json_set_text(params.values, "body", message->body);
    sandbox_log(fal->sandbox, "fal.webhook", &params, NULL, status, answer);
}

/* The status of the answer, 0 when there was none, or -AISHA_E_CANCELED. */
static AISHA_ASYNC int post(struct fal *fal, struct arena *arena, const struct message *message)
{
    int64_t now = (int64_t)time(NULL) - (message->is_stale ? STALE_S : 0);
    const struct fal_signature signature =
        fal_sign(fal, arena, message->request_id, now, message->body, message->is_forged);
    const char *headers[] = {
        "Content-Type: application/json",
        arena_printf(arena, "X-Fal-Webhook-Request-Id: %s", signature.request_id),
        arena_printf(arena, "X-Fal-Webhook-User-Id: %s", signature.user_id),
        arena_printf(arena, "X-Fal-Webhook-Timestamp: %s", signature.timestamp),
        arena_printf(arena, "X-Fal-Webhook-Signature: %s", signature.hex),
        NULL,
    };
    const struct aisha_http_request request = {.size = sizeof request,
                                               .url = message->url,
                                               .headers = headers,
                                               .body = message->body,
                                               .body_size = strlen(message->body),
                                               .timeout_ms = TIMEOUT_MS,
                                               .max_body_bytes = LARGEST_ANSWER};
    const struct aisha_http_response *answer;

    if (message->is_unsigned)
        headers[1] = NULL;
    int r = is_here(message->url) ? http_client_fetch_as(fal->sandbox->http, "fal webhook", arena,
                                                         &request, &answer, NULL)
                                  : -AISHA_E_UNAVAILABLE;
    if (r == -AISHA_E_CANCELED)
        return r;
    log_message(fal, arena, message, r < 0 ? 0 : answer->status, r < 0 ? "" : answer->body);
    return r < 0 ? 0 : answer->status;
}

/* Until another message has been delivered, or a while is over. */
static AISHA_ASYNC void hold(struct fal *fal)
{
    int64_t end_ms = clock_steady_ms(fal->sandbox->clock) + HELD_MS, delivered = fal->delivered;
    struct feed *requests = fal->sandbox->requests;

    while (fal->delivered == delivered) {
        int64_t left_ms = end_ms - clock_steady_ms(fal->sandbox->clock);
        if (left_ms <= 0 || feed_wait(requests, feed_last(requests), left_ms) < 0)
            return;
    }
}

/* Sends it, and whatever else was ordered. Results as post(). */
static AISHA_ASYNC int send_all(struct delivery *delivery, struct arena *arena, const cJSON *hook)
{
    struct fal *fal = delivery->fal;
    const cJSON *request = fal_request(fal, arena, delivery->id);
    const char *what = faults_take_webhook(fal->sandbox->faults, arena);
    struct message message = {.url = json_get_text(hook, "url"), .request_id = delivery->id};
    int status = 200;

    if (!request || (what && strcmp(what, "lost") == 0))
        return status;
    if (what && strcmp(what, "reordered") == 0)
        hold(fal);
    message.body = body_of(arena, request, what);
    struct message extra = message;
    extra.is_forged = what && strcmp(what, "forged") == 0;
    extra.is_unsigned = what && strcmp(what, "unsigned") == 0;
    extra.is_stale = what && strcmp(what, "stale") == 0;
    if (extra.is_forged || extra.is_unsigned)
        extra.body = forged_body(arena, request);
    bool is_doubled = what && strcmp(what, "doubled") == 0;
    if (extra.is_forged || extra.is_unsigned || extra.is_stale || is_doubled)
        status = post(fal, arena, &extra);
    if (status >= 0)
        status = post(fal, arena, &message);
    return what && strcmp(what, "cut") == 0 && status >= 0 ? 0 : status;
}

/* Whether it is over: taken, or given up. */
static bool is_over(struct delivery *delivery, struct arena *arena, cJSON *hook, int status)
{
    struct fal *fal = delivery->fal;
    size_t attempts = (size_t)json_get_int(hook, "attempts", 0);

    if ((status >= 200 && status < 400) || attempts >= sizeof delays_s / sizeof *delays_s) {
        fal->delivered += status >= 200 && status < 300;
        world_remove_record(fal->sandbox->world, kind, delivery->id);
        return true;
    }
    json_set_int(hook, "next_ms", clock_now_ms(fal->sandbox->clock) + delays_s[attempts] * 1000);
    json_set_int(hook, "attempts", (int64_t)attempts + 1);
    world_put_record(fal->sandbox->world, arena, kind, delivery->id, hook);
    return false;
}

static AISHA_ASYNC void deliver(void *arg)
{
    struct delivery *delivery = arg;
    struct clock *clock = delivery->fal->sandbox->clock;
    bool is_done = false;

    while (!is_done) {
        struct arena arena = {0};
        cJSON *hook = load(delivery, &arena);
        int64_t left_ms = json_get_int(hook, "next_ms", 0) - clock_now_ms(clock);
        is_done = !hook || (left_ms > 0 && clock_sleep(clock, left_ms) < 0);
        hook = is_done ? NULL : load(delivery, &arena);
        int status = hook ? send_all(delivery, &arena, hook) : -AISHA_E_CANCELED;
        is_done = status < 0 || !load(delivery, &arena) || is_over(delivery, &arena, hook, status);
        arena_clear(&arena);
    }
    free(delivery);
}

static void start(struct fal *fal, const char *id)
{
    struct delivery *delivery = calloc(1, sizeof *delivery);

    if (!delivery)
        abort();
    delivery->fal = fal;
    strncpy(delivery->id, id, sizeof delivery->id - 1);
    if (task_start(fal->sandbox->loop, "fal webhook", deliver, delivery, NULL) < 0)
        free(delivery); /* the record stays, and the next start tries again */
}

void fal_webhook_send(struct fal *fal, const char *request_id)
{
    struct arena arena = {0};
    const char *url = json_get_text(fal_request(fal, &arena, request_id), "webhook");
    cJSON *hook = json_keep(&arena, cJSON_CreateObject());

    if (url) {
        json_set_text(hook, "id", request_id);
        json_set_text(hook, "url", url);
        json_set_int(hook, "attempts", 0);
        json_set_int(hook, "next_ms", clock_now_ms(fal->sandbox->clock));
        world_put_record(fal->sandbox->world, &arena, kind, request_id, hook);
        start(fal, request_id);
    }
    arena_clear(&arena);
}

void fal_webhook_resume(struct fal *fal)
{
    struct arena arena = {0};
    const cJSON *hook;

    cJSON_ArrayForEach(hook, world_records(fal->sandbox->world, &arena, kind))
        start(fal, json_get_text(hook, "id"));
    arena_clear(&arena);
}

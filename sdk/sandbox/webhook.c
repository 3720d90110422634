#include "sdk/sandbox/webhook.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/http_client.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LOOKED_AT = 1000, /* pending updates at a time */
    DELIVERY_MS = 60000,
    LONGEST_PAUSE_S = 60,
    LONGEST_RETRY_AFTER_S = 3600,
    DEFAULT_CONNECTIONS = 40,
};

static const char setting[] = "webhook";

/* An update on its way; its queue waits for it. */
struct delivery {
    struct webhook *webhook;
    int64_t update_id, queue;
    char *body;
    unsigned generation;
    LIST_ENTRY(delivery) link;
};

struct webhook {
    struct sandbox *sandbox;
    struct http_client *http;
    LIST_HEAD(, delivery) deliveries;
    int64_t count;       /* of deliveries */
    unsigned generation; /* of the settings: deliveries of older ones give up */
    int64_t last_error_date;
    char *last_error;
};

int webhook_new(struct webhook **ret_webhook, struct sandbox *sandbox)
{
    const struct http_client_options options = {.slots = 1000};
    struct webhook *webhook = calloc(1, sizeof *webhook);

    if (!webhook)
        return -ENOMEM;
    webhook->sandbox = sandbox;
    LIST_INIT(&webhook->deliveries);
    int r = http_client_new(&webhook->http, sandbox->loop, &options);
    if (r < 0) {
        free(webhook);
        return r;
    }
    *ret_webhook = webhook;
    return 0;
}

void webhook_free(struct webhook *webhook)
{
    if (!webhook)
        return;
    http_client_free(webhook->http);
    free(webhook->last_error);
    free(webhook);
}

cJSON *webhook_settings(struct webhook *webhook, struct arena *arena)
{
    const char *text = world_text(webhook->sandbox->world, arena, setting, "");

    return text ? json_keep(arena, cJSON_Parse(text)) : NULL;
}

void webhook_change(struct webhook *webhook, const cJSON *settings)
{
    struct arena arena = {0};

    world_set_text(webhook->sandbox->world, setting, "",
                   settings ? json_text(&arena, settings) : "");
    arena_clear(&arena);
    webhook->generation++;
    webhook->last_error_date = 0;
    free(webhook->last_error);
    webhook->last_error = NULL;
    webhook_notice(webhook);
}

void webhook_add_failure(const struct webhook *webhook, cJSON *info)
{
    if (!webhook->last_error_date)
        return;
    json_set_int(info, "last_error_date", webhook->last_error_date);
    json_set_text(info, "last_error_message", webhook->last_error);
}

static void note_failure(struct webhook *webhook, const char *text)
{
    webhook->last_error_date = world_now(webhook->sandbox->world);
    free(webhook->last_error);
    webhook->last_error = strdup(text);
}

/* A good answer may be a call of a method; its result is not told to anybody. */
static AISHA_ASYNC void run_answer(struct webhook *webhook, struct arena *arena,
                                   const struct aisha_http_response *answer)
{
    cJSON *call = json_keep(arena, cJSON_ParseWithLength(answer->body, answer->body_size));
    const char *method = json_get_text(call, "method");

    if (!method || strncasecmp(method, "get", 3) == 0 || strcasecmp(method, "setWebhook") == 0 ||
        strcasecmp(method, "deleteWebhook") == 0)
        return;
    cJSON *params = json_keep(arena, cJSON_Duplicate(call, true));
    cJSON_DeleteItemFromObject(params, "method");
    botapi_execute(webhook->sandbox, arena, method, params);
}

/* Returns 0 when it was taken, otherwise how long to wait in seconds; -1 = as long as it does. */
static AISHA_ASYNC int64_t post(struct delivery *delivery, struct arena *arena,
                                const cJSON *settings)
{
    struct webhook *webhook = delivery->webhook;
    const char *secret = json_get_text(settings, "secret_token"), *error;
    const char *const headers[] = {
        "Content-Type: application/json",
        secret ? arena_printf(arena, "X-Telegram-Bot-Api-Secret-Token: %s", secret) : NULL,
        NULL,
    };
    const struct aisha_http_request request = {
        .size = sizeof request,
        .url = json_get_text(settings, "url"),
        .headers = headers,
        .body = delivery->body,
        .body_size = strlen(delivery->body),
        .timeout_ms = DELIVERY_MS,
    };
    const struct aisha_http_response *answer;

    int r = http_client_fetch(webhook->http, arena, &request, &answer, &error);
    if (r < 0) {
        note_failure(webhook, r == -AISHA_E_TIMEOUT ? "Read timeout expired" : error);
        return -1;
    }
    if (answer->status >= 200 && answer->status < 300) {
        run_answer(webhook, arena, answer);
        return 0;
    }
    note_failure(webhook,
                 arena_printf(arena, "Wrong response from the webhook: %d", answer->status));
    const char *retry_after = aisha_http_header(answer, "retry-after");
    int64_t after_s = retry_after ? strtoll(retry_after, NULL, 10) : -1;
    return after_s > LONGEST_RETRY_AFTER_S ? LONGEST_RETRY_AFTER_S : after_s > 0 ? after_s : -1;
}

static void delivery_free(struct delivery *delivery)
{
    LIST_REMOVE(delivery, link);
    delivery->webhook->count--;
    free(delivery->body);
    free(delivery);
}

/* Until it is taken, or the webhook has changed. */
static AISHA_ASYNC void deliver(void *arg)
{
    struct delivery *delivery = arg;
    struct webhook *webhook = delivery->webhook;
    int64_t pause_s = 0, doubling_s = 0;
    bool is_taken = false;

    while (!is_taken && delivery->generation == webhook->generation &&
           clock_sleep(webhook->sandbox->clock, pause_s * 1000) == 0 &&
           delivery->generation == webhook->generation) {
        struct arena arena = {0};
        const cJSON *settings = webhook_settings(webhook, &arena);
        int64_t wanted_s = settings ? post(delivery, &arena, settings) : -1;
        is_taken = wanted_s == 0;
        pause_s = wanted_s > 0 ? wanted_s : doubling_s;
        doubling_s = doubling_s == 0                    ? 2
                     : doubling_s < LONGEST_PAUSE_S / 2 ? doubling_s * 2
                                                        : LONGEST_PAUSE_S;
        arena_clear(&arena);
    }
    if (is_taken)
        world_forget_update(webhook->sandbox->world, delivery->update_id);
    delivery_free(delivery);
    webhook_notice(webhook);
}

static bool is_busy(const struct webhook *webhook, int64_t update_id, int64_t queue)
{
    const struct delivery *delivery;

    LIST_FOREACH(delivery, &webhook->deliveries, link)
        if (delivery->generation == webhook->generation &&
            (delivery->update_id == update_id || (queue && delivery->queue == queue)))
            return true;
    return false;
}

static void start(struct webhook *webhook, struct arena *arena, int64_t update_id, int64_t queue)
{
    struct delivery *delivery = calloc(1, sizeof *delivery);
    int64_t expires_at;
    const cJSON *update = world_update(webhook->sandbox->world, arena, update_id, &expires_at);
    char *body = cJSON_PrintUnformatted(update);

    if (!delivery || (update && !body))
        abort();
    if (!update) {
        world_forget_update(webhook->sandbox->world, update_id);
        free(delivery);
        return;
    }
    *delivery = (struct delivery){.webhook = webhook,
                                  .update_id = update_id,
                                  .queue = queue,
                                  .body = body,
                                  .generation = webhook->generation};
    LIST_INSERT_HEAD(&webhook->deliveries, delivery, link);
    webhook->count++;
    if (task_start(webhook->sandbox->loop, "webhook", deliver, delivery, NULL) < 0)
        delivery_free(delivery);
}

static void start_all(struct webhook *webhook, struct arena *arena, int64_t most)
{
    const cJSON *pair;

    cJSON_ArrayForEach(pair, world_update_queues(webhook->sandbox->world, arena, LOOKED_AT)) {
        int64_t update_id = (int64_t)cJSON_GetArrayItem(pair, 0)->valuedouble;
        int64_t queue = (int64_t)cJSON_GetArrayItem(pair, 1)->valuedouble;
        if (webhook->count >= most)
            break;
        if (!is_busy(webhook, update_id, queue))
            start(webhook, arena, update_id, queue);
    }
}

void webhook_notice(struct webhook *webhook)
{
    struct arena arena = {0};
    const cJSON *settings = webhook_settings(webhook, &arena);
    int64_t most = settings ? json_get_int(settings, "max_connections", DEFAULT_CONNECTIONS) : 0;

    if (webhook->count < most && !loop_is_stopping(webhook->sandbox->loop))
        start_all(webhook, &arena, most);
    arena_clear(&arena);
}

#include "sdk/sandbox/webhook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/io/http_client.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/webhook_url.h"
#include "sdk/sandbox/world.h"

#define FIRST_UNIQUE_QUEUE (INT64_C(1) << 60) /* of updates that stand in none */

enum {
    ATTEMPT_MS = 60000,
    LONGEST_PAUSE_S = 60, /* and up to as much again, by chance */
    MOST_CONNECTIONS = 500,
    GONE_MS = 23 * 3600 * 1000, /* so long nothing but 410, and the webhook is closed */
};

static const char setting[] = "webhook";

struct pending {
    STAILQ_ENTRY(pending) link;
    int64_t update_id;
};

/* Its first update is ready to be sent, on its way, or waits to be tried again. */
struct queue {
    struct webhook *webhook;
    int64_t id;
    STAILQ_HEAD(, pending) pending;
    struct clock_timer pause;
    int64_t failures, pause_s; /* of the first update */
    bool is_repeat;            /* it has been taken and is delivered again */
    TAILQ_ENTRY(queue) ready_link;
    UT_hash_handle hh;
};

/* The first update of a queue on its way. */
struct attempt {
    struct webhook *webhook;
    struct queue *queue; /* NULL when the webhook has changed */
    struct channel *channel;
    struct task *task;
    char *body;
    int64_t expires_at;
    struct clock_timer deadline;
    bool is_late;
    LIST_ENTRY(attempt) link;
};

/* How the webhook that is set is reached; the attempts that go by it keep it. */
struct channel {
    struct http_client *http;
    int users;
};

struct webhook {
    struct sandbox *sandbox;
    cJSON *settings;         /* NULL = none is set */
    struct channel *channel; /* the same */
    struct queue *queues;
    TAILQ_HEAD(queue_list, queue) ready;
    LIST_HEAD(, attempt) attempts;
    int64_t running; /* attempts */
    int64_t last_unique_queue;
    int64_t gone_since_ms; /* by clock_steady_ms(); 0 = it is not */
    int64_t last_error_date;
    char *last_error;
};

static void go_on(struct webhook *webhook);
static int begin(struct webhook *webhook);

int webhook_new(struct webhook **ret_webhook, struct sandbox *sandbox)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    struct arena arena = {0};

    if (!webhook)
        return -ENOMEM;
    webhook->sandbox = sandbox;
    webhook->last_unique_queue = FIRST_UNIQUE_QUEUE;
    TAILQ_INIT(&webhook->ready);
    LIST_INIT(&webhook->attempts);
    const char *saved = world_text(sandbox->world, &arena, setting, "");
    webhook->settings = saved ? cJSON_Parse(saved) : NULL;
    arena_clear(&arena);
    *ret_webhook = webhook;
    return webhook->settings ? begin(webhook) : 0;
}

/* ---- the channel ---- */

static void channel_leave(struct channel *channel)
{
    if (!channel || --channel->users > 0)
        return;
    http_client_free(channel->http);
    free(channel);
}

static int channel_open(struct webhook *webhook)
{
    const cJSON *settings = webhook->settings;
    struct channel *channel = calloc(1, sizeof *channel);
    struct arena arena = {0};
    struct http_client_options options = {.slots = MOST_CONNECTIONS,
                                          .trusted_pem = json_get_text(settings, "certificate")};
    const char *host, *ip = json_get_text(settings, "ip_address");
    int port;

    if (!channel)
        return -ENOMEM;
    if (json_get_bool(settings, "has_fixed_ip") &&
        webhook_url_read(&arena, json_get_text(settings, "url"), &host, &port))
        options.resolve =
            arena_printf(&arena, strchr(ip, ':') ? "%s:%d:[%s]" : "%s:%d:%s", host, port, ip);
    channel->users = 1;
    int r = http_client_new(&channel->http, webhook->sandbox->loop, &options);
    arena_clear(&arena);
    if (r < 0) {
        free(channel);
        return r;
    }
    webhook->channel = channel;
    return 0;
}

/* ---- the queues ---- */

static void pop(struct queue *queue)
{
    struct pending *pending = STAILQ_FIRST(&queue->pending);

    STAILQ_REMOVE_HEAD(&queue->pending, link);
    free(pending);
    queue->failures = queue->pause_s = 0;
    queue->is_repeat = false;
}

static void drop_queue(struct webhook *webhook, struct queue *queue)
{
    while (!STAILQ_EMPTY(&queue->pending))
        pop(queue);
    clock_timer_clear(&queue->pause);
    HASH_DEL(webhook->queues, queue);
    free(queue);
}

static void make_ready(struct webhook *webhook, struct queue *queue)
{
    TAILQ_INSERT_TAIL(&webhook->ready, queue, ready_link);
}

/* Its first update is done with. */
static void advance(struct webhook *webhook, struct queue *queue)
{
    world_forget_update(webhook->sandbox->world, STAILQ_FIRST(&queue->pending)->update_id);
    pop(queue);
    if (STAILQ_EMPTY(&queue->pending))
        drop_queue(webhook, queue);
    else
        make_ready(webhook, queue);
}

static void add(struct webhook *webhook, int64_t update_id, int64_t queue_id)
{
    struct pending *pending = calloc(1, sizeof *pending);
    struct queue *queue;

    if (!queue_id)
        queue_id = ++webhook->last_unique_queue;
    HASH_FIND(hh, webhook->queues, &queue_id, sizeof queue_id, queue);
    bool is_new = !queue;
    if (is_new)
        queue = calloc(1, sizeof *queue);
    if (!queue || !pending)
        abort();
    pending->update_id = update_id;
    if (is_new) {
        queue->webhook = webhook;
        queue->id = queue_id;
        STAILQ_INIT(&queue->pending);
        HASH_ADD(hh, webhook->queues, id, sizeof queue->id, queue);
        make_ready(webhook, queue);
    }
    STAILQ_INSERT_TAIL(&queue->pending, pending, link);
}

void webhook_add(struct webhook *webhook, int64_t update_id, int64_t queue)
{
    if (!webhook->settings)
        return;
    add(webhook, update_id, queue);
    go_on(webhook);
}

/* Opens the channel, and delivers all that is pending. */
static int begin(struct webhook *webhook)
{
    struct arena arena = {0};
    const cJSON *pair;

    int r = channel_open(webhook);
    if (r < 0)
        return r;
    cJSON_ArrayForEach(pair, world_update_queues(webhook->sandbox->world, &arena, INT64_MAX))
        add(webhook, (int64_t)pair->child->valuedouble, (int64_t)pair->child->next->valuedouble);
    arena_clear(&arena);
    go_on(webhook);
    return 0;
}

void webhook_drop(struct webhook *webhook)
{
    struct queue *queue, *next;
    struct attempt *attempt;

    LIST_FOREACH(attempt, &webhook->attempts, link) {
        attempt->queue = NULL;
        task_cancel(attempt->task);
    }
    TAILQ_INIT(&webhook->ready);
    HASH_ITER(hh, webhook->queues, queue, next)
    drop_queue(webhook, queue);
}

void webhook_free(struct webhook *webhook)
{
    if (!webhook)
        return;
    webhook_drop(webhook);
    channel_leave(webhook->channel);
    cJSON_Delete(webhook->settings);
    free(webhook->last_error);
    free(webhook);
}

/* ---- what is set ---- */

const cJSON *webhook_settings(const struct webhook *webhook)
{
    return webhook->settings;
}

void webhook_change(struct webhook *webhook, const cJSON *settings)
{
    char *text = settings ? cJSON_PrintUnformatted(settings) : NULL;

    webhook_drop(webhook);
    world_set_text(webhook->sandbox->world, setting, "", text ? text : "");
    cJSON_free(text);
    cJSON_Delete(webhook->settings);
    webhook->settings = settings ? cJSON_Duplicate(settings, true) : NULL;
    free(webhook->last_error);
    webhook->last_error = NULL;
    webhook->last_error_date = webhook->gone_since_ms = 0;
    channel_leave(webhook->channel);
    webhook->channel = NULL;
    if (settings && begin(webhook) < 0)
        log_error("sandbox", "the webhook cannot be used: no memory");
}

cJSON *webhook_info(const struct webhook *webhook, struct arena *arena)
{
    struct world *world = webhook->sandbox->world;
    cJSON *info = json_keep(arena, cJSON_CreateObject());
    const char *url = json_get_text(webhook->settings, "url");

    json_set_text(info, "url", url ? url : "");
    json_set_bool(info, "has_custom_certificate",
                  json_get_bool(webhook->settings, "has_custom_certificate"));
    json_set_int(info, "pending_update_count", world_update_count(world));
    json_set_copy(info, "ip_address", json_get(webhook->settings, "ip_address"));
    if (webhook->last_error) {
        json_set_int(info, "last_error_date", webhook->last_error_date);
        json_set_text(info, "last_error_message", webhook->last_error);
    }
    json_set_copy(info, "max_connections", json_get(webhook->settings, "max_connections"));
    json_set_copy(info, "allowed_updates", world_allowed_updates(world, arena));
    return info;
}

/* ---- the attempts ---- */

static void try_again(void *arg)
{
    struct queue *queue = arg;
    struct webhook *webhook = queue->webhook;

    make_ready(webhook, queue);
    go_on(webhook);
}

/* How long until the first update is tried again, in seconds. */
static int64_t next_pause(struct queue *queue, int64_t retry_after_s)
{
    if (retry_after_s)
        return retry_after_s;
    if (!queue->failures)
        return 0;
    int64_t longest_s = LONGEST_PAUSE_S + (int64_t)arc4random_uniform(LONGEST_PAUSE_S + 1);
    queue->pause_s = queue->pause_s ? queue->pause_s * 2 : 2;
    if (queue->pause_s > longest_s)
        queue->pause_s = longest_s;
    return queue->pause_s;
}

/* true when the bot has been gone for so long that nothing more is sent to it. */
static bool note_failure(struct webhook *webhook, const struct webhook_answer *answer)
{
    int64_t now_ms = clock_steady_ms(webhook->sandbox->clock);

    webhook->last_error_date = world_now(webhook->sandbox->world);
    free(webhook->last_error);
    webhook->last_error = strdup(answer->failure);
    if (answer->status && answer->status != 410) /* no answer says nothing */
        webhook->gone_since_ms = 0;
    else if (answer->status && !webhook->gone_since_ms)
        webhook->gone_since_ms = now_ms;
    return webhook->gone_since_ms && now_ms - webhook->gone_since_ms > GONE_MS;
}

static void settle(struct webhook *webhook, const struct attempt *attempt,
                   const struct webhook_answer *answer)
{
    struct queue *queue = attempt->queue;

    if (!answer->failure) {
        webhook->gone_since_ms = 0;
        queue->is_repeat =
            !queue->is_repeat && faults_take_kind(webhook->sandbox->faults, FAULT_DUPLICATE);
        if (queue->is_repeat)
            make_ready(webhook, queue);
        else
            advance(webhook, queue);
        return;
    }
    if (note_failure(webhook, answer)) {
        webhook_change(webhook, NULL);
        return;
    }
    int64_t pause_s = next_pause(queue, answer->retry_after_s);
    queue->failures++;
    if (world_now(webhook->sandbox->world) + pause_s > attempt->expires_at)
        advance(webhook, queue);
    else
        clock_timer_set(&queue->pause, webhook->sandbox->clock, pause_s * 1000, try_again, queue);
}

static void on_deadline(void *arg)
{
    struct attempt *attempt = arg;

    attempt->is_late = true;
    task_cancel(attempt->task);
}

static void attempt_free(struct attempt *attempt)
{
    LIST_REMOVE(attempt, link);
    attempt->webhook->running--;
    clock_timer_clear(&attempt->deadline);
    channel_leave(attempt->channel);
    free(attempt->body);
    free(attempt);
}

static AISHA_ASYNC void attempt_run(void *arg)
{
    struct attempt *attempt = arg;
    struct webhook *webhook = attempt->webhook;
    struct sandbox *sandbox = webhook->sandbox;
    struct arena arena = {0};
    struct webhook_answer answer = {0};
    int r = -AISHA_E_CANCELED;

    if (attempt->queue) {
        const struct webhook_post post = {.settings = webhook->settings,
                                          .body = attempt->body,
                                          .is_cut =
                                              faults_take_kind(sandbox->faults, FAULT_CUT_WEBHOOK)};
        r = webhook_post(attempt->channel->http, &arena, &post, &answer);
    }
    if (r < 0 && attempt->is_late) {
        answer = (struct webhook_answer){.failure = "Read timeout expired"};
        r = 0;
    }
    if (r == 0 && attempt->queue)
        settle(webhook, attempt, &answer);
    attempt_free(attempt);
    go_on(webhook);
    if (answer.response && !answer.failure)
        webhook_run_answer(sandbox, &arena, answer.response);
    arena_clear(&arena);
}

/* false when nothing can be started now. */
static bool start(struct webhook *webhook, struct queue *queue)
{
    struct arena arena = {0};
    int64_t update_id = STAILQ_FIRST(&queue->pending)->update_id, expires_at;
    const cJSON *update = world_update(webhook->sandbox->world, &arena, update_id, &expires_at);

    if (!update || faults_take_kind(webhook->sandbox->faults, FAULT_LOST_WEBHOOK)) {
        advance(webhook, queue);
        arena_clear(&arena);
        return true;
    }
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt || !(attempt->body = strdup(update->valuestring)))
        abort();
    arena_clear(&arena);
    attempt->webhook = webhook;
    attempt->queue = queue;
    attempt->channel = webhook->channel;
    attempt->channel->users++;
    attempt->expires_at = expires_at;
    LIST_INSERT_HEAD(&webhook->attempts, attempt, link);
    webhook->running++;
    if (task_start(webhook->sandbox->loop, "webhook", attempt_run, attempt, &attempt->task) < 0) {
        attempt_free(attempt);
        return false;
    }
    clock_timer_set(&attempt->deadline, webhook->sandbox->clock, ATTEMPT_MS, on_deadline, attempt);
    return true;
}

static void go_on(struct webhook *webhook)
{
    int64_t most = json_get_int(webhook->settings, "max_connections", 0);
    struct queue *queue;

    if (most > MOST_CONNECTIONS)
        most = MOST_CONNECTIONS;
    while (webhook->channel && (queue = TAILQ_FIRST(&webhook->ready)) && webhook->running < most &&
           !loop_is_stopping(webhook->sandbox->loop)) {
        TAILQ_REMOVE(&webhook->ready, queue, ready_link);
        if (!start(webhook, queue)) {
            TAILQ_INSERT_HEAD(&webhook->ready, queue, ready_link);
            return;
        }
    }
}

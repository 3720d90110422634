/*
 * A task keeps the connection: it makes it, waits until it breaks and makes it again.
 */
#include "host/io/redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/core/worker.h"
#include "host/io/redis_connection.h"
#include "host/io/redis_dial.h"
#include "host/io/redis_listen.h"
#include "host/io/redis_pause.h"

enum { SHA_SIZE = 41, CLIENT_SIZE = 160, MAX_EVAL_ARGS = 16, STABLE_MS = 1000 };

struct waiter {
    struct wait wait;
    TAILQ_ENTRY(waiter) link;
};

struct redis {
    struct loop *loop;
    struct arena arena; /* of the URL */
    struct redis_url url;
    struct redis_options options;
    char (*shas)[SHA_SIZE]; /* of the scripts */
    struct workers *lookups;
    struct task *keeper, *listening; /* NULL = has ended */
    struct redis_connection *connection;
    bool is_ready; /* the connection may be used */
    bool is_down;  /* the last attempt failed */
    bool is_told;  /* the log says that it is away */
    char error[REDIS_REASON_SIZE];
    char client[CLIENT_SIZE]; /* the server's name for the last connection; "" = there was none */
    TAILQ_HEAD(, waiter) waiting; /* for the attempt that is under way */
    struct redis_listener *listener;
    bool is_closing; /* the last task to leave frees it */
};

/* ---- the connection ---- */

static void wake_waiting(struct redis *redis, int result)
{
    struct waiter *waiter;

    TAILQ_FOREACH(waiter, &redis->waiting, link)
        wait_wake(&waiter->wait, result);
}

static AISHA_ASYNC int ask(struct redis_connection *connection, struct arena *arena,
                           const struct redis_arg *args, size_t count,
                           const struct redis_reply **ret_reply)
{
    struct redis_request request = {.arena = arena, .args = args, .arg_count = count};

    int r = redis_connection_run(connection, &request);
    if (r == 0)
        *ret_reply = request.reply;
    return r;
}

static AISHA_ASYNC int load_scripts(struct redis *redis, struct redis_connection *connection)
{
    struct arena arena = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < redis->options.script_count; i++) {
        const struct redis_arg load[] = {REDIS_ARG("SCRIPT"), REDIS_ARG("LOAD"),
                                         REDIS_ARG(redis->options.scripts[i])};
        const struct redis_reply *reply;
        r = ask(connection, &arena, load, 3, &reply);
        if (r == 0 && (reply->type != REDIS_TEXT || reply->size != SHA_SIZE - 1)) {
            snprintf(redis->error, sizeof redis->error, "it takes no scripts: %.80s",
                     reply->type == REDIS_REFUSAL ? reply->text : "");
            r = -AISHA_E_UNAVAILABLE;
        }
        if (r == 0)
            memcpy(redis->shas[i], reply->text, SHA_SIZE);
    }
    arena_clear(&arena);
    return r;
}

/*
 * A server that was stopped still has in its hands what was sent to it on the connection before,
 * and would do it at any time after we have given that up. So it is told to drop that connection.
 */
static AISHA_ASYNC int replace_former(struct redis *redis, struct redis_connection *connection)
{
    const struct redis_arg info[] = {REDIS_ARG("CLIENT"), REDIS_ARG("INFO")};
    struct arena arena = {0};
    const struct redis_reply *reply;
    char id[24] = "", address[64] = "";
    int r = 0;

    if (sscanf(redis->client, "id=%20[0-9] addr=%60s", id, address) == 2) {
        const struct redis_arg end[] = {REDIS_ARG("CLIENT"), REDIS_ARG("KILL"), REDIS_ARG("ID"),
                                        REDIS_ARG(id),       REDIS_ARG("ADDR"), REDIS_ARG(address)};
        r = ask(connection, &arena, end, 6, &reply);
    }
    if (r == 0)
        r = ask(connection, &arena, info, 2, &reply);
    if (r == 0)
        snprintf(redis->client, sizeof redis->client, "%s",
                 reply->type == REDIS_TEXT ? reply->text : "");
    arena_clear(&arena);
    return r;
}

static AISHA_ASYNC int prepare(struct redis *redis)
{
    struct redis_connection *connection = redis->connection;

    snprintf(redis->error, sizeof redis->error, "it cannot be used");
    int r = replace_former(redis, connection);
    if (r == 0)
        r = load_scripts(redis, connection);
    if (r == 0 && redis->options.prepare)
        r = redis->options.prepare(connection, redis->error, redis->options.user);
    if (connection->is_broken) {
        snprintf(redis->error, sizeof redis->error, "%s", connection->reason);
        r = r < 0 ? r : -AISHA_E_UNAVAILABLE;
    }
    if (r < 0) {
        redis->connection = NULL;
        redis_connection_free(connection);
    }
    return r;
}

static AISHA_ASYNC int connect_once(struct redis *redis)
{
    int r = redis_dial(redis->loop, redis->lookups, &redis->url, &redis->connection, redis->error);
    if (r == 0)
        r = redis->is_closing ? -AISHA_E_CANCELED : prepare(redis);
    if (r == -AISHA_E_CANCELED || redis->is_closing)
        return -AISHA_E_CANCELED; /* our user is gone */
    if (r < 0 && !redis->is_told)
        log_error("redis",
                  "Redis at %s:%s cannot be used: %s; going on without it, and trying again",
                  redis->url.host, redis->url.port, redis->error);
    if (r == 0 && redis->is_told)
        log_info("redis", "Redis is back");
    redis->is_told = redis->is_down = r < 0;
    if (r == 0)
        redis->error[0] = '\0';
    redis->is_ready = r == 0;
    wake_waiting(redis, r);
    return r;
}

/* Until it breaks (0), or the end. */
static AISHA_ASYNC int watch(struct redis *redis)
{
    int r = redis_connection_watch(redis->connection, WAIT_FOREVER);

    redis->is_ready = false;
    if (r < 0)
        return r; /* what runs still uses it */
    snprintf(redis->error, sizeof redis->error, "%s", redis->connection->reason);
    log_warn("redis", "the connection to Redis is lost: %s", redis->error);
    redis->is_told = true;
    redis_connection_free(redis->connection);
    redis->connection = NULL;
    return 0;
}

static AISHA_ASYNC void keep(struct redis *redis)
{
    struct redis_pause pause = {0};
    int r;

    do {
        r = connect_once(redis);
        int64_t since_ms = loop_now_ms(redis->loop);
        if (r == 0) {
            r = watch(redis);
            if (r == 0 && loop_now_ms(redis->loop) - since_ms > STABLE_MS) {
                redis_pause_reset(&pause);
                continue; /* most often it can be made again at once */
            }
            redis->is_down = true;
            wake_waiting(redis, -AISHA_E_UNAVAILABLE);
        }
        if (r != -AISHA_E_CANCELED)
            r = redis_pause(&pause, redis->loop);
    } while (r == 0);
    redis->is_down = true;
    wake_waiting(redis, -AISHA_E_UNAVAILABLE);
}

static bool is_usable(const struct redis *redis)
{
    return redis->is_ready && !redis->connection->is_broken;
}

static AISHA_ASYNC int take_connection(struct redis *redis,
                                       struct redis_connection **ret_connection)
{
    struct waiter waiter;

    if (!is_usable(redis) && (redis->is_down || redis->is_closing))
        return -AISHA_E_UNAVAILABLE;
    if (!is_usable(redis)) {
        wait_init(&waiter.wait, redis->loop);
        TAILQ_INSERT_TAIL(&redis->waiting, &waiter, link);
        int r = wait_for(&waiter.wait, REDIS_PATIENCE_MS);
        TAILQ_REMOVE(&redis->waiting, &waiter, link);
        if (r < 0 || !is_usable(redis))
            return r == -AISHA_E_CANCELED ? r : -AISHA_E_UNAVAILABLE;
    }
    *ret_connection = redis->connection;
    return 0;
}

void redis_renew(struct redis *redis, const char *reason)
{
    if (redis->is_ready)
        redis_connection_break(redis->connection, reason);
}

/* ---- commands ---- */

int redis_run(struct redis *redis, struct arena *arena, const struct redis_arg *args, size_t count,
              const struct redis_reply **ret_reply)
{
    struct redis_request request = {.arena = arena, .args = args, .arg_count = count};
    struct redis_connection *connection;

    int r = take_connection(redis, &connection);
    if (r == 0)
        r = redis_connection_run(connection, &request);
    if (r < 0)
        return r;
    *ret_reply = request.reply;
    return request.reply->type == REDIS_REFUSAL ? -AISHA_E_INVALID : 0;
}

int redis_eval(struct redis *redis, struct arena *arena, size_t script,
               const struct redis_arg *args, size_t count, size_t key_count,
               const struct redis_reply **ret_reply)
{
    struct redis_arg all[3 + MAX_EVAL_ARGS] = {
        REDIS_ARG("EVALSHA"),
        {.bytes = redis->shas[script], .size = SHA_SIZE - 1},
        redis_arg_int(arena, (int64_t)key_count),
    };

    if (count > MAX_EVAL_ARGS)
        return -AISHA_E_LIMIT;
    memcpy(all + 3, args, count * sizeof *args);
    int r = redis_run(redis, arena, all, 3 + count, ret_reply);
    if (r != -AISHA_E_INVALID || strncmp((*ret_reply)->text, "NOSCRIPT", 8) != 0)
        return r;
    all[0] = REDIS_ARG("EVAL"); /* somebody made it forget; this tells it again */
    all[1] = REDIS_ARG(redis->options.scripts[script]);
    return redis_run(redis, arena, all, 3 + count, ret_reply);
}

/* ---- life ---- */

static void destroy(struct redis *redis)
{
    redis_connection_free(redis->connection);
    redis_listener_free(redis->listener);
    workers_free(redis->lookups);
    arena_clear(&redis->arena);
    free(redis->shas);
    free(redis);
}

static void task_left(struct redis *redis)
{
    if (redis->is_closing && !redis->keeper && !redis->listening)
        destroy(redis);
}

static AISHA_ASYNC void run_keeper(void *arg)
{
    struct redis *redis = arg;

    keep(redis);
    redis->keeper = NULL;
    task_left(redis);
}

static AISHA_ASYNC void run_listener(void *arg)
{
    struct redis *redis = arg;

    redis_listener_run(redis->listener);
    redis->listening = NULL;
    task_left(redis);
}

int redis_open(struct redis **ret_redis, struct loop *loop, const struct redis_options *options,
               struct arena *arena, const char **ret_error)
{
    struct redis *redis = calloc(1, sizeof *redis);
    const char *error = NULL;

    if (!redis)
        return -ENOMEM;
    *redis = (struct redis){.loop = loop, .options = *options};
    TAILQ_INIT(&redis->waiting);
    int r = redis_url_parse(&redis->arena, options->url, &redis->url, &error);
    if (r < 0)
        *ret_error = arena_strdup(arena, error);
    if (r == 0)
        redis->shas = calloc(options->script_count + 1, sizeof *redis->shas);
    if (r == 0 && !redis->shas)
        r = -ENOMEM;
    if (r == 0)
        r = workers_new(&redis->lookups, loop, 1);
    if (r == 0)
        r = task_start(loop, "redis", run_keeper, redis, &redis->keeper);
    if (r < 0)
        destroy(redis);
    else
        *ret_redis = redis;
    return r;
}

void redis_close(struct redis *redis)
{
    if (!redis)
        return;
    redis->is_closing = true;
    if (redis->connection && !redis->is_ready) /* it is being prepared, by functions of the user */
        redis_connection_break(redis->connection, "it is not wanted any more");
    redis->is_ready = false;
    redis_listener_mute(redis->listener);
    if (redis->keeper)
        task_cancel(redis->keeper);
    if (redis->listening)
        task_cancel(redis->listening);
    if (!redis->keeper && !redis->listening)
        destroy(redis);
}

const char *redis_last_error(const struct redis *redis)
{
    return redis->is_ready && !is_usable(redis) ? redis->connection->reason : redis->error;
}

int redis_listen(struct redis *redis, const char *channel,
                 void (*notified)(const char *payload, void *user), void *user)
{
    int r = redis_listener_new(&redis->listener, redis->loop, redis->lookups, &redis->url, channel,
                               notified, user);
    if (r == 0)
        r = task_start(redis->loop, "redis listener", run_listener, redis, &redis->listening);
    return r;
}

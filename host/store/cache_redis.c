#include "host/store/cache_redis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/wait.h"
#include "host/io/redis.h"
#include "host/store/cache.h"
#include "host/store/uuid.h"

enum { STALE_AT_ONCE = 200, PROBE_MS = 1000, CURSOR_SIZE = 24 };

enum script { SCRIPT_ADD, SCRIPT_CAS, SCRIPT_TAKE, SCRIPT_COUNT_MEMBERS };

/* Numbers of Lua are doubles, so what counts goes in and out as text. */
static const char *const scripts[] = {
    [SCRIPT_ADD] = "redis.call('INCRBY', KEYS[1], ARGV[1])\n"
                   "if redis.call('PTTL', KEYS[1]) < 0 then\n"
                   "  redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                   "end\n"
                   "return redis.call('GET', KEYS[1])\n",
    [SCRIPT_CAS] = "local now = redis.call('GET', KEYS[1])\n"
                   "if ARGV[1] == '' then\n"
                   "  if now then return 0 end\n"
                   "elseif now ~= ARGV[2] then return 0 end\n"
                   "redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])\n"
                   "return 1\n",
    [SCRIPT_TAKE] = "local capacity, period = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
                    "local want, least = tonumber(ARGV[3]), tonumber(ARGV[4])\n"
                    "local time = redis.call('TIME')\n"
                    "local now = time[1] * 1000 + time[2] / 1000\n"
                    "local was = redis.call('HMGET', KEYS[1], 'tokens', 'at')\n"
                    "local tokens = capacity\n"
                    "if was[1] and was[2] then\n"
                    "  local past = math.max(0, now - tonumber(was[2]))\n"
                    "  tokens = math.min(capacity, tonumber(was[1]) + past * capacity / period)\n"
                    "end\n"
                    "local taken, wait = math.floor(math.min(want, tokens)), 0\n"
                    "if taken < least then\n"
                    "  taken, wait = 0, math.floor((least - tokens) * period / capacity) + 1\n"
                    "end\n"
                    "redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - taken),\n"
                    "           'at', string.format('%.3f', now))\n"
                    "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                    "return {taken, wait}\n",
    [SCRIPT_COUNT_MEMBERS] = "local time = redis.call('TIME')\n"
                             "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
                             "redis.call('ZADD', KEYS[1], now, ARGV[1])\n"
                             "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])\n"
                             "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                             "return redis.call('ZCARD', KEYS[1])\n",
};

struct cache_redis {
    struct cache_redis_options options;
    struct arena arena; /* of what follows */
    const char *channel;
    const char *self; /* how our own messages are known */
    struct redis *redis;
};

/* What kinds of things there are: no two share a key. */
#define VALUE "v"
#define BUCKET "b"
#define MEMBERS "m"

static struct redis_arg key_arg(const struct cache_redis *redis, struct arena *arena,
                                const char *kind, const char *key)
{
    const char *text = arena_printf(arena, "aisha:%s:%s:%s", redis->options.scope, kind, key);

    return REDIS_ARG(text);
}

/* Whatever else Redis says than it should (it loads its data, is out of memory, takes no writes, …)
 * means that it cannot be used: then not this command alone is done without it. */
static int as_expected(struct cache_redis *redis, int r, const struct redis_reply *reply,
                       enum redis_type type)
{
    if (r == -AISHA_E_INVALID)
        redis_renew(redis->redis, reply->text);
    else if (r == 0 && reply->type != type)
        redis_renew(redis->redis, "it answers what does not belong there");
    else
        return r;
    return -AISHA_E_UNAVAILABLE;
}

/* ---- values ---- */

int cache_redis_get(struct cache_redis *redis, struct arena *arena, const char *key,
                    const void **ret_bytes, size_t *ret_size)
{
    const struct redis_arg get[] = {REDIS_ARG("GET"), key_arg(redis, arena, VALUE, key)};
    const struct redis_reply *reply = NULL;

    int r = redis_run(redis->redis, arena, get, 2, &reply);
    if (r == 0 && reply->type == REDIS_NIL)
        return AISHA_CACHE_MISS;
    r = as_expected(redis, r, reply, REDIS_TEXT);
    if (r < 0)
        return r;
    *ret_bytes = reply->text;
    *ret_size = reply->size;
    return 0;
}

int cache_redis_set(struct cache_redis *redis, const char *key, const void *bytes, size_t size,
                    int64_t ttl_ms)
{
    struct arena arena = {0};
    const struct redis_arg set[] = {REDIS_ARG("SET"), key_arg(redis, &arena, VALUE, key),
                                    (struct redis_arg){.bytes = bytes, .size = size},
                                    REDIS_ARG("PX"), redis_arg_int(&arena, ttl_ms)};
    const struct redis_reply *reply = NULL;

    int r = redis_run(redis->redis, &arena, set, 5, &reply);
    r = as_expected(redis, r, reply, REDIS_TEXT);
    arena_clear(&arena);
    return r;
}

int cache_redis_delete(struct cache_redis *redis, const char *key)
{
    struct arena arena = {0};
    const struct redis_arg delete[] = {REDIS_ARG("UNLINK"), key_arg(redis, &arena, VALUE, key)};
    const struct redis_reply *reply = NULL;

    int r = redis_run(redis->redis, &arena, delete, 2, &reply);
    r = as_expected(redis, r, reply, REDIS_INTEGER);
    arena_clear(&arena);
    return r;
}

int cache_redis_add(struct cache_redis *redis, const char *key, int64_t delta, int64_t ttl_ms,
                    int64_t *ret_value)
{
    struct arena arena = {0};
    const struct redis_arg args[] = {key_arg(redis, &arena, VALUE, key),
                                     redis_arg_int(&arena, delta), redis_arg_int(&arena, ttl_ms)};
    const struct redis_reply *reply = NULL;

    int r = redis_eval(redis->redis, &arena, SCRIPT_ADD, args, 3, 1, &reply);
    if (r == -AISHA_E_INVALID && strstr(reply->text, "would overflow"))
        r = -AISHA_E_LIMIT;
    else if (r != -AISHA_E_INVALID || !strstr(reply->text, "not an integer"))
        r = as_expected(redis, r, reply, REDIS_TEXT);
    if (r == 0)
        *ret_value = strtoll(reply->text, NULL, 10);
    arena_clear(&arena);
    return r;
}

int cache_redis_cas(struct cache_redis *redis, const char *key, const void *expected,
                    size_t expected_size, const void *bytes, size_t size, int64_t ttl_ms)
{
    struct arena arena = {0};
    const struct redis_arg args[] = {
        key_arg(redis, &arena, VALUE, key),
        REDIS_ARG(expected ? "1" : ""),
        {.bytes = expected, .size = expected ? expected_size : 0},
        {.bytes = bytes, .size = size},
        redis_arg_int(&arena, ttl_ms),
    };
    const struct redis_reply *reply = NULL;

    int r = redis_eval(redis->redis, &arena, SCRIPT_CAS, args, 5, 1, &reply);
    r = as_expected(redis, r, reply, REDIS_INTEGER);
    if (r == 0 && reply->integer == 0)
        r = AISHA_CACHE_CHANGED;
    arena_clear(&arena);
    return r;
}

/* ---- limits ---- */

int cache_redis_take(struct cache_redis *redis, const char *key, struct cache_bucket *bucket)
{
    struct arena arena = {0};
    const struct redis_arg args[] = {
        key_arg(redis, &arena, BUCKET, key),      redis_arg_int(&arena, bucket->capacity),
        redis_arg_int(&arena, bucket->period_ms), redis_arg_int(&arena, bucket->want),
        redis_arg_int(&arena, bucket->least),
    };
    const struct redis_reply *reply = NULL;

    int r = redis_eval(redis->redis, &arena, SCRIPT_TAKE, args, 5, 1, &reply);
    r = as_expected(redis, r, reply, REDIS_LIST);
    if (r == 0 && reply->count == 2) {
        bucket->taken = reply->items[0]->integer;
        bucket->wait_ms = reply->items[1]->integer;
    }
    arena_clear(&arena);
    return r;
}

int cache_redis_count_members(struct cache_redis *redis, const char *key, const char *member,
                              int64_t ttl_ms, int64_t *ret_count)
{
    struct arena arena = {0};
    const struct redis_arg args[] = {key_arg(redis, &arena, MEMBERS, key), REDIS_ARG(member),
                                     redis_arg_int(&arena, ttl_ms)};
    const struct redis_reply *reply = NULL;

    int r = redis_eval(redis->redis, &arena, SCRIPT_COUNT_MEMBERS, args, 3, 1, &reply);
    r = as_expected(redis, r, reply, REDIS_INTEGER);
    if (r == 0)
        *ret_count = reply->integer;
    arena_clear(&arena);
    return r;
}

/* ---- wake-ups: "WHO KEY" on one channel of the bot ---- */

int cache_redis_wake(struct cache_redis *redis, const char *key)
{
    struct arena arena = {0};
    const char *text = arena_printf(&arena, "%s %s", redis->self, key);
    const struct redis_arg publish[] = {REDIS_ARG("PUBLISH"), REDIS_ARG(redis->channel),
                                        REDIS_ARG(text)};
    const struct redis_reply *reply = NULL;

    int r = redis_run(redis->redis, &arena, publish, 3, &reply);
    r = as_expected(redis, r, reply, REDIS_INTEGER);
    arena_clear(&arena);
    return r;
}

static void on_notified(const char *payload, void *user)
{
    const struct cache_redis *redis = user;
    const char *key = payload ? strchr(payload, ' ') : NULL;
    size_t length = strlen(redis->self);

    if (!payload)
        redis->options.woken(NULL, redis->options.user);
    else if (key && (strncmp(payload, redis->self, length) != 0 || payload[length] != ' '))
        redis->options.woken(key + 1, redis->options.user);
}

/* ---- a new connection ---- */

/* A reply of that type, or -AISHA_E_UNAVAILABLE with the reason. */
static AISHA_ASYNC int ask(struct redis_connection *connection, struct arena *arena,
                           const struct redis_arg *args, size_t count, enum redis_type type,
                           char reason[REDIS_REASON_SIZE])
{
    struct redis_request request = {.arena = arena, .args = args, .arg_count = count};

    int r = redis_connection_run(connection, &request);
    if (r < 0 || request.reply->type == type)
        return r;
    snprintf(reason, REDIS_REASON_SIZE, "%.100s",
             request.reply->type == REDIS_REFUSAL ? request.reply->text
                                                  : "it answers what does not belong there");
    return -AISHA_E_UNAVAILABLE;
}

/* Whether it takes writes: one that is full, or copies another one, does not. */
static AISHA_ASYNC int probe(const struct cache_redis *redis, struct redis_connection *connection,
                             char reason[REDIS_REASON_SIZE])
{
    struct arena arena = {0};
    const struct redis_arg set[] = {REDIS_ARG("SET"), key_arg(redis, &arena, VALUE, "host:probe"),
                                    REDIS_ARG("1"), REDIS_ARG("PX"),
                                    redis_arg_int(&arena, PROBE_MS)};

    int r = ask(connection, &arena, set, 5, REDIS_TEXT, reason);
    arena_clear(&arena);
    return r;
}

static AISHA_ASYNC int unlink_keys(struct redis_connection *connection, struct arena *arena,
                                   struct redis_arg *args, size_t count,
                                   char reason[REDIS_REASON_SIZE])
{
    args[0] = REDIS_ARG("UNLINK");
    return count ? ask(connection, arena, args, count + 1, REDIS_INTEGER, reason) : 0;
}

static AISHA_ASYNC int delete_keys(const struct cache_redis *redis,
                                   struct redis_connection *connection, const char *const *keys,
                                   size_t count, char reason[REDIS_REASON_SIZE])
{
    struct arena arena = {0};
    struct redis_arg *args = arena_alloc(&arena, (count + 1) * sizeof *args);

    for (size_t i = 0; i < count; i++)
        args[i + 1] = key_arg(redis, &arena, VALUE, keys[i]);
    int r = unlink_keys(connection, &arena, args, count, reason);
    arena_clear(&arena);
    return r;
}

/* One step of going through all keys; cursor is where it is, "0" at the end. */
static AISHA_ASYNC int delete_some(const struct cache_redis *redis,
                                   struct redis_connection *connection, char cursor[CURSOR_SIZE],
                                   char reason[REDIS_REASON_SIZE])
{
    struct arena arena = {0};
    const struct redis_arg scan[] = {
        REDIS_ARG("SCAN"),  REDIS_ARG(cursor),
        REDIS_ARG("MATCH"), key_arg(redis, &arena, VALUE, "*"),
        REDIS_ARG("COUNT"), redis_arg_int(&arena, STALE_AT_ONCE),
    };
    struct redis_request request = {.arena = &arena, .args = scan, .arg_count = 6};
    const struct redis_reply *found = NULL;

    int r = redis_connection_run(connection, &request);
    if (r == 0 && request.reply->type == REDIS_LIST && request.reply->count == 2)
        found = request.reply->items[1];
    if (!found || found->type != REDIS_LIST || request.reply->items[0]->type != REDIS_TEXT) {
        snprintf(reason, REDIS_REASON_SIZE, "it does not say what it has");
        r = -AISHA_E_UNAVAILABLE;
    } else {
        struct redis_arg *args = arena_alloc(&arena, (found->count + 1) * sizeof *args);
        snprintf(cursor, CURSOR_SIZE, "%s", request.reply->items[0]->text);
        for (size_t i = 0; i < found->count; i++)
            args[i + 1] =
                (struct redis_arg){.bytes = found->items[i]->text, .size = found->items[i]->size};
        r = unlink_keys(connection, &arena, args, found->count, reason);
    }
    arena_clear(&arena);
    return r;
}

static AISHA_ASYNC int delete_all(const struct cache_redis *redis,
                                  struct redis_connection *connection,
                                  char reason[REDIS_REASON_SIZE])
{
    char cursor[CURSOR_SIZE] = "0";
    int r;

    do
        r = delete_some(redis, connection, cursor, reason);
    while (r == 0 && strcmp(cursor, "0") != 0);
    return r;
}

static AISHA_ASYNC int prepare(struct redis_connection *connection, char reason[REDIS_REASON_SIZE],
                               void *user)
{
    const struct cache_redis *redis = user;
    const struct cache_redis_options *options = &redis->options;
    const char *keys[STALE_AT_ONCE];
    size_t count;

    int r = probe(redis, connection, reason);
    while (r == 0 && (count = options->stale_keys(keys, STALE_AT_ONCE, options->user))) {
        r = count == CACHE_REDIS_ALL ? delete_all(redis, connection, reason)
                                     : delete_keys(redis, connection, keys, count, reason);
        if (r == 0)
            options->deleted(keys, count, options->user);
    }
    if (r == 0)
        options->is_back(options->user);
    return r;
}

/* ---- life ---- */

int cache_redis_open(struct cache_redis **ret_redis, struct loop *loop,
                     const struct cache_redis_options *options, struct arena *arena,
                     const char **ret_error)
{
    struct cache_redis *redis = calloc(1, sizeof *redis);

    if (!redis)
        return -ENOMEM;
    redis->options = *options;
    redis->channel = arena_printf(&redis->arena, "aisha:%s:wake", options->scope);
    redis->self = uuid_new(&redis->arena);
    const struct redis_options redis_options = {
        .url = options->url,
        .scripts = scripts,
        .script_count = sizeof scripts / sizeof *scripts,
        .prepare = prepare,
        .user = redis,
    };
    int r = redis_open(&redis->redis, loop, &redis_options, arena, ret_error);
    if (r == 0)
        r = redis_listen(redis->redis, redis->channel, on_notified, redis);
    if (r < 0)
        cache_redis_close(redis);
    else
        *ret_redis = redis;
    return r;
}

void cache_redis_close(struct cache_redis *redis)
{
    if (!redis)
        return;
    redis_close(redis->redis);
    arena_clear(&redis->arena);
    free(redis);
}

const char *cache_redis_error(const struct cache_redis *redis)
{
    return redis_last_error(redis->redis);
}

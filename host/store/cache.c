/*
 * Redis when there is one and it answers, else memory. The keys that are changed in memory instead
 * are noted, so that what Redis holds under them never comes back.
 */
#include "host/store/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/cache_memory.h"
#include "host/store/cache_redis.h"

#define MAX_TTL_MS (INT64_C(30) * 24 * 3600 * 1000)
#define MAX_PERIOD_MS (INT64_C(366) * 24 * 3600 * 1000)
#define MAX_CAPACITY INT64_C(1000000000)

enum {
    MEMORY_BYTES = 64 * 1024 * 1024,
    MAX_STALE = 50000, /* keys that are noted; with more, all of Redis' are */
};

/* A key under which Redis may hold what is no longer so. */
struct stale {
    char *key;
    UT_hash_handle hh;
};

struct waiter {
    const char *key;
    struct wait wait;
    TAILQ_ENTRY(waiter) link;
};

struct cache {
    struct loop *loop;
    struct cache_memory *memory;
    struct cache_redis *redis; /* NULL = there is none */
    struct stale *stale;
    bool is_all_stale;
    uint64_t outages;
    TAILQ_HEAD(, waiter) waiting;
};

/* ---- what Redis does not know ---- */

static void stale_free(struct cache *cache, struct stale *stale)
{
    HASH_DEL(cache->stale, stale);
    free(stale->key);
    free(stale);
}

static void stale_free_all(struct cache *cache)
{
    struct stale *stale, *next;

    HASH_ITER(hh, cache->stale, stale, next)
    {
        stale_free(cache, stale);
    }
}

static void note_stale(struct cache *cache, const char *key)
{
    struct stale *stale;

    HASH_FIND_STR(cache->stale, key, stale);
    if (stale || cache->is_all_stale)
        return;
    if (HASH_COUNT(cache->stale) >= MAX_STALE) {
        cache->is_all_stale = true;
        stale_free_all(cache);
        return;
    }
    stale = calloc(1, sizeof *stale);
    if (!stale || !(stale->key = strdup(key)))
        abort();
    HASH_ADD_KEYPTR(hh, cache->stale, stale->key, strlen(stale->key), stale);
}

static size_t stale_keys(const char **ret_keys, size_t max, void *user)
{
    const struct cache *cache = user;
    size_t count = 0;

    if (cache->is_all_stale)
        return CACHE_REDIS_ALL;
    for (const struct stale *stale = cache->stale; stale && count < max; stale = stale->hh.next)
        ret_keys[count++] = stale->key;
    return count;
}

/* What was changed again meanwhile is only in memory, which is about to be cleared. */
static void on_deleted(const char *const *keys, size_t count, void *user)
{
    struct cache *cache = user;
    struct stale *stale;

    if (count == CACHE_REDIS_ALL) {
        cache->is_all_stale = false;
        return;
    }
    for (size_t i = 0; i < count && !cache->is_all_stale; i++) {
        HASH_FIND_STR(cache->stale, keys[i], stale);
        if (stale)
            stale_free(cache, stale);
    }
}

static void on_back(void *user)
{
    const struct cache *cache = user;

    cache_memory_clear(cache->memory);
}

/* Whether memory has to do it: when Redis, if there is one, has not. */
static bool is_for_memory(struct cache *cache, int r)
{
    if (r != -AISHA_E_UNAVAILABLE)
        return false;
    cache->outages += cache->redis != NULL;
    return true;
}

/* The same, of a call that changes what is under the key. */
static bool is_change_for_memory(struct cache *cache, const char *key, int r)
{
    if (!is_for_memory(cache, r))
        return false;
    if (cache->redis)
        note_stale(cache, key);
    return true;
}

/* ---- values ---- */

static int check_key(const char *key)
{
    size_t size = strnlen(key, CACHE_MAX_KEY + 1);

    return size >= 1 && size <= CACHE_MAX_KEY ? 0 : -AISHA_E_INVALID;
}

static int check_value(const char *key, size_t size, int64_t ttl_ms)
{
    if (size > AISHA_CACHE_MAX_VALUE)
        return -AISHA_E_LIMIT;
    return ttl_ms > 0 && ttl_ms <= MAX_TTL_MS ? check_key(key) : -AISHA_E_INVALID;
}

int cache_get(struct cache *cache, struct arena *arena, const char *key, const void **ret_bytes,
              size_t *ret_size)
{
    int r = check_key(key);

    if (r < 0)
        return r;
    r = cache->redis ? cache_redis_get(cache->redis, arena, key, ret_bytes, ret_size)
                     : -AISHA_E_UNAVAILABLE;
    if (is_for_memory(cache, r))
        r = cache_memory_get(cache->memory, arena, key, ret_bytes, ret_size);
    return r;
}

int cache_set(struct cache *cache, const char *key, const void *bytes, size_t size, int64_t ttl_ms)
{
    int r = check_value(key, size, ttl_ms);

    if (r < 0)
        return r;
    r = cache->redis ? cache_redis_set(cache->redis, key, bytes, size, ttl_ms)
                     : -AISHA_E_UNAVAILABLE;
    if (!is_change_for_memory(cache, key, r))
        return r;
    cache_memory_set(cache->memory, key, bytes, size, ttl_ms);
    return 0;
}

int cache_delete(struct cache *cache, const char *key)
{
    int r = check_key(key);

    if (r < 0)
        return r;
    r = cache->redis ? cache_redis_delete(cache->redis, key) : -AISHA_E_UNAVAILABLE;
    if (!is_change_for_memory(cache, key, r))
        return r;
    cache_memory_delete(cache->memory, key);
    return 0;
}

int cache_add(struct cache *cache, const char *key, int64_t delta, int64_t ttl_ms,
              int64_t *ret_value)
{
    int r = check_value(key, 0, ttl_ms);

    if (r < 0)
        return r;
    r = cache->redis ? cache_redis_add(cache->redis, key, delta, ttl_ms, ret_value)
                     : -AISHA_E_UNAVAILABLE;
    if (is_change_for_memory(cache, key, r))
        r = cache_memory_add(cache->memory, key, delta, ttl_ms, ret_value);
    return r;
}

int cache_cas(struct cache *cache, const char *key, const void *expected, size_t expected_size,
              const void *bytes, size_t size, int64_t ttl_ms)
{
    int r = check_value(key, size, ttl_ms);

    if (r < 0)
        return r;
    r = cache->redis
            ? cache_redis_cas(cache->redis, key, expected, expected_size, bytes, size, ttl_ms)
            : -AISHA_E_UNAVAILABLE;
    if (is_change_for_memory(cache, key, r))
        r = cache_memory_cas(cache->memory, key, expected, expected_size, bytes, size, ttl_ms);
    return r;
}

/* ---- limits ---- */

int cache_take(struct cache *cache, const char *key, struct cache_bucket *bucket)
{
    int r = check_key(key);

    if (r < 0)
        return r;
    if (bucket->capacity < 1 || bucket->capacity > MAX_CAPACITY || bucket->period_ms < 1 ||
        bucket->period_ms > MAX_PERIOD_MS || bucket->least < 1 ||
        bucket->least > bucket->capacity || bucket->want < bucket->least)
        return -AISHA_E_INVALID;
    r = cache->redis ? cache_redis_take(cache->redis, key, bucket) : -AISHA_E_UNAVAILABLE;
    if (!is_for_memory(cache, r))
        return r;
    cache_memory_take(cache->memory, key, bucket);
    return cache->redis ? 1 : 0;
}

void cache_take_here(struct cache *cache, const char *key, struct cache_bucket *bucket)
{
    cache_memory_take(cache->memory, key, bucket);
}

int cache_count_members(struct cache *cache, const char *key, const char *member, int64_t ttl_ms,
                        int64_t *ret_count)
{
    int r = cache->redis ? cache_redis_count_members(cache->redis, key, member, ttl_ms, ret_count)
                         : -AISHA_E_UNAVAILABLE;

    if (!is_for_memory(cache, r))
        return r;
    return 1;
}

/* ---- wake-ups ---- */

static void on_woken(const char *key, void *user)
{
    const struct cache *cache = user;
    struct waiter *waiter;

    TAILQ_FOREACH(waiter, &cache->waiting, link)
        if (!key || strcmp(waiter->key, key) == 0)
            wait_wake(&waiter->wait, 0);
}

int cache_wake(struct cache *cache, const char *key)
{
    int r = check_key(key);

    if (r < 0)
        return r;
    on_woken(key, cache);
    r = cache->redis ? cache_redis_wake(cache->redis, key) : 0;
    return is_for_memory(cache, r) ? 0 : r;
}

int cache_wait(struct cache *cache, const char *key, int64_t timeout_ms)
{
    struct waiter waiter = {.key = key};
    int r = check_key(key);

    if (r < 0)
        return r;
    if (timeout_ms < 0)
        return -AISHA_E_INVALID;
    wait_init(&waiter.wait, cache->loop);
    TAILQ_INSERT_TAIL(&cache->waiting, &waiter, link);
    r = wait_for(&waiter.wait, timeout_ms);
    TAILQ_REMOVE(&cache->waiting, &waiter, link);
    return r;
}

/* ---- life ---- */

int cache_open(struct cache **ret_cache, struct loop *loop, const char *url, const char *scope,
               struct arena *arena, const char **ret_error)
{
    struct cache *cache = calloc(1, sizeof *cache);
    const struct cache_redis_options options = {
        .url = url,
        .scope = scope,
        .stale_keys = stale_keys,
        .deleted = on_deleted,
        .is_back = on_back,
        .woken = on_woken,
        .user = cache,
    };

    if (!cache)
        return -ENOMEM;
    cache->loop = loop;
    TAILQ_INIT(&cache->waiting);
    int r = cache_memory_new(&cache->memory, loop, MEMORY_BYTES);
    if (r == 0 && *url)
        r = cache_redis_open(&cache->redis, loop, &options, arena, ret_error);
    if (r < 0)
        cache_close(cache);
    else
        *ret_cache = cache;
    return r;
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    cache_redis_close(cache->redis);
    stale_free_all(cache);
    cache_memory_free(cache->memory);
    free(cache);
}

bool cache_is_shared(const struct cache *cache)
{
    return cache->redis != NULL;
}

uint64_t cache_outages(const struct cache *cache)
{
    return cache->outages;
}

const char *cache_check(struct cache *cache, struct arena *arena)
{
    static const char value[] = "good";

    enum { TTL_MS = 60000 };

    if (!cache->redis)
        return NULL;
    int r = cache_redis_set(cache->redis, "host:health", value, sizeof value, TTL_MS);
    if (r == 0)
        return NULL;
    const char *error = cache_redis_error(cache->redis);
    return arena_strdup(arena, *error ? error : aisha_error_text(r));
}

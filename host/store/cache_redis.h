/*
 * The cache in Redis: commands, scripts and what their answers mean.
 *
 * Beside the outcomes of cache.h all return -AISHA_E_UNAVAILABLE when Redis has not answered as it
 * should, and then nobody knows whether the call took effect.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct cache_bucket;
struct cache_redis;
struct loop;

enum { CACHE_REDIS_ALL = 1000000 }; /* all keys there are */

struct cache_redis_options {
    const char *url, *scope;
    /* Gives keys under which this Redis may hold what is no longer so: at most max of them, or
     * CACHE_REDIS_ALL. They are deleted before it is used again; when they are, deleted() is called
     * with the same, and then more are asked for, until there are none. */
    size_t (*stale_keys)(const char **ret_keys, size_t max, void *user);
    void (*deleted)(const char *const *keys, size_t count, void *user);
    /* It is used from this moment on. */
    void (*is_back)(void *user);
    /* Somebody was woken; key NULL: perhaps, we do not know who. */
    void (*woken)(const char *key, void *user);
    void *user;
};

/* As cache_open(). options' texts are borrowed. */
int cache_redis_open(struct cache_redis **ret_redis, struct loop *loop,
                     const struct cache_redis_options *options, struct arena *arena,
                     const char **ret_error);

/* NULL is fine. */
void cache_redis_close(struct cache_redis *redis);

/* Why it cannot be used now; "" when it can. */
const char *cache_redis_error(const struct cache_redis *redis);

AISHA_ASYNC AISHA_CHECKED int cache_redis_get(struct cache_redis *redis, struct arena *arena,
                                              const char *key, const void **ret_bytes,
                                              size_t *ret_size);
AISHA_ASYNC AISHA_CHECKED int cache_redis_set(struct cache_redis *redis, const char *key,
                                              const void *bytes, size_t size, int64_t ttl_ms);
AISHA_ASYNC AISHA_CHECKED int cache_redis_delete(struct cache_redis *redis, const char *key);
AISHA_ASYNC AISHA_CHECKED int cache_redis_add(struct cache_redis *redis, const char *key,
                                              int64_t delta, int64_t ttl_ms, int64_t *ret_value);
AISHA_ASYNC AISHA_CHECKED int cache_redis_cas(struct cache_redis *redis, const char *key,
                                              const void *expected, size_t expected_size,
                                              const void *bytes, size_t size, int64_t ttl_ms);
AISHA_ASYNC AISHA_CHECKED int cache_redis_take(struct cache_redis *redis, const char *key,
                                               struct cache_bucket *bucket);
AISHA_ASYNC AISHA_CHECKED int cache_redis_count_members(struct cache_redis *redis, const char *key,
                                                        const char *member, int64_t ttl_ms,
                                                        int64_t *ret_count);
AISHA_ASYNC AISHA_CHECKED int cache_redis_wake(struct cache_redis *redis, const char *key);

/*
 * What may be forgotten: values with a time to live, counters, rate limits and wake-ups, shared by
 * all hosts of a bot when REDIS_URL is set, else kept in the memory of this process.
 *
 *     int r = aisha_cache_get(ctx, "weather/Paris", &bytes, &size);
 *     if (r == AISHA_CACHE_MISS)
 *         … ask, then aisha_cache_set(ctx, "weather/Paris", bytes, size, 600);
 *
 * Anything may be gone at any time, long before its time: memory is short, Redis was restarted. While
 * Redis cannot be reached the calls work with the memory of this process, empty at first and
 * emptied again when Redis is back, so a handler never fails because of it. What that means is said
 * for each call. What must not be forgotten is a row in the database.
 *
 * What this process has set, changed or deleted it never finds as it was before that; other hosts
 * may until this one has reached Redis again.
 *
 * A key is 1 to 200 bytes of text; the host puts the plugin's name in front. A value is at most
 * 256 KiB. A time to live is in seconds, at most 30 days; 0 = one hour.
 * All fail with -AISHA_E_INVALID (the key, a number that makes no sense), -AISHA_E_LIMIT (the value
 * is too large) or -AISHA_E_CANCELED, and with nothing else that their comments do not name.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

enum {
    AISHA_CACHE_MISS = 1,    /* aisha_cache_get(): nothing is there */
    AISHA_CACHE_CHANGED = 1, /* aisha_cache_cas(): something else is there */
    AISHA_CACHE_REFUSED = 1, /* aisha_cache_allow(): too often */
};

enum { AISHA_CACHE_MAX_KEY = 200, AISHA_CACHE_MAX_VALUE = 256 * 1024 };

/* 0 with the bytes in ctx (ended by a zero that does not count), or AISHA_CACHE_MISS. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_cache_get(struct aisha_ctx *ctx, const char *key, const void **ret_bytes, size_t *ret_size);

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_cache_set(struct aisha_ctx *ctx, const char *key,
                                                           const void *bytes, size_t size,
                                                           int64_t ttl_s);

/* Deleting what is not there is done, too. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_cache_delete(struct aisha_ctx *ctx,
                                                              const char *key);

/*
 * Adds to a number, which begins at 0 and lives ttl_s from then on, and returns what it is now.
 * aisha_cache_get() gives it as decimal text. -AISHA_E_INVALID: what is there is no number;
 * -AISHA_E_LIMIT: it would not fit into 64 bits. May begin at 0 again at any time, and may have counted
 * twice what was added while Redis went away: good for statistics, not for money.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_cache_add(struct aisha_ctx *ctx, const char *key,
                                                           int64_t delta, int64_t ttl_s,
                                                           int64_t *ret_value);

/*
 * Sets the value if it is still the expected one, and if expected is NULL, if none is there; else
 * AISHA_CACHE_CHANGED. Of several who try at the same time one succeeds, unless what the first has
 * set is forgotten: it spares work that is done twice, it does not prevent it.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_cache_cas(struct aisha_ctx *ctx, const char *key,
                                                           const void *expected,
                                                           size_t expected_size, const void *bytes,
                                                           size_t size, int64_t ttl_s);

struct aisha_cache_limit {
    size_t size;
    int64_t count; /* so many … */
    int64_t per_s; /* … in so many seconds; as many at once when none came for that long */
    int64_t cost;  /* as how many this one counts; 0 = 1 */
};

/*
 * Whether one more is within the limit, which then counts it:
 *
 *     r = aisha_cache_allow(ctx, key, &wait_ms, .count = 5, .per_s = 60);
 *
 * AISHA_CACHE_REFUSED: it is not, and will be after ret_wait_ms (may be NULL). When it has been
 * forgotten somebody may do once more as much as the limit allows; while Redis cannot be reached each
 * host counts for itself.
 */
#define aisha_cache_allow(ctx, key, ret_wait_ms, ...)                                              \
    aisha_cache_allow_(                                                                            \
        (ctx), (key), (ret_wait_ms),                                                               \
        &(const struct aisha_cache_limit){.size = sizeof(struct aisha_cache_limit), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_cache_allow_(struct aisha_ctx *ctx, const char *key, int64_t *ret_wait_ms,
                   const struct aisha_cache_limit *limit);

/*
 * Wakes everybody who waits for this key, on all hosts; who does not wait yet misses it. So what
 * they wait for is in the database or the cache, they look there after every wait, and the wait only
 * spares them from looking more often: -AISHA_E_TIMEOUT is as good a reason to look.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_cache_wake(struct aisha_ctx *ctx, const char *key);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_cache_wait(struct aisha_ctx *ctx, const char *key,
                                                            int64_t timeout_ms);

/*
 * The SDK: cache.h. Each plugin has its own keys.
 */
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/registry.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"
#include "host/store/cache.h"

enum { HOUR_S = 3600, MAX_TTL_S = 30 * 24 * HOUR_S };

/* What makes no sense is left for the cache to refuse. */
static const char *full_key(struct aisha_ctx *ctx, const char *key)
{
    size_t size = key ? strnlen(key, AISHA_CACHE_MAX_KEY + 1) : 0;

    return size >= 1 && size <= AISHA_CACHE_MAX_KEY
               ? arena_printf(&ctx->arena, "%s:%s", ctx->plugin->name, key)
               : "";
}

static int64_t ttl_ms(int64_t ttl_s)
{
    if (ttl_s < 0 || ttl_s > MAX_TTL_S)
        return -1;
    return (ttl_s ? ttl_s : HOUR_S) * 1000;
}

static int note(struct aisha_ctx *ctx, const char *key, int r)
{
    if (r >= 0 || r == -AISHA_E_CANCELED || r == -AISHA_E_TIMEOUT)
        return r;
    return aisha_fail(ctx, r, "cache key \"%.40s\": %s", key ? key : "", aisha_error_text(r));
}

int aisha_cache_get(struct aisha_ctx *ctx, const char *key, const void **ret_bytes,
                    size_t *ret_size)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, key,
                cache_get(ctx->bot->cache, &ctx->arena, full_key(ctx, key), ret_bytes, ret_size));
}

int aisha_cache_set(struct aisha_ctx *ctx, const char *key, const void *bytes, size_t size,
                    int64_t ttl_s)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, key,
                cache_set(ctx->bot->cache, full_key(ctx, key), bytes, size, ttl_ms(ttl_s)));
}

int aisha_cache_delete(struct aisha_ctx *ctx, const char *key)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, key, cache_delete(ctx->bot->cache, full_key(ctx, key)));
}

int aisha_cache_add(struct aisha_ctx *ctx, const char *key, int64_t delta, int64_t ttl_s,
                    int64_t *ret_value)
{
    int64_t value;

    REFUSE_TO_WAIT(ctx);
    int r = cache_add(ctx->bot->cache, full_key(ctx, key), delta, ttl_ms(ttl_s), &value);
    if (r == 0 && ret_value)
        *ret_value = value;
    return note(ctx, key, r);
}

int aisha_cache_cas(struct aisha_ctx *ctx, const char *key, const void *expected,
                    size_t expected_size, const void *bytes, size_t size, int64_t ttl_s)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, key,
                cache_cas(ctx->bot->cache, full_key(ctx, key), expected, expected_size, bytes, size,
                          ttl_ms(ttl_s)));
}

int aisha_cache_allow_(struct aisha_ctx *ctx, const char *key, int64_t *ret_wait_ms,
                       const struct aisha_cache_limit *limit)
{
    struct aisha_cache_limit own;

    REFUSE_TO_WAIT(ctx);
    sized_copy(&own, sizeof own, limit);
    int64_t cost = own.cost ? own.cost : 1;
    if (own.per_s > INT32_MAX)
        return note(ctx, key, -AISHA_E_INVALID);
    struct cache_bucket bucket = {
        .capacity = own.count, .period_ms = own.per_s * 1000, .want = cost, .least = cost};
    int r = cache_take(ctx->bot->cache, full_key(ctx, key), &bucket);
    if (r < 0)
        return note(ctx, key, r);
    if (ret_wait_ms)
        *ret_wait_ms = bucket.wait_ms;
    return bucket.taken ? 0 : AISHA_CACHE_REFUSED;
}

int aisha_cache_wake(struct aisha_ctx *ctx, const char *key)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, key, cache_wake(ctx->bot->cache, full_key(ctx, key)));
}

int aisha_cache_wait(struct aisha_ctx *ctx, const char *key, int64_t timeout_ms)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, key, cache_wait(ctx->bot->cache, full_key(ctx, key), timeout_ms));
}

/*
 * A lane exists while somebody is in it or waits for it, and until its allowance is full again.
 */
#include "host/telegram/outbound.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/slots.h"
#include "host/core/wait.h"

enum { CHAT_BURST = 5, SWEEP_AT = 1024 };

/* A token bucket: `tokens` may be spent now, `rate` more come each second up to `burst`. */
struct bucket {
    double rate, burst, tokens;
    int64_t filled_at_ms;
};

struct lane {
    int64_t chat_id;
    struct slots turn;
    struct bucket bucket;
    UT_hash_handle hh;
};

struct outbound {
    struct loop *loop;
    struct outbound_options options;
    struct bucket all;
    struct lane *lanes;
    size_t sweep_at;
};

static struct bucket bucket_full(double rate, double burst, int64_t now_ms)
{
    return (struct bucket){.rate = rate, .burst = burst, .tokens = burst, .filled_at_ms = now_ms};
}

static void bucket_fill(struct bucket *bucket, int64_t now_ms)
{
    bucket->tokens += bucket->rate * (double)(now_ms - bucket->filled_at_ms) / 1000;
    if (bucket->tokens > bucket->burst)
        bucket->tokens = bucket->burst;
    bucket->filled_at_ms = now_ms;
}

/* Spends one token, if need be one of the future; returns how long to wait for it, in ms. */
static int64_t bucket_take(struct bucket *bucket, int64_t now_ms)
{
    if (bucket->rate <= 0)
        return 0;
    bucket_fill(bucket, now_ms);
    bucket->tokens -= 1;
    return bucket->tokens >= 0 ? 0 : (int64_t)(-bucket->tokens / bucket->rate * 1000) + 1;
}

/* One token was taken, but not used. */
static void bucket_put_back(struct bucket *bucket)
{
    if (bucket->rate > 0)
        bucket->tokens += 1;
}

int outbound_new(struct outbound **ret_outbound, struct loop *loop,
                 const struct outbound_options *options)
{
    struct outbound *outbound = calloc(1, sizeof *outbound);

    if (!outbound)
        return -ENOMEM;
    *outbound = (struct outbound){.loop = loop, .options = *options, .sweep_at = SWEEP_AT};
    outbound->all = bucket_full(options->rate, options->rate, loop_now_ms(loop));
    *ret_outbound = outbound;
    return 0;
}

static void lane_free(struct outbound *outbound, struct lane *lane)
{
    HASH_DEL(outbound->lanes, lane);
    free(lane);
}

void outbound_free(struct outbound *outbound)
{
    struct lane *lane, *next;

    if (!outbound)
        return;
    HASH_ITER(hh, outbound->lanes, lane, next)
    {
        lane_free(outbound, lane);
    }
    free(outbound);
}

/* Forgets the lanes of chats that have been quiet for long enough. */
static void sweep(struct outbound *outbound)
{
    struct lane *lane, *next;

    HASH_ITER(hh, outbound->lanes, lane, next)
    {
        bucket_fill(&lane->bucket, loop_now_ms(outbound->loop));
        if (slots_are_unused(&lane->turn) && lane->bucket.tokens >= lane->bucket.burst)
            lane_free(outbound, lane);
    }
    outbound->sweep_at = HASH_COUNT(outbound->lanes) * 2 + SWEEP_AT;
}

static struct lane *lane_get(struct outbound *outbound, int64_t chat_id)
{
    struct lane *lane;

    HASH_FIND(hh, outbound->lanes, &chat_id, sizeof chat_id, lane);
    if (lane)
        return lane;
    if (HASH_COUNT(outbound->lanes) >= outbound->sweep_at)
        sweep(outbound);
    lane = calloc(1, sizeof *lane);
    if (!lane)
        abort();
    lane->chat_id = chat_id;
    lane->bucket =
        bucket_full(outbound->options.chat_rate, CHAT_BURST, loop_now_ms(outbound->loop));
    slots_init(&lane->turn, outbound->loop, 1);
    HASH_ADD(hh, outbound->lanes, chat_id, sizeof lane->chat_id, lane);
    return lane;
}

int outbound_enter(struct outbound *outbound, int64_t chat_id)
{
    struct lane *lane = lane_get(outbound, chat_id);

    int r = slots_take(&lane->turn, WAIT_FOREVER);
    if (r < 0)
        return r;
    int64_t now_ms = loop_now_ms(outbound->loop);
    int64_t wait_ms = bucket_take(&lane->bucket, now_ms);
    int64_t all_ms = bucket_take(&outbound->all, now_ms);
    if (all_ms > wait_ms)
        wait_ms = all_ms;
    if (wait_ms > 0)
        r = wait_sleep(outbound->loop, wait_ms);
    if (r < 0) {
        bucket_put_back(&lane->bucket);
        bucket_put_back(&outbound->all);
        outbound_leave(outbound, chat_id);
    }
    return r;
}

void outbound_leave(struct outbound *outbound, int64_t chat_id)
{
    slots_give(&lane_get(outbound, chat_id)->turn);
}

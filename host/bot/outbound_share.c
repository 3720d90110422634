/*
 * One task takes for all who wait: what comes while it asks is in its next question.
 */
#include "host/bot/outbound_share.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/cache.h"
#include "host/store/uuid.h"
#include "host/telegram/outbound.h"

enum {
    SECOND_MS = 1000,
    BATCHES = 10, /* in a second, at the full rate */
    COUNT_EVERY_MS = 2000,
    AWAY_AFTER_MS = 10000,
};

struct outbound_share {
    struct loop *loop;
    struct cache *cache;
    struct outbound *outbound;
    int64_t rate;
    char self[40];
    int64_t hosts; /* when last counted */
    int64_t counted_at_ms;
    unsigned least, most; /* what is wanted; 0 = nothing */
    struct wait *idle;    /* the task waits for that */
};

static void on_wanted(unsigned least, unsigned most, void *user)
{
    struct outbound_share *share = user;

    share->least = least;
    share->most = most;
    if (share->idle)
        wait_wake(share->idle, 0);
}

static int64_t at_least(int64_t number, int64_t least)
{
    return number > least ? number : least;
}

/* What is this host's part of the rate, from its own memory. */
static void take_part(struct outbound_share *share, struct cache_bucket *bucket)
{
    bucket->capacity = at_least(share->rate / share->hosts, bucket->least);
    bucket->period_ms = at_least(bucket->capacity * SECOND_MS * share->hosts / share->rate, 1);
    cache_take_here(share->cache, "host:outbound-part", bucket);
}

static AISHA_ASYNC int take(struct outbound_share *share)
{
    int64_t batch = at_least(share->rate / BATCHES, share->least);
    struct cache_bucket bucket = {
        .capacity = share->rate,
        .period_ms = SECOND_MS,
        .least = share->least,
        .want = share->most < batch ? share->most : batch,
    };

    int r = cache_take(share->cache, "host:outbound", &bucket);
    if (r == 1)
        take_part(share, &bucket);
    if (r < 0 || bucket.taken == 0)
        return r < 0 ? r : wait_sleep(share->loop, bucket.wait_ms);
    share->least = 0;
    outbound_grant(share->outbound, (unsigned)bucket.taken);
    return 0;
}

static AISHA_ASYNC int count_hosts(struct outbound_share *share)
{
    int64_t hosts = 1;

    int r = cache_count_members(share->cache, "host:outbound", share->self, AWAY_AFTER_MS, &hosts);
    if (r == 0)
        share->hosts = at_least(hosts, 1);
    share->counted_at_ms = loop_now_ms(share->loop);
    return r < 0 ? r : 0;
}

/* Until something is wanted, or it is time to count. */
static AISHA_ASYNC void rest(struct outbound_share *share)
{
    int64_t left_ms = share->counted_at_ms + COUNT_EVERY_MS - loop_now_ms(share->loop);
    struct wait idle;

    if (share->least > 0 || left_ms <= 0)
        return;
    wait_init(&idle, share->loop);
    share->idle = &idle;
    aisha_ignore(wait_for(&idle, left_ms));
    share->idle = NULL;
}

static AISHA_ASYNC void run(void *arg)
{
    struct outbound_share *share = arg;
    struct task *task = task_current(share->loop);
    int r = count_hosts(share);

    while (r == 0 && !task_is_cancelled(task)) {
        if (share->least > 0)
            r = take(share);
        if (r == 0 && loop_now_ms(share->loop) - share->counted_at_ms >= COUNT_EVERY_MS)
            r = count_hosts(share);
        if (r == 0)
            rest(share);
    }
}

int outbound_share_start(struct outbound_share **ret_share, struct loop *loop, struct cache *cache,
                         struct outbound *outbound, int rate)
{
    struct outbound_share *share = calloc(1, sizeof *share);
    struct arena arena = {0};

    if (!share)
        return -ENOMEM;
    *share = (struct outbound_share){
        .loop = loop, .cache = cache, .outbound = outbound, .rate = rate, .hosts = 1};
    snprintf(share->self, sizeof share->self, "%s", uuid_new(&arena));
    arena_clear(&arena);
    int r = task_start(loop, "outbound share", run, share, NULL);
    if (r < 0) {
        free(share);
        return r;
    }
    outbound_set_supply(outbound, on_wanted, share);
    *ret_share = share;
    return 0;
}

void outbound_share_free(struct outbound_share *share)
{
    free(share);
}

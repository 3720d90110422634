#include "sdk/sandbox/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "sdk/sandbox/json.h"

enum { KEPT = 2000 };

struct waiter {
    LIST_ENTRY(waiter) link;
    struct wait wait;
};

struct feed {
    struct loop *loop;
    const char *number_name;
    int64_t first, last;
    LIST_HEAD(, waiter) waiters;
    cJSON *entries[KEPT]; /* entry n is at n % KEPT */
};

int feed_new(struct feed **ret_feed, struct loop *loop, const char *number_name, int64_t first)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return -ENOMEM;
    feed->loop = loop;
    feed->number_name = number_name;
    feed->first = feed->last = first;
    *ret_feed = feed;
    return 0;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    for (size_t i = 0; i < KEPT; i++)
        cJSON_Delete(feed->entries[i]);
    free(feed);
}

void feed_add(struct feed *feed, cJSON *entry)
{
    cJSON **slot = &feed->entries[++feed->last % KEPT];
    struct waiter *waiter;

    cJSON_Delete(*slot);
    *slot = entry;
    json_set_int(entry, feed->number_name, feed->last);
    LIST_FOREACH(waiter, &feed->waiters, link)
        wait_wake(&waiter->wait, 0);
}

int64_t feed_last(const struct feed *feed)
{
    return feed->last;
}

cJSON *feed_after(const struct feed *feed, struct arena *arena, int64_t after, bool *ret_has_gap)
{
    cJSON *entries = json_keep(arena, cJSON_CreateArray());
    int64_t oldest = feed->last - KEPT > feed->first ? feed->last - KEPT : feed->first;

    *ret_has_gap = after > feed->last || (after < oldest && (after > 0 || oldest > feed->first));
    for (int64_t n = (after > oldest ? after : oldest) + 1; n <= feed->last; n++)
        cJSON_AddItemToArray(entries, cJSON_Duplicate(feed->entries[n % KEPT], true));
    return entries;
}

int feed_wait(struct feed *feed, int64_t after, int64_t timeout_ms)
{
    struct waiter waiter;

    if (feed->last > after)
        return 0;
    wait_init(&waiter.wait, feed->loop);
    LIST_INSERT_HEAD(&feed->waiters, &waiter, link);
    int r = wait_for(&waiter.wait, timeout_ms);
    LIST_REMOVE(&waiter, link);
    return r;
}

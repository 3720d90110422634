#include "sdk/sandbox/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/text.h"

enum { KEPT = 2000, MOST_BYTES = 64 * 1024 * 1024 };

struct waiter {
    LIST_ENTRY(waiter) link;
    struct wait wait;
};

struct entry {
    char *text;
    size_t size;
};

struct feed {
    struct loop *loop;
    const char *number_name;
    int64_t first, last;
    int64_t forgotten; /* the number of the newest that is no longer kept */
    size_t bytes;
    LIST_HEAD(, waiter) waiters;
    struct entry entries[KEPT]; /* entry n is at n % KEPT */
};

int feed_new(struct feed **ret_feed, struct loop *loop, const char *number_name, int64_t first)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (!feed)
        return -ENOMEM;
    feed->loop = loop;
    feed->number_name = number_name;
    feed->first = feed->last = feed->forgotten = first;
    *ret_feed = feed;
    return 0;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    for (size_t i = 0; i < KEPT; i++)
        free(feed->entries[i].text);
    free(feed);
}

static struct entry *entry_at(struct feed *feed, int64_t number)
{
    return &feed->entries[number % KEPT];
}

static void forget_oldest(struct feed *feed)
{
    struct entry *oldest = entry_at(feed, ++feed->forgotten);

    feed->bytes -= oldest->size;
    free(oldest->text);
    *oldest = (struct entry){0};
}

void feed_add_text(struct feed *feed, struct text *entry)
{
    struct waiter *waiter;

    text_add_char(entry, ',');
    json_print_string(entry, feed->number_name);
    text_add_char(entry, ':');
    text_add_int(entry, feed->last + 1);
    text_add_char(entry, '}');
    if (feed->last - feed->forgotten == KEPT)
        forget_oldest(feed);
    struct entry *added = entry_at(feed, ++feed->last);
    added->size = entry->size;
    added->text = text_take(entry);
    feed->bytes += added->size;
    while (feed->bytes > MOST_BYTES && feed->forgotten < feed->last - 1)
        forget_oldest(feed);
    LIST_FOREACH(waiter, &feed->waiters, link)
        wait_wake(&waiter->wait, 0);
}

void feed_add(struct feed *feed, cJSON *entry)
{
    struct text text = {0};

    json_print(&text, entry);
    cJSON_Delete(entry);
    text.size--; /* the closing brace */
    feed_add_text(feed, &text);
}

int64_t feed_last(const struct feed *feed)
{
    return feed->last;
}

cJSON *feed_after(const struct feed *feed, struct arena *arena, int64_t after, bool *ret_has_gap)
{
    cJSON *entries = json_keep(arena, cJSON_CreateArray());
    int64_t gone = feed->forgotten;

    *ret_has_gap = after > feed->last || (after < gone && (after > 0 || gone > feed->first));
    for (int64_t n = (after > gone ? after : gone) + 1; n <= feed->last; n++)
        cJSON_AddItemToArray(entries, cJSON_Parse(feed->entries[n % KEPT].text));
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

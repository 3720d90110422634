/*
 * A lane exists while it has entries. One that could run but for the overall limit waits in
 * `ready`, in order; a lane for one entry alone does not count against the limit.
 */
#include "host/bot/lanes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

struct lane {
    struct lane_key key;
    struct lane_entry *running;
    TAILQ_HEAD(lane_entries, lane_entry) waiting;
    bool is_ready; /* it is in the list of those */
    TAILQ_ENTRY(lane) ready_link;
    UT_hash_handle hh;
};

struct lanes {
    size_t max_running, running;
    void (*start)(struct lane_entry *entry, void *user);
    void *user;
    struct lane *all;
    TAILQ_HEAD(, lane) ready;
};

int lanes_new(struct lanes **ret_lanes, size_t max_running,
              void (*start)(struct lane_entry *entry, void *user), void *user)
{
    struct lanes *lanes = calloc(1, sizeof *lanes);

    if (!lanes)
        return -ENOMEM;
    *lanes = (struct lanes){.max_running = max_running, .start = start, .user = user};
    TAILQ_INIT(&lanes->ready);
    *ret_lanes = lanes;
    return 0;
}

void lanes_free(struct lanes *lanes)
{
    assert(!lanes || !lanes->all);
    free(lanes);
}

static struct lane *lane_find(const struct lanes *lanes, const struct lane_key *key)
{
    struct lane *lane;

    HASH_FIND(hh, lanes->all, key, sizeof *key, lane);
    return lane;
}

static struct lane *lane_get(struct lanes *lanes, const struct lane_key *key)
{
    struct lane *lane = lane_find(lanes, key);

    if (lane)
        return lane;
    lane = calloc(1, sizeof *lane);
    if (!lane)
        abort();
    lane->key = *key;
    TAILQ_INIT(&lane->waiting);
    HASH_ADD(hh, lanes->all, key, sizeof lane->key, lane);
    return lane;
}

static void set_ready(struct lanes *lanes, struct lane *lane, bool is_ready)
{
    if (lane->is_ready == is_ready)
        return;
    lane->is_ready = is_ready;
    if (is_ready)
        TAILQ_INSERT_TAIL(&lanes->ready, lane, ready_link);
    else
        TAILQ_REMOVE(&lanes->ready, lane, ready_link);
}

static void lane_start(struct lanes *lanes, struct lane *lane)
{
    struct lane_entry *entry = TAILQ_FIRST(&lane->waiting);

    set_ready(lanes, lane, false);
    TAILQ_REMOVE(&lane->waiting, entry, link);
    lane->running = entry;
    lanes->running += entry->key.kind != LANE_ALONE;
    lanes->start(entry, lanes->user);
}

static void start_ready(struct lanes *lanes)
{
    while (!TAILQ_EMPTY(&lanes->ready) && lanes->running < lanes->max_running)
        lane_start(lanes, TAILQ_FIRST(&lanes->ready));
}

/* Nearly always that is the end. */
static void insert_in_order(struct lane *lane, struct lane_entry *entry)
{
    struct lane_entry *before = TAILQ_LAST(&lane->waiting, lane_entries);

    while (before && before->order > entry->order)
        before = TAILQ_PREV(before, lane_entries, link);
    if (before)
        TAILQ_INSERT_AFTER(&lane->waiting, before, entry, link);
    else
        TAILQ_INSERT_HEAD(&lane->waiting, entry, link);
}

void lanes_add(struct lanes *lanes, struct lane_entry *entry)
{
    struct lane *lane = lane_get(lanes, &entry->key);

    insert_in_order(lane, entry);
    if (lane->running)
        return;
    if (entry->key.kind == LANE_ALONE) {
        lane_start(lanes, lane);
        return;
    }
    set_ready(lanes, lane, true);
    start_ready(lanes);
}

static void free_if_empty(struct lanes *lanes, struct lane *lane)
{
    if (lane->running || !TAILQ_EMPTY(&lane->waiting))
        return;
    set_ready(lanes, lane, false);
    HASH_DEL(lanes->all, lane);
    free(lane);
}

void lanes_done(struct lanes *lanes, struct lane_entry *entry)
{
    struct lane *lane = lane_find(lanes, &entry->key);

    assert(lane && lane->running == entry);
    lane->running = NULL;
    lanes->running -= entry->key.kind != LANE_ALONE;
    if (!TAILQ_EMPTY(&lane->waiting))
        set_ready(lanes, lane, true);
    free_if_empty(lanes, lane);
    start_ready(lanes);
}

struct lane_entry *lanes_running(const struct lanes *lanes, const struct lane_key *key)
{
    const struct lane *lane = lane_find(lanes, key);

    return lane ? lane->running : NULL;
}

struct lane_entry *lanes_take_waiting(struct lanes *lanes)
{
    for (struct lane *lane = lanes->all; lane; lane = lane->hh.next) {
        struct lane_entry *entry = TAILQ_FIRST(&lane->waiting);
        if (!entry)
            continue;
        TAILQ_REMOVE(&lane->waiting, entry, link);
        if (TAILQ_EMPTY(&lane->waiting))
            set_ready(lanes, lane, false);
        free_if_empty(lanes, lane);
        return entry;
    }
    return NULL;
}

/*
 * What the parts of the inbox share: inbox.c takes updates and ends them, inbox_replay.c delivers what
 * an earlier process left.
 */
#pragma once

#include <sys/queue.h>

#include "host/core/slots.h"
#include "host/core/wait.h"
#include "host/store/inbox.h"
#include "host/store/seen.h"

/* Somebody who waits until the row is on disk. */
struct waiter {
    struct wait wait;
    LIST_ENTRY(waiter) link;
};

struct inbox_batch {
    struct inbox *inbox;
    int64_t first_id;
    int64_t received_at;
    cJSON *updates;
    size_t undone; /* delivered, not done; and one more for who holds it otherwise */
    bool is_delivered, is_stored;
    bool is_doubtful; /* it may be on disk, for nobody heard of its commit */
    bool is_given_up; /* one of its updates stays undone: the row must stay */
    bool has_marks;   /* rows in done_updates may point to it */
    LIST_HEAD(, waiter) waiters;
};

/* What the next commit should take along. */
struct leftover {
    int64_t first_id;
    int64_t update_id; /* done, or 0: the whole row is finished */
    bool has_marks;    /* of a row: they go with it */
};

struct inbox {
    struct loop *loop;
    struct db *db;
    int64_t bot_id;
    inbox_deliver *deliver;
    void *user;
    struct seen seen;
    struct leftover *leftovers;
    size_t leftover_count, leftover_capacity;
    struct inbox_batch *unstored; /* the last that came, until it is known to be on disk */
    struct slots storing;         /* one at a time */
    size_t pending;
};

/* Makes room for one more element. */
void *inbox_grow(void *array, size_t count, size_t *capacity, size_t element_size);

/* Takes the updates; the batch stays until the last of them is done, and until inbox_batch_unref(). */
struct inbox_batch *inbox_batch_new(struct inbox *inbox, cJSON *updates, int64_t first_id,
                                    int64_t received_at);
/* One part of it has ended. */
void inbox_batch_unref(struct inbox *inbox, struct inbox_batch *batch);
/* Its row is on disk: wakes who waits for that. */
void inbox_batch_set_stored(struct inbox_batch *batch);

struct inbox_item inbox_item_of(struct inbox_batch *batch, const cJSON *update);
/* 0 when there is none. */
int64_t inbox_update_id(const cJSON *update);

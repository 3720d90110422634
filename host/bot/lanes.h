/*
 * Who may run now: one unit of work at a time for each key (usually a chat), in the order its
 * entries carry; a bounded number over all keys. What a unit is, the caller knows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum lane_kind {
    LANE_CHAT,
    LANE_BUSINESS, /* the same number, but somebody else's conversation */
    LANE_USER,
    LANE_OTHER,
    LANE_ALONE, /* a lane of its own, which nothing delays; id is unique */
};

struct lane_key {
    int64_t kind; /* enum lane_kind, as wide as its neighbours: the key is compared as bytes */
    int64_t id;
    int64_t thread_id;
};

/* To be embedded into the caller's unit. */
struct lane_entry {
    struct lane_key key;
    int64_t order; /* those waiting in one lane stand by it; equal ones as they came */
    TAILQ_ENTRY(lane_entry) link;
};

struct lanes;

/* start(entry, user) begins the unit's work and returns soon; it calls lanes_done() at its end. */
int lanes_new(struct lanes **ret_lanes, size_t max_running,
              void (*start)(struct lane_entry *entry, void *user), void *user);

/* No entry may be left. NULL is fine. */
void lanes_free(struct lanes *lanes);

/* Lets the entry run as soon as those before it in its lane are done. May call start. */
void lanes_add(struct lanes *lanes, struct lane_entry *entry);

/* The running entry has ended; the next may start. */
void lanes_done(struct lanes *lanes, struct lane_entry *entry);

/* The entry that runs in that lane, or NULL. */
struct lane_entry *lanes_running(const struct lanes *lanes, const struct lane_key *key);

/* Takes an entry that has not started, or NULL; for the end. */
struct lane_entry *lanes_take_waiting(struct lanes *lanes);

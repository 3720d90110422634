/*
 * A numbered list of JSON objects that keeps its newest entries and lets tasks wait for more: what
 * happened in the chats, and which requests came. Entries are kept as text, which costs little while
 * nobody looks; whoever looks gets trees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct feed;
struct loop;
struct text;

/* Entries get their number in the member number_name; the first is first + 1. */
int feed_new(struct feed **ret_feed, struct loop *loop, const char *number_name, int64_t first);

/* Nobody may be waiting. NULL is fine. */
void feed_free(struct feed *feed);

/* Takes entry, numbers it and wakes who waits. */
void feed_add(struct feed *feed, cJSON *entry);

/* The same for an object as text, which has members and lacks only its closing brace. */
void feed_add_text(struct feed *feed, struct text *entry);

/* The number of the newest entry. */
int64_t feed_last(const struct feed *feed);

/* The entries numbered above after. ret_has_gap: some of those are no longer kept, or the number is
 * not of this feed. */
cJSON *feed_after(const struct feed *feed, struct arena *arena, int64_t after, bool *ret_has_gap);

/* Until there is an entry above after. Results as wait_for(). */
AISHA_ASYNC AISHA_CHECKED int feed_wait(struct feed *feed, int64_t after, int64_t timeout_ms);

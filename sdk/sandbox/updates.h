/*
 * The way of an update to the bot: what happens becomes an update, unless the bot does not want to
 * know; it gets its number and its place in the queue, is recorded, and whoever delivers is told.
 *
 * The fault "reorder" holds updates back until all it wants are there, and lets them go so that
 * those of one queue keep their order and the queues change places.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;
struct updates;

int updates_new(struct updates **ret_updates, struct sandbox *sandbox);

/* NULL is fine. */
void updates_free(struct updates *updates);

/* Forgets the record and what is held back. */
void updates_clear(struct updates *updates);

/* update_id 0 = the next one. false when the bot does not want that kind, or there is no room. */
bool updates_push(struct updates *updates, struct arena *arena, const char *kind,
                  const cJSON *payload, int64_t update_id);

/* [{"n", "at", "update"}]: those numbered above after, at most limit. ret_has_gap: some of them are
 * no longer kept. */
cJSON *updates_recorded(const struct updates *updates, struct arena *arena, int64_t after,
                        int64_t limit, bool *ret_has_gap);
int64_t updates_last(const struct updates *updates);

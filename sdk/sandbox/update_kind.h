/*
 * What the kind of an update says about it: how long it is worth delivering, and in which of the
 * webhook's queues it stands.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;

/* Those of the names that are kinds, in their own spelling. */
cJSON *update_kinds_known(struct arena *arena, const cJSON *names);

/* How long it is kept for a bot that does not fetch it; payload is the member of that name. */
int64_t update_kind_seconds(const char *kind);

/* Updates of one queue are delivered one after the other, those of different ones in any order.
 * 0 = of no queue: it waits for none and none for it. */
int64_t update_kind_queue(const char *kind, const cJSON *payload);

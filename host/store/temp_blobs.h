/*
 * Which blobs are temporary: the row is written before the blob, so that nothing is forgotten, and
 * removed after it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct blob_store;
struct db;

/* Until when, UTC seconds; 0 = for good. */
AISHA_ASYNC AISHA_CHECKED int temp_blobs_set(struct db *db, struct arena *arena, const char *key,
                                             int64_t expires_at);

/* Deletes those whose time is over, at most some hundred; ret_count says how many. */
AISHA_ASYNC AISHA_CHECKED int temp_blobs_sweep(struct db *db, struct blob_store *blobs, int64_t now,
                                               size_t *ret_count);

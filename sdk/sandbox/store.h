/*
 * The world's copy on disk: rows by kind and key, in one SQLite database that follows behind. What
 * changes is gathered in memory and written in one transaction a moment later, so that whoever
 * changes it never waits; a killed sandbox loses that moment.
 *
 * The place of a row among its kind is that of its first writing. A store that is NULL is none:
 * everything can be called with it, and does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;

struct store_row {
    const char *kind, *key;
    const char *body; /* ends with a zero byte that is not counted */
    size_t size;
    int64_t numbers[2]; /* what they mean is the kind's */
};

/* Makes the directory, and the database in it. On failure logs why. */
int store_open(struct store **ret_store, struct loop *loop, const char *directory);

/* Writes what is left. */
void store_close(struct store *store);

/* All that was written before, in order. What it borrows is valid during the call. */
typedef void store_row_fn(void *user, const struct store_row *row);
void store_load(struct store *store, store_row_fn *fn, void *user);

/* Adds the row, or replaces what it says; copies everything. */
void store_put(struct store *store, const struct store_row *row);
void store_remove(struct store *store, const char *kind, const char *key);

/* Removes all rows, and what has not been written yet. */
void store_clear(struct store *store);

/* Whether writing has failed since the last question (it is tried again). */
bool store_take_failure(struct store *store);

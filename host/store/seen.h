/*
 * The ids of all updates that came in the last two days, as ranges: Telegram may deliver an update
 * again. Not as the highest id, for after a quiet week the ids begin anew anywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_statement;
struct arena;
struct db;
struct seen_range;

struct seen {
    int64_t bot_id;
    struct seen_range *ranges; /* by their first ids; no two overlap */
    size_t count, capacity;
};

/* Reads what is known; deletes what is too old. */
AISHA_ASYNC AISHA_CHECKED int seen_load(struct seen *seen, struct db *db, int64_t bot_id,
                                        int64_t now_s);
void seen_free(struct seen *seen);

bool seen_has(const struct seen *seen, int64_t update_id);

/* Forgets what is too old. */
void seen_forget_old(struct seen *seen, int64_t now_s);

/*
 * Adds an id that is not there yet. Both give back how many statements they have added to make the
 * database agree: seen_add() none or one at once, seen_save() one for each range that was changed.
 */
size_t seen_add(struct seen *seen, int64_t update_id, int64_t now_s, struct arena *arena,
                struct aisha_statement *statements);
size_t seen_save(struct seen *seen, struct arena *arena, struct aisha_statement *statements);

/* For going back when the statements could not be committed. */
struct seen seen_copy(const struct seen *seen, struct arena *arena);
void seen_restore(struct seen *seen, const struct seen *copy);

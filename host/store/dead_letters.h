/*
 * What nobody works on any more: updates in which the process has ended too often, and jobs after their
 * last attempt. They stay until an operator has looked at them.
 *
 * Who replays an update only marks it, since the inbox is the host's: that one looks for marks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct db;

/* body: the update as JSON. */
struct dead_update {
    int64_t bot_id, update_id;
    const char *body, *reason;
    int64_t attempts;
};

/* Does nothing when it is there already. */
struct aisha_statement dead_update_insert(struct arena *arena, const struct dead_update *dead);

/* The marked updates of the bot: rows with update_id and body. */
AISHA_ASYNC AISHA_CHECKED int dead_updates_marked(struct db *db, struct arena *arena,
                                                  int64_t bot_id, const struct aisha_rows **ret);
struct aisha_statement dead_update_delete(struct arena *arena, int64_t bot_id, int64_t update_id);

enum { DEAD_LETTERS_PAGE = 1000 };

/* Where a page begins: behind that one. {.id = ""} for the first. */
struct dead_letters_place {
    int64_t failed_at;
    const char *id;
};

/* A page of both kinds, the oldest first: rows with id, plugin ("" for an update), kind, failed_at
 * (seconds), attempts, reason, is_marked. Fewer than DEAD_LETTERS_PAGE are the last. */
AISHA_ASYNC AISHA_CHECKED int dead_letters_list(struct db *db, struct arena *arena, int64_t bot_id,
                                                struct dead_letters_place after,
                                                const struct aisha_rows **ret_rows);

/* One of them; the same columns and telegram_id, chat_id and body (of an update JSON, of a job its data
 * in hexadecimal). No row when there is none. */
AISHA_ASYNC AISHA_CHECKED int dead_letter_find(struct db *db, struct arena *arena, int64_t bot_id,
                                               const char *id, const struct aisha_rows **ret_rows);

/* ret_count: how many there were, 0 or 1. */
AISHA_ASYNC AISHA_CHECKED int dead_letter_replay(struct db *db, struct arena *arena, int64_t bot_id,
                                                 const char *id, int64_t *ret_count);
AISHA_ASYNC AISHA_CHECKED int dead_letter_drop(struct db *db, struct arena *arena, int64_t bot_id,
                                               const char *id, int64_t *ret_count);

/*
 * The question that waits for a person's answer, one for each chat, person and topic.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct db;

struct dialog_key {
    int64_t chat_id, telegram_id, thread_id;
};

struct dialog {
    const char *plugin, *state;
    const void *data;
    size_t data_size;
    int64_t expires_at; /* UTC seconds */
};

/* Returns 0 with *ret_dialog in arena, or -AISHA_E_NOT_FOUND when there is none or it expired. */
AISHA_ASYNC AISHA_CHECKED int dialog_find(struct db *db, struct arena *arena,
                                          const struct dialog_key *key, struct dialog *ret_dialog);

/* The statement that stores the dialogue, or with NULL removes it; for the unit's transaction. */
struct aisha_statement dialog_statement(struct arena *arena, const struct dialog_key *key,
                                        const struct dialog *dialog);

/*
 * Messages that show progress now. A row that is still there at the start belongs to work that a
 * crash or a restart has ended.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct db;

struct unfinished {
    int64_t bot_id, chat_id, message_id;
    const char *locale; /* of whom it is shown to */
};

AISHA_ASYNC AISHA_CHECKED int unfinished_add(struct db *db, struct arena *arena,
                                             const struct unfinished *message);
AISHA_ASYNC AISHA_CHECKED int unfinished_remove(struct db *db, struct arena *arena,
                                                const struct unfinished *message);

/* All of that bot, in arena. */
AISHA_ASYNC AISHA_CHECKED int unfinished_list(struct db *db, struct arena *arena, int64_t bot_id,
                                              const struct unfinished **ret_messages,
                                              size_t *ret_count);

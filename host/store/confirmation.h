/*
 * Questions that wait for a yes or a no. A row is there until the question has been answered, which
 * is why it can be answered only once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct db;

struct confirmation {
    const char *id; /* hexadecimal; on its buttons */
    int64_t chat_id, telegram_id;
    uint32_t yes_route, no_route; /* of callbacks; 0 = none */
    const void *payload;
    size_t payload_size;
    int64_t expires_at; /* UTC seconds */
};

/* Returns 0 with *ret in arena; -AISHA_E_NOT_FOUND when it was answered, expired, or is another's. */
AISHA_ASYNC AISHA_CHECKED int confirmation_find(struct db *db, struct arena *arena, const char *id,
                                                int64_t chat_id, int64_t telegram_id,
                                                struct confirmation *ret);

/* Statements for the unit's transaction: ask it, have it answered, forget all that expired. */
struct aisha_statement confirmation_add(struct arena *arena,
                                        const struct confirmation *confirmation);
struct aisha_statement confirmation_answered(struct arena *arena, const char *id);
struct aisha_statement confirmation_sweep(struct arena *arena);

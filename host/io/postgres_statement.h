/*
 * Statements and results of PostgreSQL as those of aisha/db.h; needs no connection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;

/* Everywhere below, who is whose statement it is, for the log; see sql_log.h. */

/* A statement's parameters as libpq wants them, in arena. */
struct postgres_params {
    int count;
    Oid *types;
    const char **values;
    int *lengths, *formats;
};

/* -AISHA_E_INVALID for text with a zero in it, -AISHA_E_LIMIT for more than a statement can have. */
AISHA_CHECKED int postgres_encode(struct arena *arena, const char *who,
                                  const struct aisha_statement *statement,
                                  struct postgres_params *ret_params);

/* -AISHA_E_INVALID for what would begin or end a transaction, set up the session or copy: others
 * share the connection. */
AISHA_CHECKED int postgres_check(const char *who, const struct aisha_statement *statements,
                                 size_t count);

/* The rows in arena; -AISHA_E_LIMIT when they are too many or too large. */
AISHA_CHECKED int postgres_decode(struct arena *arena, const char *who, const PGresult *result,
                                  const char *sql, const struct aisha_rows **ret_rows);

/* Whether the server gave up on the transaction only because of others: it may be tried again. */
bool postgres_is_lost_race(const PGresult *result);

/* Whether the prepared statement is no longer good: the tables have changed, or it is gone. */
bool postgres_is_stale(const PGresult *result);

/* The code for a failed result, logged with its statement. */
AISHA_CHECKED int postgres_error(const char *who, const PGresult *result, const char *sql);

/*
 * The bot's database, chosen by DATABASE_URL: sqlite:PATH or postgresql://…. What the host and,
 * through aisha/db.h, the plugins use; nothing above this file knows which database it is.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct db;
struct db_tx;
struct loop;

/* -AISHA_E_INVALID for a URL it does not know; ret_error says what is wrong and what to do. A
 * PostgreSQL that cannot be reached is no error here: its statements fail with
 * -AISHA_E_UNAVAILABLE until it can. */
int db_open(struct db **ret_db, struct loop *loop, const char *url, struct arena *arena,
            const char **ret_error);

/* The same beside a host that may be using it, for commands of operators. -ENOENT: there is no such
 * file yet, and none is made. */
int db_open_beside(struct db **ret_db, struct loop *loop, const char *url, struct arena *arena,
                   const char **ret_error);
void db_close(struct db *db);

/* Keeps it for this process; see postgres_hold(). On SQLite db_open() has done that. */
AISHA_ASYNC AISHA_CHECKED int db_hold(struct db *db, void (*taken)(const char *who, void *user),
                                      void *user);

/* Why it cannot be reached, "" when it can. */
const char *db_last_error(const struct db *db);

/* Whether it is known to be away, or not to be ours. */
bool db_is_away(const struct db *db);

/* Which of a migration's two texts it wants. */
bool db_is_postgres(const struct db *db);

/* One statement outside of any transaction: a read, or a write committed when it returns. */
AISHA_ASYNC AISHA_CHECKED int db_query(struct db *db, struct arena *arena,
                                       const struct aisha_statement *statement,
                                       const struct aisha_rows **ret_rows);

/* All or none; ret_rows is an array of count pointers, or NULL. */
AISHA_ASYNC AISHA_CHECKED int db_batch(struct db *db, struct arena *arena,
                                       const struct aisha_statement *statements, size_t count,
                                       const struct aisha_rows **ret_rows);

/* The same, before a script of several statements without parameters: for migrations. On PostgreSQL
 * one script runs at a time, whichever host runs it. */
AISHA_ASYNC AISHA_CHECKED int db_run_script(struct db *db, struct arena *arena, const char *script,
                                            const struct aisha_statement *statements, size_t count);

/*
 * Calls notified(payload, user) when somebody sends to the channel by pg_notify(), and with NULL when
 * some may have been missed; see postgres_listen(). On SQLite there is nobody else: does nothing.
 */
AISHA_CHECKED int db_listen(struct db *db, const char *channel,
                            void (*notified)(const char *payload, void *user), void *user);

/* Whether the statement changes nothing. */
bool db_is_read_only(struct db *db, const char *sql);

/* An interactive transaction; commit and rollback free it. At most 5 s. */
AISHA_ASYNC AISHA_CHECKED int db_begin(struct db *db, struct db_tx **ret_tx);
AISHA_ASYNC AISHA_CHECKED int db_tx_query(struct db_tx *tx, struct arena *arena,
                                          const struct aisha_statement *statement,
                                          const struct aisha_rows **ret_rows);
AISHA_ASYNC AISHA_CHECKED int db_commit(struct db_tx *tx);
AISHA_ASYNC void db_rollback(struct db_tx *tx);

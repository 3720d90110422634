/*
 * One PostgreSQL database (15 or later): a few shared connections on which single statements and
 * batches of many tasks follow each other without waiting (libpq's pipeline mode), and a pool of
 * others, each for one transaction at a time. Connections are made, and made again, by threads of
 * their own: neither names nor passwords are worked on by the loop.
 *
 * A statement that was under way when its connection broke fails with -AISHA_E_UNAVAILABLE; whether
 * it took effect is then not known. Reads are asked again instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct loop;
struct postgres;

/* A transaction in progress; it has its connection for itself. */
struct postgres_tx;

/* url as libpq reads it (postgresql://…). Returns at once: connections follow. On failure ret_error
 * (in arena) says what is wrong with the URL. */
int postgres_open(struct postgres **ret_db, struct loop *loop, const char *url, struct arena *arena,
                  const char **ret_error);

/* Nobody may be using it. It goes at once, or as soon as the loop lets its tasks end. NULL is fine. */
void postgres_close(struct postgres *db);

/*
 * Keeps the database for this process: waits until no other has it, and returns -AISHA_E_CONFLICT when
 * one does not end; postgres_last_error() then says which, or why the server refuses. To be called
 * first. Whenever the lock is lost later, every statement fails with -AISHA_E_UNAVAILABLE until it is
 * held again; taken(who, user): now another process has it, or has had it meanwhile.
 */
AISHA_ASYNC AISHA_CHECKED int postgres_hold(struct postgres *db,
                                            void (*taken)(const char *who, void *user), void *user);

/* Why the last attempt to connect failed, without the password; "" when it did not. */
const char *postgres_last_error(const struct postgres *db);

/* Whether it could not be reached last time, or is held by nobody or by another host. */
bool postgres_is_away(const struct postgres *db);

/* One statement outside of any transaction. Errors as aisha_db_query(). */
AISHA_ASYNC AISHA_CHECKED int postgres_query(struct postgres *db, struct arena *arena,
                                             const struct aisha_statement *statement,
                                             const struct aisha_rows **ret_rows);

/* Whether the statement changes nothing, by its words: what its functions do is not looked at. */
bool postgres_is_read_only(const char *sql);

/*
 * Runs the statements as one unit, all or none, in one round trip. ret_rows: array of count
 * pointers, or NULL. Deadlocks and lost races between transactions are tried again. Not interrupted
 * by cancellation, since it may be taking effect.
 */
AISHA_ASYNC AISHA_CHECKED int postgres_batch(struct postgres *db, struct arena *arena,
                                             const struct aisha_statement *statements, size_t count,
                                             const struct aisha_rows **ret_rows);

/* The same before a script of several statements without parameters: for migrations. Only one such
 * script runs at a time, whoever else is connected to the database. */
AISHA_ASYNC AISHA_CHECKED int postgres_run_script(struct postgres *db, struct arena *arena,
                                                  const char *script,
                                                  const struct aisha_statement *statements,
                                                  size_t count);

/*
 * An interactive transaction. Waits for a free connection; rolled back when it is still open after
 * 5 s, and then every call returns -AISHA_E_TIMEOUT. A statement that fails changes nothing, and the
 * others may go on; when the connection is lost, or the transaction is the victim of a deadlock,
 * this and every later call returns -AISHA_E_UNAVAILABLE: nothing of it took effect, and the whole
 * may be tried again. Ends with commit or rollback, which free it. A commit that returns
 * -AISHA_E_UNAVAILABLE may have taken effect.
 */
AISHA_ASYNC AISHA_CHECKED int postgres_begin(struct postgres *db, struct postgres_tx **ret_tx);
AISHA_ASYNC AISHA_CHECKED int postgres_tx_run(struct postgres_tx *tx, struct arena *arena,
                                              const struct aisha_statement *statement,
                                              const struct aisha_rows **ret_rows);
AISHA_ASYNC AISHA_CHECKED int postgres_commit(struct postgres_tx *tx);
AISHA_ASYNC void postgres_rollback(struct postgres_tx *tx);

/*
 * Listens on a channel (a name in lower case) until postgres_close(): notified(payload, user) is
 * called for each notification, and with NULL when a connection was made anew and some may have
 * been missed. Once for each database.
 */
AISHA_CHECKED int postgres_listen(struct postgres *db, const char *channel,
                                  void (*notified)(const char *payload, void *user), void *user);

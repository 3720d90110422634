/*
 * One SQLite database: a writer thread that commits the writes of many tasks together, and a
 * read-only connection for everything else. Durable: a write has returned only after its commit is
 * on disk (WAL, synchronous FULL).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct loop;
struct sqlite;

/* A transaction in progress; it has the writer for itself. */
struct sqlite_tx;

/* Opens or creates the file and its directory. On failure ret_error (static or malloc-free text in
 * arena) says what is wrong with the file. */
int sqlite_open(struct sqlite **ret_db, struct loop *loop, const char *path, struct arena *arena,
                const char **ret_error);

/* The same for a file that a host may be using; a change then waits for the host's, and the host's
 * for it. -ENOENT when there is no such file. */
int sqlite_open_beside(struct sqlite **ret_db, struct loop *loop, const char *path,
                       struct arena *arena, const char **ret_error);

/* Finishes queued writes. NULL is fine. */
void sqlite_close(struct sqlite *db);

/* Reads with one statement. Sees every write that returned before. Errors as aisha_db_query(). */
AISHA_ASYNC AISHA_CHECKED int sqlite_read(struct sqlite *db, struct arena *arena,
                                          const struct aisha_statement *statement,
                                          const struct aisha_rows **ret_rows);

/*
 * Runs the statements as one unit: all or none. Units of several tasks may share one commit; none
 * of them returns before it. ret_rows: array of count pointers, or NULL. Not interrupted by
 * cancellation, since it may be taking effect.
 */
AISHA_ASYNC AISHA_CHECKED int sqlite_write(struct sqlite *db, struct arena *arena,
                                           const struct aisha_statement *statements, size_t count,
                                           const struct aisha_rows **ret_rows);

/* The same, before a script of several statements without parameters: for migrations. */
AISHA_ASYNC AISHA_CHECKED int sqlite_run_script(struct sqlite *db, struct arena *arena,
                                                const char *script,
                                                const struct aisha_statement *statements,
                                                size_t count);

/* Whether a statement only reads (it then may go to sqlite_read()). */
bool sqlite_is_read_only(struct sqlite *db, const char *sql);

/*
 * An interactive transaction. Waits for its turn; rolled back when it is still open after 5 s, and
 * then every call returns -AISHA_E_TIMEOUT. A statement that fails changes nothing, and the others
 * may go on; when it took the transaction with it (the disk is full, say), every later call fails
 * as it did. Ends with commit or rollback, which free it.
 */
AISHA_ASYNC AISHA_CHECKED int sqlite_begin(struct sqlite *db, struct sqlite_tx **ret_tx);
AISHA_ASYNC AISHA_CHECKED int sqlite_tx_run(struct sqlite_tx *tx, struct arena *arena,
                                            const struct aisha_statement *statement,
                                            const struct aisha_rows **ret_rows);
AISHA_ASYNC AISHA_CHECKED int sqlite_commit(struct sqlite_tx *tx);
AISHA_ASYNC void sqlite_rollback(struct sqlite_tx *tx);

/*
 * One connection to SQLite and the statements run on it; used by one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;

enum { SQLITE_CACHED_STATEMENTS = 64 };

/* Statements of our own, which nobody else may run. */
enum sqlite_control {
    SQLITE_BEGIN_READING,
    SQLITE_BEGIN_WRITING,
    SQLITE_COMMIT,
    SQLITE_ROLLBACK_ALL,
    SQLITE_BEGIN_UNIT,
    SQLITE_ROLLBACK_UNIT,
    SQLITE_END_UNIT,
    SQLITE_CONTROLS,
};

/* Prepared statements, the ones used last first. */
struct sqlite_connection {
    sqlite3 *db;
    bool is_quiet;    /* errors are not logged */
    const char *who;  /* for the log: whose statement runs; NULL = the host's own */
    bool may_control; /* while a statement of our own is prepared or run */
    sqlite3_stmt *controls[SQLITE_CONTROLS];

    struct sqlite_cached {
        char *sql;
        sqlite3_stmt *statement;
    } cache[SQLITE_CACHED_STATEMENTS];

    size_t cached;
};

/* Opens the file; flags as for sqlite3_open_v2(). The connection must stay where it is. */
AISHA_CHECKED int sqlite_connection_open(struct sqlite_connection *connection, const char *path,
                                         int flags);
void sqlite_connection_close(struct sqlite_connection *connection);

/* Runs one statement to its end; results are in arena. Errors as for aisha_db_query(), and
 * -EINTR when the connection's progress handler asked for it. -AISHA_E_INVALID for what would begin
 * or end a transaction, attach another file or set up the connection: others share them. */
AISHA_CHECKED int sqlite_connection_run(struct sqlite_connection *connection, struct arena *arena,
                                        const struct aisha_statement *statement,
                                        const struct aisha_rows **ret_rows);

/* Runs several statements without parameters or results; refuses the same. */
AISHA_CHECKED int sqlite_connection_run_script(struct sqlite_connection *connection,
                                               const char *script);

/* The same for SQL of our own. */
AISHA_CHECKED int sqlite_connection_exec(struct sqlite_connection *connection, const char *sql);
AISHA_CHECKED int sqlite_connection_control(struct sqlite_connection *connection,
                                            enum sqlite_control control);

/* Whether the statement changes nothing; false for one that cannot be prepared. */
bool sqlite_connection_is_read_only(struct sqlite_connection *connection, const char *sql);

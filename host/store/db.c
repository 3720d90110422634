/*
 * One kind of database so far; this file is where the second one will be told apart.
 */
#include "host/store/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/sqlite.h"

struct db {
    struct sqlite *sqlite;
};

struct db_tx {
    struct sqlite_tx *sqlite;
};

int db_open(struct db **ret_db, struct loop *loop, const char *url, struct arena *arena,
            const char **ret_error)
{
    static const char scheme[] = "sqlite:";
    struct db *db;

    if (strncmp(url, scheme, strlen(scheme)) != 0 || !url[strlen(scheme)]) {
        *ret_error = "only sqlite:PATH is supported; for example sqlite:var/aisha.db";
        return -AISHA_E_INVALID;
    }
    db = calloc(1, sizeof *db);
    if (!db)
        return -ENOMEM;
    int r = sqlite_open(&db->sqlite, loop, url + strlen(scheme), arena, ret_error);
    if (r < 0) {
        free(db);
        return r;
    }
    *ret_db = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    sqlite_close(db->sqlite);
    free(db);
}

bool db_is_read_only(struct db *db, const char *sql)
{
    return sqlite_is_read_only(db->sqlite, sql);
}

int db_query(struct db *db, struct arena *arena, const struct aisha_statement *statement,
             const struct aisha_rows **ret_rows)
{
    if (sqlite_is_read_only(db->sqlite, statement->sql))
        return sqlite_read(db->sqlite, arena, statement, ret_rows);
    return sqlite_write(db->sqlite, arena, statement, 1, ret_rows);
}

int db_batch(struct db *db, struct arena *arena, const struct aisha_statement *statements,
             size_t count, const struct aisha_rows **ret_rows)
{
    return sqlite_write(db->sqlite, arena, statements, count, ret_rows);
}

int db_run_script(struct db *db, struct arena *arena, const char *script,
                  const struct aisha_statement *statements, size_t count)
{
    return sqlite_run_script(db->sqlite, arena, script, statements, count);
}

int db_begin(struct db *db, struct db_tx **ret_tx)
{
    struct db_tx *tx = calloc(1, sizeof *tx);

    if (!tx)
        return -ENOMEM;
    int r = sqlite_begin(db->sqlite, &tx->sqlite);
    if (r < 0) {
        free(tx);
        return r;
    }
    *ret_tx = tx;
    return 0;
}

int db_tx_query(struct db_tx *tx, struct arena *arena, const struct aisha_statement *statement,
                const struct aisha_rows **ret_rows)
{
    return sqlite_tx_run(tx->sqlite, arena, statement, ret_rows);
}

int db_commit(struct db_tx *tx)
{
    int r = sqlite_commit(tx->sqlite);

    free(tx);
    return r;
}

void db_rollback(struct db_tx *tx)
{
    sqlite_rollback(tx->sqlite);
    free(tx);
}

/*
 * Tells the two kinds of database apart, and nothing else.
 */
#include "host/store/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/postgres.h"
#include "host/io/sqlite.h"

/* One of the two is NULL. */
struct db {
    struct sqlite *sqlite;
    struct postgres *postgres;
};

struct db_tx {
    struct sqlite_tx *sqlite;
    struct postgres_tx *postgres;
};

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int open_url(struct db **ret_db, struct loop *loop, const char *url, bool is_beside,
                    struct arena *arena, const char **ret_error)
{
    static const char file[] = "sqlite:";
    int (*open_file)(struct sqlite **, struct loop *, const char *, struct arena *, const char **) =
        is_beside ? sqlite_open_beside : sqlite_open;
    struct db *db = calloc(1, sizeof *db);
    int r;

    if (!db)
        return -ENOMEM;
    if (begins(url, "postgresql://") || begins(url, "postgres://")) {
        r = postgres_open(&db->postgres, loop, url, arena, ret_error);
    } else if (begins(url, file) && url[strlen(file)]) {
        r = open_file(&db->sqlite, loop, url + strlen(file), arena, ret_error);
    } else {
        *ret_error = "it has to be sqlite:PATH (for example sqlite:var/aisha.db) or "
                     "postgresql://USER:PASSWORD@HOST/DATABASE";
        r = -AISHA_E_INVALID;
    }
    if (r < 0) {
        free(db);
        return r;
    }
    *ret_db = db;
    return 0;
}

int db_open(struct db **ret_db, struct loop *loop, const char *url, struct arena *arena,
            const char **ret_error)
{
    return open_url(ret_db, loop, url, false, arena, ret_error);
}

int db_open_beside(struct db **ret_db, struct loop *loop, const char *url, struct arena *arena,
                   const char **ret_error)
{
    return open_url(ret_db, loop, url, true, arena, ret_error);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    postgres_close(db->postgres);
    sqlite_close(db->sqlite);
    free(db);
}

int db_hold(struct db *db, void (*taken)(const char *who, void *user), void *user)
{
    return db->postgres ? postgres_hold(db->postgres, taken, user) : 0;
}

const char *db_last_error(const struct db *db)
{
    return db->postgres ? postgres_last_error(db->postgres) : "";
}

bool db_is_away(const struct db *db)
{
    return db->postgres && postgres_is_away(db->postgres);
}

bool db_is_postgres(const struct db *db)
{
    return db->postgres != NULL;
}

int db_listen(struct db *db, const char *channel, void (*notified)(const char *payload, void *user),
              void *user)
{
    return db->postgres ? postgres_listen(db->postgres, channel, notified, user) : 0;
}

bool db_is_read_only(struct db *db, const char *sql)
{
    return db->postgres ? postgres_is_read_only(sql) : sqlite_is_read_only(db->sqlite, sql);
}

int db_query(struct db *db, struct arena *arena, const struct aisha_statement *statement,
             const struct aisha_rows **ret_rows)
{
    if (db->postgres)
        return postgres_query(db->postgres, arena, statement, ret_rows);
    if (sqlite_is_read_only(db->sqlite, statement->sql))
        return sqlite_read(db->sqlite, arena, statement, ret_rows);
    return sqlite_write(db->sqlite, arena, statement, 1, ret_rows);
}

int db_batch(struct db *db, struct arena *arena, const struct aisha_statement *statements,
             size_t count, const struct aisha_rows **ret_rows)
{
    return db->postgres ? postgres_batch(db->postgres, arena, statements, count, ret_rows)
                        : sqlite_write(db->sqlite, arena, statements, count, ret_rows);
}

int db_run_script(struct db *db, struct arena *arena, const char *script,
                  const struct aisha_statement *statements, size_t count)
{
    return db->postgres ? postgres_run_script(db->postgres, arena, script, statements, count)
                        : sqlite_run_script(db->sqlite, arena, script, statements, count);
}

int db_begin(struct db *db, struct db_tx **ret_tx)
{
    struct db_tx *tx = calloc(1, sizeof *tx);

    if (!tx)
        return -ENOMEM;
    int r = db->postgres ? postgres_begin(db->postgres, &tx->postgres)
                         : sqlite_begin(db->sqlite, &tx->sqlite);
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
    return tx->postgres ? postgres_tx_run(tx->postgres, arena, statement, ret_rows)
                        : sqlite_tx_run(tx->sqlite, arena, statement, ret_rows);
}

int db_commit(struct db_tx *tx)
{
    int r = tx->postgres ? postgres_commit(tx->postgres) : sqlite_commit(tx->sqlite);

    free(tx);
    return r;
}

void db_rollback(struct db_tx *tx)
{
    if (tx->postgres)
        postgres_rollback(tx->postgres);
    else
        sqlite_rollback(tx->sqlite);
    free(tx);
}

/*
 * The row in schema_migrations is written in the same transaction as what it remembers.
 */
#include "host/store/migrate.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/store/db.h"
#include "host/store/hex.h"

static const char *sql_of(const struct db *db, const struct aisha_migration *migration)
{
    if (migration->sql)
        return migration->sql;
    return db_is_postgres(db) ? migration->postgres : migration->sqlite;
}

static const char *checksum_of(struct arena *arena, const char *sql)
{
    unsigned char digest[32];
    unsigned size = sizeof digest;

    if (EVP_Digest(sql, strlen(sql), digest, &size, EVP_sha256(), NULL) != 1)
        return "";
    return hex_encode(arena, digest, sizeof digest);
}

/* What was applied has to be what the code has now. */
static int compare(const struct db *db, struct arena *arena, const char *owner,
                   const struct aisha_migration *migrations, size_t count,
                   const struct aisha_rows *applied, const char **ret_error)
{
    for (size_t i = 0; i < applied->row_count; i++) {
        int64_t version = aisha_cell_int(applied, i, "version");
        if (version != (int64_t)i + 1) {
            *ret_error = arena_printf(arena,
                                      "%s: the database has migration %lld, but not %zu before it; "
                                      "go back to a backup",
                                      owner, (long long)version, i + 1);
            return -AISHA_E_CONFLICT;
        }
        if (i >= count) {
            *ret_error = arena_printf(arena,
                                      "%s: the database has migration %lld, the code ends at %zu; "
                                      "run the newer version that made it",
                                      owner, (long long)version, count);
            return -AISHA_E_CONFLICT;
        }
        const char *checksum = aisha_cell_text(applied, i, "checksum");
        if (!checksum || strcmp(checksum, checksum_of(arena, sql_of(db, &migrations[i]))) != 0) {
            *ret_error = arena_printf(arena,
                                      "%s: migration %lld was changed after it had been applied; "
                                      "restore it and add a new one",
                                      owner, (long long)version);
            return -AISHA_E_CONFLICT;
        }
    }
    return 0;
}

static AISHA_ASYNC int apply(struct db *db, struct arena *arena, const char *owner,
                             const struct aisha_migration *migration)
{
    const char *sql = sql_of(db, migration);
    const struct aisha_statement remember = AISHA_SQL(
        "INSERT INTO schema_migrations (owner, version, name, checksum, applied_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        owner, migration->version, migration->name, checksum_of(arena, sql), (int64_t)time(NULL));

    log_info("db", "owner=%s version=%d applying migration \"%s\"", owner, migration->version,
             migration->name);
    return db_run_script(db, arena, sql, &remember, 1);
}

static AISHA_ASYNC int read_applied(struct db *db, struct arena *arena, const char *owner,
                                    const struct aisha_rows **ret_applied)
{
    return db_query(db, arena,
                    &AISHA_SQL("SELECT version, checksum FROM schema_migrations"
                               " WHERE owner = $1 ORDER BY version",
                               owner),
                    ret_applied);
}

/* What is missing after applied. Somebody who starts at the same moment may be quicker: then the row
 * conflicts, and what they did is looked at. */
static AISHA_ASYNC int apply_missing(struct db *db, struct arena *arena, const char *owner,
                                     const struct aisha_migration *migrations, size_t count,
                                     const char **ret_error)
{
    const struct aisha_rows *applied;
    size_t tried = 0; /* how many there were to be after the last attempt */

    for (;;) {
        int r = read_applied(db, arena, owner, &applied);
        if (r == 0)
            r = compare(db, arena, owner, migrations, count, applied, ret_error);
        if (r < 0 || applied->row_count == count)
            return r;
        bool is_new = applied->row_count + 1 > tried;
        tried = applied->row_count + 1;
        r = apply(db, arena, owner, &migrations[tried - 1]);
        if (r < 0 && !(r == -AISHA_E_CONFLICT && is_new)) {
            *ret_error = arena_printf(arena,
                                      "%s: the database does not accept migration %d; see the log "
                                      "above. Nothing of it was kept",
                                      owner, migrations[tried - 1].version);
            return r;
        }
    }
}

static AISHA_ASYNC int make_table(struct db *db, struct arena *arena, const char **ret_error)
{
    *ret_error = "the database does not accept it; see the log above";
    return db_run_script(db, arena,
                         "CREATE TABLE IF NOT EXISTS schema_migrations ("
                         "  owner TEXT NOT NULL,"
                         "  version INTEGER NOT NULL,"
                         "  name TEXT NOT NULL,"
                         "  checksum TEXT NOT NULL,"
                         "  applied_at BIGINT NOT NULL,"
                         "  PRIMARY KEY (owner, version))",
                         NULL, 0);
}

static AISHA_ASYNC int has_table(struct db *db, struct arena *arena, bool *ret_has)
{
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     db_is_postgres(db)
                         ? &AISHA_SQL("SELECT to_regclass('schema_migrations')::TEXT AS name")
                         : &AISHA_SQL("SELECT MAX(name) AS name FROM sqlite_schema"
                                      " WHERE name = 'schema_migrations'"),
                     &rows);
    if (r == 0)
        *ret_has = aisha_cell_text(rows, 0, "name") != NULL;
    return r;
}

int migrate_count(struct db *db, struct arena *arena, const char *owner,
                  const struct aisha_migration *migrations, size_t count, size_t *ret_applied,
                  const char **ret_error)
{
    const struct aisha_rows *applied;
    bool has_any = false;

    int r = has_table(db, arena, &has_any);
    if (r == 0 && !has_any)
        *ret_applied = 0;
    if (r < 0 || !has_any)
        return r;
    r = read_applied(db, arena, owner, &applied);
    if (r == 0)
        r = compare(db, arena, owner, migrations, count, applied, ret_error);
    if (r == 0)
        *ret_applied = applied->row_count;
    return r;
}

int migrate(struct db *db, struct arena *arena, const char *owner,
            const struct aisha_migration *migrations, size_t count, const char **ret_error)
{
    int r = make_table(db, arena, ret_error);

    return r < 0 ? r : apply_missing(db, arena, owner, migrations, count, ret_error);
}

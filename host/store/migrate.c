/*
 * The row in schema_migrations is written in the same transaction as what it remembers.
 */
#include "host/store/migrate.h"

#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/store/db.h"
#include "host/store/hex.h"

static const char *sql_of(const struct aisha_migration *migration)
{
    return migration->sql ? migration->sql : migration->sqlite;
}

static const char *checksum_of(struct arena *arena, const struct aisha_migration *migration)
{
    unsigned char digest[32];
    unsigned size = sizeof digest;

    if (EVP_Digest(sql_of(migration), strlen(sql_of(migration)), digest, &size, EVP_sha256(),
                   NULL) != 1)
        return "";
    return hex_encode(arena, digest, sizeof digest);
}

/* What was applied has to be what the code has now. */
static int compare(struct arena *arena, const char *owner, const struct aisha_migration *migrations,
                   size_t count, const struct aisha_rows *applied, const char **ret_error)
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
        if (!checksum || strcmp(checksum, checksum_of(arena, &migrations[i])) != 0) {
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
    const struct aisha_statement remember =
        AISHA_SQL("INSERT INTO schema_migrations (owner, version, name, checksum, applied_at)"
                  " VALUES ($1, $2, $3, $4, $5)",
                  owner, migration->version, migration->name, checksum_of(arena, migration),
                  (int64_t)time(NULL));

    log_info("db", "owner=%s version=%d applying migration \"%s\"", owner, migration->version,
             migration->name);
    return db_run_script(db, arena, sql_of(migration), &remember, 1);
}

int migrate(struct db *db, struct arena *arena, const char *owner,
            const struct aisha_migration *migrations, size_t count, const char **ret_error)
{
    const struct aisha_rows *applied;

    *ret_error = "the database does not accept it; see the log above";
    int r = db_run_script(db, arena,
                          "CREATE TABLE IF NOT EXISTS schema_migrations ("
                          "  owner TEXT NOT NULL,"
                          "  version INTEGER NOT NULL,"
                          "  name TEXT NOT NULL,"
                          "  checksum TEXT NOT NULL,"
                          "  applied_at BIGINT NOT NULL,"
                          "  PRIMARY KEY (owner, version))",
                          NULL, 0);
    if (r == 0)
        r = db_query(db, arena,
                     &AISHA_SQL("SELECT version, checksum FROM schema_migrations"
                                " WHERE owner = $1 ORDER BY version",
                                owner),
                     &applied);
    if (r == 0)
        r = compare(arena, owner, migrations, count, applied, ret_error);
    for (size_t i = r == 0 ? applied->row_count : 0; r == 0 && i < count; i++) {
        r = apply(db, arena, owner, &migrations[i]);
        if (r < 0)
            *ret_error = arena_printf(arena,
                                      "%s: the database does not accept migration %d; see the log "
                                      "above. Nothing of it was kept",
                                      owner, migrations[i].version);
    }
    return r;
}

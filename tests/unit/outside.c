#include "tests/unit/outside.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>
#include <sqlite3.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "tests/unit/store_fixture.h"

enum { OUTSIDE_PATIENCE_MS = 10000 };

static const char *server(void)
{
    return getenv("AISHA_TEST_POSTGRES");
}

bool is_on_postgres(void)
{
    return server() != NULL;
}

/* The directory's last part: six letters and digits. */
static const char *schema_of(struct fixture *f)
{
    return arena_printf(&f->arena, "t_%s", f->dir + strlen(f->dir) - 6);
}

const char *db_url(struct fixture *f)
{
    if (!is_on_postgres())
        return arena_printf(&f->arena, "sqlite:%s", f->path);
    return arena_printf(&f->arena, "%s?options=-c%%20search_path%%3D%%22%s%%22", server(),
                        schema_of(f));
}

static int64_t run_on_sqlite(struct fixture *f, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    int64_t number = 0;

    int code = sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db, OUTSIDE_PATIENCE_MS);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        check(f, false, arena_printf(&f->arena, "%s: %s", sql, sqlite3_errmsg(db)), __FILE__,
              __LINE__);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

static int64_t run_on_postgres(struct fixture *f, const char *url, const char *sql)
{
    PGconn *pq = PQconnectdb(url);
    PGresult *result = PQexec(pq, sql);
    ExecStatusType status = PQresultStatus(result);
    int64_t number = 0;

    if (status == PGRES_TUPLES_OK && PQntuples(result) > 0)
        number = *PQgetvalue(result, 0, 0) == 't' ? 1 : strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        check(f, false, arena_printf(&f->arena, "%s: %s", sql, PQerrorMessage(pq)), __FILE__,
              __LINE__);
    PQclear(result);
    PQfinish(pq);
    return number;
}

static int64_t run_outside(struct fixture *f, const char *sql)
{
    return is_on_postgres() ? run_on_postgres(f, db_url(f), sql) : run_on_sqlite(f, sql);
}

int64_t look(struct fixture *f, const char *sql)
{
    return run_outside(f, sql);
}

static void wake(void *arg)
{
    wait_wake(arg, 0);
}

/* What the host reads in one turn of its loop is of one moment, so the test goes on in the next. */
void change(struct fixture *f, const char *sql)
{
    struct wait turn;

    run_outside(f, sql);
    if (!f->loop) /* between two scenarios */
        return;
    wait_init(&turn, f->loop);
    loop_post(f->loop, wake, &turn);
    wait_for_uncancelled(&turn, WAIT_FOREVER);
}

void outside_setup(struct fixture *f)
{
    if (is_on_postgres())
        run_on_postgres(f, server(), arena_printf(&f->arena, "CREATE SCHEMA \"%s\"", schema_of(f)));
}

void outside_teardown(struct fixture *f)
{
    if (is_on_postgres())
        run_on_postgres(f, server(),
                        arena_printf(&f->arena,
                                     "SET client_min_messages = warning;"
                                     "DROP SCHEMA \"%s\" CASCADE",
                                     schema_of(f)));
}

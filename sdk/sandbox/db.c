/*
 * Prepared statements are kept by the address of their text: the sandbox has some forty of them.
 */
#include "sdk/sandbox/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "sdk/sandbox/json.h"

enum { MAX_STATEMENTS = 128 };

struct db {
    sqlite3 *sqlite;
    bool has_failed;
    size_t statement_count;

    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[MAX_STATEMENTS];
};

int db_open(struct db **ret_db, const char *path, const char *schema)
{
    struct db *db = calloc(1, sizeof *db);

    if (!db)
        return -ENOMEM;
    int r = sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db->sqlite, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
                         NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db->sqlite, schema, NULL, NULL, NULL);
    if (r != SQLITE_OK) {
        log_error("sandbox", "cannot open database path=%s error=%s", path,
                  db->sqlite ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(r));
        db_close(db);
        return -EIO;
    }
    *ret_db = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < db->statement_count; i++)
        sqlite3_finalize(db->statements[i].statement);
    sqlite3_close(db->sqlite);
    free(db);
}

bool db_take_failure(struct db *db)
{
    bool has_failed = db->has_failed;

    db->has_failed = false;
    return has_failed;
}

static sqlite3_stmt *failed(struct db *db)
{
    db->has_failed = true;
    log_error("sandbox", "database error=%s", sqlite3_errmsg(db->sqlite));
    return NULL;
}

static sqlite3_stmt *prepare(struct db *db, const char *sql)
{
    sqlite3_stmt *statement;

    for (size_t i = 0; i < db->statement_count; i++)
        if (db->statements[i].sql == sql)
            return db->statements[i].statement;
    if (db->statement_count == MAX_STATEMENTS ||
        sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
        return failed(db);
    db->statements[db->statement_count].sql = sql;
    db->statements[db->statement_count++].statement = statement;
    return statement;
}

static sqlite3_stmt *bind(struct db *db, const char *sql, const char *format, va_list args)
{
    sqlite3_stmt *statement = prepare(db, sql);

    for (int i = 1; statement && *format; i++, format++) {
        const void *bytes;
        switch (*format) {
        case 'i':
            sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
            break;
        case 't':
            sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
            break;
        default:
            bytes = va_arg(args, const void *);
            sqlite3_bind_blob64(statement, i, bytes, va_arg(args, size_t), SQLITE_STATIC);
        }
    }
    return statement;
}

static bool step(struct db *db, sqlite3_stmt *statement)
{
    int r = statement ? sqlite3_step(statement) : SQLITE_DONE;

    if (r != SQLITE_ROW && r != SQLITE_DONE)
        failed(db);
    return r == SQLITE_ROW;
}

static void finish(sqlite3_stmt *statement)
{
    if (!statement)
        return;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

void db_run(struct db *db, const char *sql, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sqlite3_stmt *statement = bind(db, sql, format, args);
    va_end(args);
    step(db, statement);
    finish(statement);
}

int64_t db_int(struct db *db, int64_t missing, const char *sql, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sqlite3_stmt *statement = bind(db, sql, format, args);
    va_end(args);
    if (step(db, statement) && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        missing = sqlite3_column_int64(statement, 0);
    finish(statement);
    return missing;
}

static char *first_text(struct db *db, struct arena *arena, sqlite3_stmt *statement)
{
    char *text = NULL;

    if (step(db, statement))
        text = arena_strdup(arena, (const char *)sqlite3_column_text(statement, 0));
    finish(statement);
    return text;
}

char *db_text(struct db *db, struct arena *arena, const char *sql, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sqlite3_stmt *statement = bind(db, sql, format, args);
    va_end(args);
    return first_text(db, arena, statement);
}

cJSON *db_json(struct db *db, struct arena *arena, const char *sql, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sqlite3_stmt *statement = bind(db, sql, format, args);
    va_end(args);
    const char *text = first_text(db, arena, statement);
    return text ? json_keep(arena, cJSON_Parse(text)) : NULL;
}

const void *db_bytes(struct db *db, struct arena *arena, size_t *ret_size, const char *sql,
                     const char *format, ...)
{
    const void *bytes = NULL;
    va_list args;

    va_start(args, format);
    sqlite3_stmt *statement = bind(db, sql, format, args);
    va_end(args);
    if (step(db, statement)) {
        const void *column = sqlite3_column_blob(statement, 0);
        *ret_size = (size_t)sqlite3_column_bytes(statement, 0);
        bytes = arena_memdup(arena, column, *ret_size);
    }
    finish(statement);
    return bytes;
}

cJSON *db_json_rows(struct db *db, struct arena *arena, const char *sql, const char *format, ...)
{
    cJSON *rows = json_keep(arena, cJSON_CreateArray());
    va_list args;

    va_start(args, format);
    sqlite3_stmt *statement = bind(db, sql, format, args);
    va_end(args);
    while (step(db, statement))
        cJSON_AddItemToArray(rows, cJSON_Parse((const char *)sqlite3_column_text(statement, 0)));
    finish(statement);
    return rows;
}

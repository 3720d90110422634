/*
 * Prepare (or find prepared), bind, step, collect. Results are copied at once: nothing of SQLite's
 * memory leaves this file.
 */
#include "host/io/sqlite_statement.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/sql_log.h"

enum { MAX_ROWS = 10000, MAX_RESULT_BYTES = 16 * 1024 * 1024, BUSY_MS = 2000 };

static int error_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_CONSTRAINT:
        return -AISHA_E_CONFLICT;
    case SQLITE_INTERRUPT:
        return -EINTR;
    case SQLITE_TOOBIG:
        return -AISHA_E_LIMIT;
    case SQLITE_AUTH:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return -AISHA_E_INVALID;
    default: /* busy, full, unreadable, damaged: the file, not the statement */
        return -AISHA_E_UNAVAILABLE;
    }
}

#define COMPLAIN(connection, sql, ...)                                                             \
    do {                                                                                           \
        if (!(connection)->is_quiet)                                                               \
            sql_log((connection)->who, (sql), __VA_ARGS__);                                        \
    } while (0)

static int report(const struct sqlite_connection *connection, const char *sql, int code)
{
    static const char not_yours[] =
        "BEGIN, COMMIT, SAVEPOINT, ATTACH and PRAGMA name = value are the host's: this runs in a "
        "transaction already, on a connection that others share";
    int r = error_of(code);

    if (r < 0 && r != -EINTR)
        COMPLAIN(connection, sql, "code=%d %s", sqlite3_extended_errcode(connection->db),
                 code == SQLITE_AUTH ? not_yours : sqlite3_errmsg(connection->db));
    return r;
}

/* Those that take an argument and change nothing beyond the transaction. */
static bool is_harmless_pragma(const char *name)
{
    static const char *const harmless[] = {
        "table_info",       "table_xinfo",       "index_list",         "index_info",
        "foreign_key_list", "foreign_key_check", "defer_foreign_keys", "integrity_check",
        "quick_check", /* by SQLite itself, for a new column with a CHECK */
    };

    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (sqlite3_stricmp(name, harmless[i]) == 0)
            return true;
    return false;
}

static int authorize(void *user, int action, const char *a, const char *b, const char *database,
                     const char *trigger)
{
    const struct sqlite_connection *connection = user;

    (void)database, (void)trigger;
    switch (action) {
    case SQLITE_PRAGMA:
        return connection->may_control || !b || is_harmless_pragma(a) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return connection->may_control ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

int sqlite_connection_open(struct sqlite_connection *connection, const char *path, int flags)
{
    int code = sqlite3_open_v2(path, &connection->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

    if (code != SQLITE_OK)
        return report(connection, path, code);
    sqlite3_extended_result_codes(connection->db, 1);
    sqlite3_busy_timeout(connection->db, BUSY_MS);
    sqlite3_set_authorizer(connection->db, authorize, connection);
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return 0;
}

void sqlite_connection_close(struct sqlite_connection *connection)
{
    for (size_t i = 0; i < connection->cached; i++) {
        sqlite3_finalize(connection->cache[i].statement);
        free(connection->cache[i].sql);
    }
    connection->cached = 0;
    for (size_t i = 0; i < SQLITE_CONTROLS; i++) {
        sqlite3_finalize(connection->controls[i]);
        connection->controls[i] = NULL;
    }
    sqlite3_close(connection->db);
    connection->db = NULL;
}

int sqlite_connection_run_script(struct sqlite_connection *connection, const char *script)
{
    return report(connection, script, sqlite3_exec(connection->db, script, NULL, NULL, NULL));
}

int sqlite_connection_exec(struct sqlite_connection *connection, const char *sql)
{
    connection->may_control = true;
    int r = sqlite_connection_run_script(connection, sql);
    connection->may_control = false;
    return r;
}

int sqlite_connection_control(struct sqlite_connection *connection, enum sqlite_control control)
{
    static const char *const texts[] = {
        [SQLITE_BEGIN_READING] = "BEGIN",
        [SQLITE_BEGIN_WRITING] = "BEGIN IMMEDIATE",
        [SQLITE_COMMIT] = "COMMIT",
        [SQLITE_ROLLBACK_ALL] = "ROLLBACK",
        [SQLITE_BEGIN_UNIT] = "SAVEPOINT unit",
        [SQLITE_ROLLBACK_UNIT] = "ROLLBACK TO unit",
        [SQLITE_END_UNIT] = "RELEASE unit",
    };
    sqlite3_stmt **statement = &connection->controls[control];
    const char *sql = texts[control];
    int code = SQLITE_OK;

    connection->may_control = true;
    if (!*statement)
        code =
            sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(*statement);
    int r = report(connection, sql, code);
    sqlite3_reset(*statement);
    connection->may_control = false;
    return r;
}

/* ---- prepared statements ---- */

static void move_to_front(struct sqlite_connection *connection, size_t i)
{
    struct sqlite_cached found = connection->cache[i];

    memmove(connection->cache + 1, connection->cache, i * sizeof found);
    connection->cache[0] = found;
}

static bool is_only_space(const char *text)
{
    while (*text && (isspace((unsigned char)*text) || *text == ';'))
        text++;
    return !*text;
}

static int prepare(struct sqlite_connection *connection, const char *sql,
                   sqlite3_stmt **ret_statement)
{
    const char *tail;
    sqlite3_stmt *statement = NULL;

    for (size_t i = 0; i < connection->cached; i++) {
        if (strcmp(connection->cache[i].sql, sql) != 0)
            continue;
        move_to_front(connection, i);
        *ret_statement = connection->cache[0].statement;
        return 0;
    }
    int code =
        sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, &tail);
    if (code != SQLITE_OK)
        return report(connection, sql, code);
    if (!statement || !is_only_space(tail)) {
        COMPLAIN(connection, sql, "this is not exactly one statement");
        sqlite3_finalize(statement);
        return -AISHA_E_INVALID;
    }
    if (connection->cached == SQLITE_CACHED_STATEMENTS) {
        struct sqlite_cached *oldest = &connection->cache[--connection->cached];
        sqlite3_finalize(oldest->statement);
        free(oldest->sql);
    }
    char *copy = strdup(sql);
    if (!copy)
        abort();
    connection->cache[connection->cached++] =
        (struct sqlite_cached){.sql = copy, .statement = statement};
    move_to_front(connection, connection->cached - 1);
    *ret_statement = statement;
    return 0;
}

bool sqlite_connection_is_read_only(struct sqlite_connection *connection, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    connection->is_quiet = true; /* whoever runs it will hear of it */
    bool is_read_only =
        prepare(connection, sql, &statement) == 0 && sqlite3_stmt_readonly(statement);
    connection->is_quiet = false;
    return is_read_only;
}

static int bind_value(sqlite3_stmt *statement, int index, const struct aisha_value *value)
{
    switch (value->type) {
    case AISHA_INT:
        return sqlite3_bind_int64(statement, index, value->integer);
    case AISHA_REAL:
        return sqlite3_bind_double(statement, index, value->real);
    case AISHA_TEXT:
        return sqlite3_bind_text64(statement, index, value->text, value->size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case AISHA_BYTES: /* a NULL pointer would be an SQL NULL */
        return sqlite3_bind_blob64(statement, index, value->size ? value->bytes : "", value->size,
                                   SQLITE_STATIC);
    default:
        return sqlite3_bind_null(statement, index);
    }
}

/* $1 is a name to SQLite, and need not be its first parameter. 0 = no such name. */
static size_t parameter_number(const char *name)
{
    if (!name || name[0] != '$' || name[1] < '1' || name[1] > '9')
        return 0;
    if (!name[2])
        return (size_t)(name[1] - '0');
    size_t digits = strspn(name + 1, "0123456789");
    return name[1 + digits] ? 0 : strtoul(name + 1, NULL, 10);
}

static int bind_all(struct sqlite_connection *connection, sqlite3_stmt *statement,
                    const struct aisha_statement *source)
{
    int wanted = sqlite3_bind_parameter_count(statement);

    if (wanted != (int)source->param_count) {
        COMPLAIN(connection, source->sql, "%zu parameters given, %d wanted", source->param_count,
                 wanted);
        return -AISHA_E_INVALID;
    }
    for (int index = 1; index <= wanted; index++) {
        const char *name = sqlite3_bind_parameter_name(statement, index);
        size_t number = parameter_number(name);
        if (number == 0 || number > source->param_count) {
            COMPLAIN(connection, source->sql, "%s is none of the parameters $1 to $%d",
                     name ? name : "?", wanted);
            return -AISHA_E_INVALID;
        }
        int code = bind_value(statement, index, &source->params[number - 1]);
        if (code != SQLITE_OK)
            return report(connection, source->sql, code);
    }
    return 0;
}

/* ---- results ---- */

struct collector {
    struct arena *arena;
    struct aisha_value *values; /* capacity rows */
    size_t row_count, capacity, column_count, bytes;
};

/* A copy of text or bytes, ended by zero. */
static void *copy(struct collector *collector, const void *bytes, size_t size)
{
    char *own = arena_alloc(collector->arena, size + 1);

    if (size)
        memcpy(own, bytes, size);
    return own;
}

/* The size is asked for last: asking earlier would turn numbers into text. */
static struct aisha_value read_value(struct collector *collector, sqlite3_stmt *statement, int i)
{
    const void *bytes;
    size_t size;

    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER:
        return aisha_value_int(sqlite3_column_int64(statement, i));
    case SQLITE_FLOAT:
        return aisha_value_real(sqlite3_column_double(statement, i));
    case SQLITE_TEXT:
        bytes = sqlite3_column_text(statement, i);
        size = (size_t)sqlite3_column_bytes(statement, i);
        return (struct aisha_value){
            .type = AISHA_TEXT, .text = copy(collector, bytes, size), .size = size};
    case SQLITE_BLOB:
        bytes = sqlite3_column_blob(statement, i);
        size = (size_t)sqlite3_column_bytes(statement, i);
        return aisha_value_bytes(copy(collector, bytes, size), size);
    default:
        return (struct aisha_value){.type = AISHA_NULL};
    }
}

/* Of its texts and bytes. */
static size_t row_bytes(const struct collector *collector, sqlite3_stmt *statement)
{
    size_t bytes = 0;

    for (int i = 0; i < (int)collector->column_count; i++) {
        int type = sqlite3_column_type(statement, i);
        if (type == SQLITE_TEXT || type == SQLITE_BLOB)
            bytes += (size_t)sqlite3_column_bytes(statement, i);
    }
    return bytes;
}

static int collect_row(struct collector *collector, sqlite3_stmt *statement)
{
    size_t columns = collector->column_count;

    collector->bytes += row_bytes(collector, statement);
    if (collector->row_count == MAX_ROWS ||
        (collector->row_count > 0 && collector->bytes > MAX_RESULT_BYTES))
        return -AISHA_E_LIMIT;
    if (collector->row_count == collector->capacity) {
        collector->capacity = collector->capacity ? collector->capacity * 2 : 4;
        struct aisha_value *more =
            arena_alloc(collector->arena, collector->capacity * columns * sizeof *more);
        if (collector->row_count)
            memcpy(more, collector->values, collector->row_count * columns * sizeof *more);
        collector->values = more;
    }
    for (size_t i = 0; i < columns; i++)
        collector->values[collector->row_count * columns + i] =
            read_value(collector, statement, (int)i);
    collector->row_count++;
    return 0;
}

static const struct aisha_rows *make_rows(const struct collector *collector,
                                          sqlite3_stmt *statement, int64_t changed)
{
    struct aisha_rows *rows = arena_alloc(collector->arena, sizeof *rows);
    const char **columns =
        arena_alloc(collector->arena, (collector->column_count + 1) * sizeof *columns);

    for (size_t i = 0; i < collector->column_count; i++)
        columns[i] = arena_strdup(collector->arena, sqlite3_column_name(statement, (int)i));
    *rows = (struct aisha_rows){.size = sizeof *rows,
                                .row_count = collector->row_count,
                                .column_count = collector->column_count,
                                .columns = columns,
                                .values = collector->values,
                                .changed_count = changed};
    return rows;
}

static int step_to_end(struct sqlite_connection *connection, const char *sql,
                       sqlite3_stmt *statement, struct collector *collector)
{
    for (;;) {
        int code = sqlite3_step(statement);
        if (code == SQLITE_DONE)
            return 0;
        if (code != SQLITE_ROW)
            return report(connection, sql, code);
        int r = collect_row(collector, statement);
        if (r < 0) {
            COMPLAIN(connection, sql, "the result is too large");
            return r;
        }
    }
}

int sqlite_connection_run(struct sqlite_connection *connection, struct arena *arena,
                          const struct aisha_statement *source, const struct aisha_rows **ret_rows)
{
    struct collector collector = {.arena = arena};
    sqlite3_stmt *statement = NULL;

    int r = prepare(connection, source->sql, &statement);
    if (r == 0)
        r = bind_all(connection, statement, source);
    if (r < 0)
        return r;
    collector.column_count = (size_t)sqlite3_column_count(statement);
    int64_t before = sqlite3_total_changes64(connection->db);
    r = step_to_end(connection, source->sql, statement, &collector);
    if (r == 0 && ret_rows)
        *ret_rows = make_rows(&collector, statement,
                              sqlite3_stmt_readonly(statement)
                                  ? 0
                                  : sqlite3_total_changes64(connection->db) - before);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return r;
}

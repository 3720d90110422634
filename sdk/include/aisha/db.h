/*
 * SQL on the bot's database, the same on SQLite and PostgreSQL: parameters are $1, $2, …
 *
 *     aisha_db_exec(ctx, "UPDATE counters SET value = value + 1 WHERE user_id = $1", user_id);
 *
 * The first write of a unit of work also commits that its update is done: after a crash the update
 * is not run again. What belongs together therefore goes into one transaction or one batch; what
 * has to happen later goes into a job written in that same transaction.
 *
 * Transactions and connections are the host's: BEGIN, COMMIT, SAVEPOINT, ATTACH and PRAGMA name =
 * value are refused, in migrations, too.
 *
 * Tables and indexes are made by .migrations (plugin.h). The host and all plugins share one set of
 * names, so begin yours with your plugin's, as in hello_greetings: a migration that finds a name
 * taken stops the start. Other people's tables are theirs and may change. A plugin that is taken
 * out of the configuration leaves its tables and finds them again when it comes back.
 *
 * Both databases know columns of type TEXT, BIGINT (also for times and truth) and DOUBLE PRECISION;
 * bytes are BLOB on SQLite and BYTEA on PostgreSQL, in migrations with .sqlite and .postgres.
 * SQLite takes nearly any value anywhere. PostgreSQL refuses (-AISHA_E_INVALID) one of another
 * type, and text that is not UTF-8 or has a zero byte. What Telegram sends and what json.h gives is
 * UTF-8; the body of a webhook, answers of other services, files, and text that was cut
 * within a character need not be. Keep such things as bytes, and cut text between characters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

enum aisha_value_type {
    AISHA_NULL,
    AISHA_INT,
    AISHA_REAL,
    AISHA_TEXT,
    AISHA_BYTES,
};

struct aisha_value {
    enum aisha_value_type type;

    union {
        int64_t integer;
        double real;
        const char *text; /* UTF-8, ended by zero */
        const void *bytes;
    };

    size_t size; /* of text (without the zero) and bytes */
};

/* The result of one statement; lives as long as ctx. */
struct aisha_rows {
    size_t size;
    size_t row_count;
    size_t column_count;
    const char *const *columns;       /* names, column_count of them */
    const struct aisha_value *values; /* row by row */
    int64_t changed_count;            /* rows written by INSERT, UPDATE, DELETE */
};

struct aisha_statement {
    const char *sql;
    const struct aisha_value *params; /* borrowed */
    size_t param_count;
};

AISHA_PUBLIC struct aisha_value aisha_value_int(int64_t integer);
AISHA_PUBLIC struct aisha_value aisha_value_real(double real);
AISHA_PUBLIC struct aisha_value aisha_value_text(const char *text); /* NULL becomes SQL NULL */
AISHA_PUBLIC struct aisha_value aisha_value_bytes(const void *bytes, size_t size);
AISHA_PUBLIC struct aisha_value aisha_value_self(struct aisha_value value);

/* Any C value as a parameter; the statements below apply it to their arguments. */
#define aisha_value(x)                                                                             \
    _Generic((x),                                                                                  \
        float: aisha_value_real,                                                                   \
        double: aisha_value_real,                                                                  \
        char *: aisha_value_text,                                                                  \
        const char *: aisha_value_text,                                                            \
        void *: aisha_value_text, /* NULL */                                                       \
        struct aisha_value: aisha_value_self,                                                      \
        default: aisha_value_int)(x)

/*
 * Runs one statement. ret_rows may be NULL. Fails with -AISHA_E_INVALID (the database does not
 * accept the statement), -AISHA_E_CONFLICT (a constraint, a lost race), -AISHA_E_LIMIT (more than
 * 10,000 rows, or more than 16 MiB in several rows; outside of a transaction PostgreSQL has then
 * done what the statement says), -AISHA_E_UNAVAILABLE (the database cannot be reached now).
 */
#define aisha_db_query(ctx, ret_rows, sql, ...)                                                    \
    aisha_db_query_((ctx), (ret_rows), &AISHA_SQL(sql, ##__VA_ARGS__))

/* The same without a result. */
#define aisha_db_exec(ctx, sql, ...) aisha_db_query_((ctx), NULL, &AISHA_SQL(sql, ##__VA_ARGS__))

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_db_query_(struct aisha_ctx *ctx,
                                                           const struct aisha_rows **ret_rows,
                                                           const struct aisha_statement *statement);

/*
 * Several statements in one transaction and one round trip: all take effect or none. ret_rows is
 * an array of count pointers, or NULL.
 *
 *     const struct aisha_statement both[] = {AISHA_SQL("…", a, b), AISHA_SQL("…", c)};
 *     int r = aisha_db_batch(ctx, NULL, both, 2);
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_db_batch(struct aisha_ctx *ctx,
                                                          const struct aisha_rows **ret_rows,
                                                          const struct aisha_statement *statements,
                                                          size_t count);

/*
 * A transaction whose later statements depend on what earlier ones found. Between begin and commit
 * only aisha_db_query(), aisha_db_exec() and what is said to go through an open transaction may
 * wait, and not longer than 5 s: on an embedded database everybody else's writes wait. A
 * transaction left open when the handler returns is rolled back.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_db_begin(struct aisha_ctx *ctx);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_db_commit(struct aisha_ctx *ctx);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_db_rollback(struct aisha_ctx *ctx);

/* Whether one is open: for a function that is part of its caller's. */
AISHA_PUBLIC bool aisha_db_in_transaction(struct aisha_ctx *ctx);

/*
 * The end of a transaction, whatever has become of it: with 0 it is committed, with an error or a
 * positive outcome rolled back, unless it never began or is over. Returns result, or why it could not be
 * committed. (When it could not begin because the caller has one open, that one is rolled back.)
 *
 *     int r = aisha_db_begin(ctx);
 *     if (r == 0)
 *         r = aisha_db_exec(ctx, "…", a, b);
 *     if (r == 0)
 *         r = aisha_job_enqueue(ctx, NULL, .kind = "…", AISHA_DATA(order));
 *     return aisha_db_end(ctx, r);
 */
static inline AISHA_ASYNC AISHA_CHECKED int aisha_db_end(struct aisha_ctx *ctx, int result)
{
    if (result == 0)
        return aisha_db_commit(ctx);
    if (aisha_db_in_transaction(ctx))
        aisha_ignore(aisha_db_rollback(ctx));
    return result;
}

/* The value in that row and column; a NULL value when there is none. */
AISHA_PUBLIC const struct aisha_value *aisha_cell(const struct aisha_rows *rows, size_t row,
                                                  const char *column);

/* The same as a number, 0 for NULL and for what is not a number. */
AISHA_PUBLIC int64_t aisha_cell_int(const struct aisha_rows *rows, size_t row, const char *column);

/* The same as text; NULL for NULL and for what is not text. */
AISHA_PUBLIC const char *aisha_cell_text(const struct aisha_rows *rows, size_t row,
                                         const char *column);

/*
 * How the arguments of the macros above become an array: each is wrapped in aisha_value(), up to
 * twelve of them. The array starts with an unused element because C has no empty ones.
 */
#define AISHA_SQL(sql_text, ...)                                                                   \
    ((const struct aisha_statement){                                                               \
        .sql = (sql_text),                                                                         \
        .params = (const struct aisha_value[]){{0} AISHA_VALUES(__VA_ARGS__)} + 1,                 \
        .param_count = AISHA_COUNT(__VA_ARGS__)})

#define AISHA_COUNT(...) AISHA_COUNT_(0, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define AISHA_COUNT_(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, count, ...) count
#define AISHA_VALUES(...) AISHA_VALUES_(AISHA_COUNT(__VA_ARGS__), ##__VA_ARGS__)
#define AISHA_VALUES_(count, ...) AISHA_VALUES__(count, ##__VA_ARGS__)
#define AISHA_VALUES__(count, ...) AISHA_VALUES_##count(__VA_ARGS__)
#define AISHA_VALUES_0(...)
#define AISHA_VALUES_1(x) , aisha_value(x)
#define AISHA_VALUES_2(x, ...) , aisha_value(x) AISHA_VALUES_1(__VA_ARGS__)
#define AISHA_VALUES_3(x, ...) , aisha_value(x) AISHA_VALUES_2(__VA_ARGS__)
#define AISHA_VALUES_4(x, ...) , aisha_value(x) AISHA_VALUES_3(__VA_ARGS__)
#define AISHA_VALUES_5(x, ...) , aisha_value(x) AISHA_VALUES_4(__VA_ARGS__)
#define AISHA_VALUES_6(x, ...) , aisha_value(x) AISHA_VALUES_5(__VA_ARGS__)
#define AISHA_VALUES_7(x, ...) , aisha_value(x) AISHA_VALUES_6(__VA_ARGS__)
#define AISHA_VALUES_8(x, ...) , aisha_value(x) AISHA_VALUES_7(__VA_ARGS__)
#define AISHA_VALUES_9(x, ...) , aisha_value(x) AISHA_VALUES_8(__VA_ARGS__)
#define AISHA_VALUES_10(x, ...) , aisha_value(x) AISHA_VALUES_9(__VA_ARGS__)
#define AISHA_VALUES_11(x, ...) , aisha_value(x) AISHA_VALUES_10(__VA_ARGS__)
#define AISHA_VALUES_12(x, ...) , aisha_value(x) AISHA_VALUES_11(__VA_ARGS__)

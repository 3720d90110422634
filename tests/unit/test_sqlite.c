/*
 * SQLite, one statement at a time: parameters, values, results, and what is refused.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/sqlite.h"
#include "tests/unit/store_fixture.h"

enum { MIB = 1024 * 1024 };

typedef const struct aisha_rows rows;

static int write_one(struct fixture *f, const struct aisha_statement *statement, rows **ret_rows)
{
    return sqlite_write(f->sqlite, &f->arena, statement, 1, ret_rows);
}

/* ---- values ---- */

static bool same_value(const struct aisha_value *a, const struct aisha_value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case AISHA_INT:
        return a->integer == b->integer;
    case AISHA_REAL:
        return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    case AISHA_TEXT: /* ended by a zero that does not count */
        return a->size == b->size && memcmp(a->text, b->text, a->size + 1) == 0;
    case AISHA_BYTES:
        return a->size == b->size && (!a->size || memcmp(a->bytes, b->bytes, a->size) == 0);
    default:
        return true;
    }
}

static void check_round_trip(struct fixture *f, struct aisha_value value, int line)
{
    rows *found = NULL, *passed = NULL;

    CHECK(f, WRITE(f, "DELETE FROM v") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES ($1)", value) == 0);
    CHECK(f, READ(f, &found, "SELECT x FROM v") == 0 && found->row_count == 1);
    CHECK(f, READ(f, &passed, "SELECT $1 AS x", value) == 0);
    if (!found || !same_value(aisha_cell(found, 0, "x"), &value))
        check(f, false, "the stored value is another one", __FILE__, line);
    if (!passed || !same_value(aisha_cell(passed, 0, "x"), &value))
        check(f, false, "the passed value is another one", __FILE__, line);
}

#define ROUND_TRIP(f, value) check_round_trip((f), aisha_value(value), __LINE__)
#define LITERAL(text_literal)                                                                      \
    ((struct aisha_value){                                                                         \
        .type = AISHA_TEXT, .text = (text_literal), .size = sizeof(text_literal) - 1})

static void keep_values(struct fixture *f)
{
    char bytes[256], *large = arena_alloc(&f->arena, 3 * MIB);

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t i = 0; i < 3 * MIB - 1; i++)
        large[i] = (char)('a' + i % 23);
    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    ROUND_TRIP(f, INT64_MIN);
    ROUND_TRIP(f, INT64_MAX);
    ROUND_TRIP(f, (INT64_C(1) << 53) + 1); /* a double would lose the one */
    ROUND_TRIP(f, 0);
    ROUND_TRIP(f, -1);
    ROUND_TRIP(f, true);
    ROUND_TRIP(f, 0.1);
    ROUND_TRIP(f, -DBL_MAX);
    ROUND_TRIP(f, DBL_TRUE_MIN);
    ROUND_TRIP(f, (double)INFINITY);
    ROUND_TRIP(f, 9007199254740993.0);
    ROUND_TRIP(f, "");
    ROUND_TRIP(f, "плата 100 ₽ \xf0\x9f\x92\xb0 '; DROP TABLE v; --");
    ROUND_TRIP(f, "12345678901234567890");
    ROUND_TRIP(f, LITERAL("a\0b\0"));
    ROUND_TRIP(f, "\xff\xfe no UTF-8");
    ROUND_TRIP(f, large);
    ROUND_TRIP(f, (const char *)NULL);
    ROUND_TRIP(f, ((struct aisha_value){.type = AISHA_NULL}));
    ROUND_TRIP(f, aisha_value_bytes(bytes, sizeof bytes));
    ROUND_TRIP(f, aisha_value_bytes(large, 3 * MIB));
    ROUND_TRIP(f, aisha_value_bytes(NULL, 0)); /* empty, but there */
    CHECK(f, WRITE(f, "DELETE FROM v") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES ($1)", (double)NAN) == 0);
    CHECK_INT(f, look(f, "SELECT x IS NULL FROM v"), 1); /* SQL has no other word for it */
}

static void every_value_comes_back_as_it_was(void **state)
{
    run_with_sqlite(*state, keep_values);
}

static void use_money(struct fixture *f)
{
    rows *r = NULL;

    /* What the column's type says must not change the number on its way. */
    CHECK(f, WRITE(f, "CREATE TABLE m (id BIGINT PRIMARY KEY, credits BIGINT NOT NULL)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO m VALUES ($1, $2)", INT64_MIN, INT64_MAX - 1) == 0);
    CHECK(f, WRITE(f, "UPDATE m SET credits = credits + $1", 1) == 0);
    CHECK(f, READ(f, &r, "SELECT * FROM m WHERE id = $1", INT64_MIN) == 0);
    CHECK(f, r && aisha_cell_int(r, 0, "credits") == INT64_MAX);
    CHECK(f, WRITE(f, "UPDATE m SET credits = credits - $1", INT64_MAX) == 0);
    CHECK_INT(f, look(f, "SELECT credits FROM m"), 0);
}

static void numbers_at_the_edge_are_counted_exactly(void **state)
{
    run_with_sqlite(*state, use_money);
}

/* ---- parameters ---- */

static void bind_names(struct fixture *f)
{
    struct aisha_value many[40];
    const struct aisha_statement wide = {
        .sql = "SELECT $40 - $4 AS x, $1 AS one, $39 AS last_but_one, $11 AS eleven,"
               " $2+$3+$5+$6+$7+$8+$9+$10+$12+$13+$14+$15+$16+$17+$18+$19+$20+$21+$22+$23+$24+$25"
               "+$26+$27+$28+$29+$30+$31+$32+$33+$34+$35+$36+$37+$38 AS rest",
        .params = many,
        .param_count = 40};
    rows *r = NULL;

    CHECK(f, READ(f, &r, "SELECT $2 AS b, $1 AS a, $2 || $1 AS ba", "x", "y") == 0);
    CHECK(f, r && strcmp(aisha_cell_text(r, 0, "a"), "x") == 0);
    CHECK(f, r && strcmp(aisha_cell_text(r, 0, "b"), "y") == 0);
    CHECK(f, r && strcmp(aisha_cell_text(r, 0, "ba"), "yx") == 0);
    CHECK(f, READ(f, &r, "SELECT '$1' AS text, $1 AS value", 7) == 0);
    CHECK(f, r && strcmp(aisha_cell_text(r, 0, "text"), "$1") == 0);
    for (int i = 0; i < 40; i++)
        many[i] = aisha_value_int(i + 1);
    CHECK(f, sqlite_read(f->sqlite, &f->arena, &wide, &r) == 0);
    CHECK_INT(f, aisha_cell_int(r, 0, "x"), 36);
    CHECK_INT(f, aisha_cell_int(r, 0, "one"), 1);
    CHECK_INT(f, aisha_cell_int(r, 0, "last_but_one"), 39);
    CHECK_INT(f, aisha_cell_int(r, 0, "eleven"), 11);
    CHECK_INT(f, aisha_cell_int(r, 0, "rest"), 40 * 41 / 2 - 40 - 4 - 1 - 39 - 11);
}

static void parameters_are_found_by_their_names(void **state)
{
    run_with_sqlite(*state, bind_names);
}

static void forget_parameters(struct fixture *f)
{
    rows *r = NULL;

    /* A statement is prepared once and used again: nothing of the last use may be left in it. */
    CHECK(f, WRITE(f, "CREATE TABLE v (x UNIQUE)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES ($1)", "secret") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES ($1)", "secret") == -AISHA_E_CONFLICT);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES ($1)") == -AISHA_E_INVALID);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES ($1)", "other") == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 2);
    for (int i = 0; i < 2; i++)
        for (int n = 0; n < 200; n++) { /* more texts than are kept prepared */
            const char *sql = arena_printf(&f->arena, "SELECT $1 + %d AS x", n);
            CHECK(f, READ(f, &r, sql, 1000 * i) == 0);
            CHECK(f, r && aisha_cell_int(r, 0, "x") == 1000 * i + n);
        }
}

static void prepared_statements_keep_nothing(void **state)
{
    run_with_sqlite(*state, forget_parameters);
}

/* ---- what is refused ---- */

static void refuse_misfits(struct fixture *f)
{
    static const char *const one_param[] = {
        "SELECT 1",  "SELECT $1, $2", "SELECT $2",         "SELECT ?",
        "SELECT ?1", "SELECT :name",  "SELECT $1::bigint", "SELECT $01",
    };
    static const char *const none[] = {
        "",
        ";",
        " -- nothing",
        "SELEC 1",
        "SELECT x FROM nowhere",
        "SELECT $1",
        "SELECT (",
        "SELECT 1; SELECT 2",
        "SELECT \"no such column\"",
    };
    rows *r = NULL;

    for (size_t i = 0; i < sizeof one_param / sizeof *one_param; i++) {
        CHECK(f, READ(f, &r, one_param[i], 1) == -AISHA_E_INVALID);
        CHECK(f, WRITE(f, one_param[i], 1) == -AISHA_E_INVALID);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        CHECK(f, READ(f, &r, none[i]) == -AISHA_E_INVALID);
        CHECK(f, WRITE(f, none[i]) == -AISHA_E_INVALID);
    }
    CHECK(f, r == NULL);
    CHECK(f, READ(f, &r, "SELECT 1;\n ; ") == 0);
}

static void statements_that_do_not_fit_are_refused(void **state)
{
    run_with_sqlite(*state, refuse_misfits);
}

static void refuse_control(struct fixture *f)
{
    static const char *const control[] = {
        "BEGIN",          "BEGIN IMMEDIATE", "COMMIT",           "END",         "ROLLBACK",
        "SAVEPOINT unit", "RELEASE unit",    "ROLLBACK TO unit", "DETACH main",
    };
    const char *attach = arena_printf(&f->arena, "ATTACH '%s' AS other", path_of(f, "other.db"));
    struct aisha_statement batch[] = {AISHA_SQL("INSERT INTO v VALUES (1)"), AISHA_SQL("COMMIT")};
    rows *r = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    for (size_t i = 0; i < sizeof control / sizeof *control; i++) {
        batch[1].sql = control[i];
        CHECK(f, READ(f, &r, control[i]) == -AISHA_E_INVALID);
        CHECK(f, sqlite_write(f->sqlite, &f->arena, batch, 2, NULL) == -AISHA_E_INVALID);
        CHECK(f, sqlite_run_script(f->sqlite, &f->arena,
                                   arena_printf(&f->arena,
                                                "INSERT INTO v VALUES (2); %s;"
                                                "INSERT INTO v VALUES (3)",
                                                control[i]),
                                   NULL, 0) == -AISHA_E_INVALID);
    }
    CHECK(f, READ(f, &r, attach) == -AISHA_E_INVALID);
    CHECK(f, WRITE(f, attach) == -AISHA_E_INVALID);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES (4)") == 0); /* and a later read sees it */
    CHECK(f, READ(f, &r, "SELECT x FROM v") == 0 && aisha_cell_int(r, 0, "x") == 4);
}

static void statements_cannot_begin_or_end_transactions(void **state)
{
    run_with_sqlite(*state, refuse_control);
}

static void refuse_settings(struct fixture *f)
{
    static const char *const settings[] = {
        "PRAGMA foreign_keys = OFF", /* would be ignored, and rows would go with the old table */
        "PRAGMA synchronous = OFF",           "PRAGMA journal_mode = DELETE",
        "PRAGMA ignore_check_constraints(1)", "PRAGMA query_only = ON",
        "PRAGMA writable_schema = ON",        "PRAGMA main.locking_mode = EXCLUSIVE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    };

    static const struct {
        const char *sql;
        int64_t value;
    } kept[] = {
        {"PRAGMA foreign_keys", 1},
        {"PRAGMA synchronous", 2}, /* full */
        {"PRAGMA ignore_check_constraints", 0},
        {"SELECT journal_mode = 'wal' FROM pragma_journal_mode", 1},
        {"SELECT COUNT(*) FROM pragma_table_info('v')", 2},
    };

    rows *r = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x, y)") == 0);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        CHECK(f, READ(f, &r, settings[i]) == -AISHA_E_INVALID);
        CHECK(f, WRITE(f, settings[i]) == -AISHA_E_INVALID);
        CHECK(f, sqlite_run_script(f->sqlite, &f->arena, settings[i], NULL, 0) == -AISHA_E_INVALID);
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        CHECK(f, write_one(f, &AISHA_SQL(kept[i].sql), &r) == 0); /* asks the writer */
        CHECK_INT(f, r->values[0].integer, kept[i].value);
    }
}

static void statements_cannot_set_up_the_connection(void **state)
{
    run_with_sqlite(*state, refuse_settings);
}

static void break_constraints(struct fixture *f)
{
    static const struct {
        const char *sql;
        int error;
    } cases[] = {
        {"INSERT INTO c (id, v) VALUES (1, 5)", AISHA_E_CONFLICT},
        {"INSERT INTO c (id, u) VALUES (2, 'x')", AISHA_E_CONFLICT},
        {"INSERT INTO c (id, v) VALUES (2, NULL)", AISHA_E_CONFLICT},
        {"INSERT INTO c (id, v) VALUES (2, -1)", AISHA_E_CONFLICT},
        {"INSERT INTO c (id, parent) VALUES (2, 99)", AISHA_E_CONFLICT},
        {"INSERT INTO c (id, later) VALUES (2, 99)", AISHA_E_CONFLICT}, /* found at the commit */
        {"INSERT OR ROLLBACK INTO c (id) VALUES (1)", AISHA_E_CONFLICT},
        {"DELETE FROM c WHERE id = 1 RETURNING json('{')", AISHA_E_INVALID},
        {"UPDATE c SET id = 'no number'", AISHA_E_INVALID},
        {"UPDATE c SET v = abs(-9223372036854775807 - 1)", AISHA_E_INVALID},
        {"INSERT INTO c (id, u) VALUES (2, zeroblob(2000000000))", AISHA_E_LIMIT},
    };

    CHECK(f, WRITE(f, "CREATE TABLE c (id INTEGER PRIMARY KEY, u UNIQUE, v NOT NULL DEFAULT 0"
                      " CHECK (v >= 0), parent REFERENCES c (id),"
                      " later REFERENCES c (id) DEFERRABLE INITIALLY DEFERRED)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO c (id, u, parent) VALUES (1, 'x', 1)") == 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = WRITE(f, cases[i].sql);
        if (r != -cases[i].error)
            check_int(f, r, -cases[i].error, cases[i].sql, __FILE__, __LINE__);
    }
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 1 AND MAX(id) = 1 AND MAX(v) = 0 FROM c"), 1);
    CHECK(f, WRITE(f, "INSERT INTO c (id, later) VALUES (3, 3)") == 0);
    CHECK(f, WRITE(f, "ALTER TABLE c ADD COLUMN w DEFAULT 7 CHECK (w > v)") == 0);
    CHECK_INT(f, WRITE(f, "UPDATE c SET v = 7"), -AISHA_E_CONFLICT);
}

static void broken_constraints_are_told_from_mistakes(void **state)
{
    run_with_sqlite(*state, break_constraints);
}

/* ---- results ---- */

static void read_results(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, write_one(f, &AISHA_SQL("CREATE TABLE v (x, y)"), &r) == 0);
    CHECK(f, r && r->row_count == 0 && r->column_count == 0 && r->changed_count == 0);
    CHECK(f,
          write_one(f, &AISHA_SQL("INSERT INTO v VALUES (1, 'a'), (2, 'b'), (3, 'c')"), &r) == 0);
    CHECK(f, r && r->changed_count == 3 && r->row_count == 0);
    CHECK(f, write_one(f, &AISHA_SQL("UPDATE v SET y = 'z' WHERE x > $1 RETURNING x AS n", 1),
                       &r) == 0);
    CHECK(f, r && r->changed_count == 2 && r->row_count == 2 && r->column_count == 1);
    CHECK(f, write_one(f, &AISHA_SQL("DELETE FROM v WHERE x = $1", 77), &r) == 0);
    CHECK(f, r && r->changed_count == 0);
    CHECK(f, READ(f, &r, "SELECT x, y, x * 2 AS twice FROM v ORDER BY x DESC") == 0);
    CHECK(f, r && r->size == sizeof *r && r->row_count == 3 && r->column_count == 3);
    CHECK(f, r && r->changed_count == 0 && strcmp(r->columns[2], "twice") == 0);
    CHECK(f, r && aisha_cell_int(r, 0, "twice") == 6 && aisha_cell_int(r, 2, "x") == 1);
    CHECK(f, r && strcmp(aisha_cell_text(r, 1, "y"), "z") == 0);
    CHECK(f, r && aisha_cell(r, 3, "x")->type == AISHA_NULL);
    CHECK(f, r && aisha_cell(r, 0, "X")->type == AISHA_NULL && !aisha_cell_text(r, 0, "x"));
    CHECK(f, READ(f, &r, "SELECT x, y FROM v WHERE x > 10") == 0);
    CHECK(f, r && r->row_count == 0 && r->column_count == 2 && aisha_cell_int(r, 0, "x") == 0);
    CHECK(f, READ(f, NULL, "SELECT x FROM v") == 0);
}

static void results_say_what_was_found_and_changed(void **state)
{
    run_with_sqlite(*state, read_results);
}

#define COUNT_TO "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"

static void exceed_limits(struct fixture *f)
{
    static const char pieces[] = COUNT_TO " SELECT zeroblob($2) AS x FROM n";
    rows *r = NULL;

    CHECK(f, READ(f, &r, COUNT_TO " SELECT i FROM n", 10000) == 0 && r->row_count == 10000);
    CHECK(f, r && aisha_cell_int(r, 9999, "i") == 10000);
    CHECK(f, READ(f, &r, COUNT_TO " SELECT i FROM n", 10001) == -AISHA_E_LIMIT);
    CHECK(f, READ(f, &r, pieces, 16, MIB) == 0 && r->row_count == 16);
    CHECK(f, READ(f, &r, pieces, 17, MIB) == -AISHA_E_LIMIT);
    CHECK(f, READ(f, &r, pieces, 2, 9 * MIB) == -AISHA_E_LIMIT);
    CHECK(f, READ(f, &r, pieces, 1, 20 * MIB) == 0); /* what could be stored can be read */
    CHECK(f, r && aisha_cell(r, 0, "x")->size == 20 * MIB);
    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    CHECK(f, WRITE(f, COUNT_TO " INSERT INTO v SELECT i FROM n", 10001) == 0);
    CHECK(f, WRITE(f, "DELETE FROM v RETURNING x") == -AISHA_E_LIMIT);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 10001);
}

static void results_that_are_too_large_are_refused(void **state)
{
    run_with_sqlite(*state, exceed_limits);
}

static void tell_reads_from_writes(struct fixture *f)
{
    static const char *const reads[] = {"SELECT 1", "SELECT x FROM v", "VALUES (1)",
                                        "WITH a AS (SELECT 1) SELECT * FROM a"};
    static const char *const writes[] = {
        "INSERT INTO v VALUES (1)",  "INSERT INTO v VALUES (1) RETURNING x",
        "UPDATE v SET x = 1",        "DELETE FROM v",
        "CREATE TABLE w (x)",        "WITH a AS (SELECT 1) INSERT INTO v SELECT * FROM a",
        "REPLACE INTO v VALUES (1)", "this is no SQL",
    };

    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        CHECK(f, sqlite_is_read_only(f->sqlite, reads[i]));
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        CHECK(f, !sqlite_is_read_only(f->sqlite, writes[i]));
}

static void reads_are_told_from_writes(void **state)
{
    run_with_sqlite(*state, tell_reads_from_writes);
}

/* ---- long reads ---- */

static bool is_read;

static void read_long_or_tick(struct fixture *f, int64_t n)
{
    static int ticks;
    struct arena own = {0};
    rows *r = NULL;

    if (n == 0) {
        is_read = false;
        ticks = 0;
        CHECK(f, sqlite_read(f->sqlite, &own,
                             &AISHA_SQL(COUNT_TO " SELECT SUM(i) AS x FROM n", 500000), &r) == 0);
        CHECK(f, r && aisha_cell_int(r, 0, "x") == INT64_C(500000) * 500001 / 2);
        CHECK(f, ticks > 0);
        is_read = true;
        arena_clear(&own);
        return;
    }
    while (!is_read) {
        ticks++;
        CHECK(f, READ(f, &r, "SELECT 1 AS x") == 0 && aisha_cell_int(r, 0, "x") == 1);
        CHECK(f, wait_sleep(f->loop, 1) == 0);
    }
}

static void read_long(struct fixture *f)
{
    run_many(f, 2, read_long_or_tick);
}

static void a_long_read_holds_up_nobody(void **state)
{
    run_with_sqlite(*state, read_long);
}

/* ---- a turn ---- */

static void write_outside(struct fixture *f, const char *sql)
{
    sqlite3 *outside = NULL;

    CHECK(f, sqlite3_open(f->path, &outside) == SQLITE_OK);
    CHECK(f, sqlite3_exec(outside, sql, NULL, NULL, NULL) == SQLITE_OK);
    CHECK(f, sqlite3_close(outside) == SQLITE_OK);
}

static void read_in_turns(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES (1)") == 0);
    CHECK(f, READ(f, &r, "SELECT x FROM v") == 0 && aisha_cell_int(r, 0, "x") == 1);
    write_outside(f, "UPDATE v SET x = 2");
    CHECK(f, READ(f, &r, "SELECT x FROM v") == 0 && aisha_cell_int(r, 0, "x") == 1);
    CHECK(f, wait_sleep(f->loop, 1) == 0);
    CHECK(f, READ(f, &r, "SELECT x FROM v") == 0 && aisha_cell_int(r, 0, "x") == 2);
    CHECK(f, WRITE(f, "UPDATE v SET x = 3") == 0);
    CHECK(f, READ(f, &r, "SELECT x FROM v") == 0 && aisha_cell_int(r, 0, "x") == 3);
}

static void a_turn_reads_one_moment_and_a_writer_what_it_wrote(void **state)
{
    run_with_sqlite(*state, read_in_turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(every_value_comes_back_as_it_was),
        WITH_FIXTURE(numbers_at_the_edge_are_counted_exactly),
        WITH_FIXTURE(parameters_are_found_by_their_names),
        WITH_FIXTURE(prepared_statements_keep_nothing),
        WITH_FIXTURE(statements_that_do_not_fit_are_refused),
        WITH_FIXTURE(statements_cannot_begin_or_end_transactions),
        WITH_FIXTURE(statements_cannot_set_up_the_connection),
        WITH_FIXTURE(broken_constraints_are_told_from_mistakes),
        WITH_FIXTURE(results_say_what_was_found_and_changed),
        WITH_FIXTURE(results_that_are_too_large_are_refused),
        WITH_FIXTURE(reads_are_told_from_writes),
        WITH_FIXTURE(a_long_read_holds_up_nobody),
        WITH_FIXTURE(a_turn_reads_one_moment_and_a_writer_what_it_wrote),
    };

    return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}

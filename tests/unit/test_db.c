/*
 * What every database does for those above it; the same tests run on SQLite and on PostgreSQL.
 */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "tests/unit/db_fixture.h"

enum { MIB = 1024 * 1024 };

typedef const struct aisha_rows rows;

#define DO(f, ...) QUERY(f, NULL, __VA_ARGS__)
#define COUNT_TO "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"

static int run_in_tx(struct fixture *f, struct db_tx *tx, struct aisha_statement statement)
{
    return db_tx_query(tx, &f->arena, &statement, NULL);
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

static void check_round_trip(struct fixture *f, const char *column, struct aisha_value value,
                             int line)
{
    const char *store = arena_printf(&f->arena, "INSERT INTO v (%s) VALUES ($1)", column);
    const char *load = arena_printf(&f->arena, "SELECT %s AS x FROM v", column);
    rows *found = NULL;

    CHECK(f, DO(f, "DELETE FROM v") == 0);
    CHECK(f, DO(f, store, value) == 0);
    CHECK(f, QUERY(f, &found, load) == 0 && found->row_count == 1);
    if (!found || !same_value(aisha_cell(found, 0, "x"), &value))
        check(f, false, "the stored value is another one", __FILE__, line);
}

#define ROUND_TRIP(f, column, value) check_round_trip((f), column, aisha_value(value), __LINE__)

static void keep_values(struct fixture *f)
{
    char bytes[256], *large = arena_alloc(&f->arena, 3 * MIB);
    bool pg = is_on_postgres();

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t i = 0; i < 3 * MIB - 1; i++)
        large[i] = (char)('a' + i % 23);
    CHECK(f, DO(f, pg ? "CREATE TABLE v (i BIGINT, r DOUBLE PRECISION, t TEXT, b BYTEA)"
                      : "CREATE TABLE v (i BIGINT, r DOUBLE PRECISION, t TEXT, b BLOB)") == 0);
    ROUND_TRIP(f, "i", INT64_MIN);
    ROUND_TRIP(f, "i", INT64_MAX);
    ROUND_TRIP(f, "i", (INT64_C(1) << 53) + 1); /* a double would lose the one */
    ROUND_TRIP(f, "i", true);
    ROUND_TRIP(f, "r", 0.1);
    ROUND_TRIP(f, "r", -DBL_MAX);
    ROUND_TRIP(f, "r", DBL_TRUE_MIN);
    ROUND_TRIP(f, "t", "");
    ROUND_TRIP(f, "t", "плата 100 ₽ \xf0\x9f\x92\xb0 '; DROP TABLE v; --\\");
    ROUND_TRIP(f, "t", "12345678901234567890");
    ROUND_TRIP(f, "t", large);
    ROUND_TRIP(f, "t", (const char *)NULL);
    ROUND_TRIP(f, "i", ((struct aisha_value){.type = AISHA_NULL}));
    ROUND_TRIP(f, "b", aisha_value_bytes(bytes, sizeof bytes));
    ROUND_TRIP(f, "b", aisha_value_bytes(large, 3 * MIB));
    ROUND_TRIP(f, "b", aisha_value_bytes(NULL, 0)); /* empty, but there */
}

static void every_value_comes_back_as_it_was(void **state)
{
    run_with_db(*state, keep_values);
}

static void use_money(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, DO(f, "CREATE TABLE m (id BIGINT PRIMARY KEY, credits BIGINT NOT NULL)") == 0);
    CHECK(f, DO(f, "INSERT INTO m VALUES ($1, $2)", INT64_MIN, INT64_MAX - 1) == 0);
    CHECK(f, DO(f, "UPDATE m SET credits = credits + $1", 1) == 0);
    CHECK(f, QUERY(f, &r, "SELECT * FROM m WHERE id = $1", INT64_MIN) == 0);
    CHECK(f, r && aisha_cell_int(r, 0, "credits") == INT64_MAX);
    CHECK(f, QUERY(f, &r,
                   "SELECT SUM(credits) AS sum, COUNT(*) AS count, AVG(id) AS average,"
                   " $1 + 1 AS plus, id < 0 AS is_negative FROM m GROUP BY id",
                   41) == 0);
    CHECK(f, r && aisha_cell(r, 0, "sum")->type == AISHA_INT);
    CHECK(f, r && aisha_cell_int(r, 0, "sum") == INT64_MAX);
    CHECK(f, r && aisha_cell_int(r, 0, "count") == 1 && aisha_cell_int(r, 0, "plus") == 42);
    CHECK(f, r && aisha_cell(r, 0, "is_negative")->type == AISHA_INT);
    CHECK(f, r && aisha_cell_int(r, 0, "is_negative") == 1);
}

static void numbers_are_counted_exactly(void **state)
{
    run_with_db(*state, use_money);
}

/* ---- statements ---- */

static void bind_parameters(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT UNIQUE, y TEXT)") == 0);
    CHECK(f, QUERY(f, &r, "SELECT $2 AS b, $1 AS a", "x", 7) == 0);
    CHECK(f, r && strcmp(aisha_cell_text(r, 0, "a"), "x") == 0 && aisha_cell_int(r, 0, "b") == 7);
    CHECK(f, QUERY(f, &r, "SELECT '$1' AS text, $1 AS value", 7) == 0);
    CHECK(f, r && strcmp(aisha_cell_text(r, 0, "text"), "$1") == 0);
    /* The same text with parameters of other types, one after the other. */
    for (int i = 0; i < 3; i++) {
        CHECK(f, DO(f, "INSERT INTO v VALUES ($1, $2)", i, "text") == 0);
        CHECK(f, DO(f, "INSERT INTO v VALUES ($1, $2)", NULL, NULL) == 0);
    }
    CHECK(f, DO(f, "INSERT INTO v VALUES ($1, $2)", 0, "secret") == -AISHA_E_CONFLICT);
    CHECK(f, DO(f, "INSERT INTO v VALUES ($1, $2)", 5) == -AISHA_E_INVALID);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 6);
    for (int n = 0; n < 700; n++) { /* more texts than are kept prepared */
        const char *sql = arena_printf(&f->arena, "SELECT $1 + %d AS x", n % 600);
        CHECK(f, QUERY(f, &r, sql, 1000) == 0);
        CHECK(f, r && aisha_cell_int(r, 0, "x") == 1000 + n % 600);
    }
}

static void parameters_are_where_they_belong(void **state)
{
    run_with_db(*state, bind_parameters);
}

static void refuse_misfits(struct fixture *f)
{
    static const char *const misfits[] = {
        "",
        ";",
        " -- nothing",
        "SELEC 1",
        "SELECT x FROM nowhere",
        "SELECT (",
        "SELECT 1; SELECT 2",
    };
    static const char *const control[] = {
        "BEGIN",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT unit",
        "RELEASE unit",
        "ROLLBACK TO unit",
        " /* a */ -- b\n COMMIT",
    };
    rows *r = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT)") == 0);
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        CHECK(f, QUERY(f, &r, misfits[i]) == -AISHA_E_INVALID);
        CHECK(f, QUERY(f, &r, misfits[i], 1, 2) == -AISHA_E_INVALID);
    }
    CHECK(f, QUERY(f, &r, "SELECT $1 AS x") == -AISHA_E_INVALID);
    for (size_t i = 0; i < sizeof control / sizeof *control; i++) {
        const struct aisha_statement batch[] = {AISHA_SQL("INSERT INTO v VALUES (1)"),
                                                {.sql = control[i]}};
        CHECK(f, QUERY(f, &r, control[i]) == -AISHA_E_INVALID);
        CHECK(f, db_batch(f->db, &f->arena, batch, 2, NULL) == -AISHA_E_INVALID);
        const char *script = arena_printf(&f->arena,
                                          "INSERT INTO v VALUES (2);\n%s;\n"
                                          "INSERT INTO v VALUES (3)",
                                          control[i]);
        if (i > 0 &&
            i < 4) /* on PostgreSQL BEGIN is nothing, and savepoints are the script's own */
            CHECK(f, db_run_script(f->db, &f->arena, script, NULL, 0) == -AISHA_E_INVALID);
    }
    CHECK(f, QUERY(f, &r, "SELECT 1 AS x") == 0); /* nothing is left of all that */
    CHECK_INT(
        f,
        look(f, is_on_postgres() ? "SELECT COUNT(*) FROM v WHERE x < 2" : "SELECT COUNT(*) FROM v"),
        0);
}

static void what_does_not_fit_is_refused(void **state)
{
    run_with_db(*state, refuse_misfits);
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
        {"UPDATE c SET nothing = 1", AISHA_E_INVALID},
    };

    CHECK(f, DO(f, "CREATE TABLE c (id BIGINT PRIMARY KEY, u TEXT UNIQUE, v BIGINT NOT NULL"
                   " DEFAULT 0 CHECK (v >= 0), parent BIGINT REFERENCES c (id),"
                   " later BIGINT REFERENCES c (id) DEFERRABLE INITIALLY DEFERRED)") == 0);
    CHECK(f, DO(f, "INSERT INTO c (id, u, parent) VALUES (1, 'x', 1)") == 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = DO(f, cases[i].sql);
        if (r != -cases[i].error)
            check_int(f, r, -cases[i].error, cases[i].sql, __FILE__, __LINE__);
    }
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM c"), 1);
}

static void broken_constraints_are_told_from_mistakes(void **state)
{
    run_with_db(*state, break_constraints);
}

/* ---- results ---- */

static void read_results(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, QUERY(f, &r, "CREATE TABLE v (x BIGINT, y TEXT)") == 0);
    CHECK(f, r && r->row_count == 0 && r->column_count == 0 && r->changed_count == 0);
    CHECK(f, QUERY(f, &r, "INSERT INTO v VALUES (1, 'a'), (2, 'b'), (3, 'c')") == 0);
    CHECK(f, r && r->changed_count == 3 && r->row_count == 0);
    CHECK(f, QUERY(f, &r, "UPDATE v SET y = 'z' WHERE x > $1 RETURNING x AS n", 1) == 0);
    CHECK(f, r && r->changed_count == 2 && r->row_count == 2 && r->column_count == 1);
    CHECK(f, QUERY(f, &r, "DELETE FROM v WHERE x = $1", 77) == 0);
    CHECK(f, r && r->changed_count == 0);
    CHECK(f, QUERY(f, &r, "SELECT x, y, x * 2 AS twice FROM v ORDER BY x DESC") == 0);
    CHECK(f, r && r->size == sizeof *r && r->row_count == 3 && r->column_count == 3);
    CHECK(f, r && r->changed_count == 0 && strcmp(r->columns[2], "twice") == 0);
    CHECK(f, r && aisha_cell_int(r, 0, "twice") == 6 && aisha_cell_int(r, 2, "x") == 1);
    CHECK(f, r && strcmp(aisha_cell_text(r, 1, "y"), "z") == 0);
    CHECK(f, r && aisha_cell(r, 3, "x")->type == AISHA_NULL);
    CHECK(f, QUERY(f, &r, "SELECT x, y FROM v WHERE x > 10") == 0);
    CHECK(f, r && r->row_count == 0 && r->column_count == 2 && aisha_cell_int(r, 0, "x") == 0);
}

static void results_say_what_was_found_and_changed(void **state)
{
    run_with_db(*state, read_results);
}

static void exceed_limits(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, QUERY(f, &r, COUNT_TO " SELECT i FROM n", 10000) == 0 && r->row_count == 10000);
    CHECK(f, r && aisha_cell_int(r, 9999, "i") == 10000);
    CHECK(f, QUERY(f, &r, COUNT_TO " SELECT i FROM n", 10001) == -AISHA_E_LIMIT);
    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT)") == 0);
    CHECK(f, DO(f, COUNT_TO " INSERT INTO v SELECT i FROM n", 10001) == 0);
    CHECK(f, QUERY(f, &r, "SELECT x FROM v") == -AISHA_E_LIMIT);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 10001);
}

static void results_that_are_too_large_are_refused(void **state)
{
    run_with_db(*state, exceed_limits);
}

static void tell_reads_from_writes(struct fixture *f)
{
    static const char *const reads[] = {"SELECT 1", "SELECT x FROM v", "VALUES (1)",
                                        "WITH a AS (SELECT 1) SELECT * FROM a",
                                        " SELECT x FROM v WHERE 'INSERT' = 'UPDATE' /* DELETE */"};
    static const char *const writes[] = {"INSERT INTO v VALUES (1)",
                                         "INSERT INTO v VALUES (1) RETURNING x",
                                         "UPDATE v SET x = 1",
                                         "DELETE FROM v",
                                         "CREATE TABLE w (x BIGINT)",
                                         "WITH a AS (SELECT 1) INSERT INTO v SELECT * FROM a",
                                         "this is no SQL"};

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT)") == 0);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        CHECK(f, db_is_read_only(f->db, reads[i]));
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        CHECK(f, !db_is_read_only(f->db, writes[i]));
}

static void reads_are_told_from_writes(void **state)
{
    run_with_db(*state, tell_reads_from_writes);
}

/* ---- batches ---- */

static void write_batches(struct fixture *f)
{
    const struct aisha_statement good[] = {
        AISHA_SQL("INSERT INTO v VALUES ($1)", 1),
        AISHA_SQL("INSERT INTO v SELECT MAX(x) + 1 FROM v"),
        AISHA_SQL("SELECT SUM(x) AS sum FROM v"),
    };
    const struct aisha_statement bad[] = {
        AISHA_SQL("INSERT INTO v VALUES ($1)", 77),
        AISHA_SQL("UPDATE v SET x = x + 1000"),
        AISHA_SQL("INSERT INTO v /* this one */ VALUES ($1), ($2), ($2)", 5, 424242),
        AISHA_SQL("DELETE FROM v"),
    };
    rows *found[3] = {NULL};

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT UNIQUE)") == 0);
    CHECK(f, db_batch(f->db, &f->arena, good, 3, found) == 0);
    CHECK(f, found[0] && found[0]->changed_count == 1 && found[1]->changed_count == 1);
    CHECK(f, found[2] && aisha_cell_int(found[2], 0, "sum") == 3); /* each sees those before it */
    begin_log(f);
    int r = db_batch(f->db, &f->arena, bad, 4, NULL);
    const char *log = end_log(f);
    CHECK_INT(f, r, -AISHA_E_CONFLICT);
    CHECK(f, strstr(log, "/* this one */") && !strstr(log, "DELETE") && !strstr(log, "UPDATE"));
    CHECK(f, !strstr(log, "424242")); /* values may be private */
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v WHERE x < 3"), 2);
    for (size_t count = 3; count > 0; count--)
        CHECK_INT(f, db_batch(f->db, &f->arena, bad, count, NULL),
                  count == 3 ? -AISHA_E_CONFLICT : 0);
}

static void a_batch_takes_effect_as_a_whole_or_not_at_all(void **state)
{
    run_with_db(*state, write_batches);
}

static unsigned succeeded;

static void write_note_and_unique(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    const struct aisha_statement both[] = {
        AISHA_SQL("INSERT INTO notes VALUES ($1)", n),
        AISHA_SQL("INSERT INTO v VALUES ($1)", n % 50),
    };

    int r = db_batch(f->db, &own, both, 2, NULL);
    CHECK(f, r == 0 || r == -AISHA_E_CONFLICT);
    succeeded += r == 0;
    arena_clear(&own);
}

static void write_some_bad(struct fixture *f)
{
    succeeded = 0;
    CHECK(f, DO(f, "CREATE TABLE notes (n BIGINT)") == 0);
    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT UNIQUE)") == 0);
    run_many(f, 120, write_note_and_unique);
    CHECK_INT(f, succeeded, 50);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 50);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM notes"), 50);
}

static void a_failing_unit_does_no_harm_to_those_beside_it(void **state)
{
    run_with_db(*state, write_some_bad);
}

static void add_and_read_back(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    rows *r = NULL;

    for (int64_t i = 1; i <= 10; i++) {
        const struct aisha_statement both[] = {
            AISHA_SQL("INSERT INTO account VALUES ($1, $2) ON CONFLICT (id) DO UPDATE"
                      " SET credits = account.credits + excluded.credits RETURNING credits",
                      n, 1),
            AISHA_SQL("UPDATE total SET credits = credits + $1", 1),
        };
        rows *results[2] = {NULL};
        CHECK(f, db_batch(f->db, &own, both, 2, results) == 0);
        CHECK(f, results[0] && aisha_cell_int(results[0], 0, "credits") == i);
        const struct aisha_statement mine =
            AISHA_SQL("SELECT credits FROM account WHERE id = $1", n);
        CHECK(f, db_query(f->db, &own, &mine, &r) == 0);
        CHECK(f, r && aisha_cell_int(r, 0, "credits") == i);
    }
    arena_clear(&own);
}

static void write_from_everywhere(struct fixture *f)
{
    CHECK(f, DO(f, "CREATE TABLE account (id BIGINT PRIMARY KEY, credits BIGINT)") == 0);
    CHECK(f, DO(f, "CREATE TABLE total AS SELECT 0 AS credits") == 0);
    run_many(f, 100, add_and_read_back);
    CHECK_INT(f, look(f, "SELECT credits FROM total"), 1000);
    CHECK_INT(f, look(f, "SELECT MIN(credits) FROM account"), 10);
}

static void what_a_task_has_written_it_reads(void **state)
{
    run_with_db(*state, write_from_everywhere);
}

/* ---- transactions ---- */

static void commit_and_roll_back(struct fixture *f)
{
    struct db_tx *tx = NULL;
    rows *r = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT UNIQUE)") == 0);
    CHECK(f, db_begin(f->db, &tx) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES ($1)", 1)) == 0);
    CHECK(f, db_tx_query(tx, &f->arena, &AISHA_SQL("SELECT x FROM v"), &r) == 0);
    CHECK(f, r && r->row_count == 1); /* it sees its own, nobody else does */
    CHECK(f, QUERY(f, &r, "SELECT x FROM v") == 0 && r->row_count == 0);
    CHECK(f, db_commit(tx) == 0);
    CHECK(f, QUERY(f, &r, "SELECT x FROM v") == 0 && r->row_count == 1);

    CHECK(f, db_begin(f->db, &tx) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("DELETE FROM v")) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("CREATE TABLE w (x BIGINT)")) == 0);
    db_rollback(tx);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 1);
    CHECK(f, QUERY(f, &r, "SELECT x FROM w") == -AISHA_E_INVALID);
}

static void a_transaction_is_seen_when_it_is_committed(void **state)
{
    run_with_db(*state, commit_and_roll_back);
}

static void fail_within(struct fixture *f)
{
    static const struct aisha_value values[UINT16_MAX + 1] = {0};
    const struct aisha_statement too_many = {
        .sql = "INSERT INTO v VALUES ($1)", .params = values, .param_count = UINT16_MAX + 1};
    struct db_tx *tx = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT UNIQUE)") == 0);
    CHECK(f, DO(f, COUNT_TO " INSERT INTO v SELECT i FROM n", 10001) == 0);
    CHECK(f, db_begin(f->db, &tx) == 0);
    int refused = is_on_postgres() ? -AISHA_E_LIMIT : -AISHA_E_INVALID;
    CHECK_INT(f, run_in_tx(f, tx, too_many), refused);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (-1)")) == 0);
    CHECK_INT(f, run_in_tx(f, tx, too_many), refused);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (-2), (-1)")) == -AISHA_E_CONFLICT);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("no SQL")) == -AISHA_E_INVALID);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("ROLLBACK")) == -AISHA_E_INVALID);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES ($1)")) == -AISHA_E_INVALID);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("DELETE FROM v RETURNING x")) == -AISHA_E_LIMIT);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (-3)")) == 0);
    CHECK(f, db_commit(tx) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 10003);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v WHERE x IN (-1, -3)"), 2);
}

static void a_failing_statement_costs_only_itself(void **state)
{
    run_with_db(*state, fail_within);
}

/* On PostgreSQL several may be open at once: who wants to change what they read says so. */
static void add_in_turn(struct fixture *f, int64_t n)
{
    const struct aisha_statement read =
        AISHA_SQL(is_on_postgres() ? "SELECT credits FROM account WHERE credits >= $1 FOR UPDATE"
                                   : "SELECT credits FROM account WHERE credits >= $1",
                  0);
    struct arena own = {0};

    for (int i = 0; i < 4; i++) {
        struct db_tx *tx = NULL;
        rows *r = NULL;
        CHECK(f, db_begin(f->db, &tx) == 0);
        CHECK(f, db_tx_query(tx, &own, &read, &r) == 0);
        CHECK(f, wait_yield(f->loop) == 0);
        const struct aisha_statement set =
            AISHA_SQL("UPDATE account SET credits = $1", aisha_cell_int(r, 0, "credits") + 1);
        CHECK(f, db_tx_query(tx, &own, &set, NULL) == 0);
        if (n % 4 == 3)
            db_rollback(tx);
        else
            CHECK(f, db_commit(tx) == 0);
        CHECK(f, db_query(f->db, &own, &AISHA_SQL("UPDATE other SET n = n + 1"), NULL) == 0);
    }
    arena_clear(&own);
}

static void take_turns(struct fixture *f)
{
    CHECK(f, DO(f, "CREATE TABLE account AS SELECT 0 AS credits") == 0);
    CHECK(f, DO(f, "CREATE TABLE other AS SELECT 0 AS n") == 0);
    run_many(f, 20, add_in_turn);
    CHECK_INT(f, look(f, "SELECT credits FROM account"), 15 * 4);
    CHECK_INT(f, look(f, "SELECT n FROM other"), 20 * 4);
}

static void transactions_lose_no_update(void **state)
{
    run_with_db(*state, take_turns);
}

static void stay_open(struct fixture *f)
{
    struct db_tx *late = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT UNIQUE)") == 0);
    CHECK(f, db_begin(f->db, &late) == 0);
    CHECK(f, run_in_tx(f, late, AISHA_SQL("INSERT INTO v VALUES (1)")) == 0);
    int64_t before = loop_now_ms(f->loop);
    CHECK(f, DO(f, "INSERT INTO v VALUES (1)") == 0); /* has to wait for the end of it */
    CHECK(f, loop_now_ms(f->loop) - before > 4000);
    CHECK(f, run_in_tx(f, late, AISHA_SQL("INSERT INTO v VALUES (3)")) == -AISHA_E_TIMEOUT);
    CHECK(f, db_commit(late) == -AISHA_E_TIMEOUT);
    CHECK_INT(f, look(f, "SELECT SUM(x) FROM v"), 1);
    CHECK(f, DO(f, "INSERT INTO v VALUES (2)") == 0);
}

static void a_forgotten_transaction_is_rolled_back(void **state)
{
    run_with_db(*state, stay_open);
}

/* ---- the end ---- */

static void write_until_stopped(struct fixture *f, int64_t n)
{
    do {
        struct arena own = {0};
        int r = db_query(f->db, &own, &AISHA_SQL("INSERT INTO v VALUES ($1)", n), NULL);
        arena_clear(&own);
        CHECK_INT(f, r, 0);
        succeeded += r == 0;
        if (succeeded == 500)
            loop_stop(f->loop);
    } while (wait_yield(f->loop) == 0);
}

static void stop_in_the_middle(struct fixture *f)
{
    succeeded = 0;
    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT)") == 0);
    run_many(f, 40, write_until_stopped);
}

static void stopping_loses_no_write_that_was_done(void **state)
{
    struct fixture *f = *state;

    run_with_db(f, stop_in_the_middle);
    assert_in_range(succeeded, 500, 540);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM v"), succeeded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(every_value_comes_back_as_it_was),
        WITH_FIXTURE(numbers_are_counted_exactly),
        WITH_FIXTURE(parameters_are_where_they_belong),
        WITH_FIXTURE(what_does_not_fit_is_refused),
        WITH_FIXTURE(broken_constraints_are_told_from_mistakes),
        WITH_FIXTURE(results_say_what_was_found_and_changed),
        WITH_FIXTURE(results_that_are_too_large_are_refused),
        WITH_FIXTURE(reads_are_told_from_writes),
        WITH_FIXTURE(a_batch_takes_effect_as_a_whole_or_not_at_all),
        WITH_FIXTURE(a_failing_unit_does_no_harm_to_those_beside_it),
        WITH_FIXTURE(what_a_task_has_written_it_reads),
        WITH_FIXTURE(a_transaction_is_seen_when_it_is_committed),
        WITH_FIXTURE(a_failing_statement_costs_only_itself),
        WITH_FIXTURE(transactions_lose_no_update),
        WITH_FIXTURE(a_forgotten_transaction_is_rolled_back),
        WITH_FIXTURE(stopping_loses_no_write_that_was_done),
    };

    return RUN_ON_DATABASES("db", tests, 0);
}

/*
 * SQLite, many statements: batches, transactions, and what many tasks do at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/sqlite.h"
#include "tests/unit/store_fixture.h"

typedef const struct aisha_rows rows;

static int write_batch(struct fixture *f, const struct aisha_statement *statements, size_t count)
{
    return sqlite_write(f->sqlite, &f->arena, statements, count, NULL);
}

static int run_in_tx(struct fixture *f, struct sqlite_tx *tx, struct aisha_statement statement)
{
    return sqlite_tx_run(tx, &f->arena, &statement, NULL);
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

    CHECK(f, WRITE(f, "CREATE TABLE v (x UNIQUE)") == 0);
    CHECK(f, sqlite_write(f->sqlite, &f->arena, good, 3, found) == 0);
    CHECK(f, found[0]->changed_count == 1 && found[1]->changed_count == 1);
    CHECK_INT(f, aisha_cell_int(found[2], 0, "sum"), 3); /* each sees those before it */
    begin_log(f);
    int r = write_batch(f, bad, 4);
    const char *log = end_log(f);
    CHECK_INT(f, r, -AISHA_E_CONFLICT);
    CHECK(f, strstr(log, "/* this one */") && !strstr(log, "DELETE") && !strstr(log, "UPDATE"));
    CHECK(f, !strstr(log, "424242")); /* values may be private */
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 2 AND SUM(x) = 3 FROM v"), 1);
    for (size_t count = 3; count > 0; count--)
        CHECK_INT(f, write_batch(f, bad, count), count == 3 ? -AISHA_E_CONFLICT : 0);
}

static void a_batch_takes_effect_as_a_whole_or_not_at_all(void **state)
{
    run_with_sqlite(*state, write_batches);
}

static void add_or_break(struct fixture *f, int64_t n)
{
    const struct aisha_statement both[] = {
        AISHA_SQL("UPDATE account SET credits = credits + 1"),
        AISHA_SQL("INSERT OR ROLLBACK INTO v VALUES ($1)", n % 40 == 39 ? 1000 : n),
    };

    int r = write_batch(f, both, 2);
    CHECK_INT(f, r, n % 40 == 39 ? -AISHA_E_CONFLICT : 0);
}

static void break_groups(struct fixture *f)
{
    CHECK(f, WRITE(f, "CREATE TABLE account AS SELECT 0 AS credits") == 0);
    CHECK(f, WRITE(f, "CREATE TABLE v (x UNIQUE)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES (1000)") == 0);
    run_many(f, 120, add_or_break);
    CHECK_INT(f, look(f, "SELECT credits FROM account"), 117);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 118);
}

static void a_unit_that_ends_the_transaction_doubles_nobody_else(void **state)
{
    run_with_sqlite(*state, break_groups);
}

/* ---- transactions ---- */

static void commit_and_roll_back(struct fixture *f)
{
    struct sqlite_tx *tx = NULL;
    rows *r = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x UNIQUE)") == 0);
    CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES ($1)", 1)) == 0);
    CHECK(f, sqlite_tx_run(tx, &f->arena, &AISHA_SQL("SELECT x FROM v"), &r) == 0);
    CHECK(f, r && r->row_count == 1); /* it sees its own, nobody else does */
    CHECK(f, READ(f, &r, "SELECT x FROM v") == 0 && r->row_count == 0);
    CHECK(f, sqlite_commit(tx) == 0);
    CHECK(f, READ(f, &r, "SELECT x FROM v") == 0 && r->row_count == 1);

    CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("DELETE FROM v")) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("CREATE TABLE w (x)")) == 0);
    sqlite_rollback(tx);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 1);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'w'"), 0);
}

static void a_transaction_is_seen_when_it_is_committed(void **state)
{
    run_with_sqlite(*state, commit_and_roll_back);
}

static void fail_within(struct fixture *f)
{
    struct sqlite_tx *tx = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x UNIQUE)") == 0);
    CHECK(f, WRITE(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                      " WHERE i < 10001) INSERT INTO v SELECT i FROM n") == 0);
    CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (-1)")) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (-2), (-1)")) == -AISHA_E_CONFLICT);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("no SQL")) == -AISHA_E_INVALID);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("ROLLBACK")) == -AISHA_E_INVALID);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES ($1)")) == -AISHA_E_INVALID);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("DELETE FROM v RETURNING x")) == -AISHA_E_LIMIT);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (-3)")) == 0);
    CHECK(f, sqlite_commit(tx) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 10003);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v WHERE x IN (-1, -3)"), 2);
}

static void a_failing_statement_costs_only_itself(void **state)
{
    run_with_sqlite(*state, fail_within);
}

static void break_transaction(struct fixture *f)
{
    struct sqlite_tx *tx = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x UNIQUE, later REFERENCES v (x)"
                      " DEFERRABLE INITIALLY DEFERRED)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v (x) VALUES (1)") == 0);
    CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v (x) VALUES (2)")) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT OR ROLLBACK INTO v (x) VALUES (1)")) ==
                 -AISHA_E_CONFLICT);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v (x) VALUES (3)")) == -AISHA_E_CONFLICT);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 1);
    CHECK(f, sqlite_commit(tx) == -AISHA_E_CONFLICT);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 1);

    CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
    CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (4, 99)")) == 0);
    CHECK(f, sqlite_commit(tx) == -AISHA_E_CONFLICT); /* 99 did not come */
    CHECK(f, WRITE(f, "INSERT INTO v (x) VALUES (5)") == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 2 AND SUM(x) = 6 FROM v"), 1);
}

static void a_broken_transaction_leaves_nothing(void **state)
{
    run_with_sqlite(*state, break_transaction);
}

static void add_in_turn(struct fixture *f, int64_t n)
{
    struct arena own = {0};

    for (int i = 0; i < 4; i++) {
        struct sqlite_tx *tx = NULL;
        rows *r = NULL;
        CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
        CHECK(f, sqlite_tx_run(tx, &own, &AISHA_SQL("SELECT credits FROM account"), &r) == 0);
        CHECK(f, wait_yield(f->loop) == 0);
        const struct aisha_statement set =
            AISHA_SQL("UPDATE account SET credits = $1", aisha_cell_int(r, 0, "credits") + 1);
        CHECK(f, sqlite_tx_run(tx, &own, &set, NULL) == 0);
        if (n % 4 == 3)
            sqlite_rollback(tx);
        else
            CHECK(f, sqlite_commit(tx) == 0);
        CHECK(f, WRITE(f, "UPDATE account SET others = others + 1") == 0);
    }
    arena_clear(&own);
}

static void take_turns(struct fixture *f)
{
    CHECK(f, WRITE(f, "CREATE TABLE account AS SELECT 0 AS credits, 0 AS others") == 0);
    run_many(f, 20, add_in_turn);
    CHECK_INT(f, look(f, "SELECT credits FROM account"), 15 * 4);
    CHECK_INT(f, look(f, "SELECT others FROM account"), 20 * 4);
}

static void transactions_take_turns_and_lose_no_update(void **state)
{
    run_with_sqlite(*state, take_turns);
}

static void stay_open(struct fixture *f)
{
    struct sqlite_tx *late = NULL, *next = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    CHECK(f, sqlite_begin(f->sqlite, &late) == 0);
    CHECK(f, run_in_tx(f, late, AISHA_SQL("INSERT INTO v VALUES (1)")) == 0);
    int64_t before = loop_now_ms(f->loop);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES (2)") == 0); /* has to wait for the end of it */
    CHECK(f, loop_now_ms(f->loop) - before > 4000);
    CHECK(f, sqlite_begin(f->sqlite, &next) == 0);
    CHECK(f, run_in_tx(f, late, AISHA_SQL("INSERT INTO v VALUES (3)")) == -AISHA_E_TIMEOUT);
    CHECK(f, run_in_tx(f, next, AISHA_SQL("INSERT INTO v VALUES (4)")) == 0);
    CHECK(f, sqlite_commit(late) == -AISHA_E_TIMEOUT); /* it must not commit the other one */
    CHECK_INT(f, look(f, "SELECT SUM(x) FROM v"), 2);
    CHECK(f, sqlite_commit(next) == 0);
    CHECK_INT(f, look(f, "SELECT SUM(x) FROM v"), 6);
}

static void a_forgotten_transaction_is_rolled_back(void **state)
{
    run_with_sqlite(*state, stay_open);
}

/* ---- the log ---- */

static int64_t log_bytes(struct fixture *f)
{
    char path[sizeof f->path + sizeof "-wal"];
    struct stat info;

    snprintf(path, sizeof path, "%s-wal", f->path);
    CHECK(f, stat(path, &info) == 0);
    return info.st_size;
}

/* 40 MB in pieces of 400 KB, by turns alone and in a transaction. */
static void write_much(struct fixture *f)
{
    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    for (int i = 0; i < 50; i++) {
        struct sqlite_tx *tx = NULL;
        CHECK(f, WRITE(f, "INSERT INTO v VALUES (zeroblob(400000))") == 0);
        CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
        CHECK(f, run_in_tx(f, tx, AISHA_SQL("INSERT INTO v VALUES (zeroblob(400000))")) == 0);
        CHECK(f, sqlite_commit(tx) == 0);
    }
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 100);
    CHECK(f, log_bytes(f) < 10000000);
}

static void the_log_does_not_grow_for_ever(void **state)
{
    run_with_sqlite(*state, write_much);
}

/* ---- cancellation ---- */

struct waiting {
    struct fixture *f;
    struct task *task;
    struct wait done;
    int result, after;
};

static void write_while_cancelled(void *arg)
{
    struct waiting *w = arg;

    w->result = WRITE(w->f, "INSERT INTO v VALUES (1)");
    w->after = wait_yield(w->f->loop);
    wait_wake(&w->done, 0);
}

static void begin_while_cancelled(void *arg)
{
    struct waiting *w = arg;
    struct sqlite_tx *tx = NULL;

    w->result = sqlite_begin(w->f->sqlite, &tx);
    w->after = wait_yield(w->f->loop);
    if (w->result == 0)
        sqlite_rollback(tx);
    wait_wake(&w->done, 0);
}

static void cancel_waiting(struct fixture *f)
{
    void (*const waits[])(void *arg) = {write_while_cancelled, begin_while_cancelled};

    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    for (size_t i = 0; i < 2; i++) {
        struct waiting w = {.f = f, .result = 1, .after = 1};
        struct sqlite_tx *tx = NULL;
        wait_init(&w.done, f->loop);
        CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
        CHECK(f, task_start(f->loop, "waiting", waits[i], &w, &w.task) == 0);
        CHECK(f, wait_yield(f->loop) == 0);
        task_cancel(w.task);
        for (int n = 0; n < 5; n++)
            CHECK(f, wait_yield(f->loop) == 0);
        CHECK(f, w.result == 1); /* nobody knows yet whether it takes effect */
        CHECK(f, sqlite_commit(tx) == 0);
        CHECK(f, wait_for(&w.done, WAIT_FOREVER) == 0);
        CHECK_INT(f, w.result, 0);
        CHECK_INT(f, w.after, -AISHA_E_CANCELED);
        CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 1);
    }
    CHECK(f, WRITE(f, "INSERT INTO v VALUES (2)") == 0);
}

static void a_cancelled_writer_learns_what_happened(void **state)
{
    run_with_sqlite(*state, cancel_waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_batch_takes_effect_as_a_whole_or_not_at_all),
        WITH_FIXTURE(a_unit_that_ends_the_transaction_doubles_nobody_else),
        WITH_FIXTURE(a_transaction_is_seen_when_it_is_committed),
        WITH_FIXTURE(a_failing_statement_costs_only_itself),
        WITH_FIXTURE(a_broken_transaction_leaves_nothing),
        WITH_FIXTURE(transactions_take_turns_and_lose_no_update),
        WITH_FIXTURE(a_forgotten_transaction_is_rolled_back),
        WITH_FIXTURE(the_log_does_not_grow_for_ever),
        WITH_FIXTURE(a_cancelled_writer_learns_what_happened),
    };

    return cmocka_run_group_tests_name("sqlite_write", tests, NULL, NULL);
}

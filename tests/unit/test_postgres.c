/*
 * What only PostgreSQL does: connections that break, races between transactions, notifications,
 * several hosts that start at once.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/postgres.h"
#include "host/store/migrate.h"
#include "tests/unit/db_fixture.h"

typedef const struct aisha_rows rows;

#define DO(f, ...) QUERY(f, NULL, __VA_ARGS__)

/* All connections of this test but the one that asks. */
#define CUT_ALL                                                                                    \
    "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity"                                \
    " WHERE application_name = 'aisha' AND pid <> pg_backend_pid()"

/* ---- connections that break ---- */

static bool is_cut;

static void count_or_cut(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    unsigned lost = 0;

    for (int64_t i = 0; n == 0 && i < 5; i++) {
        CHECK(f, wait_sleep(f->loop, 50) == 0);
        look(f, CUT_ALL);
    }
    is_cut = is_cut || n == 0;
    for (int64_t i = 0; n > 0 && !is_cut; i++) {
        const struct aisha_statement note = AISHA_SQL("INSERT INTO v VALUES ($1, $2)", n, i);
        int r = db_query(f->db, &own, &note, NULL);
        CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
        lost += r < 0;
        if (r == 0) /* what returned is there */
            CHECK(f, db_query(f->db, &own, &AISHA_SQL("INSERT INTO returned VALUES ($1, $2)", n, i),
                              NULL) <= 0);
        if (r < 0)
            CHECK(f, wait_sleep(f->loop, 5) == 0);
    }
    CHECK(f, lost < 1000);
    arena_clear(&own);
}

static void cut_connections(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (n BIGINT, i BIGINT, PRIMARY KEY (n, i))") == 0);
    CHECK(f, DO(f, "CREATE TABLE returned (n BIGINT, i BIGINT)") == 0);
    is_cut = false;
    run_many(f, 20, count_or_cut);
    CHECK_INT(
        f, look(f, "SELECT COUNT(*) FROM returned LEFT JOIN v USING (n, i) WHERE v.n IS NULL"), 0);
    look(f, CUT_ALL);
    CHECK(f, QUERY(f, &r, "SELECT 1 AS x") == 0); /* a read is asked again by itself */
}

static void what_returned_is_kept_when_connections_break(void **state)
{
    run_with_db(*state, cut_connections);
}

static void cut_transaction(struct fixture *f)
{
    struct db_tx *tx = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT)") == 0);
    CHECK(f, db_begin(f->db, &tx) == 0);
    CHECK(f, db_tx_query(tx, &f->arena, &AISHA_SQL("INSERT INTO v VALUES (1)"), NULL) == 0);
    look(f, CUT_ALL);
    CHECK(f, db_tx_query(tx, &f->arena, &AISHA_SQL("INSERT INTO v VALUES (2)"), NULL) ==
                 -AISHA_E_UNAVAILABLE);
    CHECK(f, db_commit(tx) == -AISHA_E_UNAVAILABLE);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 0);
    CHECK(f, db_begin(f->db, &tx) == 0); /* on a new connection */
    CHECK(f, db_tx_query(tx, &f->arena, &AISHA_SQL("INSERT INTO v VALUES (3)"), NULL) == 0);
    CHECK(f, db_commit(tx) == 0);
    CHECK_INT(f, look(f, "SELECT SUM(x) FROM v"), 3);
}

static void a_transaction_does_not_outlive_its_connection(void **state)
{
    run_with_db(*state, cut_transaction);
}

static void wait_in_transaction(struct fixture *f)
{
    struct db_tx *tx = NULL;

    CHECK(f, db_begin(f->db, &tx) == 0);
    int64_t before = loop_now_ms(f->loop);
    CHECK(f,
          db_tx_query(tx, &f->arena, &AISHA_SQL("SELECT pg_sleep(30)"), NULL) == -AISHA_E_TIMEOUT);
    CHECK(f, loop_now_ms(f->loop) - before < 7000);
    CHECK(f, db_commit(tx) == -AISHA_E_TIMEOUT);
    for (int tries = 0; look(f, "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active'"
                                " AND query = 'SELECT pg_sleep(30)'") > 0;
         tries++) {
        CHECK(f, tries < 500);
        CHECK(f, wait_sleep(f->loop, 10) == 0); /* the server has been told to stop it */
    }
}

/* Its check runs at the end, and for longer than a transaction may be open. */
static void commit_slowly(struct fixture *f)
{
    struct db_tx *tx = NULL;

    CHECK(f, db_begin(f->db, &tx) == 0);
    CHECK(f, db_tx_query(tx, &f->arena, &AISHA_SQL("INSERT INTO slow VALUES (1)"), NULL) == 0);
    CHECK(f, db_commit(tx) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM slow"), 1);
}

static void be_late(struct fixture *f, int64_t n)
{
    if (n == 0)
        wait_in_transaction(f);
    else
        commit_slowly(f);
}

static void be_late_in_two_ways(struct fixture *f)
{
    static const char script[] =
        "CREATE TABLE slow (x BIGINT);\n"
        "CREATE FUNCTION look_slowly() RETURNS trigger AS\n"
        "'BEGIN PERFORM pg_sleep(6); RETURN NULL; END' LANGUAGE plpgsql;\n"
        "CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED\n"
        "FOR EACH ROW EXECUTE FUNCTION look_slowly()";

    CHECK(f, db_run_script(f->db, &f->arena, script, NULL, 0) == 0);
    run_many(f, 2, be_late);
}

static void a_statement_that_runs_too_long_is_cancelled_but_no_commit(void **state)
{
    run_with_db(*state, be_late_in_two_ways);
}

static void connect_nowhere(struct fixture *f)
{
    static const char *const urls[] = {
        "postgresql://u:hush@127.0.0.1:1/x",
        "postgresql://u:hush@no.such.host.invalid/x",
    };

    for (size_t i = 0; i < 2; i++) {
        const char *error = NULL;
        struct postgres *db = NULL;
        begin_log(f);
        CHECK(f, postgres_open(&db, f->loop, urls[i], &f->arena, &error) == 0);
        CHECK(f,
              postgres_query(db, &f->arena, &AISHA_SQL("SELECT 1"), NULL) == -AISHA_E_UNAVAILABLE);
        CHECK(f, *postgres_last_error(db) && !strstr(postgres_last_error(db), "hush"));
        const char *log = end_log(f);
        CHECK(f, strstr(log, "PostgreSQL cannot be reached") && !strstr(log, "hush"));
        postgres_close(db);
    }
    const char *error = NULL;
    struct postgres *db = NULL;
    CHECK(f, postgres_open(&db, f->loop, "postgresql://u:hush@[::1/x", &f->arena, &error) ==
                 -AISHA_E_INVALID);
    CHECK(f, error && !strstr(error, "hush"));
}

static void who_cannot_be_reached_is_told_without_the_password(void **state)
{
    run_scenario(*state, connect_nowhere);
}

/* ---- races ---- */

/* Half of them lock the two rows the other way round. Each deadlock takes the server a second to see. */
static void transfer(struct fixture *f, int64_t n)
{
    for (int i = 0; i < 5; i++) {
        struct arena own = {0};
        const struct aisha_statement both[] = {
            AISHA_SQL("UPDATE account SET credits = credits - 1 WHERE id = $1", n % 2),
            AISHA_SQL("UPDATE account SET credits = credits + 1 WHERE id = $1", 1 - n % 2),
        };
        CHECK(f, db_batch(f->db, &own, both, 2, NULL) == 0);
        arena_clear(&own);
    }
}

static void race(struct fixture *f)
{
    CHECK(f, DO(f, "CREATE TABLE account (id BIGINT PRIMARY KEY, credits BIGINT)") == 0);
    CHECK(f, DO(f, "INSERT INTO account VALUES (0, 1000), (1, 1000)") == 0);
    run_many(f, 4, transfer);
    CHECK_INT(f, look(f, "SELECT SUM(credits) FROM account"), 2000);
    CHECK_INT(f, look(f, "SELECT credits FROM account WHERE id = 0"), 1000);
}

static void deadlocks_are_tried_again(void **state)
{
    run_with_db(*state, race);
}

static void change_tables(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, DO(f, "CREATE TABLE v (x BIGINT)") == 0);
    CHECK(f, DO(f, "INSERT INTO v VALUES (7)") == 0);
    for (int i = 0; i < 10; i++) /* on every connection */
        CHECK(f, QUERY(f, &r, "SELECT * FROM v") == 0 && r->column_count == 1);
    change(f, "ALTER TABLE v ADD COLUMN y TEXT DEFAULT 'new'");
    for (int i = 0; i < 10; i++) {
        CHECK(f, QUERY(f, &r, "SELECT * FROM v") == 0);
        CHECK(f, r && r->column_count == 2 && strcmp(aisha_cell_text(r, 0, "y"), "new") == 0);
    }
}

static void statements_survive_a_change_of_tables(void **state)
{
    run_with_db(*state, change_tables);
}

/* ---- several hosts ---- */

static const struct aisha_migration steps[] = {
    {.version = 1, .name = "a", .sql = "CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (1)"},
    {.version = 2, .name = "b", .sql = "UPDATE a SET x = x * 2; SELECT pg_sleep(0.05)"},
    {.version = 3, .name = "c", .sql = "UPDATE a SET x = x * 2"},
    {.version = 4, .name = "d", .sql = "UPDATE a SET x = x * 2"},
};

static void start_one(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    const char *error = "";

    (void)n;
    int r = migrate(f->db, &own, "plugin", steps, 4, &error);
    if (r < 0)
        check(f, false, error, __FILE__, __LINE__);
    arena_clear(&own);
}

static void start_many(struct fixture *f)
{
    run_many(f, 6, start_one);
    CHECK_INT(f, look(f, "SELECT x FROM a"), 8);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM schema_migrations WHERE owner = 'plugin'"), 4);
}

static void starting_at_once_applies_each_migration_once(void **state)
{
    run_with_db(*state, start_many);
}

static struct heard {
    unsigned notifications, renewals;
    struct wait *news;
} heard;

static void on_notified(const char *payload, void *user)
{
    struct fixture *f = user;

    heard.notifications += payload != NULL;
    heard.renewals += payload == NULL;
    if (payload)
        CHECK(f, strcmp(payload, "job 7") == 0);
    if (heard.news)
        wait_wake(heard.news, 0);
}

static void wait_for_news(struct fixture *f, const unsigned *count, unsigned wanted)
{
    while (*count < wanted) {
        struct wait news;
        wait_init(&news, f->loop);
        heard.news = &news;
        int r = wait_for(&news, 20000);
        heard.news = NULL;
        CHECK_INT(f, r, 0);
        if (r < 0)
            return;
    }
}

static void listen_and_notify(struct fixture *f)
{
    const char *error = NULL;
    struct postgres *db = NULL;

    heard = (struct heard){0};
    CHECK(f, postgres_open(&db, f->loop, db_url(f), &f->arena, &error) == 0);
    CHECK(f, postgres_listen(db, "jobs", on_notified, f) == 0);
    wait_for_news(f, &heard.renewals, 1);
    const struct aisha_statement notify = AISHA_SQL("SELECT pg_notify('jobs', $1)", "job 7");
    CHECK(f, postgres_query(db, &f->arena, &notify, NULL) == 0);
    wait_for_news(f, &heard.notifications, 1);
    look(f, CUT_ALL);
    wait_for_news(f, &heard.renewals, 2); /* some may have been missed: it says so */
    look(f, "SELECT COUNT(*) FROM (SELECT pg_notify('jobs', 'job 7')) AS x");
    wait_for_news(f, &heard.notifications, 2);
    postgres_close(db);
}

static void notifications_arrive_and_gaps_are_told(void **state)
{
    run_scenario(*state, listen_and_notify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_returned_is_kept_when_connections_break),
        WITH_FIXTURE(a_transaction_does_not_outlive_its_connection),
        WITH_FIXTURE(a_statement_that_runs_too_long_is_cancelled_but_no_commit),
        WITH_FIXTURE(who_cannot_be_reached_is_told_without_the_password),
        WITH_FIXTURE(deadlocks_are_tried_again),
        WITH_FIXTURE(statements_survive_a_change_of_tables),
        WITH_FIXTURE(starting_at_once_applies_each_migration_once),
        WITH_FIXTURE(notifications_arrive_and_gaps_are_told),
    };

    assert(is_on_postgres());
    return cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
}

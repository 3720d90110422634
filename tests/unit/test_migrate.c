/*
 * Migrations: each once, in order, whole; and what is refused before anything is changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/store/migrate.h"
#include "host/store/schema.h"
#include "tests/unit/db_fixture.h"

static const struct aisha_migration steps[] = {
    {.version = 1, .name = "first", .sql = "CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (1);"},
    {.version = 2, .name = "second", .sql = "ALTER TABLE a ADD y BIGINT; UPDATE a SET y = x + 1"},
    {.version = 3,
     .name = "third",
     .sqlite = "INSERT INTO a VALUES (2, 3); SELECT group_concat(x) FROM a;\n-- the end\n",
     .postgres = "INSERT INTO a VALUES (2, 3); SELECT string_agg(x::text, '') FROM a;"},
};

static int apply(struct fixture *f, const char *owner, const struct aisha_migration *migrations,
                 size_t count, const char **ret_error)
{
    return migrate(f->db, &f->arena, owner, migrations, count, ret_error);
}

static int64_t versions(struct fixture *f, const char *owner)
{
    return look(f,
                arena_printf(&f->arena, "SELECT COUNT(*) FROM schema_migrations WHERE owner = '%s'",
                             owner));
}

static void apply_in_steps(struct fixture *f)
{
    const char *error = NULL;

    CHECK_INT(f, versions(f, "host"), (int64_t)host_migration_count);
    CHECK(f, apply(f, "plugin", steps, 0, &error) == 0);
    CHECK(f, apply(f, "plugin", steps, 1, &error) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM a"), 1);
    CHECK(f, apply(f, "plugin", steps, 3, &error) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM a WHERE y = x + 1"), 2);
    CHECK(f, apply(f, "plugin", steps, 3, &error) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM a"), 2);
    CHECK_INT(f,
              look(f,
                   "SELECT COUNT(*) = 3 AND MIN(LENGTH(checksum)) = 64 AND"
                   " MIN(applied_at) > 1600000000 AND MIN(name) = 'first' AND MAX(name) = 'third'"
                   " FROM schema_migrations WHERE owner = 'plugin'"),
              1);
}

static void apply_again(struct fixture *f)
{
    const char *error = NULL;

    CHECK(f, apply(f, "plugin", steps, 3, &error) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM a"), 2);
}

static void each_migration_is_applied_once(void **state)
{
    run_with_db(*state, apply_in_steps);
    run_with_db(*state, apply_again); /* after a restart, too */
}

static void apply_for_owners(struct fixture *f)
{
    static const struct aisha_migration other[] = {
        {.version = 1, .name = "other", .sql = "CREATE TABLE b AS SELECT COUNT(*) AS n FROM a"}};
    const char *error = NULL;

    CHECK(f, apply(f, "one", steps, 3, &error) == 0);
    CHECK(f, apply(f, "two", other, 1, &error) == 0);
    CHECK(f, apply(f, "one", steps, 3, &error) == 0);
    CHECK(f, apply(f, "o'ne; DROP TABLE a", other, 0, &error) == 0);
    CHECK_INT(f, look(f, "SELECT n FROM b"), 2);
    CHECK_INT(f, versions(f, "one"), 3);
    CHECK_INT(f, versions(f, "two"), 1);
}

static void owners_have_versions_of_their_own(void **state)
{
    run_with_db(*state, apply_for_owners);
}

static void refuse(struct fixture *f, const struct aisha_migration *migrations, size_t count,
                   const char *const *wanted)
{
    const char *error = NULL;

    CHECK(f, apply(f, "plugin", migrations, count, &error) == -AISHA_E_CONFLICT);
    for (; *wanted; wanted++)
        if (!error || !strstr(error, *wanted))
            check(f, false, arena_printf(&f->arena, "\"%s\" lacks \"%s\"", error, *wanted),
                  __FILE__, __LINE__);
}

#define REFUSE(f, migrations, count, ...)                                                          \
    refuse((f), (migrations), (count), (const char *const[]){__VA_ARGS__, NULL})

static void meet_another_past(struct fixture *f)
{
    struct aisha_migration changed[4] = {
        steps[0], steps[1], steps[2], {.version = 4, .name = "4", .sql = "DROP TABLE a"}};
    const char *error = NULL;

    CHECK(f, apply(f, "plugin", steps, 3, &error) == 0);
    REFUSE(f, steps, 2, "plugin: ", "has migration 3", "code ends at 2", "run the newer version");
    REFUSE(f, steps, 0, "plugin: ", "has migration 1", "code ends at 0");
    changed[1].sql = "ALTER TABLE a ADD y BIGINT; UPDATE a SET y = x + 2";
    REFUSE(f, changed, 4, "plugin: ", "migration 2 was changed", "add a new one");
    changed[1].sql = "ALTER TABLE a ADD y BIGINT; UPDATE a SET y = x + 1 ";
    REFUSE(f, changed, 4, "migration 2 was changed"); /* even by a space: who knows */
    changed[1].sql = steps[1].sql;
    changed[1].name = "a better name";
    CHECK(f, apply(f, "plugin", changed, 3, &error) == 0);
    change(f, "DELETE FROM schema_migrations WHERE owner = 'plugin' AND version = 2");
    REFUSE(f, changed, 4, "plugin: ", "has migration 3", "not 2 before it", "backup");
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM a"), 2);
    CHECK_INT(f, versions(f, "plugin"), 2);
}

static void a_database_with_another_past_is_left_alone(void **state)
{
    run_with_db(*state, meet_another_past);
}

/* On PostgreSQL a BEGIN more is nothing. */
static void end_the_transaction(struct fixture *f)
{
    static const char *const bad[] = {
        "CREATE TABLE c (x BIGINT); COMMIT; DROP TABLE c",
        "BEGIN; CREATE TABLE d (x BIGINT); COMMIT",
    };
    const char *error = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct aisha_migration migration = {.version = 1, .name = "bad", .sql = bad[i]};
        const char *owner = arena_printf(&f->arena, "plugin%zu", i);
        begin_log(f);
        CHECK(f, apply(f, owner, &migration, 1, &error) == -AISHA_E_INVALID);
        const char *log = end_log(f);
        CHECK(f, strstr(log, "COMMIT") && strstr(log, "the host's") && strstr(log, bad[i]));
        CHECK(f, strstr(log, "runs in a transaction already"));
    }
}

static void a_migration_that_ends_its_transaction_is_told_so(void **state)
{
    run_with_db(*state, end_the_transaction);
}

static void fail_in_the_middle(struct fixture *f)
{
    static const char *const bad[] = {
        "CREATE TABLE c (x); INSERT INTO c VALUES (1); INSERT INTO nowhere VALUES (1)",
        "CREATE TABLE c (x UNIQUE); INSERT INTO c VALUES (1), (1)",
        "CREATE TABLE c (x); UPDATE a SET x = 100; CREATE TABLE a (x)",
        "DROP TABLE a; this is no SQL",
        "DELETE FROM a; COMMIT; CREATE TABLE c (x); no SQL",
        "BEGIN; DELETE FROM a",
        "PRAGMA foreign_keys = OFF; DROP TABLE a",
        "CREATE TABLE c (x); INSERT INTO schema_migrations VALUES ('plugin', 3, '', '', 0)",
        "DELETE FROM a; INSERT OR ROLLBACK INTO schema_migrations SELECT * FROM schema_migrations",
    };
    struct aisha_migration broken[4] = {steps[0],
                                        steps[1],
                                        {.version = 3, .name = "bad"},
                                        {.version = 4, .name = "4", .sql = "DELETE FROM a"}};
    const char *error = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        broken[2].sql = bad[i];
        CHECK(f, apply(f, "plugin", broken, 4, &error) < 0);
        CHECK(f, strstr(error, "plugin: ") && strstr(error, "migration 3"));
        CHECK_INT(f, versions(f, "plugin"), 2);
        CHECK_INT(f, look(f, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'c'"), 0);
        CHECK_INT(f, look(f, "SELECT SUM(x) FROM a"), 1);
    }
    broken[2].sql = "INSERT INTO a VALUES (5, 6)"; /* mended, it goes on from there */
    broken[3].sql = "INSERT INTO a SELECT SUM(x), 0 FROM a";
    CHECK(f, apply(f, "plugin", broken, 4, &error) == 0);
    CHECK_INT(f, look(f, "SELECT SUM(x) FROM a"), 12);
}

static void a_failing_migration_leaves_nothing(void **state)
{
    run_with_db(*state, fail_in_the_middle);
}

enum { LONG_STEPS = 400 };

static void migrate_for_long(struct fixture *f)
{
    struct aisha_migration *many = arena_alloc(&f->arena, LONG_STEPS * sizeof *many);
    const char *error = NULL;

    for (int i = 0; i < LONG_STEPS; i++)
        many[i] = (struct aisha_migration){
            .version = i + 1,
            .name = "step",
            .sql =
                arena_printf(&f->arena, "CREATE TABLE t%d (x); INSERT INTO t%d VALUES (1)", i, i),
        };
    open_db(f);
    if (f->tell_fd < 0) { /* what a restart does */
        CHECK(f, apply(f, "plugin", many, LONG_STEPS, &error) == 0);
        close_db(f);
        return;
    }
    for (size_t count = (size_t)versions(f, "plugin") + 1; count <= LONG_STEPS; count++) {
        if (apply(f, "plugin", many, count, &error) < 0)
            abort();
        tell(f, (int64_t)count);
    }
    for (;;)
        tell(f, LONG_STEPS);
}

static void a_killed_migration_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    const int64_t *told;

    for (size_t round = 1; round <= 4; round++) {
        size_t count = run_killed(f, migrate_for_long, 60 * round, &told);
        int64_t applied = versions(f, "plugin");
        assert_true(applied >= told[count - 1]);
        assert_int_equal(look(f, "SELECT COUNT(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'"),
                         applied);
    }
    run_scenario(f, migrate_for_long);
    assert_int_equal(versions(f, "plugin"), LONG_STEPS);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'"),
                     LONG_STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(each_migration_is_applied_once),
        WITH_FIXTURE(owners_have_versions_of_their_own),
        WITH_FIXTURE(a_database_with_another_past_is_left_alone),
        WITH_FIXTURE(a_migration_that_ends_its_transaction_is_told_so),
        /* only on SQLite: */
        WITH_FIXTURE(a_failing_migration_leaves_nothing),
        WITH_FIXTURE(a_killed_migration_goes_on_where_it_was),
    };

    return RUN_ON_DATABASES("migrate", tests, 2);
}

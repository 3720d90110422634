/*
 * The stores on a disk of which the n-th call fails, for every n and in every way: what was reported
 * as written is there, what was not is not half there, and when the disk works again so does the
 * store, without being opened anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <aisha/error.h>

#include "tests/unit/inbox_fixture.h"
#include "tests/vfs/flaky.h"

static struct flaky disk;

static const struct fault {
    const char *name;
    enum flaky_call call;
    int32_t code, count;
} faults[] = {
    {"one write", FLAKY_WRITE, SQLITE_IOERR_WRITE, 1},
    {"the disk is full", FLAKY_WRITE, SQLITE_FULL, -1},
    {"one sync", FLAKY_SYNC, SQLITE_IOERR_FSYNC, 1},
    {"every sync", FLAKY_SYNC, SQLITE_IOERR_FSYNC, -1},
    {"one read", FLAKY_READ, SQLITE_IOERR_READ, 1},
    {"every read", FLAKY_READ, SQLITE_IOERR_READ, -1},
    {"the index", FLAKY_SHM, SQLITE_IOERR_SHMMAP, 2},
    {"one truncation", FLAKY_TRUNCATE, SQLITE_IOERR_TRUNCATE, 1},
    {"opening", FLAKY_OPEN, SQLITE_CANTOPEN, 1},
    {"a lock", FLAKY_LOCK, SQLITE_IOERR_LOCK, 1},
};

enum { FAULT_COUNT = sizeof faults / sizeof *faults };

static const struct fault *fault;
static int32_t working_calls; /* before the fault */

static void arm(void)
{
    disk.failed = 0;
    disk.code = fault->code;
    disk.after = working_calls;
    disk.count = fault->count;
    disk.call = (int32_t)fault->call;
}

static int32_t disarm(void)
{
    disk.call = FLAKY_NONE;
    return disk.failed;
}

/* Calls run_one() with the first call failing, the second, … until there is none left to fail;
 * returns how many that was. What comes late is much alike, so there some are passed over. */
static int32_t fail_every_call(struct fixture *f, const struct fault *which,
                               void (*run_one)(struct fixture *f))
{
    int32_t failures = 0;

    fault = which;
    for (working_calls = 0;; working_calls += 1 + working_calls / 16) {
        run_one(f);
        if (disk.failed == 0 || f->failures)
            return failures;
        failures++;
    }
}

#define CALL(name) (1U << FLAKY_##name)

/* run_one() with every fault in every place; of reading, writing and syncing each fails in so many
 * places at least, of what is rarer in one. What can never strike here is named: never is a set of
 * CALL(). */
static void fail_in_every_way(struct fixture *f, int32_t least, unsigned never,
                              void (*run_one)(struct fixture *f))
{
    const unsigned common = CALL(READ) | CALL(WRITE) | CALL(SYNC);

    for (size_t i = 0; i < FAULT_COUNT && f->failures == 0; i++) {
        unsigned call = 1U << faults[i].call;
        int32_t places = fail_every_call(f, &faults[i], run_one);
        printf("# %s: failed in %d places\n", faults[i].name, (int)places);
        if (call & never)
            CHECK_INT(f, places, 0);
        else
            CHECK(f, places >= (call & common ? least : 1));
    }
}

/* ---- writes of many at once, and the same connections afterwards ---- */

enum { WAVES = 3, MEMBERS = 8, PAIRS = WAVES * MEMBERS };

static int64_t first_pair;
static bool is_stored[PAIRS];

static int write_pair(struct fixture *f, int64_t id)
{
    struct arena arena = {0};
    const struct aisha_statement halves[] = {
        AISHA_SQL("INSERT INTO v (id, half, x) VALUES ($1, 1, zeroblob(3000))", id),
        AISHA_SQL("INSERT INTO v (id, half, x) VALUES ($1, 2, zeroblob(1000))", id),
    };
    struct db_tx *tx;

    if (id % 4) {
        int r = db_batch(f->db, &arena, halves, 2, NULL);
        arena_clear(&arena);
        return r;
    }
    int r = db_begin(f->db, &tx);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < 2; i++)
        r = db_tx_query(tx, &arena, &halves[i], NULL);
    if (r < 0)
        db_rollback(tx);
    else
        r = db_commit(tx);
    arena_clear(&arena);
    return r;
}

static int64_t wave;

static void write_one(struct fixture *f, int64_t member)
{
    int64_t n = wave * MEMBERS + member;
    const struct aisha_rows *rows;
    struct arena arena = {0};

    int r = write_pair(f, first_pair + n);
    CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
    is_stored[n] = r == 0;
    r = db_query(f->db, &arena, &AISHA_SQL("SELECT COUNT(*) FROM v WHERE id = $1", first_pair + n),
                 &rows);
    CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
    arena_clear(&arena);
}

static void write_again(struct fixture *f, int64_t n)
{
    if (!is_stored[n])
        CHECK_INT(f, write_pair(f, first_pair + n), 0);
}

static void copy_file(struct fixture *f, const char *suffix)
{
    FILE *from = fopen(arena_printf(&f->arena, "%s%s", f->path, suffix), "r");
    FILE *to = fopen(arena_printf(&f->arena, "%s/copy%s", f->dir, suffix), "w");
    char block[4096];
    size_t size;

    CHECK(f, from && to);
    while (from && to && (size = fread(block, 1, sizeof block, from)) > 0)
        CHECK(f, fwrite(block, 1, size, to) == size);
    if (from)
        fclose(from);
    if (to)
        fclose(to);
}

static int64_t look_at(struct fixture *f, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    CHECK(f, sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
    CHECK(f, sqlite3_step(statement) == SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* What another process would find if this one died now. */
static void check_as_after_a_crash(struct fixture *f)
{
    sqlite3 *db = NULL;

    copy_file(f, "");
    copy_file(f, "-wal");
    CHECK(f, sqlite3_open(path_of(f, "copy"), &db) == SQLITE_OK);
    CHECK_INT(f, look_at(f, db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    CHECK_INT(f,
              look_at(f, db,
                      "SELECT COUNT(*) FROM v GROUP BY id HAVING COUNT(*) <> 2"
                      " UNION ALL SELECT 0"),
              0);
    for (int64_t n = 0; n < PAIRS; n++) {
        if (is_stored[n])
            CHECK_INT(f,
                      look_at(f, db,
                              arena_printf(&f->arena, "SELECT COUNT(*) FROM v WHERE id = %d",
                                           (int)(first_pair + n))),
                      2);
    }
    CHECK(f, sqlite3_close(db) == SQLITE_OK);
}

/* Then the log is written back within the waves, which is when the file is cut to its size: once the
 * log has more than 1000 pages, it begins anew. */
static void fill_log(struct fixture *f)
{
    CHECK(f, QUERY(f, NULL, "INSERT INTO v VALUES (0, 1, zeroblob(1001 * 4096))") == 0);
    CHECK(f, QUERY(f, NULL, "UPDATE v SET x = zeroblob(970 * 4096) WHERE id = 0") == 0);
    CHECK(f, QUERY(f, NULL, "DELETE FROM v WHERE id = 0") == 0);
}

static void write_with_a_fault(struct fixture *f)
{
    memset(is_stored, 0, sizeof is_stored);
    CHECK(f, QUERY(f, NULL, "DELETE FROM v") == 0);
    if (fault->call == FLAKY_TRUNCATE)
        fill_log(f);
    arm();
    for (wave = 0; wave < WAVES; wave++)
        run_many(f, MEMBERS, write_one);
    disarm();
    check_as_after_a_crash(f);
    run_many(f, PAIRS, write_again);
    first_pair += PAIRS;
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 2 * PAIRS);
}

static void write_with_every_fault(struct fixture *f)
{
    CHECK(f, QUERY(f, NULL,
                   "CREATE TABLE v (id BIGINT, half BIGINT, x BLOB,"
                   " PRIMARY KEY (id, half))") == 0);
    /* Files are opened, locked and the index is mapped only at the start, which was before. */
    fail_in_every_way(f, 4, CALL(OPEN) | CALL(LOCK) | CALL(SHM), write_with_a_fault);
}

static void check_all_pairs(struct fixture *f)
{
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 2 * PAIRS);
    CHECK_INT(f, look(f, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

static void writes_survive_every_fault_and_work_after_it(void **state)
{
    struct fixture *f = *state;

    first_pair = 1;
    begin_log(f);
    run_with_db(f, write_with_every_fault);
    run_with_db(f, check_all_pairs); /* opened anew */
    end_log(f);
}

/* ---- a file that may not grow ---- */

enum { MAX_PAGES = 300 };

/* For every connection that is opened from now on. */
static int limit_pages(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    char sql[64];

    (void)error, (void)api;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", MAX_PAGES);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int64_t stored_large;

static void write_large(struct fixture *f, int64_t n)
{
    struct arena arena = {0};
    const struct aisha_statement halves[] = {
        AISHA_SQL("INSERT INTO v (id, half, x) VALUES ($1, 1, zeroblob(9000))", first_pair + n),
        AISHA_SQL("INSERT INTO v (id, half, x) VALUES ($1, 2, zeroblob(9000))", first_pair + n),
    };

    int r = db_batch(f->db, &arena, halves, 2, NULL);
    CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
    stored_large += r == 0;
    arena_clear(&arena);
}

/* Fills it with groups of writes; what a full file refuses in the middle of a group must take nothing
 * of the others along, and when there is room again all goes on. */
static void fill_and_make_room(struct fixture *f)
{
    CHECK(f, QUERY(f, NULL, "CREATE TABLE v (id BIGINT, half BIGINT, x BLOB)") == 0);
    for (int round = 0; round < 5; round++) {
        stored_large = 0;
        run_many(f, 100, write_large);
        first_pair += 100;
        CHECK(f, stored_large > 10 && stored_large < 100);
        CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 2 * stored_large);
        CHECK_INT(f, look(f, "SELECT COUNT(*) FROM (SELECT id FROM v GROUP BY id)"), stored_large);
        CHECK(f, QUERY(f, NULL, "DELETE FROM v") == 0);
    }
}

static void a_full_file_takes_nothing_of_the_group_along(void **state)
{
    union {
        int (*typed)(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api);
        void (*plain)(void);
    } entry = {.typed = limit_pages};

    assert_int_equal(sqlite3_auto_extension(entry.plain), SQLITE_OK);
    begin_log(*state);
    run_with_db(*state, fill_and_make_room);
    end_log(*state);
    sqlite3_cancel_auto_extension(entry.plain);
}

/* ---- the inbox ---- */

static int64_t next_update;

/* Telegram sends it again until it is taken. */
static void receive(struct fixture *f, int64_t tries)
{
    for (int64_t i = 0; i < tries; i++) {
        int r = receive_range(next_update, 4, 1);
        CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
        if (r == 0)
            next_update += 4;
    }
}

/* Each update has its effect in one transaction with its mark; what fails stays for the next time. */
static void handle(struct fixture *f)
{
    for (size_t i = 0; i < delivered.count; i++) {
        const struct inbox_item *item = &delivered.items[i].item;
        struct arena arena = {0};
        if (delivered.items[i].ending != NOT_YET || !inbox_is_stored(item))
            continue;
        const struct aisha_statement unit[] = {
            inbox_done_statement(delivered.inbox, &arena, item),
            AISHA_SQL("INSERT INTO effects VALUES ($1)", item->update_id),
        };
        int r = db_batch(f->db, &arena, unit, 2, NULL);
        CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
        if (r == 0) {
            delivered.items[i].ending = COMMITTED;
            delivered.ended++;
            inbox_done(delivered.inbox, item, true);
        }
        arena_clear(&arena);
    }
}

static void live_with_a_fault(struct fixture *f)
{
    CHECK_INT(f, inbox_replay(delivered.inbox), 0);
    handle(f);
    arm();
    receive(f, 2);
    handle(f);
    receive(f, 1);
    aisha_ignore(inbox_flush(delivered.inbox));
    if (working_calls % 2 == 0) /* it is left to the next start, and the end meets the fault, too */
        return;
    disarm();
    handle(f);
}

static void live_once(struct fixture *f)
{
    run_with_inbox(f, live_with_a_fault);
    disarm();
}

static void make_effects(struct fixture *f)
{
    CHECK(f, QUERY(f, NULL, "CREATE TABLE effects (id BIGINT NOT NULL)") == 0);
}

static void finish(struct fixture *f)
{
    CHECK_INT(f, inbox_replay(delivered.inbox), 0);
    handle(f);
    CHECK_INT(f, inbox_flush(delivered.inbox), 0);
}

static void every_update_taken_has_its_effect_once(void **state)
{
    struct fixture *f = *state;

    next_update = 1;
    begin_log(f);
    run_with_db(f, make_effects);
    /* The same, but who closes the file locks it once more. */
    fail_in_every_way(f, 2, CALL(OPEN) | CALL(SHM), live_once);
    run_with_inbox(f, finish);
    end_log(f);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM effects"), next_update - 1);
    assert_int_equal(look(f, "SELECT COUNT(DISTINCT id) FROM effects"), next_update - 1);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM inbox"), 0);
    assert_int_equal(f->failures, 0);
    assert_true(next_update > 100);
}

/* ---- the start and the end ---- */

static int64_t counted; /* what was reported as written */

static void open_with_a_fault(struct fixture *f)
{
    const char *error = NULL;

    arm();
    int r = sqlite_open(&f->sqlite, f->loop, f->path, &f->arena, &error);
    if (r == 0)
        r = WRITE(f, "UPDATE v SET x = x + 1");
    else
        CHECK(f, error && strstr(error, "cannot be used"));
    CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
    counted += r == 0;
    close_sqlite(f);
    disarm();
    open_sqlite(f);
    CHECK(f, WRITE(f, "UPDATE v SET x = x + 1") == 0);
    counted++;
    close_sqlite(f);
}

static void open_with_every_fault(struct fixture *f)
{
    open_sqlite(f);
    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES (0)") == 0);
    close_sqlite(f);
    fail_in_every_way(f, 2, 0, open_with_a_fault);
}

static void a_start_on_a_bad_disk_says_so_and_the_next_one_works(void **state)
{
    counted = 0;
    begin_log(*state);
    run_scenario(*state, open_with_every_fault);
    end_log(*state);
    assert_in_range(look(*state, "SELECT x FROM v"), counted, INT64_MAX);
}

static int install(void **state)
{
    (void)state;
    return flaky_install(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(writes_survive_every_fault_and_work_after_it),
        WITH_FIXTURE(a_full_file_takes_nothing_of_the_group_along),
        WITH_FIXTURE(every_update_taken_has_its_effect_once),
        WITH_FIXTURE(a_start_on_a_bad_disk_says_so_and_the_next_one_works),
    };

    return cmocka_run_group_tests_name("flaky_disk", tests, install, NULL);
}

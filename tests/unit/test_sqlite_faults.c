/*
 * SQLite when something goes wrong: another process at the file, a damaged file, a full disk,
 * kill -9. What was reported as written is there, what was not is not half there.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/sqlite.h"
#include "tests/unit/store_fixture.h"

typedef const struct aisha_rows rows;

/* ---- whole files ---- */

static char *read_file(struct fixture *f, const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "r");
    struct stat info;

    *ret_size = 0;
    CHECK(f, file && fstat(fileno(file), &info) == 0);
    if (!file)
        return NULL;
    char *bytes = arena_alloc(&f->arena, (size_t)info.st_size + 1);
    *ret_size = fread(bytes, 1, (size_t)info.st_size, file);
    fclose(file);
    return bytes;
}

static void write_file(struct fixture *f, const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");

    CHECK(f, file && fwrite(bytes, 1, size, file) == size);
    if (file)
        fclose(file);
}

/* ---- who else is at the file ---- */

static sqlite3 *begin_outside(struct fixture *f)
{
    sqlite3 *db = NULL;

    CHECK(f, sqlite3_open(f->path, &db) == SQLITE_OK);
    CHECK(f, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    return db;
}

static void write_to_locked(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    rows *r = NULL;

    if (n % 10 == 0) { /* readers do not mind */
        CHECK(f, sqlite_read(f->sqlite, &own, &AISHA_SQL("SELECT x FROM v"), &r) == 0);
        CHECK(f, r && r->row_count == 1);
    } else {
        CHECK_INT(f, WRITE(f, "INSERT INTO v VALUES ($1)", n), -AISHA_E_UNAVAILABLE);
    }
    arena_clear(&own);
}

static void write_in_the_end(struct fixture *f, int64_t n)
{
    CHECK(f, WRITE(f, "INSERT INTO v VALUES ($1)", n) == 0);
}

static sqlite3 *outside;

static void write_or_release(struct fixture *f, int64_t n)
{
    if (n > 0)
        write_in_the_end(f, n);
    else
        CHECK(f, sqlite3_close(outside) == SQLITE_OK); /* with what it had begun */
}

static void meet_a_lock(struct fixture *f)
{
    struct sqlite_tx *tx = NULL;

    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    CHECK(f, WRITE(f, "INSERT INTO v VALUES (0)") == 0);
    outside = begin_outside(f);
    int64_t before = loop_now_ms(f->loop);
    run_many(f, 100, write_to_locked);
    CHECK(f, loop_now_ms(f->loop) - before < 15000); /* not one time-out after the other */
    CHECK(f, sqlite_begin(f->sqlite, &tx) == -AISHA_E_UNAVAILABLE);
    CHECK(f, sqlite3_exec(outside, "ROLLBACK; BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    run_many(f, 5, write_or_release);
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 5 AND SUM(x) = 10 FROM v"), 1);
    CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
    sqlite_rollback(tx);
}

static void a_lock_of_another_program_is_waited_for_but_not_forever(void **state)
{
    run_with_sqlite(*state, meet_a_lock);
}

static void open_twice(struct fixture *f)
{
    const char *other_name = path_of(f, "other.db"), *error = NULL;
    struct sqlite *second = NULL;

    CHECK(f, symlink("test.db", other_name) == 0);
    CHECK(f, sqlite_open(&second, f->loop, f->path, &f->arena, &error) == -AISHA_E_UNAVAILABLE);
    CHECK(f, error && strstr(error, "in use by another host"));
    CHECK(f, error && strstr(error, arena_printf(&f->arena, "process %d;", (int)getpid())));
    CHECK(f, sqlite_open(&second, f->loop, other_name, &f->arena, &error) == -AISHA_E_UNAVAILABLE);
    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0); /* the first one goes on */
    close_sqlite(f);
    CHECK(f, sqlite_open(&second, f->loop, other_name, &f->arena, &error) == 0);
    sqlite_close(second);
    open_sqlite(f);
}

static void a_second_host_on_one_file_is_refused(void **state)
{
    run_with_sqlite(*state, open_twice);
}

/* ---- what is no database ---- */

static void refuse_to_open(struct fixture *f, const char *path)
{
    struct sqlite *db = NULL;
    const char *error = NULL;

    CHECK(f, sqlite_open(&db, f->loop, path, &f->arena, &error) < 0);
    CHECK(f, db == NULL && error && strstr(error, path) && !strstr(error, "not an error"));
}

static void open_what_is_none(struct fixture *f)
{
    char zeros[4096] = "";
    size_t size;
    char *bytes;

    memset(zeros + 100, 'x', 1000);
    for (size_t i = 0; i < 2; i++) {
        const char *path = path_of(f, i ? "text" : "zeros");
        if (i)
            memcpy(zeros, "Dear operator, do not overwrite me.", 35);
        write_file(f, path, zeros, sizeof zeros);
        refuse_to_open(f, path);
        bytes = read_file(f, path, &size);
        CHECK(f, size == sizeof zeros && memcmp(bytes, zeros, size) == 0);
    }
    refuse_to_open(f, path_of(f, "text/below/a/file.db"));
    CHECK(f, mkdir(path_of(f, "directory"), 0700) == 0);
    refuse_to_open(f, path_of(f, "directory"));
    CHECK(f, chdir(f->dir) == 0);  /* for its lock */
    refuse_to_open(f, ":memory:"); /* three connections, three databases */
    CHECK(f, chdir("/") == 0);
}

static void what_is_no_database_is_refused_and_left_alone(void **state)
{
    run_scenario(*state, open_what_is_none);
}

static void keep_private(struct fixture *f)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    mode_t mask = umask(0);
    const char *error = NULL;
    struct stat info;

    snprintf(f->path, sizeof f->path, "%s/a/b/new.db", f->dir);
    CHECK(f, sqlite_open(&f->sqlite, f->loop, f->path, &f->arena, &error) == 0);
    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    for (size_t i = 0; i < 4; i++) {
        CHECK(f, stat(arena_printf(&f->arena, "%s%s", f->path, suffixes[i]), &info) == 0);
        CHECK_INT(f, info.st_mode & 07777, 0600);
    }
    CHECK(f, stat(path_of(f, "a"), &info) == 0 && (info.st_mode & 07777) == 0700);
    CHECK_INT(f, umask(mask), 0);
    close_sqlite(f);
}

static void the_files_are_readable_by_nobody_else(void **state)
{
    run_scenario(*state, keep_private);
}

static void open_protected(struct fixture *f)
{
    const char *locked = path_of(f, "locked"), *error = NULL;

    CHECK(f, mkdir(locked, 0500) == 0);
    refuse_to_open(f, arena_printf(&f->arena, "%s/a.db", locked));
    refuse_to_open(f, arena_printf(&f->arena, "%s/below/a.db", locked));
    CHECK(f, sqlite_open(&f->sqlite, f->loop, f->path, &f->arena, &error) == 0);
    CHECK(f, WRITE(f, "CREATE TABLE v (x)") == 0);
    close_sqlite(f);
    CHECK(f, chmod(f->path, 0400) == 0);
    refuse_to_open(f, f->path);
}

static void what_cannot_be_written_is_refused_at_the_start(void **state)
{
    run_unprivileged(*state, open_protected);
}

/* ---- damage ---- */

static void fill(struct fixture *f)
{
    CHECK(f, WRITE(f, "CREATE TABLE other (x)") == 0);
    CHECK(f, WRITE(f, "CREATE TABLE v (x INTEGER PRIMARY KEY, y)") == 0);
    CHECK(f, WRITE(f, "CREATE INDEX v_y ON v (y)") == 0);
    CHECK(f,
          WRITE(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                   " WHERE i < 400) INSERT INTO v SELECT i, hex(zeroblob(300)) || i FROM n") == 0);
}

static void use_damaged(struct fixture *f)
{
    rows *r = NULL;

    CHECK(f, READ(f, &r, "SELECT SUM(LENGTH(y)) FROM v") == -AISHA_E_UNAVAILABLE);
    CHECK(f, READ(f, &r, "SELECT * FROM v ORDER BY x") == -AISHA_E_UNAVAILABLE);
    CHECK(f, WRITE(f, "UPDATE v SET y = 'z'") == -AISHA_E_UNAVAILABLE);
    CHECK(f, WRITE(f, "INSERT INTO other VALUES (1)") == 0); /* the rest is of use */
    CHECK(f, READ(f, &r, "SELECT x FROM other") == 0 && r->row_count == 1);
}

static void a_damaged_page_is_an_answer_and_not_the_end(void **state)
{
    struct fixture *f = *state;
    size_t size;

    run_with_sqlite(f, fill);
    char *bytes = read_file(f, f->path, &size);
    assert_true(size > 60 * 4096);
    memset(bytes + 20 * 4096, 0xff, size - 30 * 4096);
    write_file(f, f->path, bytes, size);
    run_with_sqlite(f, use_damaged);
}

static bool is_known(int r)
{
    return r == 0 || r == -AISHA_E_UNAVAILABLE || r == -AISHA_E_INVALID || r == -AISHA_E_CONFLICT ||
           r == -AISHA_E_LIMIT;
}

static void use_broken(struct fixture *f)
{
    const char *error = NULL;
    rows *r = NULL;

    int opened = sqlite_open(&f->sqlite, f->loop, f->path, &f->arena, &error);
    CHECK(f, opened == 0 || error);
    if (opened < 0)
        return;
    CHECK(f, is_known(READ(f, &r, "SELECT * FROM v ORDER BY y DESC")));
    CHECK(f, is_known(WRITE(f, "INSERT INTO v (y) VALUES ('new')")));
    CHECK(f, is_known(WRITE(f, "DELETE FROM v WHERE y > 'a'")));
    CHECK(f, is_known(READ(f, &r, "SELECT COUNT(*) FROM other")));
    close_sqlite(f);
}

static void damage_anywhere_ends_no_process(void **state)
{
    struct fixture *f = *state;
    const char *wal = path_of(f, "test.db-wal");
    uint32_t random = 12345;
    size_t size;

    run_with_sqlite(f, fill);
    const char *whole = read_file(f, f->path, &size);
    begin_log(f);
    for (int round = 0; round < 60; round++) {
        char *bytes = arena_memdup(&f->arena, whole, size);
        size_t reach = round % 2 ? size : 5000; /* the header and the schema are delicate */
        for (int i = 0; i < 30; i++) {
            random = random * 1664525 + 1013904223;
            bytes[(random >> 8) % reach] = (char)random;
        }
        unlink(wal);
        write_file(f, f->path, bytes, round % 7 == 6 ? random % size : size);
        run_scenario(f, use_broken);
    }
    end_log(f);
}

/* ---- a full disk ---- */

static unsigned stored;
static int64_t next_number;

static void store_large(struct fixture *f, int64_t member)
{
    (void)member;
    const int64_t n = next_number++;
    const struct aisha_statement both[] = {
        AISHA_SQL("INSERT INTO v VALUES ($1, zeroblob(20000))", n),
        AISHA_SQL("INSERT INTO v VALUES ($1, 'the other half')", n),
    };

    int r = sqlite_write(f->sqlite, &f->arena, both, 2, NULL);
    CHECK(f, r == 0 || r == -AISHA_E_UNAVAILABLE);
    stored += r == 0;
}

static void check_stored(struct fixture *f)
{
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM v"), 2 * stored);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM (SELECT x FROM v GROUP BY x HAVING COUNT(*) = 2)"),
              stored);
}

static void limit_files(struct fixture *f, rlim_t size)
{
    struct rlimit limit;

    CHECK(f, getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = size;
    CHECK(f, setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* Large enough to be written before the commit. */
#define MUCH "INSERT INTO v VALUES (0, zeroblob(9000000))"

static void fail_to_write(struct fixture *f)
{
    struct sqlite_tx *tx = NULL;

    signal(SIGXFSZ, SIG_IGN);
    stored = 0;
    CHECK(f, WRITE(f, "CREATE TABLE v (x, y)") == 0);
    limit_files(f, 600000);
    run_many(f, 60, store_large);
    unsigned before = stored;
    CHECK(f, before > 5 && before < 60);
    CHECK_INT(f, WRITE(f, MUCH), -AISHA_E_UNAVAILABLE);
    check_stored(f);

    CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
    CHECK(f, sqlite_tx_run(tx, &f->arena, &AISHA_SQL("INSERT INTO v VALUES (1, 1)"), NULL) == 0);
    CHECK(f, sqlite_tx_run(tx, &f->arena, &AISHA_SQL(MUCH), NULL) == -AISHA_E_UNAVAILABLE);
    limit_files(f, RLIM_INFINITY); /* too late for this one */
    CHECK(f, sqlite_tx_run(tx, &f->arena, &AISHA_SQL("INSERT INTO v VALUES (2, 2)"), NULL) ==
                 -AISHA_E_UNAVAILABLE);
    CHECK(f, sqlite_commit(tx) == -AISHA_E_UNAVAILABLE);
    check_stored(f);

    run_many(f, 20, store_large);
    CHECK_INT(f, stored, before + 20);
    check_stored(f);
}

static void a_disk_that_refuses_leaves_nothing_half_written(void **state)
{
    struct fixture *f = *state;

    run_with_sqlite(f, fail_to_write);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM v"), 2 * stored); /* after a restart, too */
    assert_int_equal(look(f, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    assert_int_equal(f->failures, 0);
}

/* ---- kill -9 ---- */

static void move_money(struct fixture *f, int64_t n)
{
    for (;;) {
        const int64_t id = next_number++;
        const struct aisha_statement legs[] = {
            AISHA_SQL("INSERT INTO ledger VALUES ($1, 'user', -$2)", id, id % 97),
            AISHA_SQL("INSERT INTO ledger VALUES ($1, 'bot', $2)", id, id % 97),
            AISHA_SQL("UPDATE account SET credits = credits + $1", id % 97),
        };
        struct sqlite_tx *tx = NULL;
        int r = 0;

        if (n % 2) {
            r = sqlite_write(f->sqlite, &f->arena, legs, 3, NULL);
        } else {
            CHECK(f, sqlite_begin(f->sqlite, &tx) == 0);
            for (size_t i = 0; r == 0 && i < 3; i++)
                r = sqlite_tx_run(tx, &f->arena, &legs[i], NULL);
            r = r < 0 ? r : sqlite_commit(tx);
        }
        if (r < 0)
            abort();
        tell(f, id);
    }
}

static void move_money_forever(struct fixture *f)
{
    open_sqlite(f);
    CHECK(f, WRITE(f, "CREATE TABLE IF NOT EXISTS ledger (id BIGINT, who TEXT, amount BIGINT,"
                      " PRIMARY KEY (id, who))") == 0);
    CHECK(f, WRITE(f, "CREATE TABLE IF NOT EXISTS account (credits BIGINT)") == 0);
    CHECK(f,
          WRITE(f, "INSERT INTO account SELECT 0 WHERE NOT EXISTS (SELECT * FROM account)") == 0);
    next_number = look(f, "SELECT COALESCE(MAX(id), 0) + 1 FROM ledger");
    run_many(f, 6, move_money);
}

static void check_books(struct fixture *f)
{
    CHECK_INT(f, look(f, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    CHECK_INT(f, look(f, "SELECT SUM(amount) FROM ledger"), 0);
    CHECK_INT(f,
              look(f, "SELECT COUNT(*) FROM (SELECT id FROM ledger GROUP BY id"
                      " HAVING COUNT(*) <> 2 OR SUM(amount) <> 0)"),
              0);
    CHECK_INT(f,
              look(f, "SELECT credits - (SELECT SUM(amount) FROM ledger WHERE who = 'bot')"
                      " FROM account"),
              0);
}

static void check_told(struct fixture *f, const int64_t *told, size_t count)
{
    rows *r = NULL;

    for (size_t i = 0; i < count; i++)
        if (READ(f, &r, "SELECT 1 FROM ledger WHERE id = $1", told[i]) < 0 || r->row_count != 2)
            check_int(f, 0, told[i], "a reported movement is lost", __FILE__, __LINE__);
}

static const int64_t *told_numbers;
static size_t told_count;

static void reopen_and_check(struct fixture *f)
{
    check_told(f, told_numbers, told_count);
    check_books(f);
}

static void kill_9_loses_nothing_that_was_reported(void **state)
{
    struct fixture *f = *state;

    for (size_t round = 0; round < 5; round++) {
        told_count = run_killed(f, move_money_forever, 50 + 40 * round, &told_numbers);
        run_with_sqlite(f, reopen_and_check);
    }
}

/* What a crash of the machine may leave: the log of a killed process, cut or damaged at any place. */
static void a_torn_log_is_read_up_to_the_tear(void **state)
{
    struct fixture *f = *state;
    const char *wal = path_of(f, "test.db-wal");
    size_t size, log_size;
    int64_t last = INT64_MAX;

    run_killed(f, move_money_forever, 100, &told_numbers);
    const char *file = read_file(f, f->path, &size), *log = read_file(f, wal, &log_size);
    assert_true(log_size > 100 * 4096);
    for (size_t cut = log_size; cut > 60 * 4096; cut -= 4096 * 5 + 77) {
        write_file(f, f->path, file, size);
        char *torn = arena_memdup(&f->arena, log, log_size);
        torn[cut - 1] ^= 0x55;
        write_file(f, wal, torn, cut % 2 ? cut : log_size);
        unlink(path_of(f, "test.db-shm"));
        told_count = 0;
        run_with_sqlite(f, reopen_and_check);
        int64_t now = look(f, "SELECT COUNT(*) FROM ledger");
        assert_true(now > 0 && now <= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_lock_of_another_program_is_waited_for_but_not_forever),
        WITH_FIXTURE(a_second_host_on_one_file_is_refused),
        WITH_FIXTURE(what_is_no_database_is_refused_and_left_alone),
        WITH_FIXTURE(the_files_are_readable_by_nobody_else),
        WITH_FIXTURE(what_cannot_be_written_is_refused_at_the_start),
        WITH_FIXTURE(a_damaged_page_is_an_answer_and_not_the_end),
        WITH_FIXTURE(damage_anywhere_ends_no_process),
        WITH_FIXTURE(a_disk_that_refuses_leaves_nothing_half_written),
        WITH_FIXTURE(kill_9_loses_nothing_that_was_reported),
        WITH_FIXTURE(a_torn_log_is_read_up_to_the_tear),
    };

    return cmocka_run_group_tests_name("sqlite_faults", tests, NULL, NULL);
}

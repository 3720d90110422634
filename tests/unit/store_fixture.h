/*
 * For tests of what is kept on disk: a loop, worker threads and a directory of its own for each
 * test. A scenario runs as a task and checks with CHECK(), since a coroutine cannot leave through
 * cmocka's longjmp. A test may run several on the same files, one after the other, some of them in
 * a process that is killed: what a restart finds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/db.h>

#include "host/core/arena.h"
#include "host/io/sqlite.h"

struct fixture;
typedef void scenario(struct fixture *f);

struct fixture {
    struct loop *loop;
    struct workers *workers;
    struct arena arena;
    char dir[64], path[80]; /* path: of the database in dir */
    struct sqlite *sqlite;  /* see open_sqlite() */
    struct db *db;          /* see run_with_db() in db_fixture.h */
    struct user_copies *users;
    scenario *opened;
    unsigned failures;
    int tell_fd, stderr_fd;
};

/* For cmocka; the directory and everything in it vanish again. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* Runs it on a loop of its own until it returns; a failed CHECK() fails the test. */
void run_scenario(struct fixture *f, scenario *run);

#define CHECK(f, condition) check((f), (condition), #condition, __FILE__, __LINE__)
void check(struct fixture *f, bool is_true, const char *text, const char *file, int line);

#define CHECK_INT(f, actual, wanted) check_int((f), (actual), (wanted), #actual, __FILE__, __LINE__)
void check_int(struct fixture *f, int64_t actual, int64_t wanted, const char *text,
               const char *file, int line);

/* That name within the test's directory. */
const char *path_of(struct fixture *f, const char *name);

/* Runs fn(f, 0) … fn(f, count - 1) as tasks of their own and waits for all of them. */
void run_many(struct fixture *f, int64_t count, void (*fn)(struct fixture *f, int64_t n));

/* What is logged between the two. */
void begin_log(struct fixture *f);
const char *end_log(struct fixture *f);

/* ---- other processes ---- */

/*
 * Runs the scenario, which need not end, in another process until it has told that many numbers,
 * kills that with SIGKILL and returns how many it has told in all; they are in the fixture's arena.
 */
size_t run_killed(struct fixture *f, scenario *run, size_t count, const int64_t **ret_told);
void tell(struct fixture *f, int64_t number);

/* Runs the scenario in so many other processes at once, until all have ended or killed themselves;
 * a failed CHECK() in one fails the test. Returns how many killed themselves. */
size_t run_processes(struct fixture *f, size_t count, scenario *run);

/* Runs it in another process, and as a user whom file permissions bind. */
void run_unprivileged(struct fixture *f, scenario *run);

/* ---- the database ---- */

/* Opens f->path; a failed CHECK() when that does not work. */
void open_sqlite(struct fixture *f);
void close_sqlite(struct fixture *f);

/* One statement with its parameters, in the fixture's arena: for one task at a time, as long as a
 * result is asked for. */
#define WRITE(f, ...) sqlite_write((f)->sqlite, &(f)->arena, &AISHA_SQL(__VA_ARGS__), 1, NULL)
#define READ(f, ret_rows, ...)                                                                     \
    sqlite_read((f)->sqlite, &(f)->arena, &AISHA_SQL(__VA_ARGS__), (ret_rows))

/* Runs the scenario between the two. */
void run_with_sqlite(struct fixture *f, scenario *run);

/* ---- whichever database the tests are run on: SQLite, or PostgreSQL when AISHA_TEST_POSTGRES is the
 * URL of a server; each test then has a schema of its own there ---- */

bool is_on_postgres(void);
const char *db_url(struct fixture *f);

/* What a connection from outside of the host sees, and does: it knows only what is committed. */
int64_t look(struct fixture *f, const char *sql);
AISHA_ASYNC void change(struct fixture *f, const char *sql);

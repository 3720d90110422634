/*
 * store_fixture.h for what lies above the database.
 */
#pragma once

#include "host/store/db.h"
#include "tests/unit/store_fixture.h"

/* Opens f->path with the host's tables in it; a failed CHECK() when that does not work. */
void open_db(struct fixture *f);
void close_db(struct fixture *f);

/* Runs the scenario between the two. */
void run_with_db(struct fixture *f, scenario *run);

/* One statement; for one task at a time, as long as a result is asked for. */
#define QUERY(f, ret_rows, ...) db_query((f)->db, &(f)->arena, &AISHA_SQL(__VA_ARGS__), (ret_rows))

/* Runs the tests on whichever database is chosen; the last few of them only know SQLite. */
#define RUN_ON_DATABASES(name, tests, sqlite_only)                                                 \
    _cmocka_run_group_tests((name), (tests),                                                       \
                            sizeof(tests) / sizeof *(tests) -                                      \
                                (is_on_postgres() ? (size_t)(sqlite_only) : 0),                    \
                            NULL, NULL)

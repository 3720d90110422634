/*
 * A loop with worker threads, and CHECK(). A test is a scenario: a function that runs as a task and
 * checks with CHECK(), since a coroutine cannot leave through cmocka's longjmp.
 */
#pragma once

#include <stdbool.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/core/worker.h"

/* f is of any struct that counts its failures. */
#define CHECK(f, condition) check(&(f)->failures, (condition), #condition, __FILE__, __LINE__)
void check(unsigned *failures, bool is_true, const char *text, const char *file, int line);

struct loop_fixture {
    struct loop *loop;
    struct workers *workers;
    struct arena arena;
    unsigned failures;
    void (*scenario)(struct loop_fixture *f);
};

/* Runs the scenario, then stops the loop, if the scenario has not; fails when a check failed. */
void run_in_loop(void (*scenario)(struct loop_fixture *f));

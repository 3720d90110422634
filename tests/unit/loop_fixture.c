#include "tests/unit/loop_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void check(unsigned *failures, bool is_true, const char *text, const char *file, int line)
{
    if (is_true)
        return;
    ++*failures;
    print_error("%s:%d: %s\n", file, line, text);
}

static void run_in_task(void *arg)
{
    struct loop_fixture *f = arg;

    f->scenario(f);
    loop_stop(f->loop);
}

void run_in_loop(void (*scenario)(struct loop_fixture *f))
{
    struct loop_fixture f = {.scenario = scenario};

    assert_int_equal(loop_new(&f.loop, &(struct loop_options){.max_tasks = 0}), 0);
    assert_int_equal(workers_new(&f.workers, f.loop, 4), 0);
    assert_int_equal(task_start(f.loop, "scenario", run_in_task, &f, NULL), 0);
    assert_int_equal(loop_run(f.loop), 0);
    assert_int_equal(loop_tasks_alive(f.loop), 0);
    workers_free(f.workers);
    loop_free(f.loop);
    arena_clear(&f.arena);
    assert_int_equal(f.failures, 0);
}

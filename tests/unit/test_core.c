/*
 * The core: arena, coroutines, waits, cancellation, worker threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/sanitizer.h"
#include "host/core/wait.h"
#include "host/core/worker.h"

struct fixture {
    struct loop *loop;
    struct workers *workers;
    struct wait wait;
    struct task *task;
    char trace[256];
    int results[8];
    double number;
    unsigned count;
    int thread_sum;
};

static void setup(struct fixture *f, size_t max_tasks)
{
    *f = (struct fixture){.number = 0};
    assert_int_equal(
        loop_new(&f->loop, &(struct loop_options){.max_tasks = max_tasks, .measure_stack = true}),
        0);
}

static void teardown(struct fixture *f)
{
    assert_int_equal(loop_tasks_alive(f->loop), 0);
    loop_free(f->loop);
}

static void run_all(struct fixture *f)
{
    loop_stop(f->loop);
    assert_int_equal(loop_run(f->loop), 0);
}

static void start(struct fixture *f, void (*fn)(void *arg))
{
    assert_int_equal(task_start(f->loop, "test", fn, f, &f->task), 0);
}

static void note_one(void *data)
{
    struct fixture *f = data;

    f->trace[strlen(f->trace)] = '1';
}

static void note_two(void *data)
{
    struct fixture *f = data;

    f->trace[strlen(f->trace)] = '2';
}

static void arena_gives_zeroed_aligned_memory_and_runs_defers_newest_first(void **state)
{
    (void)state;
    struct arena a = {0};
    struct fixture f = {.count = 0};

    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        unsigned char *memory = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_strndup(&a, "hello", 2), "he");
    assert_null(arena_strdup(&a, NULL));
    arena_defer(&a, note_two, &f);
    arena_defer(&a, note_one, &f);
    arena_clear(&a);
    assert_string_equal(f.trace, "12");
    assert_int_equal(a.used_bytes, 0);
}

struct late {
    struct arena *arena;
    char trace[8];
};

static void note_three(void *data)
{
    struct late *late = data;

    late->trace[strlen(late->trace)] = '3';
}

static void use_arena_again(void *data)
{
    struct late *late = data;
    char *text = arena_strdup(late->arena, "4");

    strncat(late->trace, text, 1);
    arena_defer(late->arena, note_three, late);
}

static void a_deferred_call_may_use_the_arena(void **state)
{
    (void)state;
    struct arena a = {0};
    struct late late = {.arena = &a};

    for (int round = 0; round < 2; round++) { /* an arena that was cleared is as good as new */
        memset(late.trace, 0, sizeof late.trace);
        for (int i = 0; i < 2; i++) {
            arena_defer(&a, use_arena_again, &late);
            arena_alloc(&a, 100000);
        }
        arena_clear(&a);
        assert_string_equal(late.trace, "4343");
    }
    arena_clear(&a);
}

static void step_twice(void *arg)
{
    struct fixture *f = arg;
    unsigned me = f->count++;

    for (int i = 0; i < 2; i++) {
        f->trace[strlen(f->trace)] = (char)('a' + me);
        assert_int_equal(wait_yield(f->loop), 0);
    }
    if (f->count == 3 && me == 2)
        loop_stop(f->loop);
}

static void ready_tasks_run_in_the_order_they_became_ready(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 10);
    for (int i = 0; i < 3; i++)
        start(&f, step_twice);
    assert_int_equal(loop_run(f.loop), 0);
    assert_string_equal(f.trace, "abcabc");
    teardown(&f);
}

static void keep_double(void *arg)
{
    struct fixture *f = arg;
    volatile double mine = ++f->number;

    for (int i = 0; i < 10; i++) {
        mine = mine * 2;
        assert_int_equal(wait_yield(f->loop), 0);
        mine = mine / 2;
    }
    f->results[(int)mine - 1] = (int)mine;
    if (++f->count == 4)
        loop_stop(f->loop);
}

static void floating_point_state_survives_switches(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 10);
    for (int i = 0; i < 4; i++)
        start(&f, keep_double);
    assert_int_equal(loop_run(f.loop), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(f.results[i], i + 1);
    teardown(&f);
}

static void wait_with_timeout(void *arg)
{
    struct fixture *f = arg;

    wait_init(&f->wait, f->loop);
    f->results[0] = wait_for(&f->wait, 5);
    wait_wake(&f->wait, 77); /* too late: must change nothing */
    f->results[1] = f->wait.result;
    loop_stop(f->loop);
}

static void a_wait_ends_at_its_deadline_and_only_once(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 10);
    start(&f, wait_with_timeout);
    assert_int_equal(loop_run(f.loop), 0);
    assert_int_equal(f.results[0], -AISHA_E_TIMEOUT);
    assert_int_equal(f.results[1], -AISHA_E_TIMEOUT);
    teardown(&f);
}

static void wait_forever(void *arg)
{
    struct fixture *f = arg;

    wait_init(&f->wait, f->loop);
    f->results[0] = wait_for(&f->wait, WAIT_FOREVER);
    f->results[1] = wait_sleep(f->loop, 1000000);
    f->results[2] = wait_yield(f->loop);
}

static void cancel_other(void *arg)
{
    struct fixture *f = arg;

    assert_int_equal(wait_yield(f->loop), 0);
    task_cancel(f->task);
    assert_true(task_is_cancelled(f->task));
    assert_int_equal(wait_yield(f->loop), 0);
    loop_stop(f->loop);
}

static void after_cancel_every_wait_fails_at_once(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 10);
    start(&f, wait_forever);
    assert_int_equal(task_start(f.loop, "cancel", cancel_other, &f, NULL), 0);
    assert_int_equal(loop_run(f.loop), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f.results[i], -AISHA_E_CANCELED);
    teardown(&f);
}

static void deadline_cancels(void *arg)
{
    struct fixture *f = arg;

    task_set_deadline(task_current(f->loop), 5);
    f->results[0] = wait_sleep(f->loop, 1000000);
    loop_stop(f->loop);
}

static void a_task_deadline_arrives_as_cancel(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 10);
    start(&f, deadline_cancels);
    assert_int_equal(loop_run(f.loop), 0);
    assert_int_equal(f.results[0], -AISHA_E_CANCELED);
    teardown(&f);
}

static void count_one(void *arg)
{
    struct fixture *f = arg;

    f->count++;
}

static void count_and_go_on(void *arg)
{
    struct fixture *f = arg;

    if (++f->count < 1000)
        start(f, count_and_go_on);
    else
        loop_stop(f->loop);
}

static void stacks_are_reused(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 2);
    start(&f, count_and_go_on);
    assert_int_equal(loop_run(f.loop), 0);
    assert_int_equal(f.count, 1000);
    if (!AISHA_ASAN && !AISHA_TSAN)
        assert_in_range(loop_stack_high_water(f.loop), 64, 128 * 1024);
    teardown(&f);
}

static void more_tasks_than_allowed_are_refused(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 2);
    start(&f, count_one);
    start(&f, count_one);
    assert_int_equal(task_start(f.loop, "third", count_one, &f, NULL), -AISHA_E_LIMIT);
    run_all(&f);
    assert_int_equal(f.count, 2);
    teardown(&f);
}

static int add_on_thread(void *arg)
{
    int *sum = arg;

    *sum += 5;
    return *sum;
}

static void use_worker(void *arg)
{
    struct fixture *f = arg;
    int mine = (int)f->count++;

    int r = workers_run(f->workers, add_on_thread, &mine);
    f->thread_sum += r;
    if (f->count == 100 && f->thread_sum == 100 * 99 / 2 + 500)
        loop_stop(f->loop);
}

static void worker_threads_return_results_to_the_loop(void **state)
{
    (void)state;
    struct fixture f;

    setup(&f, 100);
    assert_int_equal(workers_new(&f.workers, f.loop, 3), 0);
    for (int i = 0; i < 100; i++)
        start(&f, use_worker);
    assert_int_equal(loop_run(f.loop), 0);
    workers_free(f.workers);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory_and_runs_defers_newest_first),
        cmocka_unit_test(a_deferred_call_may_use_the_arena),
        cmocka_unit_test(ready_tasks_run_in_the_order_they_became_ready),
        cmocka_unit_test(floating_point_state_survives_switches),
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_only_once),
        cmocka_unit_test(after_cancel_every_wait_fails_at_once),
        cmocka_unit_test(a_task_deadline_arrives_as_cancel),
        cmocka_unit_test(stacks_are_reused),
        cmocka_unit_test(more_tasks_than_allowed_are_refused),
        cmocka_unit_test(worker_threads_return_results_to_the_loop),
    };

    return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}

/* Worker threads: cancelling, limits and the end. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "tests/unit/loop_fixture.h"

/* A task that has something done on a worker thread. */
struct job {
    struct loop_fixture *f;
    struct workers *workers;
    int (*fn)(void *arg);
    void *arg;
    int r, after; /* of the work, and of a wait after it */
    struct task *task;
    struct wait done;
};

static void run_job(void *arg)
{
    struct job *job = arg;

    job->r = workers_run(job->workers, job->fn, job->arg);
    job->after = wait_yield(job->f->loop);
    wait_wake(&job->done, 0);
}

static void start_job(struct job *job, struct loop_fixture *f, struct workers *workers,
                      int (*fn)(void *arg), void *arg)
{
    *job = (struct job){.f = f, .workers = workers, .fn = fn, .arg = arg};
    wait_init(&job->done, f->loop);
    CHECK(f, task_start(f->loop, "job", run_job, job, &job->task) == 0);
}

struct gate {
    struct loop *loop;
    struct wait entered;
    sem_t opened;
};

static void on_entered(void *arg)
{
    struct gate *gate = arg;

    wait_wake(&gate->entered, 0);
}

static int pass_gate(void *arg)
{
    struct gate *gate = arg;

    loop_post(gate->loop, on_entered, gate);
    return sem_wait(&gate->opened) == 0 ? 7 : -1;
}

static void gate_init(struct gate *gate, struct loop *loop)
{
    gate->loop = loop;
    wait_init(&gate->entered, loop);
    assert_int_equal(sem_init(&gate->opened, 0, 0), 0);
}

static int count(void *arg)
{
    return ++*(int *)arg;
}

static void cancel_running(struct loop_fixture *f)
{
    struct gate gate;
    struct job job;

    gate_init(&gate, f->loop);
    start_job(&job, f, f->workers, pass_gate, &gate);
    CHECK(f, wait_for(&gate.entered, 20000) == 0);
    task_cancel(job.task);
    for (int i = 0; i < 10; i++)
        CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, !job.done.is_woken); /* its argument is in use */
    sem_post(&gate.opened);
    CHECK(f, wait_for(&job.done, 20000) == 0);
    CHECK(f, job.r == 7 && job.after == -AISHA_E_CANCELED);
    sem_destroy(&gate.opened);
}

static void cancelling_waits_for_work_that_runs(void **state)
{
    (void)state;
    run_in_loop(cancel_running);
}

static void cancel_before(struct loop_fixture *f)
{
    struct job job;
    int calls = 0;

    start_job(&job, f, f->workers, count, &calls);
    task_cancel(job.task);
    CHECK(f, wait_for(&job.done, 20000) == 0);
    CHECK(f, job.r == -AISHA_E_CANCELED && calls == 0);
}

static void a_cancelled_task_starts_no_work(void **state)
{
    (void)state;
    run_in_loop(cancel_before);
}

static int meet(void *arg)
{
    int r = pthread_barrier_wait(arg);

    return r == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : r;
}

static void meet_at_barrier(struct loop_fixture *f)
{
    pthread_barrier_t barrier;
    struct job jobs[4];

    CHECK(f, pthread_barrier_init(&barrier, NULL, 4) == 0);
    for (int i = 0; i < 4; i++)
        start_job(&jobs[i], f, f->workers, meet, &barrier);
    for (int i = 0; i < 4; i++)
        CHECK(f, wait_for(&jobs[i].done, 20000) == 0 && jobs[i].r == 0);
    pthread_barrier_destroy(&barrier);
}

static void as_much_runs_at_once_as_there_are_threads(void **state)
{
    (void)state;
    run_in_loop(meet_at_barrier);
}

static int are_signals_blocked(void *arg)
{
    sigset_t set;

    (void)arg;
    if (pthread_sigmask(SIG_SETMASK, NULL, &set) != 0)
        return -1;
    return sigismember(&set, SIGTERM) && sigismember(&set, SIGINT) && sigismember(&set, SIGCHLD);
}

static void look_at_signals(struct loop_fixture *f)
{
    CHECK(f, workers_run(f->workers, are_signals_blocked, NULL) == 1);
    CHECK(f, are_signals_blocked(NULL) == 0);
}

static void signals_do_not_arrive_on_worker_threads(void **state)
{
    (void)state;
    run_in_loop(look_at_signals);
}

static void queue_too_much(struct loop_fixture *f)
{
    enum { MAX_QUEUED = 4096 };
    struct workers *one;
    struct gate gate;
    struct job first, *jobs = arena_alloc(&f->arena, MAX_QUEUED * sizeof *jobs);
    int calls = 0;

    CHECK(f, workers_new(&one, f->loop, 1) == 0);
    gate_init(&gate, f->loop);
    start_job(&first, f, one, pass_gate, &gate);
    CHECK(f, wait_for(&gate.entered, 20000) == 0);
    for (int i = 0; i < MAX_QUEUED; i++)
        start_job(&jobs[i], f, one, count, &calls);
    for (int i = 0; i < MAX_QUEUED / 1024 + 1; i++)
        CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, workers_run(one, count, &calls) == -AISHA_E_LIMIT);
    sem_post(&gate.opened);
    for (int i = 0; i < MAX_QUEUED; i++)
        CHECK(f, wait_for(&jobs[i].done, 20000) == 0 && jobs[i].r == i + 1);
    CHECK(f, first.r == 7 && calls == MAX_QUEUED);
    CHECK(f, workers_run(one, count, &calls) == MAX_QUEUED + 1);
    workers_free(one);
    sem_destroy(&gate.opened);
}

static void too_much_waiting_work_is_refused(void **state)
{
    (void)state;
    run_in_loop(queue_too_much);
}

static void stop_loop(struct loop_fixture *f)
{
    enum { COUNT = 20 };
    struct workers *one;
    struct gate gate;
    struct job first, jobs[COUNT];
    int calls = 0;

    CHECK(f, workers_new(&one, f->loop, 1) == 0);
    gate_init(&gate, f->loop);
    start_job(&first, f, one, pass_gate, &gate);
    for (int i = 0; i < COUNT; i++)
        start_job(&jobs[i], f, one, count, &calls);
    CHECK(f, wait_for(&gate.entered, 20000) == 0);
    loop_stop(f->loop);
    sem_post(&gate.opened);
    wait_for_uncancelled(&first.done, 20000);
    for (int i = 0; i < COUNT; i++) {
        wait_for_uncancelled(&jobs[i].done, 20000);
        CHECK(f, jobs[i].r == i + 1 && jobs[i].after == -AISHA_E_CANCELED);
    }
    workers_free(one);
    sem_destroy(&gate.opened);
}

static void stopping_the_loop_waits_for_queued_work(void **state)
{
    (void)state;
    run_in_loop(stop_loop);
}

static void idle_workers_end_however_many_were_wanted(void **state)
{
    struct loop *loop;
    struct workers *workers;

    (void)state;
    assert_int_equal(loop_new(&loop, &(struct loop_options){.max_tasks = 1}), 0);
    assert_int_equal(workers_new(&workers, loop, 1000), 0);
    workers_free(workers);
    workers_free(NULL);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelling_waits_for_work_that_runs),
        cmocka_unit_test(a_cancelled_task_starts_no_work),
        cmocka_unit_test(as_much_runs_at_once_as_there_are_threads),
        cmocka_unit_test(signals_do_not_arrive_on_worker_threads),
        cmocka_unit_test(too_much_waiting_work_is_refused),
        cmocka_unit_test(stopping_the_loop_waits_for_queued_work),
        cmocka_unit_test(idle_workers_end_however_many_were_wanted),
    };

    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}

/* The loop: posts from threads, deadlines in their order, tasks cancelled early, the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "tests/unit/loop_fixture.h"

/* ---- posts ---- */

enum { POSTERS = 4, POSTS = 5000 };

struct poster;

struct post {
    struct poster *poster;
    int number;
};

struct mailbox {
    struct loop_fixture *f;
    pthread_t loop_thread;
    int got, wrong;
    struct wait all_got;
};

struct poster {
    struct mailbox *mailbox;
    pthread_t thread;
    int next; /* the number that should come next */
    struct post posts[POSTS];
};

static void on_post(void *arg)
{
    struct post *post = arg;
    struct mailbox *mailbox = post->poster->mailbox;

    mailbox->wrong += post->number != post->poster->next++;
    mailbox->wrong += !pthread_equal(pthread_self(), mailbox->loop_thread);
    mailbox->wrong += task_current(mailbox->f->loop) != NULL;
    if (++mailbox->got == POSTERS * POSTS)
        wait_wake(&mailbox->all_got, 0);
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < POSTS; i++) {
        poster->posts[i] = (struct post){.poster = poster, .number = i};
        loop_post(poster->mailbox->f->loop, on_post, &poster->posts[i]);
    }
    return NULL;
}

static void post_from_threads(struct loop_fixture *f)
{
    struct mailbox mailbox = {.f = f, .loop_thread = pthread_self()};
    struct poster *posters = arena_alloc(&f->arena, POSTERS * sizeof *posters);

    wait_init(&mailbox.all_got, f->loop);
    for (int i = 0; i < POSTERS; i++) {
        posters[i].mailbox = &mailbox;
        CHECK(f, pthread_create(&posters[i].thread, NULL, post_all, &posters[i]) == 0);
    }
    CHECK(f, wait_for(&mailbox.all_got, 60000) == 0);
    for (int i = 0; i < POSTERS; i++)
        CHECK(f, pthread_join(posters[i].thread, NULL) == 0);
    CHECK(f, mailbox.wrong == 0 && mailbox.got == POSTERS * POSTS);
}

static void posts_of_a_thread_run_on_the_loop_in_their_order(void **state)
{
    (void)state;
    run_in_loop(post_from_threads);
}

struct chain {
    struct loop *loop;
    int left;
    struct wait over;
};

static void post_again(void *arg)
{
    struct chain *chain = arg;

    if (--chain->left > 0)
        loop_post(chain->loop, post_again, chain);
    else
        wait_wake(&chain->over, 0);
}

static void post_from_posts(struct loop_fixture *f)
{
    struct chain chain = {.loop = f->loop, .left = 1000};

    wait_init(&chain.over, f->loop);
    loop_post(f->loop, post_again, &chain);
    CHECK(f, chain.left == 1000); /* never at once */
    CHECK(f, wait_for(&chain.over, 20000) == 0);
}

static void a_post_may_post(void **state)
{
    (void)state;
    run_in_loop(post_from_posts);
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

static void posts_after_the_end_are_dropped(void **state)
{
    struct loop *loop;
    int calls = 0;

    (void)state;
    assert_int_equal(loop_new(&loop, &(struct loop_options){.max_tasks = 1}), 0);
    loop_stop(loop);
    assert_int_equal(loop_run(loop), 0);
    loop_post(loop, count_call, &calls);
    loop_free(loop);
    assert_int_equal(calls, 0);
    loop_free(NULL);
}

/* ---- deadlines ---- */

struct sleeper {
    struct loop_fixture *f;
    int64_t timeout_ms;
    char name, *trace;
    struct wait *over;
    int *left;
};

static void sleep_and_note(void *arg)
{
    struct sleeper *sleeper = arg;

    CHECK(sleeper->f, wait_sleep(sleeper->f->loop, sleeper->timeout_ms) == 0);
    sleeper->trace[strlen(sleeper->trace)] = sleeper->name;
    if (--*sleeper->left == 0)
        wait_wake(sleeper->over, 0);
}

static void sleep_in_order(struct loop_fixture *f)
{
    static const int64_t timeouts_ms[] = {60, 0, 30, 90, 15, 45, 75};

    enum { COUNT = sizeof timeouts_ms / sizeof *timeouts_ms };
    struct sleeper sleepers[COUNT];
    char trace[COUNT + 1] = "";
    struct wait over;
    int left = COUNT;
    int64_t before_ms = loop_now_ms(f->loop);

    wait_init(&over, f->loop);
    for (int i = 0; i < COUNT; i++) {
        sleepers[i] = (struct sleeper){.f = f,
                                       .timeout_ms = timeouts_ms[i],
                                       .name = (char)('a' + i),
                                       .trace = trace,
                                       .over = &over,
                                       .left = &left};
        CHECK(f, task_start(f->loop, "sleeper", sleep_and_note, &sleepers[i], NULL) == 0);
    }
    CHECK(f, wait_for(&over, 20000) == 0);
    CHECK(f, strcmp(trace, "becfagd") == 0);
    CHECK(f, loop_now_ms(f->loop) - before_ms >= 89);
}

static void sleepers_wake_in_the_order_of_their_deadlines(void **state)
{
    (void)state;
    run_in_loop(sleep_in_order);
}

static void wake_twice(struct loop_fixture *f)
{
    struct wait w;

    wait_init(&w, f->loop);
    wait_wake(&w, 5);
    wait_wake(&w, 6);
    CHECK(f, wait_for(&w, 0) == 5);
    wait_init(&w, f->loop);
    CHECK(f, wait_for(&w, 0) == -AISHA_E_TIMEOUT);
}

static void a_wait_may_be_over_before_it_begins(void **state)
{
    (void)state;
    run_in_loop(wake_twice);
}

struct patient {
    struct loop *loop;
    bool ignores_cancel;
    struct wait wait, done;
    int r, after;
    bool was_cancelled;
};

static void be_patient(void *arg)
{
    struct patient *patient = arg;

    patient->was_cancelled = task_is_cancelled(task_current(patient->loop));
    patient->r = patient->ignores_cancel ? wait_for_uncancelled(&patient->wait, 20000)
                                         : wait_for(&patient->wait, 20000);
    patient->after = wait_sleep(patient->loop, 20000);
    wait_wake(&patient->done, 0);
}

static struct task *start_patient(struct loop_fixture *f, struct patient *patient)
{
    struct task *task = NULL;

    patient->loop = f->loop;
    wait_init(&patient->wait, f->loop);
    wait_init(&patient->done, f->loop);
    CHECK(f, task_start(f->loop, "patient", be_patient, patient, &task) == 0);
    return task;
}

static void move_deadlines(struct loop_fixture *f)
{
    struct patient removed = {0}, moved = {0}, uncancelled = {.ignores_cancel = true};

    struct task *task = start_patient(f, &removed);
    task_set_deadline(task, 5);
    task_set_deadline(task, 0);
    struct task *other = start_patient(f, &moved);
    task_set_deadline(other, 20000);
    task_set_deadline(other, 10);
    task_set_deadline(start_patient(f, &uncancelled), 1);
    CHECK(f, wait_for(&moved.done, 10000) == 0);
    CHECK(f, moved.r == -AISHA_E_CANCELED && moved.after == -AISHA_E_CANCELED);
    CHECK(f, wait_sleep(f->loop, 10) == 0);
    CHECK(f, !removed.wait.is_woken && !task_is_cancelled(task));
    task_cancel(task);
    CHECK(f, wait_for(&removed.done, 10000) == 0 && removed.r == -AISHA_E_CANCELED);
    CHECK(f, !uncancelled.wait.is_woken); /* cancelled, but it wants its result */
    wait_wake(&uncancelled.wait, 3);
    CHECK(f, wait_for(&uncancelled.done, 10000) == 0);
    CHECK(f, uncancelled.r == 3 && uncancelled.after == -AISHA_E_CANCELED);
}

static void a_deadline_can_be_moved_and_removed(void **state)
{
    (void)state;
    run_in_loop(move_deadlines);
}

/* ---- cancelling ---- */

static void cancel_early(struct loop_fixture *f)
{
    struct patient patient = {0};
    struct task *task = start_patient(f, &patient);

    CHECK(f, strcmp(task_name(task), "patient") == 0);
    task_cancel(task); /* it has not run yet */
    CHECK(f, wait_for(&patient.done, 10000) == 0);
    CHECK(f, patient.was_cancelled);
    CHECK(f, patient.r == -AISHA_E_CANCELED && patient.after == -AISHA_E_CANCELED);
}

static void a_task_cancelled_before_its_start_still_runs_and_knows(void **state)
{
    (void)state;
    run_in_loop(cancel_early);
}

static void cancel_after_wake(struct loop_fixture *f)
{
    struct patient patient = {0};
    struct task *task = start_patient(f, &patient);

    CHECK(f, wait_yield(f->loop) == 0);
    wait_wake(&patient.wait, 9);
    task_cancel(task);
    CHECK(f, wait_for(&patient.done, 10000) == 0);
    CHECK(f, patient.r == 9 && patient.after == -AISHA_E_CANCELED);
}

static void what_came_before_the_cancel_is_not_lost(void **state)
{
    (void)state;
    run_in_loop(cancel_after_wake);
}

/* ---- the end ---- */

enum { TASKS = 4000 };

struct many {
    struct loop *loop;
    unsigned waiting, canceled;
    struct wait all_canceled;
};

static void wait_until_the_end(void *arg)
{
    struct many *many = arg;
    struct wait w;
    bool sleeps = many->waiting++ % 2;

    wait_init(&w, many->loop);
    int r = sleeps ? wait_sleep(many->loop, 1000000) : wait_for(&w, WAIT_FOREVER);
    many->canceled += r == -AISHA_E_CANCELED;
    if (many->canceled == TASKS + 1)
        wait_wake(&many->all_canceled, 0);
}

static void start_in_the_end(void *arg)
{
    struct many *many = arg;

    aisha_ignore(wait_sleep(many->loop, 1000000));
    loop_stop(many->loop); /* changes nothing any more */
    aisha_ignore(task_start(many->loop, "late", wait_until_the_end, many, NULL));
}

static void stop_many(struct loop_fixture *f)
{
    struct many *many = arena_alloc(&f->arena, sizeof *many);

    many->loop = f->loop;
    wait_init(&many->all_canceled, f->loop);
    CHECK(f, !loop_is_stopping(f->loop));
    for (int i = 0; i < TASKS; i++)
        CHECK(f, task_start(f->loop, "many", wait_until_the_end, many, NULL) == 0);
    CHECK(f, task_start(f->loop, "starter", start_in_the_end, many, NULL) == 0);
    while (many->waiting < TASKS)
        CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, loop_tasks_alive(f->loop) == TASKS + 2);
    loop_stop(f->loop);
    CHECK(f, loop_is_stopping(f->loop) && many->canceled == 0);
    CHECK(f, wait_for_uncancelled(&many->all_canceled, 60000) == 0);
    CHECK(f, loop_tasks_alive(f->loop) == 1); /* they end although this one stays */
}

static void stopping_cancels_thousands_of_tasks_and_those_they_start(void **state)
{
    (void)state;
    run_in_loop(stop_many);
}

/* ---- chores ---- */

struct turn {
    struct loop_fixture *f;
    struct loop_chore chore;
    int asked, done, asked_before;
    struct wait next;
};

static void do_chore(void *arg)
{
    struct turn *turn = arg;

    turn->done++;
    turn->asked_before = turn->asked;
}

static void ask_for_chore(void *arg)
{
    struct turn *turn = arg;

    CHECK(turn->f, turn->done == 0);
    loop_at_end_of_turn(turn->f->loop, &turn->chore);
    turn->asked++;
}

static void begin_next_turn(void *arg)
{
    struct turn *turn = arg;

    wait_wake(&turn->next, 0);
}

static void wait_for_next_turn(struct turn *turn)
{
    wait_init(&turn->next, turn->f->loop);
    loop_post(turn->f->loop, begin_next_turn, turn);
    CHECK(turn->f, wait_for(&turn->next, 60000) == 0);
}

static void ask_for_chores(struct loop_fixture *f)
{
    struct turn turn = {.f = f, .chore = {.fn = do_chore, .arg = &turn}};

    for (int i = 0; i < 3; i++)
        CHECK(f, task_start(f->loop, "asker", ask_for_chore, &turn, NULL) == 0);
    wait_for_next_turn(&turn);
    CHECK(f, turn.done == 1 && turn.asked_before == 3);
    wait_for_next_turn(&turn);
    CHECK(f, turn.done == 1);
    loop_at_end_of_turn(f->loop, &turn.chore);
    loop_chore_cancel(&turn.chore);
    wait_for_next_turn(&turn);
    CHECK(f, turn.done == 1);
    loop_at_end_of_turn(f->loop, &turn.chore);
    wait_for_next_turn(&turn);
    CHECK(f, turn.done == 2);
}

static void a_chore_is_done_once_when_all_of_a_turn_have_run(void **state)
{
    (void)state;
    run_in_loop(ask_for_chores);
}

static void do_chore_again(void *arg)
{
    struct turn *turn = arg;

    turn->done++;
    loop_at_end_of_turn(turn->f->loop, &turn->chore);
}

static void let_chore_come_again(struct loop_fixture *f)
{
    struct turn turn = {.f = f, .chore = {.fn = do_chore_again, .arg = &turn}};

    loop_at_end_of_turn(f->loop, &turn.chore);
    CHECK(f, wait_sleep(f->loop, 5) == 0);
    CHECK(f, turn.done > 1);
    loop_chore_cancel(&turn.chore);
}

static void a_chore_that_comes_again_and_again_stops_nobody(void **state)
{
    (void)state;
    run_in_loop(let_chore_come_again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_of_a_thread_run_on_the_loop_in_their_order),
        cmocka_unit_test(a_post_may_post),
        cmocka_unit_test(posts_after_the_end_are_dropped),
        cmocka_unit_test(sleepers_wake_in_the_order_of_their_deadlines),
        cmocka_unit_test(a_wait_may_be_over_before_it_begins),
        cmocka_unit_test(a_deadline_can_be_moved_and_removed),
        cmocka_unit_test(a_task_cancelled_before_its_start_still_runs_and_knows),
        cmocka_unit_test(what_came_before_the_cancel_is_not_lost),
        cmocka_unit_test(stopping_cancels_thousands_of_tasks_and_those_they_start),
        cmocka_unit_test(a_chore_is_done_once_when_all_of_a_turn_have_run),
        cmocka_unit_test(a_chore_that_comes_again_and_again_stops_nobody),
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}

/* Slots: the order in which they are taken, and what becomes of those who give up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/slots.h"
#include "tests/unit/loop_fixture.h"

/* A task that takes a slot and holds it until it is told to let go. */
struct taker {
    struct loop_fixture *f;
    struct slots *slots;
    char name;
    char *trace; /* gets the name once the slot is taken */
    int64_t timeout_ms;
    int r;
    struct task *task;
    struct wait let_go, done;
};

static void take_and_hold(void *arg)
{
    struct taker *taker = arg;

    taker->r = slots_take(taker->slots, taker->timeout_ms);
    if (taker->r == 0) {
        taker->trace[strlen(taker->trace)] = taker->name;
        wait_for_uncancelled(&taker->let_go, WAIT_FOREVER);
        slots_give(taker->slots);
    }
    wait_wake(&taker->done, 0);
}

static void start_taker(struct taker *taker, struct loop_fixture *f, struct slots *slots,
                        char *trace, char name)
{
    taker->f = f;
    taker->slots = slots;
    taker->trace = trace;
    taker->name = name;
    taker->r = 1;
    if (taker->timeout_ms == 0)
        taker->timeout_ms = WAIT_FOREVER;
    wait_init(&taker->let_go, f->loop);
    wait_init(&taker->done, f->loop);
    CHECK(f, task_start(f->loop, "taker", take_and_hold, taker, &taker->task) == 0);
}

static void finish(struct taker *taker)
{
    wait_wake(&taker->let_go, 0);
    CHECK(taker->f, wait_for(&taker->done, 20000) == 0);
}

static void take_in_order(struct loop_fixture *f)
{
    static const unsigned release_order[] = {1, 0, 3, 2, 5, 4};
    struct slots slots;
    struct taker takers[6] = {0};
    char trace[8] = "";

    slots_init(&slots, f->loop, 2);
    for (unsigned i = 0; i < 6; i++)
        start_taker(&takers[i], f, &slots, trace, (char)('a' + i));
    CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, strcmp(trace, "ab") == 0);
    for (unsigned i = 0; i < 6; i++) {
        finish(&takers[release_order[i]]);
        CHECK(f, wait_yield(f->loop) == 0);
        CHECK(f, strlen(trace) == (i < 4 ? i + 3 : 6));
        CHECK(f, slots.taken == (i < 4 ? 2 : 5 - i));
    }
    CHECK(f, strcmp(trace, "abcdef") == 0);
}

static void slots_go_to_those_who_wait_in_their_order(void **state)
{
    (void)state;
    run_in_loop(take_in_order);
}

static void come_late(struct loop_fixture *f)
{
    struct slots slots;
    struct taker late = {.timeout_ms = 10}, next = {0};
    char trace[8] = "";

    slots_init(&slots, f->loop, 1);
    CHECK(f, slots_take(&slots, WAIT_FOREVER) == 0);
    CHECK(f, slots_take(&slots, 0) == -AISHA_E_TIMEOUT);
    start_taker(&late, f, &slots, trace, 'l');
    start_taker(&next, f, &slots, trace, 'n');
    CHECK(f, wait_for(&late.done, 20000) == 0);
    CHECK(f, late.r == -AISHA_E_TIMEOUT && slots.taken == 1);
    slots_give(&slots);
    finish(&next);
    CHECK(f, next.r == 0 && strcmp(trace, "n") == 0 && slots.taken == 0);
}

static void a_deadline_ends_the_waiting_and_takes_nothing(void **state)
{
    (void)state;
    run_in_loop(come_late);
}

static void give_then_cancel(struct loop_fixture *f)
{
    struct slots slots;
    struct taker heir = {0}, next = {0};
    char trace[8] = "";

    slots_init(&slots, f->loop, 1);
    CHECK(f, slots_take(&slots, WAIT_FOREVER) == 0);
    start_taker(&heir, f, &slots, trace, 'h');
    start_taker(&next, f, &slots, trace, 'n');
    CHECK(f, wait_yield(f->loop) == 0);
    slots_give(&slots); /* the heir has it, but has not run yet */
    task_cancel(heir.task);
    finish(&heir);
    CHECK(f, heir.r == 0);
    finish(&next);
    CHECK(f, next.r == 0 && strcmp(trace, "hn") == 0 && slots.taken == 0);
}

static void who_is_cancelled_after_the_slot_was_handed_over_has_it(void **state)
{
    (void)state;
    run_in_loop(give_then_cancel);
}

static void cancel_then_give(struct loop_fixture *f)
{
    struct slots slots;
    struct taker heir = {0}, next = {0};
    char trace[8] = "";

    slots_init(&slots, f->loop, 1);
    CHECK(f, slots_take(&slots, WAIT_FOREVER) == 0);
    start_taker(&heir, f, &slots, trace, 'h');
    start_taker(&next, f, &slots, trace, 'n');
    CHECK(f, wait_yield(f->loop) == 0);
    task_cancel(heir.task); /* still in the queue until it runs */
    slots_give(&slots);
    finish(&next);
    CHECK(f, heir.r == -AISHA_E_CANCELED && next.r == 0 && slots.taken == 0);
    CHECK(f, strcmp(trace, "n") == 0);
}

static void who_was_cancelled_before_is_passed_over(void **state)
{
    (void)state;
    run_in_loop(cancel_then_give);
}

static void cancel_the_last(struct loop_fixture *f)
{
    struct slots slots;
    struct taker heir = {0};
    char trace[8] = "";

    slots_init(&slots, f->loop, 1);
    CHECK(f, slots_take(&slots, WAIT_FOREVER) == 0);
    start_taker(&heir, f, &slots, trace, 'h');
    CHECK(f, wait_yield(f->loop) == 0);
    task_cancel(heir.task);
    slots_give(&slots);
    CHECK(f, slots.taken == 0 && !slots_are_unused(&slots)); /* the heir has yet to leave */
    CHECK(f, slots_take(&slots, WAIT_FOREVER) == 0);
    CHECK(f, wait_for(&heir.done, 20000) == 0);
    CHECK(f, heir.r == -AISHA_E_CANCELED && slots.taken == 1);
    CHECK(f, TAILQ_EMPTY(&slots.waiting) && !slots_are_unused(&slots));
    slots_give(&slots);
    CHECK(f, slots.taken == 0 && slots_are_unused(&slots));
}

static void a_slot_nobody_wants_any_more_is_free(void **state)
{
    (void)state;
    run_in_loop(cancel_the_last);
}

static void ask_when_cancelled(struct loop_fixture *f)
{
    struct slots slots;
    struct taker late = {0};
    char trace[8] = "";

    slots_init(&slots, f->loop, 1);
    start_taker(&late, f, &slots, trace, 'l');
    task_cancel(late.task);
    CHECK(f, wait_for(&late.done, 20000) == 0);
    CHECK(f, late.r == -AISHA_E_CANCELED && slots.taken == 0);
}

static void a_cancelled_task_gets_no_slot_even_if_one_is_free(void **state)
{
    (void)state;
    run_in_loop(ask_when_cancelled);
}

static void stop_with_waiters(struct loop_fixture *f)
{
    enum { COUNT = 100 };
    struct slots slots;
    struct taker *takers = arena_alloc(&f->arena, COUNT * sizeof *takers);
    char trace[8] = "";

    slots_init(&slots, f->loop, 1);
    CHECK(f, slots_take(&slots, WAIT_FOREVER) == 0);
    for (int i = 0; i < COUNT; i++)
        start_taker(&takers[i], f, &slots, trace, 'w');
    CHECK(f, wait_yield(f->loop) == 0);
    loop_stop(f->loop);
    for (int i = 0; i < COUNT; i++) {
        wait_for_uncancelled(&takers[i].done, 20000);
        CHECK(f, takers[i].r == -AISHA_E_CANCELED);
    }
    CHECK(f, trace[0] == '\0' && TAILQ_EMPTY(&slots.waiting) && slots.taken == 1);
    slots_give(&slots);
    CHECK(f, slots.taken == 0);
}

static void stopping_the_loop_ends_the_waiting(void **state)
{
    (void)state;
    run_in_loop(stop_with_waiters);
}

/* Many tasks that come and go, some with short deadlines, some cancelled. */
struct crowd {
    struct loop_fixture *f;
    struct slots slots;
    unsigned holding, most, taken, refused, left;
    unsigned short seed[3];
    struct wait all_left;
};

static int number_below(struct crowd *crowd, int limit)
{
    return (int)(nrand48(crowd->seed) % limit);
}

static void come_and_go(void *arg)
{
    struct crowd *crowd = arg;
    struct loop *loop = crowd->f->loop;
    int64_t patience_ms = number_below(crowd, 3) ? WAIT_FOREVER : number_below(crowd, 4);

    aisha_ignore(wait_sleep(loop, number_below(crowd, 10)));
    int r = slots_take(&crowd->slots, patience_ms);
    if (r == 0) {
        crowd->taken++;
        if (++crowd->holding > crowd->most)
            crowd->most = crowd->holding;
        aisha_ignore(number_below(crowd, 2) ? wait_yield(loop) : wait_sleep(loop, 1));
        crowd->holding--;
        slots_give(&crowd->slots);
    } else {
        crowd->refused++;
    }
    if (--crowd->left == 0)
        wait_wake(&crowd->all_left, 0);
}

static void let_a_crowd_in(struct loop_fixture *f)
{
    enum { COUNT = 400 };
    struct crowd *crowd = arena_alloc(&f->arena, sizeof *crowd);

    *crowd = (struct crowd){.f = f, .left = COUNT, .seed = {1, 2, 3}};
    slots_init(&crowd->slots, f->loop, 3);
    wait_init(&crowd->all_left, f->loop);
    for (int i = 0; i < COUNT; i++) {
        struct task *task;
        CHECK(f, task_start(f->loop, "guest", come_and_go, crowd, &task) == 0);
        if (number_below(crowd, 5) == 0)
            task_set_deadline(task, 1 + number_below(crowd, 12));
    }
    CHECK(f, wait_for(&crowd->all_left, 30000) == 0);
    CHECK(f, crowd->most == 3 && crowd->holding == 0);
    CHECK(f, crowd->taken > 0 && crowd->refused > 0 && crowd->taken + crowd->refused == COUNT);
    CHECK(f, crowd->slots.taken == 0 && TAILQ_EMPTY(&crowd->slots.waiting));
}

static void a_crowd_with_deadlines_and_cancelling_loses_no_slot(void **state)
{
    (void)state;
    run_in_loop(let_a_crowd_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_go_to_those_who_wait_in_their_order),
        cmocka_unit_test(a_deadline_ends_the_waiting_and_takes_nothing),
        cmocka_unit_test(who_is_cancelled_after_the_slot_was_handed_over_has_it),
        cmocka_unit_test(who_was_cancelled_before_is_passed_over),
        cmocka_unit_test(a_slot_nobody_wants_any_more_is_free),
        cmocka_unit_test(a_cancelled_task_gets_no_slot_even_if_one_is_free),
        cmocka_unit_test(stopping_the_loop_ends_the_waiting),
        cmocka_unit_test(a_crowd_with_deadlines_and_cancelling_loses_no_slot),
    };

    return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}

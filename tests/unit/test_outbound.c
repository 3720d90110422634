/*
 * Outbound: order and pace of what goes out. Whether a call waited is seen by whether another ready
 * task ran meanwhile; how long, by lower bounds of the clock.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/sanitizer.h"
#include "tests/unit/outbound_fixture.h"

static void send_in_turn(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);
    struct sender senders[6] = {0};
    char trace[8] = "";

    for (int i = 0; i < 6; i++) {
        senders[i].name = (char)('a' + i);
        senders[i].trace = trace;
        start_sender(&senders[i], f, outbound, i == 3 ? 2 : 1);
    }
    CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, strcmp(trace, "ad") == 0); /* d is alone in its chat */
    for (int i = 0; i < 6; i++) {
        finish(&senders[i]);
        CHECK(f, senders[i].r == 0);
    }
    CHECK(f, strcmp(trace, "adbcef") == 0);
    outbound_free(outbound);
}

static void in_a_chat_one_sends_after_the_other(void **state)
{
    (void)state;
    run_in_loop(send_in_turn);
}

static void send_without_limits(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);

    CHECK(f, !waited_to_send(f, outbound, 5000, 1, 0));
    CHECK(f, !waited_to_send(f, outbound, 5000, 1, 1));
    outbound_free(outbound);
    outbound_free(NULL);
}

static void without_rates_nobody_waits(void **state)
{
    (void)state;
    run_in_loop(send_without_limits);
}

static void send_to_one_chat(struct loop_fixture *f)
{
    int64_t before_ms = loop_now_ms(f->loop);
    struct outbound *outbound = new_outbound(f, 0, 20);

    CHECK(f, !waited_to_send(f, outbound, BURST, -100, 0));
    CHECK(f, !waited_to_send(f, outbound, BURST, -200, 0)); /* each chat has its own */
    CHECK(f, waited_to_send(f, outbound, 1, -100, 0));
    CHECK(f, waited_to_send(f, outbound, 4, -100, 0));
    int64_t took_ms = loop_now_ms(f->loop) - before_ms;
    CHECK(f, took_ms >= 5 * 50 && took_ms < 10000);
    outbound_free(outbound);
}

static void a_chat_has_a_burst_and_then_its_rate(void **state)
{
    (void)state;
    run_in_loop(send_to_one_chat);
}

static void send_to_all(struct loop_fixture *f)
{
    int64_t before_ms = loop_now_ms(f->loop);
    struct outbound *outbound = new_outbound(f, 10, 0);

    CHECK(f, !waited_to_send(f, outbound, 10, 1, 1));
    CHECK(f, waited_to_send(f, outbound, 1, 100, 1));
    CHECK(f, waited_to_send(f, outbound, 1, 1, 1));
    CHECK(f, waited_to_send(f, outbound, 2, 200, 0));
    int64_t took_ms = loop_now_ms(f->loop) - before_ms;
    CHECK(f, took_ms >= 4 * 100 && took_ms < 10000);
    outbound_free(outbound);
}

static void all_chats_share_one_rate(void **state)
{
    (void)state;
    run_in_loop(send_to_all);
}

static void cancel_in_queue(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);
    struct sender holder = {0}, cancelled = {0}, next = {0}, late = {0};

    start_sender(&holder, f, outbound, 1);
    start_sender(&cancelled, f, outbound, 1);
    start_sender(&next, f, outbound, 1);
    start_sender(&late, f, outbound, 2);
    task_cancel(late.task); /* before it has run */
    CHECK(f, wait_yield(f->loop) == 0);
    task_cancel(cancelled.task);
    finish(&holder);
    finish(&next);
    CHECK(f, holder.r == 0 && cancelled.r == -AISHA_E_CANCELED && next.r == 0);
    CHECK(f, wait_for(&late.done, 20000) == 0 && late.r == -AISHA_E_CANCELED);
    CHECK(f, !waited_to_send(f, outbound, 2, 1, 1)); /* both chats are free */
    outbound_free(outbound);
}

static void who_is_cancelled_in_the_queue_leaves_it_in_order(void **state)
{
    (void)state;
    run_in_loop(cancel_in_queue);
}

static void cancel_in_pause(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0.001);
    struct sender paused = {0}, next = {0};

    CHECK(f, !waited_to_send(f, outbound, BURST, 1, 0));
    start_sender(&paused, f, outbound, 1); /* a quarter of an hour to wait */
    start_sender(&next, f, outbound, 1);
    CHECK(f, wait_sleep(f->loop, 1) == 0);
    CHECK(f, paused.r == NOT_YET && next.r == NOT_YET);
    CHECK(f, !waited_to_send(f, outbound, BURST, 2, 0)); /* others do not wait with it */
    task_cancel(paused.task);
    CHECK(f, wait_for(&paused.done, 20000) == 0 && paused.r == -AISHA_E_CANCELED);
    CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, next.r == NOT_YET); /* its turn, but not yet its time */
    task_cancel(next.task);
    CHECK(f, wait_for(&next.done, 20000) == 0 && next.r == -AISHA_E_CANCELED);
    outbound_free(outbound);
}

static void who_is_cancelled_in_a_pause_passes_the_turn_on(void **state)
{
    (void)state;
    run_in_loop(cancel_in_pause);
}

static void cancel_many_in_pause(struct loop_fixture *f)
{
    enum { COUNT = 500 };
    struct outbound *outbound = new_outbound(f, 10, 0);
    struct sender *senders = arena_alloc(&f->arena, COUNT * sizeof *senders);

    CHECK(f, !waited_to_send(f, outbound, 10, 1, 1));
    for (int i = 0; i < COUNT; i++)
        start_sender(&senders[i], f, outbound, 1000 + i);
    CHECK(f, wait_yield(f->loop) == 0);
    for (int i = 0; i < COUNT; i++)
        task_cancel(senders[i].task);
    for (int i = 0; i < COUNT; i++)
        CHECK(f, wait_for(&senders[i].done, 20000) == 0 && senders[i].r == -AISHA_E_CANCELED);
    int64_t before_ms = loop_now_ms(f->loop);
    send_message(f, outbound, 1); /* not after the 50 s of those who gave up */
    CHECK(f, loop_now_ms(f->loop) - before_ms < 10000);
    outbound_free(outbound);
}

static void who_gives_up_has_spent_nothing(void **state)
{
    (void)state;
    run_in_loop(cancel_many_in_pause);
}

static void stop_in_pause(struct loop_fixture *f)
{
    enum { COUNT = 100 };
    struct outbound *outbound = new_outbound(f, 0.001, 0.001);
    struct sender *senders = arena_alloc(&f->arena, COUNT * sizeof *senders);

    CHECK(f, !waited_to_send(f, outbound, 1, 1000, 0));
    for (int i = 0; i < COUNT; i++)
        start_sender(&senders[i], f, outbound, i % 7);
    CHECK(f, wait_yield(f->loop) == 0);
    loop_stop(f->loop);
    for (int i = 0; i < COUNT; i++) {
        wait_for_uncancelled(&senders[i].done, 20000);
        CHECK(f, senders[i].r == -AISHA_E_CANCELED);
    }
    outbound_free(outbound);
}

static void stopping_the_loop_ends_all_waiting(void **state)
{
    (void)state;
    run_in_loop(stop_in_pause);
}

static void forget_idle_lanes(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0.001);
    struct sender holder = {0};

    CHECK(f, !waited_to_send(f, outbound, BURST, 9001, 0));
    start_sender(&holder, f, outbound, 9002);
    CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, !waited_to_send(f, outbound, 5000, 1, 1)); /* enough for several sweeps */
    CHECK(f, holder.r == 0);
    finish(&holder);
    for (int64_t chat_id = 1000; chat_id <= 9001; chat_id += 8001) { /* 1000 and 9001 */
        struct sender late = {0};
        for (int i = 1; i < BURST && chat_id == 1000; i++)
            send_message(f, outbound, chat_id);
        start_sender(&late, f, outbound, chat_id);
        CHECK(f, wait_sleep(f->loop, 1) == 0);
        CHECK(f, late.r == NOT_YET); /* what it spent is not forgotten */
        task_cancel(late.task);
        finish(&late);
    }
    outbound_free(outbound);
}

static void who_has_to_wait_is_not_forgotten(void **state)
{
    (void)state;
    run_in_loop(forget_idle_lanes);
}

static void send_to_very_many(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);

    CHECK(f, !waited_to_send(f, outbound, 10000, 1, 1));
    size_t before = mallinfo2().uordblks;
    CHECK(f, !waited_to_send(f, outbound, 100000, 100000, 1));
    size_t after = mallinfo2().uordblks; /* both 0 where the allocator is not the C library's */
    CHECK(f, after < before + (2 << 20));
    CHECK(f, outbound_lane_count(outbound) < 5000);
    CHECK(f, AISHA_ASAN || AISHA_TSAN || after > 0);
    outbound_free(outbound);
}

static void memory_does_not_grow_with_the_number_of_chats(void **state)
{
    (void)state;
    run_in_loop(send_to_very_many);
}

static void sweep_under_cancelled(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);
    struct sender cancelled = {0};

    struct outbound_call holder = {.chat_id = -1};
    CHECK(f, outbound_enter(outbound, &holder) == 0);
    start_sender(&cancelled, f, outbound, -1);
    CHECK(f, wait_yield(f->loop) == 0);
    task_cancel(cancelled.task); /* still in the lane's queue until it runs */
    outbound_leave(outbound, &holder, 0);
    CHECK(f, !waited_to_send(f, outbound, 5000, 1, 1));
    CHECK(f, wait_for(&cancelled.done, 20000) == 0);
    CHECK(f, cancelled.r == -AISHA_E_CANCELED);
    outbound_free(outbound);
}

static void a_lane_that_is_still_in_use_is_not_swept(void **state)
{
    (void)state;
    run_in_loop(sweep_under_cancelled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_chat_one_sends_after_the_other),
        cmocka_unit_test(without_rates_nobody_waits),
        cmocka_unit_test(a_chat_has_a_burst_and_then_its_rate),
        cmocka_unit_test(all_chats_share_one_rate),
        cmocka_unit_test(who_is_cancelled_in_the_queue_leaves_it_in_order),
        cmocka_unit_test(who_is_cancelled_in_a_pause_passes_the_turn_on),
        cmocka_unit_test(who_gives_up_has_spent_nothing),
        cmocka_unit_test(stopping_the_loop_ends_all_waiting),
        cmocka_unit_test(who_has_to_wait_is_not_forgotten),
        cmocka_unit_test(memory_does_not_grow_with_the_number_of_chats),
        cmocka_unit_test(a_lane_that_is_still_in_use_is_not_swept),
    };

    return cmocka_run_group_tests_name("outbound", tests, NULL, NULL);
}

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
#include "host/telegram/outbound.h"
#include "tests/unit/loop_fixture.h"

enum { BURST = 5 /* to one chat, before its rate counts */, NOT_YET = 99 };

/* A task that enters a chat and stays there until it is told to leave. */
struct sender {
    struct loop_fixture *f;
    struct outbound *outbound;
    struct outbound_call call;
    char name, *trace;
    int r;
    struct task *task;
    struct wait leave, done;
};

static void send_one(void *arg)
{
    struct sender *sender = arg;

    sender->r = outbound_enter(sender->outbound, &sender->call);
    if (sender->r == 0) {
        if (sender->trace)
            sender->trace[strlen(sender->trace)] = sender->name;
        wait_for_uncancelled(&sender->leave, WAIT_FOREVER);
        outbound_leave(sender->outbound, &sender->call, 0);
    }
    wait_wake(&sender->done, 0);
}

static void start_sender(struct sender *sender, struct loop_fixture *f, struct outbound *outbound,
                         int64_t chat_id)
{
    sender->f = f;
    sender->outbound = outbound;
    sender->call.chat_id = chat_id;
    sender->call.messages = 1;
    sender->r = NOT_YET;
    wait_init(&sender->leave, f->loop);
    wait_init(&sender->done, f->loop);
    CHECK(f, task_start(f->loop, "sender", send_one, sender, &sender->task) == 0);
}

static void finish(struct sender *sender)
{
    wait_wake(&sender->leave, 0);
    CHECK(sender->f, wait_for(&sender->done, 20000) == 0);
}

static struct outbound *new_outbound(struct loop_fixture *f, double rate, double chat_rate)
{
    struct outbound *outbound = NULL;
    const struct outbound_options options = {
        .rate = rate, .chat_rate = chat_rate, .group_rate = 60 * chat_rate + 5};

    CHECK(f, outbound_new(&outbound, f->loop, &options) == 0);
    return outbound;
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

static void send_message(struct loop_fixture *f, struct outbound *outbound, int64_t chat_id)
{
    struct outbound_call call = {.chat_id = chat_id, .messages = 1};

    CHECK(f, outbound_enter(outbound, &call) == 0);
    outbound_leave(outbound, &call, 0);
}

/* Sends that many messages, to one chat or to a new one each; returns whether it had to wait. */
static bool waited_to_send(struct loop_fixture *f, struct outbound *outbound, int count,
                           int64_t first_chat, int step)
{
    bool *has_waited = arena_alloc(&f->arena, sizeof *has_waited); /* the task may outlive us */

    CHECK(f, task_start(f->loop, "flag", set_flag, has_waited, NULL) == 0);
    for (int i = 0; i < count; i++) {
        send_message(f, outbound, first_chat + (int64_t)i * step);
    }
    return *has_waited;
}

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

/* ---- priorities ---- */

static void start_urgent(struct sender *sender, struct loop_fixture *f, struct outbound *outbound,
                         int64_t chat_id, enum outbound_priority priority, char *trace)
{
    static const char names[] = {'i', 'n', 'b'};

    sender->call.priority = priority;
    sender->name = names[priority];
    sender->trace = trace;
    start_sender(sender, f, outbound, chat_id);
}

static void send_by_priority(struct loop_fixture *f)
{
    static const enum outbound_priority order[] = {OUTBOUND_BROADCAST, OUTBOUND_NOTIFICATION,
                                                   OUTBOUND_INTERACTIVE};
    struct outbound *outbound = new_outbound(f, 20, 0);
    struct sender senders[12] = {0};
    char trace[16] = "";

    CHECK(f, !waited_to_send(f, outbound, 20, 100, 1));
    for (int i = 0; i < 12; i++) { /* to one chat, and to many */
        start_urgent(&senders[i], f, outbound, i < 6 ? 1 : i, order[i % 3], trace);
        wait_wake(&senders[i].leave, 0);
    }
    for (int i = 0; i < 12; i++)
        finish(&senders[i]);
    CHECK(f, strcmp(trace, "iiiinnnnbbbb") == 0);
    outbound_free(outbound);
}

static void who_is_more_urgent_goes_first(void **state)
{
    (void)state;
    run_in_loop(send_by_priority);
}

static void send_broadcast(struct loop_fixture *f)
{
    enum { COUNT = 300 };
    struct outbound *outbound = new_outbound(f, 100, 0);
    struct sender *all = arena_alloc(&f->arena, COUNT * sizeof *all);
    struct sender answer = {0};
    char trace[COUNT + 2] = "";

    for (int i = 0; i < COUNT; i++) {
        start_urgent(&all[i], f, outbound, 1000 + i, OUTBOUND_BROADCAST, trace);
        wait_wake(&all[i].leave, 0);
    }
    CHECK(f, wait_for(&all[120].done, 20000) == 0);
    start_urgent(&answer, f, outbound, 1, OUTBOUND_INTERACTIVE, trace);
    finish(&answer);
    size_t before = strcspn(trace, "i");
    CHECK(f, before > 120 && before < 130 && trace[before] == 'i');
    for (int i = 121; i < COUNT; i++)
        CHECK(f, wait_for(&all[i].done, 20000) == 0);
    outbound_free(outbound);
}

static void an_answer_overtakes_a_broadcast(void **state)
{
    (void)state;
    run_in_loop(send_broadcast);
}

static void try_again(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);
    struct outbound_call first = {.chat_id = 1, .messages = 1};
    struct sender second = {0}, urgent = {0};
    char trace[8] = "";

    first.priority = OUTBOUND_NOTIFICATION;
    CHECK(f, outbound_enter(outbound, &first) == 0);
    start_urgent(&second, f, outbound, 1, OUTBOUND_NOTIFICATION, trace);
    start_urgent(&urgent, f, outbound, 1, OUTBOUND_INTERACTIVE, trace);
    wait_wake(&urgent.leave, 0);
    CHECK(f, wait_yield(f->loop) == 0);
    int64_t before_ms = loop_now_ms(f->loop);
    outbound_leave(outbound, &first, 100);
    first.is_again = true;
    CHECK(f, outbound_enter(outbound, &first) == 0);
    CHECK(f, loop_now_ms(f->loop) - before_ms >= 100);
    CHECK(f, strcmp(trace, "i") == 0);
    outbound_leave(outbound, &first, 0);
    finish(&second);
    CHECK(f, strcmp(trace, "in") == 0 && urgent.r == 0);
    outbound_free(outbound);
}

static void who_tries_again_keeps_its_place(void **state)
{
    (void)state;
    run_in_loop(try_again);
}

/* ---- groups ---- */

static void send_to_group(struct loop_fixture *f)
{
    struct outbound *outbound = NULL;
    const struct outbound_options options = {.chat_rate = 1000, .group_rate = 20};
    struct sender late = {0};

    CHECK(f, outbound_new(&outbound, f->loop, &options) == 0);
    CHECK(f, !waited_to_send(f, outbound, BURST, -5, 0));
    start_sender(&late, f, outbound, -5); /* 15 in a minute after the burst: never more than 20 */
    CHECK(f, wait_sleep(f->loop, 3500) == 0);
    CHECK(f, late.r == NOT_YET);
    finish(&late);
    CHECK(f, late.r == 0);
    struct outbound_call album = {.chat_id = -6, .messages = 10};
    struct outbound_call typing = {.chat_id = -6};
    CHECK(f, outbound_enter(outbound, &album) == 0); /* more than the burst: when that is whole */
    outbound_leave(outbound, &album, 0);
    CHECK(f, outbound_enter(outbound, &typing) == 0); /* counts nothing and waits for nothing */
    outbound_leave(outbound, &typing, 0);
    start_sender(&late, f, outbound, -6);
    CHECK(f, wait_sleep(f->loop, 4500) == 0);
    CHECK(f, late.r == NOT_YET);
    task_cancel(late.task);
    finish(&late);
    outbound_free(outbound);
}

static void groups_get_so_many_in_a_minute(void **state)
{
    (void)state;
    run_in_loop(send_to_group);
}

/* ---- edits ---- */

static void start_edit(struct sender *sender, struct loop_fixture *f, struct outbound *outbound,
                       int64_t message_id, unsigned kind)
{
    sender->call.edits_message = message_id;
    sender->call.edit_kind = kind;
    start_sender(sender, f, outbound, 1);
    wait_wake(&sender->leave, 0);
}

static void edit_often(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);
    struct sender holder = {0}, edits[5] = {0}, other = {0}, message = {0}, markup = {0};

    start_sender(&holder, f, outbound, 1);
    CHECK(f, wait_yield(f->loop) == 0);
    start_edit(&edits[0], f, outbound, 7, 1);
    start_edit(&other, f, outbound, 8, 1);
    start_edit(&markup, f, outbound, 7, 2);
    start_sender(&message, f, outbound, 1);
    wait_wake(&message.leave, 0);
    edits[2].call.priority = OUTBOUND_BROADCAST;
    for (int i = 1; i < 5; i++)
        start_edit(&edits[i], f, outbound, 7, 1);
    for (int i = 0; i < 4; i++) {
        finish(&edits[i]);
        CHECK(f, edits[i].r == OUTBOUND_REPLACED);
    }
    CHECK(f, edits[4].r == NOT_YET && other.r == NOT_YET && markup.r == NOT_YET);
    finish(&holder);
    finish(&message);
    finish(&other);
    finish(&markup);
    finish(&edits[4]);
    CHECK(f, edits[4].r == 0 && other.r == 0 && message.r == 0 && markup.r == 0);
    outbound_free(outbound);
}

static void only_the_last_of_waiting_edits_is_sent(void **state)
{
    (void)state;
    run_in_loop(edit_often);
}

static void edit_again(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);
    struct outbound_call first = {.chat_id = 1, .edits_message = 7};
    struct sender later = {0};

    CHECK(f, outbound_enter(outbound, &first) == 0);
    start_edit(&later, f, outbound, 7, 0);
    CHECK(f, wait_yield(f->loop) == 0);
    CHECK(f, later.r == NOT_YET);
    outbound_leave(outbound, &first, 50);
    first.is_again = true;
    CHECK(f, outbound_enter(outbound, &first) == OUTBOUND_REPLACED);
    finish(&later);
    CHECK(f, later.r == 0);
    outbound_free(outbound);
}

static void an_edit_that_failed_does_not_undo_a_later_one(void **state)
{
    (void)state;
    run_in_loop(edit_again);
}

/* ---- floods ---- */

static void flood(struct loop_fixture *f, struct outbound *outbound, int64_t chat_id,
                  int64_t pause_ms)
{
    struct outbound_call call = {.chat_id = chat_id, .messages = 1};

    CHECK(f, outbound_enter(outbound, &call) == 0);
    outbound_leave_flooded(outbound, &call, pause_ms);
}

static void be_flooded(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 10);

    flood(f, outbound, 1, 300);
    CHECK(f, !waited_to_send(f, outbound, 1, 2, 0)); /* one alone says nothing of others */
    CHECK(f, waited_to_send(f, outbound, 1, 1, 0));
    CHECK(f, !waited_to_send(f, outbound, BURST - 1, 3, 0));
    flood(f, outbound, 3, 300); /* its allowance is used up: that explains it */
    CHECK(f, !waited_to_send(f, outbound, 1, 4, 0));
    flood(f, outbound, 5, 300);
    CHECK(f, waited_to_send(f, outbound, 1, 6, 0)); /* after 1, a second one */
    outbound_free(outbound);
}

static void two_unexplained_floods_are_everybodys(void **state)
{
    (void)state;
    run_in_loop(be_flooded);
}

static void be_flooded_for_long(struct loop_fixture *f)
{
    struct outbound *outbound = new_outbound(f, 0, 0);
    struct outbound_call call = {.chat_id = 1};
    struct sender waiting = {0};

    CHECK(f, outbound_enter(outbound, &call) == 0);
    start_sender(&waiting, f, outbound, 1);
    CHECK(f, wait_yield(f->loop) == 0);
    outbound_leave_flooded(outbound, &call, (OUTBOUND_PATIENCE_S + 1) * 1000);
    finish(&waiting);
    CHECK(f, waiting.r == OUTBOUND_RESTS);
    CHECK(f, outbound_enter(outbound, &call) == OUTBOUND_RESTS);
    CHECK(f, outbound_rest_ms(outbound, 1) > OUTBOUND_PATIENCE_S * 1000);
    CHECK(f, outbound_rest_ms(outbound, 2) == 0);
    CHECK(f, outbound_lane_count(outbound) == 1);
    outbound_free(outbound);
}

static void nobody_waits_for_hours(void **state)
{
    (void)state;
    run_in_loop(be_flooded_for_long);
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
        cmocka_unit_test(who_is_more_urgent_goes_first),
        cmocka_unit_test(an_answer_overtakes_a_broadcast),
        cmocka_unit_test(who_tries_again_keeps_its_place),
        cmocka_unit_test(groups_get_so_many_in_a_minute),
        cmocka_unit_test(only_the_last_of_waiting_edits_is_sent),
        cmocka_unit_test(an_edit_that_failed_does_not_undo_a_later_one),
        cmocka_unit_test(two_unexplained_floods_are_everybodys),
        cmocka_unit_test(nobody_waits_for_hours),
    };

    return cmocka_run_group_tests_name("outbound", tests, NULL, NULL);
}

/*
 * Outbound: who goes before whom, what is never sent, and what Telegram's refusals stop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "tests/unit/outbound_fixture.h"

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
        cmocka_unit_test(who_is_more_urgent_goes_first),
        cmocka_unit_test(an_answer_overtakes_a_broadcast),
        cmocka_unit_test(who_tries_again_keeps_its_place),
        cmocka_unit_test(groups_get_so_many_in_a_minute),
        cmocka_unit_test(only_the_last_of_waiting_edits_is_sent),
        cmocka_unit_test(an_edit_that_failed_does_not_undo_a_later_one),
        cmocka_unit_test(two_unexplained_floods_are_everybodys),
        cmocka_unit_test(nobody_waits_for_hours),
    };

    return cmocka_run_group_tests_name("outbound_order", tests, NULL, NULL);
}

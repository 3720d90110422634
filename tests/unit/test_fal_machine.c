/*
 * The life of a request to fal.ai: every event in every state as it was meant, and every pair of
 * events in every state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/fal/machine.h"

/* A letter for each state; "." = nothing changes, "!" = it is not wanted any more. */
static const char letters[FAL_STATE_COUNT + 1] = "WMSQRCsfxe";

static const char *const wanted[FAL_STATE_COUNT] = {
    /*               turn accepted declined repeat in_queue in_progress done collected error cancel
                     stopped deadline */
    [FAL_WAITING] = "M.....C.fx.e",   [FAL_SUBMITTING] = ".SWW..C.f!xe",
    [FAL_SUBMITTED] = "....QRC.f!xe", [FAL_QUEUED] = ".....RC.f!xe",
    [FAL_RUNNING] = "......C.f!xe",   [FAL_COLLECTING] = ".......sf...",
    [FAL_SUCCEEDED] = "............", [FAL_FAILED] = "............",
    [FAL_CANCELLED] = "............", [FAL_EXPIRED] = "............",
};

static void each_event_does_what_was_meant(void **state)
{
    (void)state;
    for (int s = 0; s < FAL_STATE_COUNT; s++) {
        char found[FAL_EVENT_COUNT + 1] = "";
        for (int e = 0; e < FAL_EVENT_COUNT; e++) {
            struct fal_machine machine = {.state = (enum fal_state)s};
            bool has_changed = fal_machine_apply(&machine, (enum fal_event)e);
            found[e] = machine.is_unwanted ? '!' : has_changed ? letters[machine.state] : '.';
            assert_true(has_changed || (int)machine.state == s);
        }
        assert_string_equal(found, wanted[s]);
    }
}

typedef void check(struct fal_machine start, enum fal_event first, enum fal_event second);

static void for_every_pair(check *run)
{
    for (int s = 0; s < FAL_STATE_COUNT; s++)
        for (int unwanted = 0; unwanted < 2; unwanted++)
            for (int a = 0; a < FAL_EVENT_COUNT; a++)
                for (int b = 0; b < FAL_EVENT_COUNT; b++)
                    run((struct fal_machine){.state = (enum fal_state)s, .is_unwanted = unwanted},
                        (enum fal_event)a, (enum fal_event)b);
}

static struct fal_machine after(struct fal_machine machine, enum fal_event event)
{
    fal_machine_apply(&machine, event);
    return machine;
}

static bool is_same(struct fal_machine a, struct fal_machine b)
{
    return a.state == b.state && a.is_unwanted == b.is_unwanted;
}

/* Where it is sent back to wait, and nowhere else. */
static bool is_sent_back(enum fal_event event)
{
    return event == FAL_DECLINED || event == FAL_REPEAT;
}

static void check_forward(struct fal_machine start, enum fal_event first, enum fal_event second)
{
    struct fal_machine one = after(start, first), two = after(one, second);

    if (!is_sent_back(first) && !is_sent_back(second))
        assert_true(two.state >= one.state && one.state >= start.state);
    if (fal_state_is_end(start.state))
        assert_true(is_same(two, start)); /* T-6 */
    if (fal_state_is_end(one.state))
        assert_true(is_same(two, one));
    assert_true(two.is_unwanted || !start.is_unwanted);
}

static void nothing_goes_backwards_and_no_end_is_left(void **state)
{
    (void)state;
    for_every_pair(check_forward);
}

static void check_twice(struct fal_machine start, enum fal_event first, enum fal_event second)
{
    struct fal_machine one = after(start, first), two = after(one, second);

    assert_true(is_same(after(one, first), one));
    if (first == second)
        assert_true(is_same(two, one));
}

static void an_event_twice_is_an_event_once(void **state)
{
    (void)state;
    for_every_pair(check_twice);
}

static bool is_report(enum fal_event event)
{
    return event == FAL_IN_QUEUE || event == FAL_IN_PROGRESS || event == FAL_DONE;
}

static void check_order(struct fal_machine start, enum fal_event first, enum fal_event second)
{
    if (is_report(first) && is_report(second))
        assert_true(
            is_same(after(after(start, first), second), after(after(start, second), first)));
    /* A late report does not bring anything back. */
    if (is_report(second) && second != FAL_DONE && fal_state_is_end(after(start, first).state))
        assert_true(is_same(after(after(start, first), second), after(start, first)));
}

static void what_the_provider_says_may_come_in_any_order(void **state)
{
    (void)state;
    for_every_pair(check_order);
}

/* It is sent once for each turn, and a turn is only given to what waits. */
static void check_submits(struct fal_machine start, enum fal_event first, enum fal_event second)
{
    struct fal_machine one = after(start, first), two = after(one, second);
    bool is_sent = two.state == FAL_SUBMITTING && one.state != FAL_SUBMITTING;

    assert_true(!is_sent || (one.state == FAL_WAITING && second == FAL_TURN));
    if (one.state == FAL_WAITING && start.state != FAL_WAITING)
        assert_true(start.state == FAL_SUBMITTING && is_sent_back(first));
    if (start.is_unwanted && start.state != FAL_WAITING)
        assert_int_not_equal(two.state, FAL_WAITING);
}

static void nothing_is_sent_twice(void **state)
{
    (void)state;
    for_every_pair(check_submits);
}

static void check_paid(struct fal_machine start, enum fal_event first, enum fal_event second)
{
    struct fal_machine done = after(start, FAL_DONE);
    bool is_expected = first != FAL_ERROR && second != FAL_ERROR;

    if (done.state != FAL_COLLECTING || !is_expected)
        return;
    enum fal_state state = after(after(done, first), second).state;
    assert_true(state == FAL_COLLECTING || state == FAL_SUCCEEDED);
}

static void what_is_done_is_paid_for_and_not_given_up(void **state)
{
    (void)state;
    for_every_pair(check_paid);
}

static void states_have_names(void **state)
{
    (void)state;
    for (int s = 0; s < FAL_STATE_COUNT; s++)
        assert_int_equal(fal_state_of_name(fal_state_name((enum fal_state)s)), s);
    assert_int_equal(fal_state_of_name("training"), -1);
    assert_int_equal(fal_state_of_name(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_does_what_was_meant),
        cmocka_unit_test(nothing_goes_backwards_and_no_end_is_left),
        cmocka_unit_test(an_event_twice_is_an_event_once),
        cmocka_unit_test(what_the_provider_says_may_come_in_any_order),
        cmocka_unit_test(nothing_is_sent_twice),
        cmocka_unit_test(what_is_done_is_paid_for_and_not_given_up),
        cmocka_unit_test(states_have_names),
    };

    return cmocka_run_group_tests_name("fal_machine", tests, NULL, NULL);
}

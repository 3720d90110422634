/*
 * The ledger when money goes back while credits are held: nobody keeps both, nobody loses what they
 * have paid for, and that also when it happens at the moment in which something ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/core/wait.h"
#include "plugins/balance/invoice.h"
#include "tests/unit/ledger_fixture.h"

/* ---- one after the other ---- */

#define CHECK_OWED(f, wanted) CHECK_INT((f), account_of((f), 0).owed, (wanted))

/* What is said of the refund of payment n, at any time after it. */
static AISHA_ASYNC void check_refund(struct fixture *f, int64_t n, struct refund wanted)
{
    struct aisha_ctx unit = {.f = f, .user_id = "user-0"};
    struct refund refund = {0};

    CHECK(f, payment_find_refund(&unit, unit.user_id,
                                 arena_printf(&unit.arena, "user-0-c%lld", (long long)n),
                                 &refund) == 0);
    CHECK_INT(f, refund.taken, wanted.taken);
    CHECK_INT(f, refund.owed, wanted.owed);
    CHECK_INT(f, refund.spent, wanted.spent);
    arena_clear(&unit.arena);
}

/* Bought, begun, refunded, cancelled. */
static void refund_during_job(struct fixture *f)
{
    make_ledger(f, 1,
                12); /* 40; quote n costs 150 (n % 7 + 1), payment n gives 700, an odd one 750 */
    DO(f, {OP_PAY, 0, 1}, {OP_HOLD, 0, 3}); /* 190 are not held */
    for (int i = 0; i < 2; i++) {
        CHECK_INT(f, run_alone(f, (struct op){OP_UNPAY, 0, 1}), i ? LEDGER_BEFORE : 0);
        CHECK_ACCOUNT(f, 0, 0, 600);
        CHECK_OWED(f, 560);
    }
    for (int i = 0; i < 2; i++) {
        DO(f, {OP_END_JOB, 0, 3});
        CHECK_ACCOUNT(f, 0, 40, 0);
        CHECK_OWED(f, 0);
    }
    check_refund(f, 1, (struct refund){190, 560, 0});
    check_ledger(f);
}

static void what_is_held_at_a_refund_is_taken_when_it_comes_back(void **state)
{
    run_with_db(*state, refund_during_job);
}

static void refund_what_is_delivered(struct fixture *f)
{
    make_ledger(f, 1, 12);
    DO(f, {OP_PAY, 0, 2}, {OP_HOLD, 0, 10}, {OP_UNPAY, 0, 2});
    CHECK_ACCOUNT(f, 0, 0, 600);
    CHECK_OWED(f, 560);
    DO(f, {OP_CAPTURE, 0, 10}); /* 150 of it */
    CHECK_ACCOUNT(f, 0, 0, 0);
    CHECK_OWED(f, 0);
    DO(f, {OP_PAY, 0, 3}, {OP_HOLD, 0, 1}, {OP_END_JOB, 0, 1}, {OP_HOLD, 0, 2}, {OP_RELEASE, 0, 2});
    CHECK_ACCOUNT(f, 0, 750, 0);
    check_refund(f, 2, (struct refund){140, 560, 0});
    check_ledger(f);
}

static void what_was_delivered_after_a_refund_is_forgiven(void **state)
{
    run_with_db(*state, refund_what_is_delivered);
}

static void refund_what_was_spent(struct fixture *f)
{
    make_ledger(f, 1, 12);
    DO(f, {OP_PAY, 0, 2}, {OP_HOLD, 0, 2}, {OP_CAPTURE, 0, 2}); /* 450 */
    DO(f, {OP_HOLD, 0, 0}, {OP_UNPAY, 0, 2});                   /* 140 and the 150 that are held */
    check_refund(f, 2, (struct refund){140, 150, 410});
    DO(f, {OP_PAY, 0, 4}, {OP_HOLD, 0, 3}, {OP_UNPAY, 0, 4}); /* 600 held, the 150 owed already */
    check_refund(f, 4, (struct refund){100, 600, 0});
    CHECK_OWED(f, 750);
    DO(f, {OP_PAY, 0, 6}, {OP_HOLD, 0, 10}, {OP_UNPAY, 0, 6}, {OP_RELEASE, 0, 10});
    CHECK_ACCOUNT(f, 0, 0, 750);
    DO(f, {OP_RELEASE, 0, 0}, {OP_END_JOB, 0, 3});
    CHECK_ACCOUNT(f, 0, 0, 0);
    check_ledger(f);
}

static void no_more_is_owed_than_is_held(void **state)
{
    run_with_db(*state, refund_what_was_spent);
}

static void refund_in_parts(struct fixture *f)
{
    make_ledger(f, 1, 12);
    DO(f, {OP_PAY, 0, 4}, {OP_PAY, 0, 5}, {OP_HOLD, 0, 0}, {OP_HOLD, 0, 1}, {OP_HOLD, 0, 5});
    DO(f, {OP_UNPAY, 0, 5}, {OP_UNPAY, 0, 4});
    CHECK_ACCOUNT(f, 0, 0, 150 + 300 + 900);
    CHECK_OWED(f, 610 + 700);
    DO(f, {OP_END_JOB, 0, 1});
    CHECK_ACCOUNT(f, 0, 0, 150 + 900);
    CHECK_OWED(f, 1010);
    DO(f, {OP_PAY, 0, 6}, {OP_HOLD, 0, 3}, {OP_CAPTURE, 0, 0}); /* still less than is held */
    CHECK_ACCOUNT(f, 0, 100, 900 + 600);
    CHECK_OWED(f, 1010);
    DO(f, {OP_END_JOB, 0, 3}); /* whatever comes back first */
    CHECK_ACCOUNT(f, 0, 100, 900);
    CHECK_OWED(f, 410);
    DO(f, {OP_CAPTURE, 0, 5});                  /* 150 of it */
    CHECK_ACCOUNT(f, 0, 40 + 700 - 2 * 150, 0); /* as if the refunded ones had never been */
    CHECK_OWED(f, 0);
    check_ledger(f);
}

static void what_is_owed_is_taken_from_all_that_comes_back(void **state)
{
    run_with_db(*state, refund_in_parts);
}

/* ---- two at the same moment ---- */

static const struct meeting {
    enum op_kind first, second;
    int64_t second_r, balance, held, owed;
} meetings[] = {
    /* of somebody who has 590, 900 held for a job, of which 150 may be delivered, and paid for 750 */
    {OP_UNPAY, OP_END_JOB, 0, 740, 0, 0},
    {OP_END_JOB, OP_UNPAY, 0, 740, 0, 0},
    {OP_UNPAY, OP_CAPTURE, 0, 590, 0, 0},
    {OP_CAPTURE, OP_UNPAY, 0, 590, 0, 0},
    {OP_UNPAY, OP_UNPAY, LEDGER_BEFORE, 0, 900, 160},
    {OP_END_JOB, OP_END_JOB, 0, 1490, 0, 0},
    {OP_END_JOB, OP_CAPTURE, LEDGER_BEFORE, 1490, 0, 0},
    {OP_CAPTURE, OP_END_JOB, 0, 1340, 0, 0},
    {OP_UNPAY, OP_RELEASE, 0, 740, 0, 0},
    {OP_RELEASE, OP_UNPAY, 0, 740, 0, 0},
};

enum { MEETINGS = sizeof meetings / sizeof *meetings };

static struct met {
    int64_t user;
    struct wait first_is_there; /* all of it is done but the commit */
    bool is_second_done;
} met;

static struct op op_of(enum op_kind kind)
{
    return (struct op){kind, met.user, kind == OP_UNPAY ? 1 : 5};
}

/* The second runs until it stands before the account; on SQLite it has not begun. */
static AISHA_ASYNC void let_second_come(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;
    bool is_waiting = !is_on_postgres();

    wait_wake(&met.first_is_there, 0);
    while (!is_waiting && !met.is_second_done && ctx->f->failures == 0) {
        CHECK(ctx->f, db_query(ctx->f->db, &ctx->arena,
                               &AISHA_SQL("SELECT COUNT(*) AS n FROM pg_stat_activity WHERE"
                                          " datname = current_database() AND query NOT LIKE"
                                          " '%pg_stat_activity%' AND wait_event_type = 'Lock'"),
                               &rows) == 0);
        is_waiting = aisha_cell_int(rows, 0, "n") > 0;
    }
    CHECK(ctx->f, is_waiting);
}

static void run_one(struct fixture *f, int64_t n)
{
    const struct meeting *meeting = &meetings[met.user];

    if (n == 0) {
        struct aisha_ctx unit = {.f = f,
                                 .user_id =
                                     arena_printf(&f->arena, "user-%lld", (long long)met.user),
                                 .before_commit = let_second_come};
        CHECK_INT(f, run_op(&unit, op_of(meeting->first)), 0);
        wait_wake(&met.first_is_there, 0); /* in case it failed before */
        arena_clear(&unit.arena);
    } else {
        CHECK(f, wait_for(&met.first_is_there, WAIT_FOREVER) == 0);
        CHECK_INT(f, run_alone(f, op_of(meeting->second)), meeting->second_r);
        met.is_second_done = true;
    }
}

static void meet(struct fixture *f)
{
    make_ledger(f, MEETINGS, 12);
    for (int64_t user = 0; user < MEETINGS; user++) {
        const struct meeting *meeting = &meetings[user];
        met = (struct met){.user = user};
        wait_init(&met.first_is_there, f->loop);
        DO(f, {OP_PAY, user, 1}, {OP_PAY, user, 2}, {OP_HOLD, user, 5});
        run_many(f, 2, run_one);
        CHECK_ACCOUNT(f, user, meeting->balance, meeting->held);
        CHECK_INT(f, account_of(f, user).owed, meeting->owed);
        check_ledger(f);
    }
}

static void who_comes_second_goes_by_what_the_first_has_done(void **state)
{
    run_with_db(*state, meet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_is_held_at_a_refund_is_taken_when_it_comes_back),
        WITH_FIXTURE(what_was_delivered_after_a_refund_is_forgiven),
        WITH_FIXTURE(no_more_is_owed_than_is_held),
        WITH_FIXTURE(what_is_owed_is_taken_from_all_that_comes_back),
        WITH_FIXTURE(who_comes_second_goes_by_what_the_first_has_done),
    };

    return RUN_ON_DATABASES("ledger_refunds", tests, 0);
}

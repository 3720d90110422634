/*
 * The ledger: what each movement does, once, and that nothing of it is there when it was cut off
 * between any two of its statements.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/store/migrate.h"
#include "plugins/balance/schema.h"
#include "plugins/balance/tariff.h"
#include "tests/unit/ledger_fixture.h"

enum { MOST_STEPS = 40 };

/* ---- prices ---- */

static void prices_are_what_the_operator_wrote(void **state)
{
    static const char list[] =
        "avatar 150, image 5 per item,\n audio 10 per minute first 60 free,x 2.5";
    struct tariff tariff;

    (void)state;
    assert_null(tariff_mistake(list));
    assert_true(tariff_find(list, "avatar", &tariff));
    assert_int_equal(tariff_cost(&tariff, 1), 15000);
    assert_int_equal(tariff_cost(&tariff, 7), 15000);
    assert_int_equal(tariff_cost(&tariff, 0), 0);
    assert_true(tariff_find(list, "image", &tariff));
    assert_int_equal(tariff_cost(&tariff, 4), 2000);
    assert_true(tariff_find(list, "x", &tariff));
    assert_int_equal(tariff_cost(&tariff, 1), 250);
    assert_false(tariff_find(list, "video", &tariff));
}

static void the_first_minute_is_free_and_each_started_one_costs(void **state)
{
    static const struct {
        int64_t seconds, credits;
    } cases[] = {{0, 0},    {1, 0},    {59, 0},      {60, 0}, {61, 10},
                 {120, 10}, {121, 20}, {7200, 1190}, {-5, 0}, {INT64_MIN, 0}};
    struct tariff tariff;

    (void)state;
    assert_true(tariff_find("audio 10 per minute first 60 free", "audio", &tariff));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(tariff_cost(&tariff, cases[i].seconds), cases[i].credits * CREDIT);
    assert_int_equal(tariff_cost(&tariff, INT64_MAX), LEDGER_MAX_AMOUNT);
}

static void a_list_that_cannot_be_understood_is_refused(void **state)
{
    static const char *const lists[] = {
        "avatar",
        "avatar -5",
        "avatar 1e9",
        "avatar 5 per mile",
        "avatar 5 per",
        "avatar 5 first 3",
        "avatar 1.234",
        "avatar 99999999999999",
        "avatar 5 6",
        "avatar 5,,x 1",
        "avatar 5 first 60 free",
        "avatar 5 per item first 1.5 free",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!tariff_mistake(lists[i]))
            fail_msg("\"%s\" was understood", lists[i]);
}

static void amounts_are_read_exactly_or_not_at_all(void **state)
{
    static const char *const wrong[] = {
        "",      "-1",   "+1",  " 1",          "1 ",    "1.",  ".5",
        "1.234", "0x10", "1e3", "10000000001", "1.5.5", "NaN", "99999999999999999999999",
        "١"};
    int64_t amount = -1;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (credits_parse(wrong[i], &amount))
            fail_msg("\"%s\" was read", wrong[i]);
    assert_true(credits_parse("2.5", &amount) && amount == 250);
    assert_true(credits_parse("2,05", &amount) && amount == 205);
    assert_true(credits_parse("0", &amount) && amount == 0);
    assert_true(credits_parse("10000000000", &amount) && amount == LEDGER_MAX_AMOUNT);
}

/* ---- movements ---- */

static void move_once(struct fixture *f)
{
    make_ledger(f, 1, 4); /* 40 hundredths; quote n costs 150 (n + 1) */
    CHECK(f, run_alone(f, (struct op){OP_TOPUP, 0, 1}) == 0);
    CHECK_ACCOUNT(f, 0, 40 + 38 * 25, 0);
    CHECK(f, run_alone(f, (struct op){OP_TOPUP, 0, 1}) == LEDGER_BEFORE);
    CHECK(f, run_alone(f, (struct op){OP_REFUND, 0, 1}) == 0);
    CHECK(f, run_alone(f, (struct op){OP_REFUND, 0, 1}) == LEDGER_BEFORE);
    CHECK_ACCOUNT(f, 0, 40, 0);
    CHECK(f, run_alone(f, (struct op){OP_REVOKE, 0, 2}) == LEDGER_SHORT);
    CHECK(f, run_alone(f, (struct op){OP_CORRECT, 0, 0}) == 0);
    CHECK_ACCOUNT(f, 0, 15, 0);
    check_ledger(f);
}

static void each_occasion_moves_credits_once_and_never_below_nothing(void **state)
{
    run_with_db(*state, move_once);
}

/* ---- totals ---- */

static void check_totals(struct fixture *f, struct ledger_totals wanted)
{
    struct aisha_ctx unit = {.f = f};
    struct ledger_totals totals;

    CHECK(f, ledger_total(&unit, &totals) == 0);
    CHECK_INT(f, totals.people, wanted.people);
    CHECK_INT(f, totals.balance, wanted.balance);
    CHECK_INT(f, totals.held, wanted.held);
    CHECK_INT(f, totals.bought, wanted.bought);
    CHECK_INT(f, totals.given, wanted.given);
    CHECK_INT(f, totals.spent, wanted.spent);
    CHECK_INT(f, totals.refunded, wanted.refunded);
    CHECK_INT(f, totals.revoked, wanted.revoked);
    arena_clear(&unit.arena);
}

static void move_all_kinds(struct fixture *f)
{
    struct ledger_totals wanted = {.people = 2, .balance = 80, .given = 80};

    make_ledger(f, 2, 4); /* 40 hundredths each */
    check_totals(f, wanted);
    CHECK(f, run_alone(f, (struct op){OP_TOPUP, 0, 1}) == 0);
    CHECK(f, run_alone(f, (struct op){OP_TOPUP, 0, 1}) == LEDGER_BEFORE);
    wanted.balance += 950;
    wanted.bought = 950;
    check_totals(f, wanted);
    CHECK(f, run_alone(f, (struct op){OP_HOLD, 0, 3}) == 0); /* 4 units, 600 */
    wanted.balance -= 600;
    wanted.held = 600;
    check_totals(f, wanted);
    CHECK(f, run_alone(f, (struct op){OP_CAPTURE, 0, 3}) == 0);
    wanted.held = 0;
    wanted.spent = 600;
    check_totals(f, wanted);
    CHECK(f, run_alone(f, (struct op){OP_REVOKE, 0, 3}) == 0);
    CHECK(f, run_alone(f, (struct op){OP_REFUND, 0, 0}) == 0);
    wanted.revoked = 300;
    wanted.refunded = 25;
    wanted.balance -= 325;
    check_totals(f, wanted);
    check_ledger(f);
    CHECK(f,
          QUERY(f, NULL,
                "INSERT INTO user_balances (user_id, balance, held, entries, updated_at, spent)"
                " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 39998)"
                " SELECT 'another-' || i, i % 2, 1, 0, 1, 3 FROM n") == 0);
    wanted.people += 39998 / 2; /* two full pages with the first two */
    wanted.balance += 39998 / 2;
    wanted.held += 39998;
    wanted.spent += 3 * 39998;
    check_totals(f, wanted);
}

static void totals_follow_each_movement(void **state)
{
    run_with_db(*state, move_all_kinds);
}

#define ENTRY(n, type, from, to, amount, balance)                                                  \
    "('user-0', " #n ", 'op-" #n "', '" type "', '" from "', '" to "', " #amount ", " #balance     \
    ", '', 1)"

/* As an earlier version has left it. */
static void come_from_before(struct fixture *f)
{
    struct aisha_ctx unit = {.f = f};
    struct ledger_report report;
    const char *error = "";

    CHECK(f, migrate(f->db, &f->arena, "balance", balance_migrations, 4, &error) == 0);
    CHECK(f, QUERY(f, NULL,
                   "INSERT INTO user_balances VALUES ('user-0', 60, 0, 7, 1),"
                   " ('user-1', 0, 0, 0, 1)") == 0);
    CHECK(
        f,
        QUERY(
            f, NULL,
            "INSERT INTO transactions VALUES " ENTRY(1, "topup", "payments", "user", 100, 100) "," ENTRY(
                2, "bonus", "gifts", "user", 10,
                110) "," ENTRY(3, "promo", "gifts", "user", 5,
                               115) "," ENTRY(4, "hold", "user", "held", 30,
                                              85) "," ENTRY(5, "capture", "held", "revenue", 30,
                                                            85) "," ENTRY(6, "refund", "user",
                                                                          "payments", 23,
                                                                          62) "," ENTRY(7, "revoke",
                                                                                        "user",
                                                                                        "gifts", 2,
                                                                                        60)) == 0);
    CHECK(f, migrate(f->db, &f->arena, "balance", balance_migrations, BALANCE_MIGRATIONS, &error) ==
                 0);
    check_totals(f, (struct ledger_totals){.people = 1,
                                           .balance = 60,
                                           .bought = 100,
                                           .given = 15,
                                           .spent = 30,
                                           .refunded = 23,
                                           .revoked = 2});
    CHECK(f, ledger_verify(&unit, &report) == 0);
    CHECK_INT(f, report.wrong_sums, 0);
    CHECK(f, QUERY(f, NULL, "UPDATE user_balances SET given = given + 1 WHERE balance > 0") == 0);
    CHECK(f, ledger_verify(&unit, &report) == 0);
    CHECK_INT(f, report.wrong_sums, 1);
    arena_clear(&unit.arena);
}

static void totals_of_an_older_ledger_are_made_up(void **state)
{
    run_with_db(*state, come_from_before);
}

/* ---- holds ---- */

static void hold_and_capture(struct fixture *f)
{
    make_ledger(f, 1, 12);
    for (int64_t n = 11; n < 13; n++)
        CHECK(f, run_alone(f, (struct op){OP_TOPUP, 0, n}) == 0);
    int64_t balance = account_of(f, 0).balance;
    CHECK(f, run_alone(f, (struct op){OP_CAPTURE, 0, 3}) == LEDGER_NO_HOLD);
    CHECK(f, run_alone(f, (struct op){OP_HOLD, 0, 3}) == 0); /* 4 units, 600 */
    CHECK(f, run_alone(f, (struct op){OP_HOLD, 0, 3}) == LEDGER_BEFORE);
    CHECK_ACCOUNT(f, 0, balance - 600, 600);
    CHECK(f, run_alone(f, (struct op){OP_CAPTURE, 0, 3}) == 0); /* 4 units */
    CHECK(f, run_alone(f, (struct op){OP_CAPTURE, 0, 3}) == LEDGER_BEFORE);
    CHECK(f, run_alone(f, (struct op){OP_RELEASE, 0, 3}) == LEDGER_BEFORE);
    CHECK(f, run_alone(f, (struct op){OP_END_JOB, 0, 3}) == 0);
    CHECK_ACCOUNT(f, 0, balance - 600, 0);
    balance -= 600;
    CHECK(f, run_alone(f, (struct op){OP_HOLD, 0, 6}) == LEDGER_SHORT); /* 7 units, 1050 */
    CHECK(f, run_alone(f, (struct op){OP_HOLD, 0, 99}) == LEDGER_OUTDATED);
    CHECK_ACCOUNT(f, 0, balance, 0);
    CHECK(f, run_alone(f, (struct op){OP_HOLD, 0, 11}) == 0);    /* 5 units, 750 */
    CHECK(f, run_alone(f, (struct op){OP_CAPTURE, 0, 11}) == 0); /* 2 units */
    CHECK_ACCOUNT(f, 0, balance - 300, 0);
    check_ledger(f);
}

static void a_hold_is_captured_once_as_far_as_it_was_delivered(void **state)
{
    run_with_db(*state, hold_and_capture);
}

static void end_jobs(struct fixture *f)
{
    make_ledger(f, 2, 4);
    for (int64_t user = 0; user < 2; user++) {
        CHECK(f, run_alone(f, (struct op){OP_TOPUP, user, 12}) == 0); /* 45 * 25 */
        CHECK(f, run_alone(f, (struct op){OP_HOLD, user, 1}) == 0);   /* 300, for its job */
        CHECK(f, run_alone(f, (struct op){OP_HOLD, user, 2}) == 0);   /* 450, without one */
        CHECK_ACCOUNT(f, user, 1165 - 750, 750);
    }
    CHECK(f, run_alone(f, (struct op){OP_END_JOB, 0, 1}) == 0);
    CHECK(f, run_alone(f, (struct op){OP_END_JOB, 0, 1}) == 0);
    CHECK_ACCOUNT(f, 0, 1165 - 450, 450);
    CHECK_ACCOUNT(f, 1, 1165 - 750, 750);
    CHECK(f, run_alone(f, (struct op){OP_CAPTURE, 0, 1}) == LEDGER_BEFORE);
    CHECK(f, run_alone(f, (struct op){OP_EXPIRE, 0, 0}) == 0);
    CHECK_ACCOUNT(f, 0, 1165, 0);
    CHECK_ACCOUNT(f, 1, 1165 - 300, 300); /* a job's ends with the job only */
    check_ledger(f);
}

static void a_hold_ends_with_its_job_or_without_one_with_its_time(void **state)
{
    run_with_db(*state, end_jobs);
}

/* ---- what is refused ---- */

static AISHA_ASYNC int post_amount(struct fixture *f, const char *occasion, int64_t amount)
{
    struct aisha_ctx unit = {.f = f};
    const struct entry entry = {ENTRY_GRANT, occasion, amount, "test"};

    CHECK(f, aisha_db_begin(&unit) == 0);
    int r = ledger_post(&unit, "user-0", &entry);
    if (r == 0)
        r = aisha_db_commit(&unit);
    bool is_over = aisha_db_rollback(&unit) < 0;
    CHECK(f, is_over || r > 0); /* a failure leaves nothing that could be committed */
    arena_clear(&unit.arena);
    return r;
}

static void be_hostile(struct fixture *f)
{
    static const int64_t amounts[] = {0, -1, -100, INT64_MIN, INT64_MAX, LEDGER_MAX_AMOUNT + 1};
    struct aisha_ctx unit = {.f = f};
    const struct entry entry = {ENTRY_GRANT, "outside", 100, "test"};

    make_ledger(f, 1, 1);
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++)
        CHECK(f, post_amount(f, "hostile", amounts[i]) == -AISHA_E_INVALID);
    CHECK(f, post_amount(f, "grant:0", 41) == -AISHA_E_CONFLICT); /* it was 40 */
    CHECK(f, post_amount(f, "topup", 40) == 0);
    CHECK(f, ledger_post(&unit, "user-0", &entry) == -AISHA_E_INVALID); /* no transaction */
    CHECK_ACCOUNT(f, 0, 80, 0);
    int r = 0;
    for (int64_t i = 0; r == 0 && i < 1100; i++)
        r = post_amount(f, arena_printf(&f->arena, "rich:%lld", (long long)i), LEDGER_MAX_AMOUNT);
    CHECK_INT(f, r, -AISHA_E_LIMIT);
    check_ledger(f);
}

static void hostile_amounts_are_refused(void **state)
{
    run_with_db(*state, be_hostile);
}

/* ---- cut off ---- */

/* Two payments that were refunded while a job's and another hold had nearly all of them; and more. */
static void fill_for_cuts(struct fixture *f)
{
    make_ledger(f, 1, 11);
    DO(f, {OP_PAY, 0, 3}, {OP_PAY, 0, 5}, {OP_HOLD, 0, 5}, {OP_HOLD, 0, 10}, {OP_UNPAY, 0, 3},
       {OP_UNPAY, 0, 5}, {OP_TOPUP, 0, 10}, {OP_TOPUP, 0, 11}, {OP_TOPUP, 0, 12});
}

static const struct op cut_ops[] = {
    {OP_END_JOB, 0, 5}, {OP_CAPTURE, 0, 10}, {OP_TOPUP, 0, 1},  {OP_REFUND, 0, 1},
    {OP_HOLD, 0, 3},    {OP_CAPTURE, 0, 3},  {OP_HOLD, 0, 4},   {OP_CAPTURE, 0, 4},
    {OP_HOLD, 0, 1},    {OP_END_JOB, 0, 1},  {OP_HOLD, 0, 2},   {OP_EXPIRE, 0, 0},
    {OP_PAY, 0, 1},     {OP_UNPAY, 0, 1},    {OP_REDEEM, 0, 1},
};

/* With the fault at every place in turn, until it comes behind the end: what was not reported as done
 * may have been done by the commit, and is then not done again. */
static AISHA_ASYNC void cut_everywhere(struct fixture *f, struct op op)
{
    struct account before = account_of(f, 0), once = before, after;
    bool is_done = false, has_changed = false;
    int64_t at = 1;

    for (; at < MOST_STEPS && !is_done; at++) {
        struct aisha_ctx unit = {.f = f, .user_id = "user-0", .fault_at = at};
        int r = run_op(&unit, op);
        is_done = unit.steps < at;
        if (is_done)
            CHECK(f, r == 0 || r == LEDGER_BEFORE);
        else
            CHECK(f, r < 0);
        arena_clear(&unit.arena);
        check_ledger(f);
        after = account_of(f, 0);
        if (has_changed)
            CHECK_INT(f, after.entries, once.entries); /* not a second time */
        has_changed = after.entries > before.entries;
        once = after;
    }
    CHECK(f, is_done && at > 5 && has_changed);
}

static void cut_all(struct fixture *f)
{
    fill_for_cuts(f);
    for (size_t i = 0; i < sizeof cut_ops / sizeof *cut_ops; i++)
        cut_everywhere(f, cut_ops[i]);
}

static void a_movement_that_is_cut_off_anywhere_is_there_as_a_whole_or_not_at_all(void **state)
{
    run_with_db(*state, cut_all);
}

struct killing {
    struct op op;
    int64_t at;
};

static struct killing killing;

static void die_there(struct fixture *f)
{
    struct aisha_ctx unit = {
        .f = f, .user_id = "user-0", .fault_at = killing.at, .fault = FAULT_KILLS};

    int r = run_op(&unit, killing.op);
    CHECK(f, r == 0 || r == LEDGER_BEFORE);
    arena_clear(&unit.arena);
}

static void open_and_die(struct fixture *f)
{
    open_db(f);
    die_there(f);
    close_db(f);
}

static void a_process_that_is_killed_between_two_statements_leaves_whole_movements(void **state)
{
    struct fixture *f = *state;

    run_with_db(f, fill_for_cuts);
    for (size_t i = 0; i < sizeof cut_ops / sizeof *cut_ops; i++) {
        size_t killed = 1;
        killing = (struct killing){.op = cut_ops[i]};
        while (killed && killing.at < MOST_STEPS) {
            killing.at++;
            killed = run_processes(f, 1, open_and_die);
            run_with_db(f, check_ledger);
        }
        assert_true(killing.at > 5 && killing.at < MOST_STEPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_what_the_operator_wrote),
        cmocka_unit_test(the_first_minute_is_free_and_each_started_one_costs),
        cmocka_unit_test(a_list_that_cannot_be_understood_is_refused),
        cmocka_unit_test(amounts_are_read_exactly_or_not_at_all),
        WITH_FIXTURE(each_occasion_moves_credits_once_and_never_below_nothing),
        WITH_FIXTURE(totals_follow_each_movement),
        WITH_FIXTURE(totals_of_an_older_ledger_are_made_up),
        WITH_FIXTURE(a_hold_is_captured_once_as_far_as_it_was_delivered),
        WITH_FIXTURE(a_hold_ends_with_its_job_or_without_one_with_its_time),
        WITH_FIXTURE(hostile_amounts_are_refused),
        WITH_FIXTURE(a_movement_that_is_cut_off_anywhere_is_there_as_a_whole_or_not_at_all),
        WITH_FIXTURE(a_process_that_is_killed_between_two_statements_leaves_whole_movements),
    };

    return RUN_ON_DATABASES("ledger", tests, 0);
}

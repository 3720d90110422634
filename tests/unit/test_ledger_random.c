/*
 * The ledger under everything at once: 64 coroutines, on a database server in three processes, do the
 * same things at the same time, fail and die between any two statements. After each round every row
 * has to be right, and all that was reported as done has to be there, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/ledger_fixture.h"

enum {
    USERS = 5,
    OCCASIONS = 40, /* of each kind and person: few, so that they meet */
    COROUTINES = 64,
    OPS = 12, /* of a coroutine in a round */
    ROUNDS = 2,
    PROCESSES = 3,
};

/* What was reported as done, by whichever process. */
typedef bool done_ops[OP_KINDS][USERS][OCCASIONS];
static done_ops *done;
static bool may_die;
static unsigned seed;

static unsigned draw(unsigned *state, unsigned below)
{
    return (unsigned)rand_r(state) % below;
}

/* The first person has nearly all they paid for held, is refunded, and nothing is delivered to them: so
 * nothing of what they owe is forgiven. */
static struct op draw_op(unsigned *state)
{
    static const enum op_kind kinds[] = {OP_HOLD, OP_RELEASE, OP_END_JOB};
    struct op op = {.kind = (enum op_kind)draw(state, OP_KINDS),
                    .user = draw(state, USERS),
                    .n = draw(state, OCCASIONS)};

    if (op.user == 0)
        op.kind = draw(state, 3) ? OP_UNPAY : kinds[draw(state, sizeof kinds / sizeof *kinds)];
    return op;
}

static AISHA_ASYNC void do_something(struct fixture *f, unsigned *state)
{
    const struct op op = draw_op(state);
    struct aisha_ctx unit = {.f = f,
                             .user_id = arena_printf(&f->arena, "user-%lld", (long long)op.user)};

    if (draw(state, 4) == 0)
        unit.fault_at = 1 + draw(state, 15);
    if (may_die && draw(state, 120) == 0)
        unit.fault = FAULT_KILLS;
    if (unit.fault == FAULT_KILLS && !unit.fault_at)
        unit.fault_at = 1 + draw(state, 15);
    int r = run_op(&unit, op);
    if (r == 0 || r == LEDGER_BEFORE)
        (*done)[op.kind][op.user][op.n] = true;
    CHECK(f, r != -AISHA_E_INVALID && r != -AISHA_E_LIMIT);
    arena_clear(&unit.arena);
}

static void work(struct fixture *f, int64_t n)
{
    unsigned state = seed + (unsigned)getpid() * 7919u + (unsigned)n;

    for (int i = 0; i < OPS; i++)
        do_something(f, &state);
}

static void work_at_once(struct fixture *f)
{
    open_db(f);
    run_many(f, COROUTINES, work);
    check_ledger(f); /* while the other processes go on */
    close_db(f);
}

/* ---- what has to be true then ---- */

static AISHA_ASYNC void check_entry(struct fixture *f, struct op op)
{
    struct aisha_ctx unit = {.f = f};
    const struct aisha_rows *rows;

    CHECK(f, aisha_db_query(
                 &unit, &rows, "SELECT amount FROM transactions WHERE user_id = $1 AND op_id = $2",
                 arena_printf(&f->arena, "user-%lld", (long long)op.user), op_id(f, op)) == 0);
    CHECK_INT(f, rows->row_count, 1);
    if (op.kind != OP_HOLD)
        CHECK_INT(f, aisha_cell_int(rows, 0, "amount"), amount_of(op));
    arena_clear(&unit.arena);
}

static void check_all(struct fixture *f)
{
    check_ledger(f);
    for (int64_t kind = 0; kind < OP_KINDS; kind++)
        for (int64_t user = 0; user < USERS; user++)
            for (int64_t n = 0; n < OCCASIONS; n++) {
                const struct op op = {(enum op_kind)kind, user, n};
                if ((*done)[kind][user][n] && op_id(f, op))
                    check_entry(f, op);
            }
}

static int64_t late_refunds;

/* All ends, and so there is nothing left to owe. */
static void end_all(struct fixture *f)
{
    const struct aisha_rows *rows;

    for (int64_t n = 0; n < OCCASIONS; n++) {
        int r = run_alone(f, (struct op){OP_RELEASE, 0, n});
        CHECK(f, r == 0 || r == LEDGER_BEFORE || r == LEDGER_NO_HOLD);
    }
    CHECK_INT(f, account_of(f, 0).held, 0);
    check_ledger(f);
    CHECK(f, QUERY(f, &rows,
                   "SELECT COUNT(*) AS n FROM transactions"
                   " WHERE op_id LIKE 'late-refund:%'") == 0);
    late_refunds = aisha_cell_int(rows, 0, "n");
}

/* Of the things that can be done, those that were. */
static size_t count_done(void)
{
    const bool *each = &(*done)[0][0][0];
    size_t count = 0;

    for (size_t i = 0; i < sizeof *done / sizeof *each; i++)
        count += each[i];
    return count;
}

static void make_all(struct fixture *f)
{
    make_ledger(f, USERS, OCCASIONS);
    for (int64_t n = 0; n < OCCASIONS; n++) {
        CHECK(f, run_alone(f, (struct op){OP_PAY, 0, n}) == 0);
        if (n % 4)
            CHECK(f, run_alone(f, (struct op){OP_HOLD, 0, n}) == 0);
    }
}

static void run_rounds(struct fixture *f, size_t processes, bool with_deaths)
{
    const char *wanted = getenv("AISHA_TEST_ROUNDS");
    long rounds = wanted ? strtol(wanted, NULL, 10) : 1;
    size_t killed = 0;

    done = mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(done, MAP_FAILED);
    may_die = with_deaths;
    run_with_db(f, make_all);
    for (long i = 0; i < rounds * ROUNDS; i++) {
        seed = (unsigned)random();
        killed += run_processes(f, processes, work_at_once);
        run_with_db(f, check_all);
    }
    run_with_db(f, end_all);
    print_message("# %zu things done, %lld late refunds; %zu of %zu processes were killed\n",
                  count_done(), (long long)late_refunds, killed,
                  processes * (size_t)(rounds * ROUNDS));
    assert_true(killed > 0 || !with_deaths);
    assert_true(late_refunds > 0 || with_deaths);
    assert_true(count_done() > (with_deaths ? 0 : sizeof *done / 4));
    assert_true(munmap(done, sizeof *done) == 0);
}

static void many_coroutines_that_fail_anywhere_leave_a_right_ledger(void **state)
{
    run_rounds(*state, 1, false);
}

static void so_do_processes_that_die_anywhere(void **state)
{
    run_rounds(*state, is_on_postgres() ? PROCESSES : 1, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(many_coroutines_that_fail_anywhere_leave_a_right_ledger),
        WITH_FIXTURE(so_do_processes_that_die_anywhere),
    };

    srandom((unsigned)getpid());
    return RUN_ON_DATABASES("ledger_random", tests, 0);
}

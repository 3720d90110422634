/*
 * What becomes of an update that is delivered while its row is being written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "tests/unit/inbox_fixture.h"

#define U(id) "{\"update_id\":" #id "}"

enum { STILL_WAITING = 1 };

struct waiting {
    struct fixture *f;
    struct task *task;
    int result;
    int64_t rows; /* in the inbox, when it went on */
};

static void wait_for_row(void *arg)
{
    struct waiting *waiting = arg;

    waiting->result = inbox_wait_stored(&delivered.items[0].item);
    waiting->rows = look(waiting->f, "SELECT COUNT(*) FROM inbox");
}

static void start_to_wait(struct fixture *f, struct waiting *waiting)
{
    *waiting = (struct waiting){.f = f, .result = STILL_WAITING};
    CHECK_INT(f, task_start(f->loop, "waiting", wait_for_row, waiting, &waiting->task), 0);
    CHECK_INT(f, wait_yield(f->loop), 0);
}

static void wait_while_it_fails(struct fixture *f)
{
    struct waiting patient, impatient;
    int64_t last = 77;

    change(f, "CREATE TRIGGER fail BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no'); END");
    CHECK_INT(f, receive_json("[" U(4) "]", &last), -AISHA_E_CONFLICT);
    start_to_wait(f, &patient);
    start_to_wait(f, &impatient);
    CHECK_INT(f, receive_json("[" U(4) "," U(5) "]", &last), -AISHA_E_CONFLICT);
    CHECK_INT(f, patient.result, STILL_WAITING);
    task_cancel(impatient.task);
    CHECK_INT(f, wait_yield(f->loop), 0);
    CHECK_INT(f, impatient.result, -AISHA_E_CANCELED);
    CHECK(f, !inbox_is_stored(&delivered.items[0].item));
    CHECK_IDS(f, "4");
    change(f, "DROP TRIGGER fail");
    CHECK(f, receive_json("[" U(4) "," U(5) "]", &last) == 0 && last == 5);
    CHECK_IDS(f, "4 5");
    CHECK_INT(f, patient.result, 0);
    CHECK(f, patient.rows > 0);
    CHECK(f, !delivered.items[1].was_stored); /* nor has it waited for that */
    CHECK(f, inbox_is_stored(&delivered.items[0].item));
}

static void flush_what_is_handled(struct fixture *f)
{
    struct waiting waiting;
    int64_t last = 77;

    change(f, "CREATE TRIGGER fail BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no'); END");
    CHECK_INT(f, receive_json("[" U(4) "," U(5) "]", &last), -AISHA_E_CONFLICT);
    start_to_wait(f, &waiting);
    CHECK_INT(f, inbox_flush(delivered.inbox), -AISHA_E_CONFLICT);
    CHECK_INT(f, waiting.result, STILL_WAITING);
    change(f, "DROP TRIGGER fail");
    CHECK_INT(f, inbox_flush(delivered.inbox), 0);
    CHECK_INT(f, wait_yield(f->loop), 0);
    CHECK_INT(f, waiting.result, 0);
    CHECK(f, receive_json("[" U(4) "," U(5) "]", &last) == 0 && last == 5);
    CHECK_IDS(f, "4 5");
}

static void what_is_handled_is_stored_though_nothing_comes(void **state)
{
    run_with_inbox(*state, flush_what_is_handled);
}

static void what_waits_for_the_row_waits_until_it_is_there(void **state)
{
    run_with_inbox(*state, wait_while_it_fails);
}

static void store_first(struct fixture *f)
{
    int64_t last = 77;

    delivered.when = INBOX_STORED;
    change(f, "CREATE TRIGGER fail BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no'); END");
    CHECK_INT(f, receive_json("[" U(4) "]", &last), -AISHA_E_CONFLICT);
    CHECK_INT(f, inbox_flush(delivered.inbox), 0); /* that is for whoever is handled */
    CHECK_IDS(f, "");
    CHECK_INT(f, (int64_t)inbox_pending(delivered.inbox), 0);
    change(f, "DROP TRIGGER fail");
    CHECK(f, receive_json("[" U(4) "," U(5) "]", &last) == 0 && last == 5);
    CHECK_IDS(f, "4 5");
    CHECK(f, delivered.items[0].was_stored && delivered.items[1].was_stored);
}

static void what_is_to_be_stored_first_is_delivered_then(void **state)
{
    run_with_inbox(*state, store_first);
}

static void end_before_it_is_stored(struct fixture *f)
{
    int64_t last = 77;

    change(f, "CREATE TRIGGER fail BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no'); END");
    CHECK_INT(f, receive_json("[" U(4) "," U(5) "]", &last), -AISHA_E_CONFLICT);
    end_all(UNCOMMITTED);
    change(f, "DROP TRIGGER fail");
    CHECK(f, receive_json("[" U(4) "," U(5) "]", &last) == 0 && last == 5);
    CHECK_IDS(f, "4 5");
    CHECK_INT(f, inbox_flush(delivered.inbox), 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM inbox"), 0); /* or the next start would repeat it */
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates"), 0);
}

static void receive_one(void *arg)
{
    struct fixture *f = arg;
    int64_t last = 77;

    CHECK(f, receive_json("[" U(4) "]", &last) == 0 && last == 4);
}

static void flush_while_storing(struct fixture *f)
{
    delivered.at_once = UNCOMMITTED;
    CHECK_INT(f, task_start(f->loop, "receiving", receive_one, f, NULL), 0);
    CHECK_INT(f, wait_yield(f->loop), 0);
    CHECK_INT(f, (int64_t)delivered.ended, 1); /* its row is being written, or was in this moment */
    CHECK_INT(f, inbox_flush(delivered.inbox), 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM inbox"), 0);
    delivered.at_once = NOT_YET;
}

static void a_flush_at_the_end_leaves_nothing_of_what_was_being_stored(void **state)
{
    run_with_inbox(*state, flush_while_storing);
}

static void what_has_ended_before_it_is_stored_is_not_repeated(void **state)
{
    run_with_inbox(*state, end_before_it_is_stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_flush_at_the_end_leaves_nothing_of_what_was_being_stored),
        /* only on SQLite: */
        WITH_FIXTURE(what_waits_for_the_row_waits_until_it_is_there),
        WITH_FIXTURE(what_is_handled_is_stored_though_nothing_comes),
        WITH_FIXTURE(what_is_to_be_stored_first_is_delivered_then),
        WITH_FIXTURE(what_has_ended_before_it_is_stored_is_not_repeated),
    };

    return RUN_ON_DATABASES("inbox_early", tests, 4);
}

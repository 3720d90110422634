/*
 * Jobs as rows: who gets which, what an attempt may still write, how they end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/jobs.h"
#include "host/store/statement.h"
#include "host/store/uuid.h"
#include "tests/unit/db_fixture.h"

typedef const struct aisha_rows rows;

#define LATER_MS INT64_C(3600000)

static int enqueue(struct fixture *f, struct job_order order)
{
    rows *r = NULL;

    order.id = order.id ? order.id : uuid_new(&f->arena);
    order.plugin = "plugin";
    order.kind = order.kind ? order.kind : "kind";
    const struct aisha_statement insert = job_insert(&f->arena, &order);
    CHECK(f, db_query(f->db, &f->arena, &insert, &r) == 0);
    return r ? (int)r->changed_count : -1;
}

static size_t claim(struct fixture *f, struct job_limits limits, const struct job_lease **ret)
{
    size_t count = 0;
    int64_t next;

    limits.plugin = "plugin";
    limits.kind = limits.kind ? limits.kind : "kind";
    CHECK(f, jobs_claim(f->db, &f->arena, &limits, ret, &count, &next) == 0);
    return count;
}

/* The only one there is to claim. */
static const struct job_lease *claim_one(struct fixture *f)
{
    const struct job_lease *lease = NULL;

    CHECK_INT(f, (int64_t)claim(f, (struct job_limits){.most = 10}, &lease), 1);
    return lease;
}

static int end(struct fixture *f, const struct job_lease *lease, struct aisha_statement how)
{
    const struct aisha_statement both[] = {job_guard(&f->arena, lease), how};

    return db_batch(f->db, &f->arena, both, 2, NULL);
}

static const char *state_of(struct fixture *f, const char *id)
{
    struct job_status status = {.state = "not found"};

    aisha_ignore(job_find(f->db, &f->arena, "plugin", id, &status));
    return status.state;
}

#define CHECK_STATE(f, id, wanted) CHECK(f, strcmp(state_of((f), (id)), (wanted)) == 0)

static void expire_leases(struct fixture *f)
{
    change(f, "UPDATE jobs SET lease_until = 1 WHERE state = 'running'");
}

/* ---- from one end to the other ---- */

static void run_one(struct fixture *f)
{
    const struct job_lease *lease, *none;
    const struct job_order order = {.id = "a",
                                    .place = {.telegram_id = 7,
                                              .chat_id = -100,
                                              .thread_id = 3,
                                              .message_id = 9,
                                              .quote_id = 8},
                                    .data = "\0x\xff",
                                    .data_size = 3};
    struct job_status status;

    CHECK_INT(f, enqueue(f, order), 1);
    CHECK_STATE(f, "a", "waiting");
    lease = claim_one(f);
    CHECK(f, strcmp(lease->id, "a") == 0 && lease->place.quote_id == 8);
    CHECK(f, lease->place.telegram_id == 7 && lease->place.chat_id == -100);
    CHECK(f, lease->place.thread_id == 3 && lease->place.message_id == 9);
    CHECK(f, lease->data_size == 3 && memcmp(lease->data, "\0x\xff", 3) == 0);
    CHECK(f, lease->attempt == 1 && lease->tried == 1 && !lease->is_failing);
    CHECK_STATE(f, "a", "running");
    CHECK_INT(f, (int64_t)claim(f, (struct job_limits){.most = 10}, &none), 0);
    CHECK_INT(f, job_renew(f->db, lease, 40, 11), 0);
    CHECK(f, job_find(f->db, &f->arena, "plugin", "a", &status) == 0 && status.percent == 40);
    CHECK(f, end(f, lease, job_done(&f->arena, lease, "result")) == 0);
    CHECK(f, job_find(f->db, &f->arena, "plugin", "a", &status) == 0);
    CHECK(f, strcmp(status.state, "done") == 0 && strcmp(status.result, "result") == 0);
    CHECK(f, job_find(f->db, &f->arena, "other", "a", &status) == -AISHA_E_NOT_FOUND);
    CHECK(f, end(f, lease, job_done(&f->arena, lease, "again")) == -AISHA_E_CONFLICT);
    CHECK_INT(f, look(f, "SELECT message_id FROM jobs"), 11);
    change(f, "UPDATE jobs SET ended_at = 1");
    CHECK(f, jobs_sweep(f->db) == 0);
    CHECK_STATE(f, "a", "not found");
}

static void a_job_is_claimed_done_and_forgotten(void **state)
{
    run_with_db(*state, run_one);
}

static void enqueue_twice(struct fixture *f)
{
    struct job_order order = {.id = "first", .unique = "key"};
    const struct aisha_rows *found = NULL;

    CHECK_INT(f, enqueue(f, order), 1);
    order.id = "second";
    CHECK_INT(f, enqueue(f, order), 0);
    order.plugin = "plugin";
    order.kind = "kind";
    const struct aisha_statement find = job_find_unique(&f->arena, &order);
    CHECK(f, db_query(f->db, &f->arena, &find, &found) == 0);
    CHECK(f, strcmp(aisha_cell_text(found, 0, "id"), "first") == 0);
    const struct job_lease *lease = claim_one(f);
    CHECK(f, end(f, lease, job_done(&f->arena, lease, NULL)) == 0);
    CHECK_INT(f, enqueue(f, (struct job_order){.unique = "key"}), 0); /* when it is done, too */
    CHECK_INT(f, enqueue(f, (struct job_order){.unique = "key", .kind = "other"}), 1);
    CHECK_INT(f, enqueue(f, (struct job_order){.unique = "other"}), 1);
}

static void a_key_lets_one_job_in(void **state)
{
    run_with_db(*state, enqueue_twice);
}

/* ---- attempts ---- */

static void lose_lease(struct fixture *f)
{
    CHECK_INT(f, enqueue(f, (struct job_order){.id = "a"}), 1);
    CHECK(f, QUERY(f, NULL, "CREATE TABLE effects (x BIGINT)") == 0);
    const struct job_lease *first = claim_one(f);
    expire_leases(f);
    const struct job_lease *second = claim_one(f);
    CHECK(f, second->attempt == 2 && second->tried == 2);
    const struct aisha_statement late[] = {job_guard(&f->arena, first),
                                           AISHA_SQL("INSERT INTO effects VALUES (1)")};
    CHECK(f, db_batch(f->db, &f->arena, late, 2, NULL) == -AISHA_E_CONFLICT);
    CHECK_INT(f, job_renew(f->db, first, 1, 1), JOB_LOST);
    const struct aisha_statement good[] = {job_guard(&f->arena, second),
                                           AISHA_SQL("INSERT INTO effects VALUES (2)"),
                                           job_store_data(&f->arena, second, "new", 3)};
    CHECK(f, db_batch(f->db, &f->arena, good, 3, NULL) == 0);
    CHECK_INT(f, look(f, "SELECT SUM(x) FROM effects"), 2);
    CHECK(f, jobs_forget_leases(f->db) == 0);
    const struct job_lease *third = claim_one(f);
    CHECK(f, third->attempt == 3 && third->data_size == 3 && memcmp(third->data, "new", 3) == 0);
    CHECK(f, end(f, second, job_done(&f->arena, second, NULL)) == -AISHA_E_CONFLICT);
    CHECK_STATE(f, "a", "running");
}

static void an_attempt_that_is_over_writes_nothing(void **state)
{
    run_with_db(*state, lose_lease);
}

static void try_again(struct fixture *f)
{
    const struct job_lease *none;
    int64_t next = 0;
    size_t count;

    CHECK_INT(f, enqueue(f, (struct job_order){.id = "a"}), 1);
    const struct job_lease *lease = claim_one(f);
    CHECK(f, end(f, lease, job_retry(&f->arena, lease, LATER_MS, "no luck")) == 0);
    const struct job_limits limits = {.plugin = "plugin", .kind = "kind", .most = 5};
    CHECK(f, jobs_claim(f->db, &f->arena, &limits, &none, &count, &next) == 0);
    CHECK(f, count == 0 && next == look(f, "SELECT run_at FROM jobs"));
    const struct aisha_statement wake = job_wake(&f->arena, "plugin", "a");
    CHECK(f, db_query(f->db, &f->arena, &wake, NULL) == 0);
    lease = claim_one(f);
    CHECK(f, lease->tried == 2 && strcmp(lease->error, "no luck") == 0);
    CHECK(f, end(f, lease, job_again(&f->arena, lease, LATER_MS)) == 0); /* it only waits */
    CHECK(f, db_query(f->db, &f->arena, &wake, NULL) == 0);
    lease = claim_one(f);
    CHECK(f, lease->tried == 2 && lease->attempt == 3);
    CHECK(f, db_query(f->db, &f->arena, &wake, NULL) == 0); /* just before it waits again */
    CHECK(f, end(f, lease, job_again(&f->arena, lease, LATER_MS)) == 0);
    lease = claim_one(f);
    CHECK(f, end(f, lease, job_fail(&f->arena, lease, "at last", false)) == 0);
    lease = claim_one(f);
    CHECK(f, lease->is_failing && !lease->is_cancelled && lease->tried == 1);
    CHECK(f, strcmp(lease->error, "at last") == 0);
    CHECK(f, end(f, lease, job_bury(&f->arena, lease)) == 0);
    CHECK_STATE(f, "a", "dead");
    CHECK_INT(f, (int64_t)claim(f, limits, &none), 0);
    change(f, "UPDATE jobs SET ended_at = 1");
    CHECK(f, jobs_sweep(f->db) == 0);
    CHECK_STATE(f, "a", "dead"); /* for the operator */
}

static void a_job_is_tried_again_and_fails_at_last(void **state)
{
    run_with_db(*state, try_again);
}

static void cancel_some(struct fixture *f)
{
    const struct aisha_statement cancel = job_cancel(&f->arena, "plugin", "a");
    struct job_name name;
    const struct job_place place = {.telegram_id = 7, .chat_id = 7, .message_id = 9};
    struct job_place other = place;

    CHECK_INT(f, enqueue(f, (struct job_order){.id = "a", .place = place}), 1);
    CHECK(f, job_find_shown(f->db, &f->arena, &place, &name) == 0);
    CHECK(f, strcmp(name.plugin, "plugin") == 0 && strcmp(name.kind, "kind") == 0);
    CHECK(f, strcmp(name.id, "a") == 0);
    other.message_id = 0; /* any */
    CHECK(f, job_find_shown(f->db, &f->arena, &other, &name) == 0);
    other.telegram_id = 8;
    CHECK(f, job_find_shown(f->db, &f->arena, &other, &name) == -AISHA_E_NOT_FOUND);
    const struct job_lease *lease = claim_one(f);
    CHECK(f, db_query(f->db, &f->arena, &cancel, NULL) == 0);
    CHECK_INT(f, job_renew(f->db, lease, 0, 9), JOB_TO_CANCEL);
    expire_leases(f); /* its host died before it noticed */
    lease = claim_one(f);
    CHECK(f, lease->is_cancelled && !lease->is_failing);
    CHECK(f, end(f, lease, job_fail(&f->arena, lease, "cancelled", true)) == 0);
    lease = claim_one(f);
    CHECK(f, lease->is_cancelled && lease->is_failing);
    CHECK_INT(f, job_renew(f->db, lease, 0, 9), 0); /* cleaning up is not cancelled */
    CHECK(f, end(f, lease, job_bury(&f->arena, lease)) == 0);
    CHECK_STATE(f, "a", "cancelled");
    CHECK_INT(f, enqueue(f, (struct job_order){.id = "b", .run_at_ms = INT64_MAX / 2}), 1);
    const struct aisha_statement cancel_b = job_cancel(&f->arena, "plugin", "b");
    CHECK(f, db_query(f->db, &f->arena, &cancel_b, NULL) == 0);
    lease = claim_one(f);
    CHECK(f, lease->is_failing && lease->is_cancelled);
}

static void a_job_can_be_cancelled_until_it_has_ended(void **state)
{
    run_with_db(*state, cancel_some);
}

/* ---- who comes first ---- */

static void take_turns(struct fixture *f)
{
    const struct job_lease *leases;

    for (int64_t i = 0; i < 30; i++) /* one has very many, two have a few, later */
        enqueue(f, (struct job_order){.place.telegram_id = i < 24 ? 1 : 2 + i % 2,
                                      .run_at_ms = 1000 + i});
    enqueue(f, (struct job_order){
                   .id = "urgent", .place.telegram_id = 1, .run_at_ms = 5000, .priority = 1});
    enqueue(f, (struct job_order){.id = "future", .run_at_ms = INT64_MAX / 2, .priority = 9});
    CHECK_INT(f, (int64_t)claim(f, (struct job_limits){.most = 1}, &leases), 1);
    CHECK(f, strcmp(leases[0].id, "urgent") == 0);
    size_t count = claim(f, (struct job_limits){.most = 9}, &leases);
    CHECK_INT(f, (int64_t)count, 9);
    int64_t of_first = 0;
    for (size_t i = 0; i < count; i++)
        of_first += leases[i].place.telegram_id == 1;
    CHECK_INT(f, of_first, 3); /* one of its was running already */
    CHECK_INT(f, (int64_t)claim(f, (struct job_limits){.most = 100}, &leases), 21);
}

static void owners_take_turns(void **state)
{
    run_with_db(*state, take_turns);
}

static void wait_for_others(struct fixture *f)
{
    const struct job_lease *leases;
    const struct job_limits limits = {.most = 100, .is_serial = true};

    for (int64_t i = 0; i < 6; i++)
        enqueue(f, (struct job_order){.id = arena_printf(&f->arena, "%d", (int)i),
                                      .place.telegram_id = i % 2,
                                      .run_at_ms = 1000 + i});
    for (int round = 0; round < 3; round++) {
        CHECK_INT(f, (int64_t)claim(f, limits, &leases), 2);
        CHECK(f, strtol(leases[0].id, NULL, 10) / 2 == round);
        CHECK(f, strtol(leases[1].id, NULL, 10) / 2 == round);
        const struct job_lease *none;
        CHECK_INT(f, (int64_t)claim(f, limits, &none), 0);
        for (int i = 0; i < 2; i++)
            CHECK(f, end(f, &leases[i], job_done(&f->arena, &leases[i], NULL)) == 0);
    }
}

static void one_of_an_owner_waits_for_the_one_before(void **state)
{
    run_with_db(*state, wait_for_others);
}

static unsigned claimed[200];
static int64_t at_once, most_at_once;

static void claim_and_do(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    const struct job_limits limits = {.plugin = "plugin", .kind = "kind", .most = 3, .at_once = 7};

    for (size_t idle = 0; idle < 3;) {
        const struct job_lease *leases;
        size_t count = 0;
        int64_t next;
        CHECK(f, jobs_claim(f->db, &own, &limits, &leases, &count, &next) == 0);
        idle = count ? 0 : idle + 1;
        at_once += (int64_t)count;
        most_at_once = at_once > most_at_once ? at_once : most_at_once;
        CHECK(f, wait_sleep(f->loop, 1 + n % 3) == 0);
        for (size_t i = 0; i < count; i++) {
            const struct aisha_statement both[] = {job_guard(&own, &leases[i]),
                                                   job_done(&own, &leases[i], NULL)};
            at_once--;
            CHECK(f, db_batch(f->db, &own, both, 2, NULL) == 0);
            claimed[strtol(leases[i].id, NULL, 10)]++;
        }
        if (count == 0)
            CHECK(f, wait_sleep(f->loop, 20) == 0);
    }
    arena_clear(&own);
}

static void claim_at_once(struct fixture *f)
{
    memset(claimed, 0, sizeof claimed);
    at_once = most_at_once = 0;
    for (int i = 0; i < 200; i++)
        enqueue(f, (struct job_order){.id = arena_printf(&f->arena, "%d", i),
                                      .place.telegram_id = i % 13});
    run_many(f, 8, claim_and_do);
    for (int i = 0; i < 200; i++)
        CHECK_INT(f, claimed[i], 1);
    CHECK(f, most_at_once <= 7);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM jobs WHERE state = 'done'"), 200);
}

static void each_job_goes_to_one_of_many_and_no_more_than_allowed(void **state)
{
    run_with_db(*state, claim_at_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_job_is_claimed_done_and_forgotten),
        WITH_FIXTURE(a_key_lets_one_job_in),
        WITH_FIXTURE(an_attempt_that_is_over_writes_nothing),
        WITH_FIXTURE(a_job_is_tried_again_and_fails_at_last),
        WITH_FIXTURE(a_job_can_be_cancelled_until_it_has_ended),
        WITH_FIXTURE(owners_take_turns),
        WITH_FIXTURE(one_of_an_owner_waits_for_the_one_before),
        WITH_FIXTURE(each_job_goes_to_one_of_many_and_no_more_than_allowed),
    };

    return RUN_ON_DATABASES("job_rows", tests, 0);
}

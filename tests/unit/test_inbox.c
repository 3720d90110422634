/*
 * The inbox while the host runs: what is delivered, what was seen, what a failing store leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <aisha/error.h>

#include "tests/unit/inbox_fixture.h"

#define U(id) "{\"update_id\":" #id "}"

/* ---- once ---- */

static void receive_overlapping(struct fixture *f)
{
    int64_t last = 0;

    CHECK(f, receive_json("[" U(1) "," U(2) "," U(3) "]", &last) == 0 && last == 3);
    CHECK(f, receive_json("[" U(2) "," U(3) "," U(4) "]", &last) == 0 && last == 4);
    CHECK(f, receive_json("[" U(9) "," U(7) "," U(9) "," U(9) "]", &last) == 0 && last == 9);
    CHECK(f, receive_json("[" U(8) "," U(6) "," U(7) "]", &last) == 0 && last == 8);
    CHECK_IDS(f, "1 2 3 4 9 7 8 6");
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM inbox"), 4);
    CHECK_INT(f, look(f, "SELECT SUM(first_id) FROM inbox"), 1 + 4 + 7 + 6); /* the lowest */
    end_all(COMMITTED);
    last = 77;
    CHECK(f, receive_json("[]", &last) == 0 && last == 77);
    CHECK(f, receive_json("[" U(3) "]", &last) == 0 && last == 3); /* done, and still known */
    CHECK(f, receive_json("[" U(4) "," U(10) "]", &last) == 0 && last == 10);
    CHECK_IDS(f, "1 2 3 4 9 7 8 6 10");
}

static void an_update_is_delivered_once(void **state)
{
    run_with_inbox(*state, receive_overlapping);
}

enum { WINDOW = 1000 };

static uint32_t random_state;
static bool was_sent[WINDOW + 200];
static unsigned times_delivered[WINDOW + 200];

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static void receive_at_random(struct fixture *f)
{
    for (int round = 0; round < 40; round++) {
        size_t count = 1 + random_below(40);
        int64_t first = 1 + random_below(WINDOW), step = (int64_t)random_below(3) - 1;
        if (step < 0)
            first += 40;
        CHECK(f, receive_range(first, count, step) == 0);
        for (size_t i = 0; i < count; i++)
            was_sent[first + (int64_t)i * step] = true;
        for (size_t i = 0; i < delivered.count; i++)
            if (delivered.items[i].ending == NOT_YET && random_below(2))
                end(delivered.items[i].item.update_id, random_below(2) ? COMMITTED : UNCOMMITTED);
    }
    end_all(UNCOMMITTED);
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    for (size_t i = 0; i < delivered.count; i++)
        times_delivered[delivered.items[i].item.update_id]++;
}

static void any_order_of_batches_delivers_each_update_once(void **state)
{
    struct fixture *f = *state;

    random_state = 1;
    for (int restart = 0; restart < 4; restart++)
        run_with_inbox(f, receive_at_random);
    for (size_t id = 0; id < sizeof was_sent / sizeof *was_sent; id++)
        assert_int_equal(times_delivered[id], was_sent[id]);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM inbox"), 0);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM done_updates"), 0);
}

static void receive_content(struct fixture *f)
{
    static const char json[] =
        "[{\"update_id\":5,\"message\":{\"chat\":{\"id\":-1001234567890123},"
        "\"text\":\"\\u0416 \\\"x\\\" \\ud83d\\ude00 '); DROP TABLE inbox\",\"deep\":[[[{}]]]}}]";
    int64_t last;

    int64_t before = (int64_t)time(NULL);
    CHECK(f, receive_json(json, &last) == 0);
    cJSON *sent = cJSON_Parse(json);
    CHECK(f, cJSON_Compare(delivered.items[0].item.update, sent->child, true));
    CHECK(f, delivered.items[0].item.received_at >= before);
    CHECK(f, delivered.items[0].item.received_at <= (int64_t)time(NULL));
    cJSON_Delete(sent);
    CHECK_INT(f,
              look(f, "SELECT updates LIKE '%DROP TABLE%-1001234567890123%' OR"
                      " updates LIKE '%-1001234567890123%DROP TABLE%' FROM inbox"),
              1);
}

static void store_as_it_came(struct fixture *f)
{
    int64_t last;

    CHECK(f, receive_json("[ {\"update_id\":5,\"x\":1e2} ]", &last) == 0);
    CHECK_INT(f, look(f, "SELECT updates = '[ {\"update_id\":5,\"x\":1e2} ]' FROM inbox"), 1);
    CHECK(f, receive_json("[{\"update_id\":5}, {\"update_id\":6}]", &last) == 0);
    CHECK_INT(f, look(f, "SELECT updates = '[{\"update_id\":6}]' FROM inbox WHERE first_id = 6"),
              1);
    end_all(COMMITTED);
}

static void what_is_all_new_is_stored_as_it_came(void **state)
{
    run_with_inbox(*state, store_as_it_came);
}

static void an_update_arrives_as_it_was_sent(void **state)
{
    run_with_inbox(*state, receive_content);
}

static void end_while_delivering(struct fixture *f)
{
    const enum ending endings[] = {GIVEN_UP, UNCOMMITTED};

    for (int64_t i = 0; i < 2; i++) {
        delivered.at_once = endings[i];
        CHECK(f, receive_range(10 * i + 1, 1, 1) == 0);
        CHECK(f, receive_range(10 * i + 2, 3, 1) == 0);
        CHECK_INT(f, (int64_t)inbox_pending(delivered.inbox), 0);
    }
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK_IDS(f, "1 2 3 4 11 12 13 14");
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 2 AND SUM(first_id) = 3 FROM inbox"), 1);
    delivered.at_once = NOT_YET;
}

static void an_update_may_end_while_it_is_delivered(void **state)
{
    run_with_inbox(*state, end_while_delivering);
}

/* ---- hostile updates ---- */

static void receive_nonsense(struct fixture *f)
{
    static const char *const elements[] = {
        U(0),
        U(-1),
        U(-9223372036854775808),
        U(1152921504606846976),
        U(9007199254740992),
        U(9223372036854775807),
        U(99999999999999999999999999),
        U(1e400),
        U(-1e400),
        U(1.5),
        U(5.0000000001),
        U(0.9),
        U("5"),
        U(""),
        U(null),
        U(true),
        U([5]),
        U({}),
        "{}",
        "{\"UPDATE_ID\":5}",
        "{\"update_id \":5}",
        "{\"message\":{\"update_id\":5}}",
        "[]",
        "[{\"update_id\":5}]",
        "5",
        "\"update_id\"",
        "null",
    };
    const char *all = "";
    int64_t last = 77;

    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        CHECK(f, receive_json(arena_printf(&f->arena, "[%s]", elements[i]), &last) == 0);
        all = arena_printf(&f->arena, "%s%s,", all, elements[i]);
    }
    CHECK_INT(f, last, 77);
    CHECK_IDS(f, "");
    CHECK_INT(
        f, look(f, "SELECT COUNT(*) FROM inbox") + look(f, "SELECT COUNT(*) FROM seen_updates"), 0);
    CHECK(f, receive_json(arena_printf(&f->arena,
                                       "[%s%s" U(5) "," U(1e2) ",%s" U(9007199254740991) "]", all,
                                       all, all),
                          &last) == 0);
    CHECK_INT(f, last, 9007199254740991);
    CHECK_IDS(f, "5 100 9007199254740991");
    CHECK(f, receive_json("[{\"update_id\":6,\"update_id\":5}]", &last) == 0 && last == 6);
    CHECK(f, receive_range(7, 1, 1) == 0); /* a huge id hides none of those below it */
    CHECK_IDS(f, "5 100 9007199254740991 6 7");
}

static void what_is_no_update_is_skipped_and_does_no_harm(void **state)
{
    run_with_inbox(*state, receive_nonsense);
}

static void receive_too_many(struct fixture *f)
{
    CHECK(f, receive_range(1, 1001, 1) == -AISHA_E_LIMIT);
    CHECK(f, receive_range(1, 200000, 0) == -AISHA_E_LIMIT); /* not compared with each other */
    CHECK_INT(f, (int64_t)delivered.count, 0);
    CHECK(f, receive_range(1, 1000, 1) == 0);
    CHECK(f, receive_range(500, 1000, 1) == 0);
    CHECK_INT(f, (int64_t)delivered.count, 1499);
    CHECK_INT(f, (int64_t)inbox_pending(delivered.inbox), 1499);
}

static void too_many_at_once_are_refused(void **state)
{
    run_with_inbox(*state, receive_too_many);
}

/* ---- what was seen ---- */

static void leave_gaps(struct fixture *f)
{
    CHECK(f, receive_range(1, 100, 1) == 0);
    CHECK(f, receive_range(101, 100, 1) == 0);
    CHECK_INT(f,
              look(f, "SELECT COUNT(*) = 1 AND MIN(first_id) = 1 AND MIN(last_id) = 200"
                      " FROM seen_updates"),
              1);
    CHECK(f, receive_range(300, 5, 10) == 0); /* 300 310 320 330 340 */
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM seen_updates"), 6);
    end_all(COMMITTED);
}

static void fill_gaps(struct fixture *f)
{
    int64_t last;

    CHECK(f, receive_range(310, 1, 1) == 0);
    CHECK(f, receive_range(195, 10, 1) == 0);
    CHECK(f, receive_json("[" U(320) "," U(319) "," U(321) "," U(341) "]", &last) == 0);
    CHECK_IDS(f, "201 202 203 204 319 321 341");
    end_all(COMMITTED);
}

static void gaps_are_known_and_can_be_filled(void **state)
{
    run_with_inbox(*state, leave_gaps);
    run_with_inbox(*state, fill_gaps); /* after a restart, too */
}

static void come_in_disorder(struct fixture *f)
{
    static const int64_t ids[] = {5, 4, 9, 7, 6, 8, 20, 1};

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        CHECK(f, receive_range(ids[i], 1, 1) == 0);
    CHECK(f, receive_range(1, 9, 1) == 0); /* 2 and 3 are new */
    CHECK_IDS(f, "5 4 9 7 6 8 20 1 2 3");
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM seen_updates"), 2);
    CHECK_INT(f, look(f, "SELECT last_id FROM seen_updates WHERE first_id = 1"), 9);
    end_all(COMMITTED);
}

static void know_them_later(struct fixture *f)
{
    CHECK(f, receive_range(1, 9, 1) == 0);
    CHECK(f, receive_range(20, 1, 1) == 0);
    CHECK_IDS(f, "");
}

static void what_comes_in_disorder_becomes_one_range(void **state)
{
    run_with_inbox(*state, come_in_disorder);
    run_with_inbox(*state, know_them_later);
}

static void receive_three(struct fixture *f)
{
    CHECK(f, receive_range(10, 1, 1) == 0);
    CHECK(f, receive_range(20, 1, 1) == 0);
    CHECK(f, receive_range(30, 1, 1) == 0);
    end_all(COMMITTED);
    CHECK(f, inbox_flush(delivered.inbox) == 0);
}

static void receive_three_later(struct fixture *f)
{
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM seen_updates"), 2);
    CHECK(f, receive_range(31, 2, 1) == 0); /* the range of 30 is too old to grow */
    receive_three(f);
    CHECK_IDS(f, "31 32 10");
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM seen_updates WHERE first_id = 31 AND last_id = 32"),
              1);
    CHECK_INT(f, look(f, "SELECT last_id FROM seen_updates WHERE first_id = 30"), 30);
}

static void what_was_seen_is_known_for_two_days(void **state)
{
    struct fixture *f = *state;

    run_with_inbox(f, receive_three);
    change(f, "UPDATE seen_updates SET opened_at = opened_at -"
              " CASE first_id WHEN 10 THEN 50 * 3600 WHEN 20 THEN 48 * 3600 ELSE 3700 END");
    run_with_inbox(f, receive_three_later);
}

static void make_many_ranges(struct fixture *f)
{
    CHECK(f, QUERY(f, NULL,
                   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                   " WHERE i < 23456) INSERT INTO seen_updates SELECT $1, 10 * i,"
                   " 10 * i + 1, $2 + i / 100 FROM n",
                   BOT_ID, (int64_t)time(NULL) - 3000) == 0);
}

static void receive_between_many(struct fixture *f)
{
    const int64_t probes[] = {1, 2, 4999, 5000, 5001, 10000, 15000, 23455, 23456};

    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        CHECK(f, receive_range(10 * probes[i], 2, 1) == 0);
        CHECK_INT(f, (int64_t)delivered.count, (int64_t)i);
        CHECK(f, receive_range(10 * probes[i] + 2, 1, 1) == 0);
        CHECK_INT(f, (int64_t)delivered.count, (int64_t)i + 1);
    }
}

static void a_start_copes_with_very_many_gaps(void **state)
{
    run_with_db(*state, make_many_ranges);
    run_with_inbox(*state, receive_between_many);
}

static void serve_two_bots(struct fixture *f)
{
    for (int64_t bot = 1; bot <= 2; bot++) {
        open_inbox(f, bot);
        CHECK(f, receive_range(1, 3, 1) == 0);
        CHECK_IDS(f, "1 2 3");
        end(2, COMMITTED);
        close_inbox(f);
    }
    for (int64_t bot = 1; bot <= 3; bot++) {
        open_inbox(f, bot);
        CHECK(f, inbox_replay(delivered.inbox) == 0);
        CHECK_IDS(f, bot == 3 ? "" : "1 3");
        end_all(COMMITTED);
        CHECK(f, inbox_flush(delivered.inbox) == 0);
        CHECK_INT(f, look(f, "SELECT COUNT(*) FROM inbox"), bot == 1);
        close_inbox(f);
    }
}

static void bots_do_not_mix(void **state)
{
    run_with_db(*state, serve_two_bots);
}

/* ---- a store that fails ---- */

static const char *failing_table;

static void fail_to_store(struct fixture *f)
{
    int64_t last = 77;

    CHECK(f, receive_range(1, 3, 1) == 0);
    end(2, UNCOMMITTED);
    change(f, arena_printf(&f->arena,
                           "CREATE TRIGGER fail BEFORE INSERT ON %s WHEN NEW.first_id >= 4"
                           " BEGIN SELECT RAISE(ABORT, 'no'); END",
                           failing_table));
    for (int i = 0; i < 2; i++)
        CHECK_INT(f, receive_json("[" U(4) "," U(5) "," U(8) "]", &last), -AISHA_E_CONFLICT);
    CHECK_INT(f, last, 77); /* not acknowledged */
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM inbox"), 1);
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 1 AND SUM(last_id) = 3 FROM seen_updates"), 1);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates"), 0); /* it has not ridden along */
    CHECK_IDS(f, "1 2 3 4 5 8");                                   /* once, though it came twice */
    change(f, "DROP TRIGGER fail");
    end(3, UNCOMMITTED);
    CHECK(f, receive_json("[" U(4) "," U(5) "," U(8) "]", &last) == 0 && last == 8);
    CHECK_IDS(f, "1 2 3 4 5 8");
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates WHERE update_id IN (2, 3)"), 2);
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 2 AND MIN(last_id) = 5 FROM seen_updates"), 1);
}

static void fail_while_locked(struct fixture *f)
{
    sqlite3 *outside = NULL;
    int64_t last = 77;

    CHECK(f, receive_range(1, 2, 1) == 0);
    end(1, UNCOMMITTED);
    CHECK(f, sqlite3_open(f->path, &outside) == SQLITE_OK);
    CHECK(f, sqlite3_exec(outside, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(f, receive_json("[" U(3) "]", &last) == -AISHA_E_UNAVAILABLE && last == 77);
    CHECK(f, inbox_flush(delivered.inbox) == -AISHA_E_UNAVAILABLE);
    CHECK(f, sqlite3_close(outside) == SQLITE_OK);
    CHECK_IDS(f, "1 2 3");
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK_INT(f, look(f, "SELECT update_id FROM done_updates"), 1);
    CHECK(f, receive_json("[" U(3) "]", &last) == 0 && last == 3);
    CHECK_IDS(f, "1 2 3");
}

static void a_batch_that_cannot_be_stored_is_not_acknowledged(void **state)
{
    failing_table = "inbox";
    run_with_inbox(*state, fail_to_store);
}

static void a_batch_whose_ids_cannot_be_noted_is_not_acknowledged(void **state)
{
    failing_table = "seen_updates";
    run_with_inbox(*state, fail_to_store);
}

static void a_store_that_is_down_is_asked_again(void **state)
{
    run_with_inbox(*state, fail_while_locked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_update_is_delivered_once),
        WITH_FIXTURE(any_order_of_batches_delivers_each_update_once),
        WITH_FIXTURE(an_update_arrives_as_it_was_sent),
        WITH_FIXTURE(what_is_all_new_is_stored_as_it_came),
        WITH_FIXTURE(an_update_may_end_while_it_is_delivered),
        WITH_FIXTURE(what_is_no_update_is_skipped_and_does_no_harm),
        WITH_FIXTURE(too_many_at_once_are_refused),
        WITH_FIXTURE(gaps_are_known_and_can_be_filled),
        WITH_FIXTURE(what_comes_in_disorder_becomes_one_range),
        WITH_FIXTURE(what_was_seen_is_known_for_two_days),
        WITH_FIXTURE(a_start_copes_with_very_many_gaps),
        WITH_FIXTURE(bots_do_not_mix),
        /* only on SQLite: */
        WITH_FIXTURE(a_batch_that_cannot_be_stored_is_not_acknowledged),
        WITH_FIXTURE(a_batch_whose_ids_cannot_be_noted_is_not_acknowledged),
        WITH_FIXTURE(a_store_that_is_down_is_asked_again),
    };

    return RUN_ON_DATABASES("inbox", tests, 3);
}

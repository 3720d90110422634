/*
 * The inbox over a restart: exactly what has not taken effect is delivered again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "tests/unit/inbox_fixture.h"

static const char *wanted_ids;

static void replay(struct fixture *f)
{
    CHECK_INT(f, inbox_replay(delivered.inbox), 0);
    for (size_t i = 0; i < delivered.count; i++)
        CHECK(f, delivered.items[i].was_stored);
    CHECK_IDS(f, wanted_ids);
}

/* A restart has to deliver these; they are given up again. */
static void expect_replayed(struct fixture *f, const char *ids)
{
    wanted_ids = ids;
    run_with_inbox(f, replay);
}

/* ---- how updates end ---- */

static void end_in_all_ways(struct fixture *f)
{
    CHECK(f, receive_range(1, 5, 1) == 0);
    CHECK(f, receive_range(6, 2, 1) == 0);
    CHECK(f, receive_range(8, 3, 1) == 0);
    end(9, GIVEN_UP);
    end(2, COMMITTED);
    end(5, COMMITTED);
    end(3, GIVEN_UP);
    end(10, COMMITTED);
    end(7, COMMITTED);
    end(8, COMMITTED);
    end(6, COMMITTED);
    end(1, COMMITTED); /* 4 has not ended when the host does */
}

static void what_has_not_taken_effect_comes_again(void **state)
{
    struct fixture *f = *state;

    run_with_inbox(f, end_in_all_ways);
    expect_replayed(f, "3 4 9");
    expect_replayed(f, "3 4 9"); /* and again, until it is done */
    assert_int_equal(f->failures, 0);
}

static void end_uncommitted(struct fixture *f)
{
    CHECK(f, receive_range(1, 3, 1) == 0);
    end(2, UNCOMMITTED);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates"), 0); /* no commit for its own sake */
    CHECK(f, receive_range(4, 3, 1) == 0);
    CHECK_INT(f, look(f, "SELECT update_id FROM done_updates"), 2); /* it rode along with that */
    end(4, UNCOMMITTED);
    end(1, UNCOMMITTED);
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates"), 3);
    end(6, UNCOMMITTED); /* in memory only */
}

static void marks_without_a_commit_ride_along_with_the_next(void **state)
{
    struct fixture *f = *state;

    run_with_inbox(f, end_uncommitted);
    expect_replayed(f, "3 5 6");
}

static void give_up_and_end(struct fixture *f)
{
    CHECK(f, receive_range(1, 4, 1) == 0);
    end(1, UNCOMMITTED);
    end(4, GIVEN_UP);
    end(2, UNCOMMITTED);
    end(3, UNCOMMITTED); /* the last of its row, but the row has to stay */
    CHECK(f, inbox_flush(delivered.inbox) == 0);
}

static void giving_up_one_repeats_no_other(void **state)
{
    struct fixture *f = *state;

    run_with_inbox(f, give_up_and_end);
    expect_replayed(f, "4");
}

static void finish_rows(struct fixture *f)
{
    for (int64_t first = 1; first < 80; first += 4) {
        CHECK(f, receive_range(first, 4, 1) == 0);
        for (int64_t id = first; id < first + 4; id++)
            end(id, id % 2 ? COMMITTED : UNCOMMITTED);
    }
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM inbox"), 1); /* the others went with its commit */
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM inbox"), 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates"), 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM seen_updates"), 1);
}

static void finished_rows_go(void **state)
{
    run_with_inbox(*state, finish_rows);
    expect_replayed(*state, "");
}

static void finish_many_at_once(struct fixture *f)
{
    CHECK(f, receive_range(1, 1000, 1) == 0);
    for (int64_t id = 1; id < 1000; id++)
        end(id, UNCOMMITTED);
    CHECK(f, receive_range(1001, 1, 1) == 0);
    int64_t written = look(f, "SELECT COUNT(*) FROM done_updates");
    CHECK(f, written > 100 && written < 900); /* no commit grows without end */
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates"), 999);
}

static void many_leftovers_are_written_in_portions(void **state)
{
    run_with_inbox(*state, finish_many_at_once);
    expect_replayed(*state, "1000 1001");
}

static void receive_out_of_order(struct fixture *f)
{
    int64_t last_id;

    CHECK(f, receive_json("[{\"update_id\":1},{\"update_id\":6}]", &last_id) == 0);
    CHECK(f, receive_json("[{\"update_id\":4},{\"update_id\":5}]", &last_id) == 0);
    CHECK(f, receive_json("[{\"update_id\":2},{\"update_id\":7}]", &last_id) == 0);
    CHECK(f, receive_json("[{\"update_id\":3}]", &last_id) == 0);
    end(5, COMMITTED);
}

/* A webhook's rows overlap: what comes from several chats at once shares a row. */
static void rows_that_overlap_are_replayed_in_the_order_of_their_updates(void **state)
{
    run_with_inbox(*state, receive_out_of_order);
    expect_replayed(*state, "1 2 3 4 6 7");
}

static void finish_replayed(struct fixture *f)
{
    replay(f);
    end_all(COMMITTED);
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK_INT(f,
              look(f, "SELECT COUNT(*) FROM inbox") + look(f, "SELECT COUNT(*) FROM"
                                                              " done_updates"),
              0);
    CHECK(f, receive_range(1, 11, 1) == 0); /* known, though nothing else is left of them */
    CHECK_IDS(f, "3 4 9 11");
}

static void what_is_replayed_ends_like_the_rest(void **state)
{
    struct fixture *f = *state;

    run_with_inbox(f, end_in_all_ways);
    wanted_ids = "3 4 9";
    run_with_inbox(f, finish_replayed);
    expect_replayed(f, "11");
}

/* ---- the unit's transaction ---- */

static void fail_unit(struct fixture *f)
{
    struct aisha_statement unit[2];

    CHECK(f, receive_range(1, 2, 1) == 0);
    unit[0] = inbox_done_statement(delivered.inbox, &f->arena, &delivered.items[0].item);
    unit[1] = AISHA_SQL("INSERT INTO users (id) VALUES (NULL)");
    CHECK(f, db_batch(f->db, &f->arena, unit, 2, NULL) == -AISHA_E_CONFLICT);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM done_updates"), 0);
    unit[1] = inbox_done_statement(delivered.inbox, &f->arena, &delivered.items[1].item);
    CHECK(f, db_batch(f->db, &f->arena, unit, 2, NULL) == 0);
    unit[1] = AISHA_SQL("DELETE FROM seen_updates"); /* the same update cannot take effect twice */
    CHECK(f, db_batch(f->db, &f->arena, unit, 2, NULL) == -AISHA_E_CONFLICT);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM seen_updates"), 1);
}

static void the_mark_belongs_to_the_units_transaction(void **state)
{
    run_with_inbox(*state, fail_unit);
    expect_replayed(*state, "");
}

/* ---- how much there may be ---- */

enum { ROWS = 41 };

static void receive_rows(struct fixture *f)
{
    for (int64_t i = 0; i < ROWS; i++) /* not in the order of their ids */
        CHECK(f, receive_range(1000 + i * 37 % ROWS * 10, 4, 1) == 0);
    change(f, "UPDATE inbox SET received_at = 100000 - first_id");
    for (int64_t i = 0; i < ROWS; i++)
        end(1000 + i * 10 + i % 4, COMMITTED);
}

static void replay_rows(struct fixture *f)
{
    size_t n = 0;

    CHECK(f, inbox_replay(delivered.inbox) == 0);
    CHECK_INT(f, (int64_t)delivered.count, ROWS * 3);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t k = 0; k < 4; k++) {
            if (k == i % 4)
                continue;
            const struct inbox_item *item = &delivered.items[n++].item;
            const cJSON *text = cJSON_GetObjectItemCaseSensitive(item->update, "text");
            CHECK_INT(f, item->update_id, 1000 + i * 10 + k);
            CHECK_INT(f, item->received_at, 100000 - (1000 + i * 10));
            CHECK(f,
                  text && strcmp(text->valuestring, arena_printf(&f->arena, "update %lld",
                                                                 (long long)item->update_id)) == 0);
        }
    CHECK(f, receive_range(1000, 4, 1) == 0); /* still seen */
    CHECK_INT(f, (int64_t)delivered.count, ROWS * 3);
}

static void many_rows_are_replayed_in_order(void **state)
{
    run_with_inbox(*state, receive_rows);
    run_with_inbox(*state, replay_rows);
}

static void receive_large(struct fixture *f)
{
    const size_t size = 7 * 1024 * 1024;

    for (int64_t row = 0; row < 3; row++) {
        cJSON *updates = cJSON_CreateArray();
        int64_t last;
        for (int64_t i = 1; i <= 3; i++) {
            char *text = malloc(size + 1);
            assert_non_null(text);
            memset(text, 'x', size);
            text[size] = '\0';
            cJSON *update = cJSON_CreateObject();
            cJSON_AddNumberToObject(update, "update_id", (double)(10 * row + i));
            cJSON_AddStringToObject(update, "text", text);
            cJSON_AddItemToArray(updates, update);
            free(text);
        }
        CHECK(f, inbox_receive(delivered.inbox, updates, NULL, INBOX_EARLY, &last) == 0);
        end(10 * row + 2, COMMITTED);
    }
}

static void replay_large(struct fixture *f)
{
    wanted_ids = "1 3 11 13 21 23";
    replay(f);
    for (size_t i = 0; i < delivered.count; i++)
        CHECK(f, strlen(cJSON_GetObjectItemCaseSensitive(delivered.items[i].item.update, "text")
                            ->valuestring) == 7 * 1024 * 1024);
}

static void large_rows_are_replayed(void **state)
{
    run_with_inbox(*state, receive_large);
    run_with_inbox(*state, replay_large);
}

static void mark_very_many(struct fixture *f)
{
    for (int64_t row = 0; row < 15; row++)
        CHECK(f, receive_range(row * 1000 + 1, 1000, 1) == 0);
    change(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000)"
              " INSERT INTO done_updates SELECT 1234567890, (i - 1) / 1000 * 1000 + 1, i FROM n"
              " WHERE i % 1000 <> 500");
}

static void a_start_copes_with_very_many_marks(void **state)
{
    run_with_inbox(*state, mark_very_many);
    expect_replayed(*state, "500 1500 2500 3500 4500 5500 6500 7500 8500 9500 10500 11500 12500"
                            " 13500 14500");
}

static void receive_and_damage(struct fixture *f)
{
    for (int64_t first = 10; first <= 50; first += 10)
        CHECK(f, receive_range(first, 1, 1) == 0);
    change(f, "UPDATE inbox SET updates = substr(updates, 1, 5) WHERE first_id = 20");
    change(f, "UPDATE inbox SET updates = '{}' WHERE first_id = 30");
    change(f, "UPDATE inbox SET updates = x'00ff' WHERE first_id = 40");
}

static void replay_damaged(struct fixture *f)
{
    begin_log(f);
    wanted_ids = "10 50";
    replay(f);
    const char *log = end_log(f);
    CHECK(f, strstr(log, "update=20 ") && strstr(log, "update=30 ") && strstr(log, "update=40 "));
    CHECK(f, strstr(log, "error inbox: "));
    end_all(COMMITTED);
    CHECK(f, inbox_flush(delivered.inbox) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 3 AND SUM(first_id) = 90 FROM inbox"), 1);
}

static void what_cannot_be_read_is_kept_and_holds_up_nothing(void **state)
{
    run_with_inbox(*state, receive_and_damage);
    run_with_inbox(*state, replay_damaged);
}

/* ---- kill -9 ---- */

/* Two of three updates have an effect, in one transaction with their mark. */
static void handle(struct fixture *f, size_t i)
{
    const struct inbox_item *item = &delivered.items[i].item;
    struct arena arena = {0};

    if (item->update_id % 3 == 0) {
        end(item->update_id, UNCOMMITTED);
        return;
    }
    const struct aisha_statement unit[] = {
        inbox_done_statement(delivered.inbox, &arena, item),
        AISHA_SQL("INSERT INTO effects VALUES ($1)", item->update_id),
    };
    if (db_batch(f->db, &arena, unit, 2, NULL) < 0)
        abort();
    delivered.items[i].ending = COMMITTED;
    delivered.ended++;
    inbox_done(delivered.inbox, item, true);
    arena_clear(&arena);
}

static void handle_all_but(struct fixture *f, size_t left)
{
    for (size_t i = 0; i < delivered.count && delivered.count - delivered.ended > left; i++)
        if (delivered.items[i].ending == NOT_YET && (i * 7 % 5 || left == 0))
            handle(f, i);
}

/* What Telegram sends begins with what it has not seen acknowledged. */
static void live(struct fixture *f)
{
    open_db(f);
    CHECK(f, QUERY(f, NULL, "CREATE TABLE IF NOT EXISTS effects (id BIGINT NOT NULL)") == 0);
    int64_t next = look(f, "SELECT COALESCE(MAX(last_id), 0) + 1 FROM seen_updates");
    open_inbox(f, BOT_ID);
    if (inbox_replay(delivered.inbox) < 0)
        abort();
    while (delivered.count + 10 < MAX_DELIVERED) {
        int64_t first = next > 3 ? next - 3 : 1;
        if (receive_range(first, 8, 1) < 0)
            abort();
        next = first + 8;
        tell(f, next - 1); /* acknowledged: it will not come again */
        handle_all_but(f, 20);
    }
}

static void finish_what_is_left(struct fixture *f)
{
    CHECK(f, inbox_replay(delivered.inbox) == 0);
    handle_all_but(f, 0);
    CHECK(f, inbox_flush(delivered.inbox) == 0);
}

static void kill_9_loses_no_update_and_doubles_no_effect(void **state)
{
    struct fixture *f = *state;
    const int64_t *told;
    int64_t last = 0;

    for (size_t round = 0; round < 5; round++) {
        size_t count = run_killed(f, live, 10 + 12 * round, &told);
        last = told[count - 1];
        assert_int_equal(look(f, "SELECT COUNT(*) - COUNT(DISTINCT id) FROM effects"), 0);
    }
    assert_true(look(f, "SELECT COUNT(*) FROM inbox") > 0);
    run_with_inbox(f, finish_what_is_left);
    /* Telegram may have sent one batch more than was acknowledged. */
    int64_t received = look(f, "SELECT MAX(last_id) FROM seen_updates");
    assert_in_range(received, last, last + 8);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM effects"), received - received / 3);
    assert_int_equal(look(f, "SELECT COUNT(DISTINCT id) FROM effects"), received - received / 3);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM inbox"), 0);
    assert_int_equal(look(f, "SELECT COUNT(*) FROM done_updates"), 0);
    assert_int_equal(f->failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_has_not_taken_effect_comes_again),
        WITH_FIXTURE(marks_without_a_commit_ride_along_with_the_next),
        WITH_FIXTURE(giving_up_one_repeats_no_other),
        WITH_FIXTURE(finished_rows_go),
        WITH_FIXTURE(many_leftovers_are_written_in_portions),
        WITH_FIXTURE(what_is_replayed_ends_like_the_rest),
        WITH_FIXTURE(the_mark_belongs_to_the_units_transaction),
        WITH_FIXTURE(rows_that_overlap_are_replayed_in_the_order_of_their_updates),
        WITH_FIXTURE(many_rows_are_replayed_in_order),
        WITH_FIXTURE(large_rows_are_replayed),
        WITH_FIXTURE(a_start_copes_with_very_many_marks),
        WITH_FIXTURE(kill_9_loses_no_update_and_doubles_no_effect),
        /* only on SQLite: */
        WITH_FIXTURE(what_cannot_be_read_is_kept_and_holds_up_nothing),
    };

    return RUN_ON_DATABASES("inbox_replay", tests, 1);
}

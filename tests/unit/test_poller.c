/* getUpdates: what is taken and acknowledged, and the many ways in which it can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/telegram/poller.h"
#include "tests/unit/telegram_fixture.h"

enum { FIRST_PAUSE_MS = 500 };

struct reader {
    struct telegram_fixture t;
    struct poller *poller;
    int64_t ids[64];
    size_t count;
    size_t with_text;  /* batches that came with the text they were read from */
    int failing;       /* how many batches are not taken */
    bool is_forgetful; /* no batch has an id */
    bool is_full;      /* waits for room */
    struct wait room, refused;
    char why[128];
};

static AISHA_ASYNC int take(cJSON *updates, const char *text, int64_t *ret_last_id, void *user)
{
    struct reader *reader = user;
    cJSON *same = text ? cJSON_Parse(text) : NULL;
    const cJSON *update;
    int r = 0;

    CHECK(reader->t.f, !text || cJSON_Compare(same, updates, true));
    reader->with_text += text != NULL;
    cJSON_Delete(same);
    if (reader->failing > 0 && reader->failing--)
        r = -AISHA_E_UNAVAILABLE;
    else if (reader->is_full)
        r = wait_for(&reader->room, WAIT_FOREVER);
    cJSON_ArrayForEach(update, updates) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(update, "update_id");
        if (r < 0 || reader->is_forgetful)
            break;
        CHECK(reader->t.f, id && reader->count < 64);
        *ret_last_id = id->valueint;
        reader->ids[reader->count++] = id->valueint;
    }
    cJSON_Delete(updates);
    return r;
}

static void on_refused(const char *why, void *user)
{
    struct reader *reader = user;

    snprintf(reader->why, sizeof reader->why, "%s", why);
    wait_wake(&reader->refused, 0);
}

static void start(struct reader *reader, struct loop_fixture *f)
{
    static const char *const kinds[] = {"message", "callback_query", NULL};
    const struct poller_options options = {
        .allowed_updates = kinds, .take = take, .on_refused = on_refused, .user = reader};

    *reader = (struct reader){.count = 0};
    telegram_setup(&reader->t, f, 0, 0);
    wait_init(&reader->room, f->loop);
    wait_init(&reader->refused, f->loop);
    CHECK(f, poller_start(&reader->poller, f->loop, reader->t.telegram, &options) == 0);
}

static void end(struct reader *reader)
{
    struct loop_fixture *f = reader->t.f;

    poller_stop(reader->poller);
    while (poller_is_running(reader->poller))
        CHECK(f, wait_sleep(f->loop, 1) == 0);
    script_end(&reader->t);
    poller_free(reader->poller);
    telegram_teardown(&reader->t);
}

/* Answers after which the poller waits for the next one until the end. */
#define SCRIPT_TO_SILENCE(reader, ...)                                                             \
    do {                                                                                           \
        SCRIPT(&(reader)->t, __VA_ARGS__, answer_never);                                           \
        CHECK((reader)->t.f, wait_for(&(reader)->t.silent, 25000) == 0);                           \
    } while (0)

static int64_t pause_before(const struct reader *reader, size_t n)
{
    return reader->t.asked[n].at_ms - reader->t.asked[n - 1].at_ms;
}

/* What the n-th request said; 0 when it had no such member. */
static long long asked_number(const struct reader *reader, size_t n, const char *name)
{
    cJSON *json = cJSON_Parse(reader->t.asked[n].body);
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, name);
    long long value = number ? (long long)number->valuedouble : 0;

    cJSON_Delete(json);
    return value;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    while ((text = strstr(text, part))) {
        text++;
        count++;
    }
    return count;
}

/* ---- when all is well ---- */

static void take_and_acknowledge(struct loop_fixture *f)
{
    static const long long offsets[] = {0, 3, 3, 6};
    struct reader reader;

    start(&reader, f);
    SCRIPT_TO_SILENCE(&reader, answer_ok(&reader.t, "[{\"update_id\":1},{\"update_id\":2}]"),
                      answer_ok(&reader.t, "[]"), answer_ok(&reader.t, "[{\"update_id\":5}]"));
    CHECK(f, reader.count == 3 && reader.ids[0] == 1 && reader.ids[1] == 2 && reader.ids[2] == 5);
    for (size_t i = 0; i < 4; i++) {
        CHECK(f, asked_for(&reader.t, i, "getUpdates"));
        CHECK(f, asked_number(&reader, i, "offset") == offsets[i]);
        CHECK(f, asked_number(&reader, i, "limit") == 100);
        CHECK(f, asked_number(&reader, i, "timeout") == 50);
        CHECK(f, asked_with(&reader.t, i, "\"allowed_updates\":[\"message\",\"callback_query\"]"));
    }
    CHECK(f, !asked_with(&reader.t, 0, "offset"));
    end(&reader);
}

static void what_was_taken_is_acknowledged_by_the_next_request(void **state)
{
    (void)state;
    run_in_loop(take_and_acknowledge);
}

static void take_odd_forms(struct loop_fixture *f)
{
    static const char *const with_text[] = {
        "{\"ok\":true,\"result\":[{\"update_id\":1}]}",
        "{\"ok\":true,\"result\": [ {\"update_id\":2 , \"x\":\"]}\"} ] }\r\n",
    };
    static const char *const without[] = {
        "{ \"ok\":true,\"result\":[{\"update_id\":3}]}",
        "{\"result\":[{\"update_id\":4}],\"ok\":true}",
        "{\"ok\":true,\"result\":[{\"update_id\":5}],\"more\":[{}]}",
    };
    struct reader reader;

    start(&reader, f);
    SCRIPT_TO_SILENCE(&reader, answer(&reader.t, 200, with_text[0]),
                      answer(&reader.t, 200, with_text[1]), answer(&reader.t, 200, without[0]),
                      answer(&reader.t, 200, without[1]), answer(&reader.t, 200, without[2]));
    CHECK(f, reader.count == 5 && reader.ids[4] == 5);
    CHECK(f, reader.with_text == 2);
    end(&reader);
}

static void the_text_of_updates_comes_along_if_it_is_where_it_always_is(void **state)
{
    (void)state;
    run_in_loop(take_odd_forms);
}

static void do_not_take(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    reader.failing = 1;
    const char *batch = answer_ok(&reader.t, "[{\"update_id\":8}]");
    SCRIPT_TO_SILENCE(&reader, batch, batch);
    CHECK(f, reader.count == 1 && reader.ids[0] == 8);
    CHECK(f, asked_number(&reader, 1, "offset") == 0 && asked_number(&reader, 2, "offset") == 9);
    CHECK(f, pause_before(&reader, 1) >= FIRST_PAUSE_MS);
    end(&reader);
}

static void what_was_not_taken_comes_again(void **state)
{
    (void)state;
    run_in_loop(do_not_take);
}

static void stop_while_full(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    reader.is_full = true;
    SCRIPT(&reader.t, answer_ok(&reader.t, "[{\"update_id\":8}]"));
    script_end(&reader.t);
    end(&reader); /* asks for nothing more */
    CHECK(f, reader.count == 0);
}

static void it_can_be_stopped_while_there_is_no_room(void **state)
{
    (void)state;
    run_in_loop(stop_while_full);
}

/* ---- failures that pass ---- */

static void back_off(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    const char *bad = answer(&reader.t, 502, "<html>Bad Gateway</html>");
    SCRIPT_TO_SILENCE(&reader, bad, bad, answer_nothing, answer_ok(&reader.t, "[]"), bad);
    for (size_t i = 1; i <= 3; i++)
        CHECK(f, pause_before(&reader, i) >= FIRST_PAUSE_MS << (i - 1));
    CHECK(f, pause_before(&reader, 5) >= FIRST_PAUSE_MS);
    CHECK(f, pause_before(&reader, 5) < FIRST_PAUSE_MS << 3); /* from the beginning again */
    const char *log = logged(&reader.t);
    CHECK(f, count_of(log, "getUpdates failed") == 3); /* each kind once */
    CHECK(f, count_of(log, "getUpdates works again after 3 failures") == 1);
    end(&reader);
}

static void pauses_grow_and_begin_again_after_success(void **state)
{
    (void)state;
    run_in_loop(back_off);
}

static void wait_as_told(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    SCRIPT_TO_SILENCE(&reader,
                      answer_error(&reader.t, 429, "Too Many Requests", "{\"retry_after\":1}"),
                      answer_error(&reader.t, 429, "Too Many Requests", "{\"retry_after\":-9}"));
    CHECK(f, pause_before(&reader, 1) >= 1000);
    CHECK(f, pause_before(&reader, 2) >= FIRST_PAUSE_MS);
    end(&reader);
}

static void retry_after_is_respected(void **state)
{
    (void)state;
    run_in_loop(wait_as_told);
}

static void read_nonsense(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    SCRIPT_TO_SILENCE(&reader, answer_ok(&reader.t, "true"),
                      answer_ok(&reader.t, "{\"update_id\":5}"));
    CHECK(f, pause_before(&reader, 1) >= FIRST_PAUSE_MS);
    CHECK(f, pause_before(&reader, 2) >= FIRST_PAUSE_MS * 2);
    CHECK(f, reader.count == 0 && asked_number(&reader, 2, "limit") == 100);
    end(&reader);
}

static void a_result_that_is_no_array_is_waited_out(void **state)
{
    (void)state;
    run_in_loop(read_nonsense);
}

static void read_no_ids(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    reader.is_forgetful = true;
    const char *batch = answer_ok(&reader.t, "[{\"update_id\":\"x\"},{}]");
    SCRIPT_TO_SILENCE(&reader, batch, batch);
    CHECK(f, pause_before(&reader, 1) >= FIRST_PAUSE_MS);
    CHECK(f, pause_before(&reader, 2) >= FIRST_PAUSE_MS * 2);
    CHECK(f, asked_number(&reader, 2, "offset") == 0);
    end(&reader);
}

static void a_batch_without_a_valid_id_does_not_come_in_a_hot_loop(void **state)
{
    (void)state;
    run_in_loop(read_no_ids);
}

/* ---- somebody else has the updates ---- */

static void poll_beside_another(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    SCRIPT(&reader.t,
           answer_error(&reader.t, 409, "Conflict: terminated by other getUpdates request", NULL));
    script_end(&reader.t);
    CHECK(f, wait_sleep(f->loop, FIRST_PAUSE_MS * 2) == 0); /* longer than after other failures */
    CHECK(f, poller_is_running(reader.poller));
    CHECK(f, strstr(logged(&reader.t), "another program is polling with this token"));
    end(&reader); /* checks that no second request came */
}

static void another_program_is_given_time(void **state)
{
    (void)state;
    run_in_loop(poll_beside_another);
}

static void poll_with_webhook(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    SCRIPT_TO_SILENCE(&reader,
                      answer_error(&reader.t, 409,
                                   "Conflict: can't use getUpdates method while webhook is active; "
                                   "use deleteWebhook to delete the webhook first",
                                   NULL),
                      answer_ok(&reader.t, "true"), answer_ok(&reader.t, "[{\"update_id\":3}]"));
    CHECK(f, asked_for(&reader.t, 1, "deleteWebhook") && strcmp(reader.t.asked[1].body, "{}") == 0);
    CHECK(f, asked_for(&reader.t, 2, "getUpdates") && reader.count == 1);
    end(&reader);
}

static void a_webhook_is_removed_and_polling_goes_on(void **state)
{
    (void)state;
    run_in_loop(poll_with_webhook);
}

/* ---- the end ---- */

static void poll_with_refused_token(struct loop_fixture *f)
{
    static const int codes[] = {401, 404};

    for (size_t i = 0; i < 2; i++) {
        struct reader reader;
        start(&reader, f);
        SCRIPT(&reader.t, answer_error(&reader.t, codes[i], "Unauthorized", NULL));
        CHECK(f, wait_for(&reader.refused, 25000) == 0);
        CHECK(f, strcmp(reader.why, "Unauthorized") == 0);
        CHECK(f, wait_yield(f->loop) == 0 && !poller_is_running(reader.poller));
        end(&reader);
    }
}

static void a_refused_token_ends_it(void **state)
{
    (void)state;
    run_in_loop(poll_with_refused_token);
}

static void poll_through_proxy(struct loop_fixture *f)
{
    struct reader reader;

    start(&reader, f);
    SCRIPT_TO_SILENCE(&reader, answer(&reader.t, 404, "<html>Not Found</html>"));
    CHECK(f, pause_before(&reader, 1) >= FIRST_PAUSE_MS && !reader.why[0]);
    end(&reader);
}

static void a_proxys_page_is_no_refusal(void **state)
{
    (void)state;
    run_in_loop(poll_through_proxy);
}

/* ---- updates that cannot be read ---- */

/* A batch of one update, nested deeper than is read. */
static const char *unreadable(struct reader *reader, const char *update_id)
{
    char *deep = arena_alloc(&reader->t.f->arena, 201);

    memset(deep, '[', 200);
    return answer_ok(&reader->t, arena_printf(&reader->t.f->arena, "[{\"update_id\":%s,\"x\":%s",
                                              update_id, deep));
}

static void pass_over(struct loop_fixture *f)
{
    static const struct {
        long long limit, offset;
    } asked[] = {{100, 0}, {50, 0}, {25, 0}, {12, 0}, {6, 0},  {3, 0},  {1, 0},
                 {1, 8},   {2, 9},  {4, 11}, {2, 11}, {1, 11}, {1, 12}, {2, 13}};
    struct reader reader;

    start(&reader, f);
    const char *bad = unreadable(&reader, "7"), *later = unreadable(&reader, "11");
    SCRIPT_TO_SILENCE(&reader, bad, bad, bad, bad, bad, bad, bad,
                      answer_ok(&reader.t, "[{\"update_id\":8}]"),
                      answer_ok(&reader.t, "[{\"update_id\":9},{\"update_id\":10}]"), later, later,
                      later, answer_ok(&reader.t, "[{\"update_id\":12}]"));
    CHECK(f, reader.t.asked_count == sizeof asked / sizeof *asked);
    for (size_t i = 0; i < reader.t.asked_count; i++) {
        CHECK(f, asked_number(&reader, i, "limit") == asked[i].limit);
        CHECK(f, asked_number(&reader, i, "offset") == asked[i].offset);
    }
    CHECK(f, reader.count == 4 && reader.ids[3] == 12);
    const char *log = logged(&reader.t);
    CHECK(f, count_of(log, "update=7 cannot be read and is passed over") == 1);
    CHECK(f, count_of(log, "passed over") == 2 && count_of(log, "getUpdates failed") == 0);
    end(&reader);
}

static void an_unreadable_update_is_found_and_passed_over(void **state)
{
    (void)state;
    run_in_loop(pass_over);
}

/* What names no update that could be passed over is waited out. */
static void stay_unreadable(struct loop_fixture *f, const char *update_id)
{
    struct reader reader;

    start(&reader, f);
    const char *bad = unreadable(&reader, update_id);
    SCRIPT_TO_SILENCE(&reader, answer_ok(&reader.t, "[{\"update_id\":20}]"), bad, bad, bad, bad,
                      bad, bad, bad);
    CHECK(f, pause_before(&reader, 8) >= FIRST_PAUSE_MS);
    CHECK(f, asked_number(&reader, 8, "offset") == 21 && asked_number(&reader, 8, "limit") == 1);
    CHECK(f, count_of(logged(&reader.t), "passed over") == 0);
    end(&reader);
}

static void read_odd_ids(struct loop_fixture *f)
{
    static const char *const ids[] = {"20", "-5", "x", "9007199254740993"};

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        stay_unreadable(f, ids[i]);
}

static void an_unreadable_batch_without_a_new_id_is_waited_out(void **state)
{
    (void)state;
    run_in_loop(read_odd_ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taken_is_acknowledged_by_the_next_request),
        cmocka_unit_test(the_text_of_updates_comes_along_if_it_is_where_it_always_is),
        cmocka_unit_test(what_was_not_taken_comes_again),
        cmocka_unit_test(it_can_be_stopped_while_there_is_no_room),
        cmocka_unit_test(pauses_grow_and_begin_again_after_success),
        cmocka_unit_test(retry_after_is_respected),
        cmocka_unit_test(a_result_that_is_no_array_is_waited_out),
        cmocka_unit_test(a_batch_without_a_valid_id_does_not_come_in_a_hot_loop),
        cmocka_unit_test(another_program_is_given_time),
        cmocka_unit_test(a_webhook_is_removed_and_polling_goes_on),
        cmocka_unit_test(a_refused_token_ends_it),
        cmocka_unit_test(a_proxys_page_is_no_refusal),
        cmocka_unit_test(an_unreadable_update_is_found_and_passed_over),
        cmocka_unit_test(an_unreadable_batch_without_a_new_id_is_waited_out),
    };

    aisha_ignore(log_setup("debug", "text"));
    return cmocka_run_group_tests_name("poller", tests, NULL, NULL);
}

/* Calls of the Bot API against answers of all kinds, most of them bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/core/log.h"
#include "host/telegram/codec.h"
#include "tests/unit/telegram_fixture.h"

enum { FIRST_PAUSE_MS = 500, SECOND_PAUSE_MS = 1000, MAX_TRIES = 8 };

#define MESSAGE "{\"message_id\":5,\"date\":1,\"chat\":{\"id\":1,\"type\":\"private\"}}"
#define ME "{\"id\":77,\"is_bot\":true,\"first_name\":\"A\"}"

static void check_no_token(struct telegram_fixture *t, const char *text)
{
    CHECK(t->f, !text || !strstr(text, TEST_TOKEN));
}

static int get_me(struct telegram_fixture *t, const struct aisha_user **ret,
                  struct telegram_failure *failure)
{
    int r = telegram_call(t->telegram, &t->f->arena, "getMe", NULL, ret, failure);

    check_no_token(t, failure->description);
    return r;
}

static int send_message(struct telegram_fixture *t, int64_t chat_id, const char *text,
                        struct telegram_failure *failure)
{
    const struct aisha_send_message_params params = {
        .size = sizeof params, .chat_id = chat_id, .text = text};
    const struct aisha_message *sent;

    int r = telegram_call(t->telegram, &t->f->arena, "sendMessage", &params, &sent, failure);
    CHECK(t->f, r < 0 || sent->message_id == 5);
    check_no_token(t, failure->description);
    return r;
}

/* ---- one request ---- */

struct envelope {
    int status;
    const char *body;
    int r, code;
    const char *description;
    int64_t retry_after_s, migrate_to_chat_id;
};

static const struct envelope envelopes[] = {
    {200, "{\"ok\":true,\"result\":{\"a\":1}}", 0, 0, NULL, 0, 0},
    {200, "{\"ok\":true,\"result\":null}", 0, 0, NULL, 0, 0},
    {200, " {\"result\":false, \"more\":[], \"ok\":true} \n", 0, 0, NULL, 0, 0},
    {400, "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: x\"}", -AISHA_E_TELEGRAM,
     400, "Bad Request: x", 0, 0},
    {200, "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden\"}", -AISHA_E_TELEGRAM, 403,
     "Forbidden", 0, 0},
    {429,
     "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests\","
     "\"parameters\":{\"retry_after\":7}}",
     -AISHA_E_TELEGRAM, 429, "Too Many Requests", 7, 0},
    {400,
     "{\"ok\":false,\"error_code\":400,\"description\":\"upgraded\","
     "\"parameters\":{\"migrate_to_chat_id\":-1001234567890123}}",
     -AISHA_E_TELEGRAM, 400, "upgraded", 0, -1001234567890123},
    {429,
     "{\"ok\":false,\"error_code\":429,\"description\":\"odd\",\"parameters\":{\"retry_after\":\"x\"}}",
     -AISHA_E_TELEGRAM, 429, "odd", 0, 0},
    {429, "{\"ok\":false,\"error_code\":429,\"description\":\"odd\",\"parameters\":[7]}",
     -AISHA_E_TELEGRAM, 429, "odd", 0, 0},
    {400, "{\"ok\":false,\"error_code\":400,\"description\":\"no /bot" TEST_TOKEN "/x\"}",
     -AISHA_E_TELEGRAM, 400, NULL, 0, 0},
    /* What the Bot API does not say. */
    {200, "{\"ok\":true}", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "{\"ok\":\"true\",\"result\":1}", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "{\"OK\":true,\"result\":1}", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {400, "{\"ok\":false,\"description\":\"x\"}", -AISHA_E_UPSTREAM, 400, NULL, 0, 0},
    {400, "{\"ok\":false,\"error_code\":400}", -AISHA_E_UPSTREAM, 400, NULL, 0, 0},
    {400, "{\"ok\":false,\"error_code\":\"400\",\"description\":\"x\"}", -AISHA_E_UPSTREAM, 400,
     NULL, 0, 0},
    {200, "[]", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "null", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "\"ok\"", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "{\"ok\":true,\"result\":", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "{\"ok\":true,\"result\":1}x", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
    {200, "{\"ok\":true,\"result\":1}{\"ok\":true,\"result\":1}", -AISHA_E_UPSTREAM, 200, NULL, 0,
     0},
    {502, "<html>Bad Gateway</html>", -AISHA_E_UPSTREAM, 502, NULL, 0, 0},
    {200, "\x01\xff\xfe", -AISHA_E_UPSTREAM, 200, NULL, 0, 0},
};

static void check_envelope(struct telegram_fixture *t, const struct envelope *row)
{
    const struct codec_body body = {.json = "{}"};
    struct loop_fixture *f = t->f;
    struct telegram_failure failure;
    const cJSON *result = NULL;

    SCRIPT(t, answer(t, row->status, row->body));
    int r = telegram_request(t->telegram, &f->arena, "test", &body, 20000, &result, &failure);
    script_end(t);
    CHECK(f, r == row->r && failure.error_code == row->code && !result == (r < 0));
    CHECK(f, !row->description || strcmp(failure.description, row->description) == 0);
    CHECK(f, !failure.description == (r != -AISHA_E_TELEGRAM));
    check_no_token(t, failure.description);
    CHECK(f, failure.retry_after_s == row->retry_after_s);
    CHECK(f, failure.migrate_to_chat_id == row->migrate_to_chat_id);
    CHECK(f, !failure.body == (r != -AISHA_E_UPSTREAM));
    CHECK(f, !failure.body || strcmp(failure.body, row->body) == 0);
}

static void read_envelopes(struct loop_fixture *f)
{
    struct telegram_fixture t;

    telegram_setup(&t, f, 0, 0);
    for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++)
        check_envelope(&t, &envelopes[i]);
    char *deep = arena_alloc(&f->arena, 20001);
    memset(deep, '[', 20000);
    check_envelope(&t, &(struct envelope){200, deep, -AISHA_E_UPSTREAM, 200, NULL, 0, 0});
    CHECK(f, asked_for(&t, 0, "test") && strcmp(t.asked[0].body, "{}") == 0);
    telegram_teardown(&t);
}

static void answers_of_all_kinds_are_read_or_refused(void **state)
{
    (void)state;
    run_in_loop(read_envelopes);
}

/* ---- retries ---- */

static void retry_server_errors(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram_failure failure;
    const struct aisha_user *me = NULL;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, answer(&t, 502, "<html>Bad Gateway</html>"),
           answer_error(&t, 500, "Internal Server Error", NULL), answer_ok(&t, ME));
    CHECK(f, get_me(&t, &me, &failure) == 0 && me->id == 77 && failure.error_code == 0);
    script_end(&t);
    CHECK(f, asked_for(&t, 2, "getMe"));
    CHECK(f, t.asked[1].at_ms - t.asked[0].at_ms >= FIRST_PAUSE_MS);
    CHECK(f, t.asked[2].at_ms - t.asked[1].at_ms >= SECOND_PAUSE_MS);
    CHECK(f, strstr(logged(&t), "method=getMe try=1 code=502"));
    telegram_teardown(&t);
}

static void server_errors_are_retried_after_growing_pauses(void **state)
{
    (void)state;
    run_in_loop(retry_server_errors);
}

/* Each is followed by a good one. */
static void retry_after(struct telegram_fixture *t, const char *bad)
{
    const struct aisha_user *me = NULL;
    struct telegram_failure failure;
    size_t before = t->asked_count;

    SCRIPT(t, bad, answer_ok(t, ME));
    CHECK(t->f, get_me(t, &me, &failure) == 0 && me->id == 77);
    script_end(t);
    CHECK(t->f, t->asked_count == before + 2);
}

static void retry_lost_connections(struct loop_fixture *f)
{
    struct telegram_fixture t;

    telegram_setup(&t, f, 0, 0);
    retry_after(&t, answer_nothing);
    CHECK(f, strstr(logged(&t), "method=getMe try=1 code=0 http://127.0.0.1:")); /* no token */
    retry_after(&t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true,\"result\":" ME);
    retry_after(&t, "SSH-2.0-OpenSSH\r\n");
    retry_after(&t, answer(&t, 200, "<html>please log in</html>"));
    retry_after(&t, answer_error(&t, 421, "Misdirected Request", NULL));
    telegram_teardown(&t);
}

static void lost_and_half_answers_are_retried(void **state)
{
    (void)state;
    run_in_loop(retry_lost_connections);
}

static void do_not_retry(struct loop_fixture *f)
{
    static const int codes[] = {400, 401, 403, 404, 409, 413};
    struct telegram_fixture t;
    struct telegram_failure failure;
    const struct aisha_user *me;

    telegram_setup(&t, f, 0, 0);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        SCRIPT(&t, answer_error(&t, codes[i], "No", NULL));
        CHECK(f, get_me(&t, &me, &failure) == -AISHA_E_TELEGRAM);
        CHECK(f, failure.error_code == codes[i] && strcmp(failure.description, "No") == 0);
        script_end(&t);
    }
    SCRIPT(&t, answer(&t, 404, "<html>Not Found</html>"));
    CHECK(f, get_me(&t, &me, &failure) == -AISHA_E_UPSTREAM && failure.error_code == 404);
    script_end(&t);
    SCRIPT(&t, answer_ok(&t, "\"somebody\"")); /* a result of another type */
    CHECK(f, get_me(&t, &me, &failure) == -AISHA_E_UPSTREAM);
    script_end(&t);
    telegram_teardown(&t);
}

static void refusals_are_not_retried(void **state)
{
    (void)state;
    run_in_loop(do_not_retry);
}

static void wait_as_told(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram_failure failure;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, answer_error(&t, 429, "Too Many Requests", "{\"retry_after\":1}"),
           answer_ok(&t, MESSAGE));
    CHECK(f, send_message(&t, 1, "x", &failure) == 0);
    script_end(&t);
    CHECK(f, t.asked[1].at_ms - t.asked[0].at_ms >= 1000);
    SCRIPT(&t, answer_error(&t, 429, "Too Many Requests", "{\"retry_after\":-5}"),
           answer_ok(&t, MESSAGE)); /* no time to wait for */
    CHECK(f, send_message(&t, 1, "x", &failure) == 0);
    script_end(&t);
    SCRIPT(&t, answer_error(&t, 429, "Too Many Requests", "{\"retry_after\":121}"));
    CHECK(f, send_message(&t, 1, "x", &failure) == -AISHA_E_TELEGRAM);
    CHECK(f, failure.error_code == 429 && failure.retry_after_s == 121);
    script_end(&t);
    telegram_teardown(&t);
}

static void retry_after_is_respected_unless_it_is_too_long(void **state)
{
    (void)state;
    run_in_loop(wait_as_told);
}

static void try_until_the_end(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram_failure failure;
    const char *answers[MAX_TRIES + 1] = {NULL};

    telegram_setup(&t, f, 0, 0);
    for (int i = 0; i < MAX_TRIES; i++)
        answers[i] = answer_error(&t, 429, "Too Many Requests", NULL);
    script(&t, answers);
    CHECK(f, send_message(&t, 1, "x", &failure) == -AISHA_E_TELEGRAM && failure.error_code == 429);
    script_end(&t);
    CHECK(f, t.asked_count == MAX_TRIES);
    telegram_teardown(&t);
}

static void after_some_tries_it_gives_up(void **state)
{
    (void)state;
    run_in_loop(try_until_the_end);
}

/* ---- calls beside others ---- */

struct call {
    struct telegram_fixture *t;
    int64_t chat_id;
    const char *text;
    int r;
    struct task *task;
    struct wait done;
};

static void run_call(void *arg)
{
    struct call *call = arg;
    struct telegram_failure failure;

    call->r = send_message(call->t, call->chat_id, call->text, &failure);
    wait_wake(&call->done, 0);
}

static void start_call(struct call *call, struct telegram_fixture *t, int64_t chat_id,
                       const char *text)
{
    *call = (struct call){.t = t, .chat_id = chat_id, .text = text, .r = 1};
    wait_init(&call->done, t->f->loop);
    CHECK(t->f, task_start(t->f->loop, "call", run_call, call, &call->task) == 0);
}

static void send_beside(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct call first, second;
    struct telegram_failure failure;
    const char *count;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, answer_error(&t, 429, "Too Many Requests", "{\"retry_after\":1}"));
    start_call(&first, &t, 1, "first");
    start_call(&second, &t, 1, "second");
    script_end(&t);
    SCRIPT(&t, answer_ok(&t, MESSAGE), answer_ok(&t, "3"), answer_ok(&t, MESSAGE),
           answer_ok(&t, MESSAGE));
    CHECK(f, send_message(&t, 2, "beside", &failure) == 0);
    CHECK(f, telegram_call_json(t.telegram, &f->arena, "getChatMemberCount", "{\"chat_id\":1}",
                                &count, &failure) == 0);
    CHECK(f, strcmp(count, "3") == 0 && first.r == 1 && second.r == 1);
    CHECK(f, wait_for(&first.done, 20000) == 0 && wait_for(&second.done, 20000) == 0);
    CHECK(f, first.r == 0 && second.r == 0);
    script_end(&t);
    CHECK(f, asked_with(&t, 0, "\"first\"") && asked_with(&t, 1, "\"beside\""));
    CHECK(f, asked_for(&t, 2, "getChatMemberCount"));
    CHECK(f, asked_with(&t, 3, "\"first\"") && asked_with(&t, 4, "\"second\""));
    telegram_teardown(&t);
}

static void a_chat_that_has_to_wait_waits_alone_and_keeps_its_order(void **state)
{
    (void)state;
    run_in_loop(send_beside);
}

static void cancel_calls(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct call call;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, answer_error(&t, 429, "Too Many Requests", "{\"retry_after\":100}"));
    start_call(&call, &t, 1, "in a pause");
    script_end(&t);
    task_cancel(call.task);
    CHECK(f, wait_for(&call.done, 20000) == 0 && call.r == -AISHA_E_CANCELED);
    SCRIPT(&t, answer_never);
    start_call(&call, &t, 2, "in a request"); /* the first chat still rests */
    CHECK(f, wait_for(&t.silent, 20000) == 0);
    task_cancel(call.task);
    CHECK(f, wait_for(&call.done, 20000) == 0 && call.r == -AISHA_E_CANCELED);
    script_end(&t); /* the connection is closed */
    telegram_teardown(&t);
}

static void a_cancelled_call_ends_at_once(void **state)
{
    (void)state;
    run_in_loop(cancel_calls);
}

/* ---- what cannot be sent ---- */

static void refuse_calls(struct loop_fixture *f)
{
    static const char *const odd_methods[] = {
        "", "../x", "getMe?a=b", "get Me", "a/b", "getMe\r\n", "getMe#", "getM\xc3\xa9", "a%2fb"};
    const struct aisha_send_message_params no_text = {.size = sizeof no_text, .chat_id = 1};
    const struct aisha_send_message_params no_chat = {.size = sizeof no_chat, .text = "x"};
    struct telegram_fixture t;
    struct telegram_failure failure;
    const struct aisha_message *sent;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, NULL);
    CHECK(f, telegram_call(t.telegram, &f->arena, "sendMessage", &no_text, &sent, &failure) ==
                 -AISHA_E_INVALID);
    CHECK(f, strcmp(failure.description, "the parameter text is missing or wrong") == 0);
    CHECK(f, telegram_call(t.telegram, &f->arena, "sendMessage", &no_chat, &sent, &failure) ==
                 -AISHA_E_INVALID);
    CHECK(f, strcmp(failure.description, "the parameter chat_id is missing or wrong") == 0);
    CHECK(f, telegram_call(t.telegram, &f->arena, "sendTelepathy", NULL, NULL, &failure) ==
                 -AISHA_E_INVALID);
    CHECK(f, strstr(failure.description, "sendTelepathy"));
    static const char *const odd_json[] = {"", "[]", "x", "{", "\"{}\"", "{}{}"};
    for (size_t i = 0; i < sizeof odd_json / sizeof *odd_json; i++)
        CHECK(f, telegram_call_json(t.telegram, &f->arena, "getMe", odd_json[i], NULL, &failure) ==
                     -AISHA_E_INVALID);
    CHECK(f, strcmp(failure.description, "the parameters of getMe are no JSON object") == 0);
    for (size_t i = 0; i < sizeof odd_methods / sizeof *odd_methods; i++) {
        CHECK(f, telegram_call_json(t.telegram, &f->arena, odd_methods[i], "{}", NULL, &failure) ==
                     -AISHA_E_INVALID);
        CHECK(f, strstr(failure.description, "cannot be a method"));
    }
    script_end(&t); /* nothing of all that was sent */
    telegram_teardown(&t);
}

static void what_is_wrong_is_not_sent_and_named(void **state)
{
    (void)state;
    run_in_loop(refuse_calls);
}

static void send_json(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram_failure failure;
    const char *json = NULL;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, answer_ok(&t, "{\"a\": [1, \"\\u0436\"]}"), answer_error(&t, 400, "No", NULL));
    CHECK(f, telegram_call_json(t.telegram, &f->arena, "ofTomorrow", "{ \"x\" : 1 }", &json,
                                &failure) == 0);
    CHECK(f, json && strcmp(json, "{\"a\":[1,\"\xd0\xb6\"]}") == 0);
    CHECK(f, telegram_call_json(t.telegram, &f->arena, "ofTomorrow", "{}", NULL, &failure) ==
                 -AISHA_E_TELEGRAM);
    script_end(&t);
    CHECK(f, asked_for(&t, 0, "ofTomorrow") && strcmp(t.asked[0].body, "{ \"x\" : 1 }") == 0);
    CHECK(f, strcasestr(t.asked[0].text, "\r\nContent-Type: application/json\r\n"));
    telegram_teardown(&t);
}

static void methods_of_tomorrow_can_be_called_with_json(void **state)
{
    (void)state;
    run_in_loop(send_json);
}

static void upload(struct loop_fixture *f)
{
    const struct aisha_send_document_params params = {
        .size = sizeof params,
        .chat_id = 1,
        .document = AISHA_FILE(.bytes = "some bytes", .bytes_size = 10, .file_name = "a.txt")};
    struct telegram_fixture t;
    struct telegram_failure failure;
    const struct aisha_message *sent;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, answer(&t, 502, "Bad Gateway"), answer_ok(&t, MESSAGE));
    CHECK(f, telegram_call(t.telegram, &f->arena, "sendDocument", &params, &sent, &failure) == 0);
    script_end(&t);
    for (size_t i = 0; i < 2; i++) { /* whole at each try */
        CHECK(f, asked_with(&t, i, "name=\"chat_id\"\r\n\r\n1\r\n"));
        CHECK(f, asked_with(&t, i, "filename=\"a.txt\""));
        CHECK(f, asked_with(&t, i, "\r\n\r\nsome bytes\r\n--"));
    }
    telegram_teardown(&t);
}

static void uploads_are_sent_as_parts(void **state)
{
    (void)state;
    run_in_loop(upload);
}

static void reach_nobody(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram *telegram = NULL;
    struct telegram_failure failure;
    const struct codec_body body = {.json = "{}"};
    const cJSON *result;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, NULL);
    const struct telegram_options nobody = {.api_url = "http://127.0.0.1:1", .token = TEST_TOKEN};
    CHECK(f, telegram_new(&telegram, f->loop, t.http, &nobody) == 0);
    CHECK(f, telegram_request(telegram, &f->arena, "getMe", &body, 5000, &result, &failure) ==
                 -AISHA_E_UNAVAILABLE);
    CHECK(f, failure.error_code == 0 && !failure.body);
    CHECK(f, strncmp(failure.description, "http://127.0.0.1:1: ", 20) == 0);
    check_no_token(&t, failure.description);
    telegram_free(telegram);
    const struct telegram_options odd = {.api_url = "http://127.0.0.1:1 x", .token = TEST_TOKEN};
    CHECK(f, telegram_new(&telegram, f->loop, t.http, &odd) == 0);
    CHECK(f, telegram_request(telegram, &f->arena, "getMe", &body, 5000, &result, &failure) ==
                 -AISHA_E_INVALID);
    check_no_token(&t, failure.description);
    telegram_free(telegram);
    telegram_free(NULL);
    script_end(&t);
    telegram_teardown(&t);
}

static void who_cannot_be_reached_is_named_without_the_token(void **state)
{
    (void)state;
    run_in_loop(reach_nobody);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_all_kinds_are_read_or_refused),
        cmocka_unit_test(server_errors_are_retried_after_growing_pauses),
        cmocka_unit_test(lost_and_half_answers_are_retried),
        cmocka_unit_test(refusals_are_not_retried),
        cmocka_unit_test(retry_after_is_respected_unless_it_is_too_long),
        cmocka_unit_test(after_some_tries_it_gives_up),
        cmocka_unit_test(a_chat_that_has_to_wait_waits_alone_and_keeps_its_order),
        cmocka_unit_test(a_cancelled_call_ends_at_once),
        cmocka_unit_test(what_is_wrong_is_not_sent_and_named),
        cmocka_unit_test(methods_of_tomorrow_can_be_called_with_json),
        cmocka_unit_test(uploads_are_sent_as_parts),
        cmocka_unit_test(who_cannot_be_reached_is_named_without_the_token),
    };

    aisha_ignore(log_setup("debug", "text"));
    return cmocka_run_group_tests_name("telegram_client", tests, NULL, NULL);
}

/*
 * S3 when something goes wrong: between the store and a real server (AISHA_TEST_S3) lies a proxy
 * that refuses, loses, cuts and replaces what passes.
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

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/http_client.h"
#include "host/io/http_server.h"
#include "tests/unit/blob_fixture.h"

enum { PART = 16 * MIB, LARGE = PART + 70000 /* two parts */ };

/* What happens to the next requests that fit. */
struct fault {
    enum { ANSWER, RESET, DROP, CUT_ANSWER, LOSE_ANSWER } kind;

    int status; /* of ANSWER */
    const char *code;
    unsigned count;
    const char *method, *query; /* a part of it; NULL = any */
};

static struct fault fault;
static struct http_server *proxy;
static struct blob_store *direct; /* past the proxy */
static unsigned seen, aborted;    /* requests in all, and those that gave an upload up */

/* ---- the proxy ---- */

static bool fits(const struct http_exchange *exchange)
{
    return fault.count > 0 && (!fault.method || strcmp(exchange->method, fault.method) == 0) &&
           (!fault.query || strstr(exchange->query, fault.query));
}

static const char *server_host(struct arena *arena)
{
    const char *at = strrchr(getenv("AISHA_TEST_S3"), '@') + 1;

    return arena_strndup(arena, at, strcspn(at, "/"));
}

static AISHA_ASYNC const struct aisha_http_response *forward(struct http_exchange *exchange)
{
    const struct aisha_http_response *answer = NULL;
    const char *headers[64] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < exchange->header_count && count < 63; i++)
        if (strcmp(exchange->headers[i].name, "content-length") != 0)
            headers[count++] = arena_printf(exchange->arena, "%s: %s", exchange->headers[i].name,
                                            exchange->headers[i].value);
    const struct aisha_http_request request = {
        .size = sizeof request,
        .method = exchange->method,
        .url = arena_printf(exchange->arena, "http://%s%s%s%s", server_host(exchange->arena),
                            exchange->path, *exchange->query ? "?" : "", exchange->query),
        .headers = headers,
        .body = exchange->body_size > 0 ? exchange->body : NULL,
        .body_size = exchange->body_size,
        .max_body_bytes = 32 * MIB,
    };
    int r = http_client_fetch_as(blob_http, "proxy", exchange->arena, &request, &answer, NULL);
    return r == 0 ? answer : NULL;
}

static void pass_headers(struct http_exchange *exchange, const struct aisha_http_response *answer)
{
    static const char *const names[] = {"etag", "last-modified", "content-range"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = aisha_http_header(answer, names[i]);
        if (value)
            http_exchange_add_header(exchange, names[i], value);
    }
}

static AISHA_ASYNC void pass(struct http_exchange *exchange, bool is_cut)
{
    const struct aisha_http_response *answer = forward(exchange);

    if (!answer) {
        http_exchange_respond(exchange, 502, NULL, NULL, 0);
        return;
    }
    pass_headers(exchange, answer);
    const char *type = aisha_http_header(answer, "content-type");
    bool is_head = strcmp(exchange->method, "HEAD") == 0;
    uint64_t size = is_head ? strtoull(aisha_http_header(answer, "content-length"), NULL, 10)
                            : answer->body_size;
    if (answer->status == 204) {
        http_exchange_respond(exchange, 204, NULL, NULL, 0);
        return;
    }
    http_exchange_begin(exchange, answer->status, type, size + (is_cut ? 10 : 0));
    if (!is_head && size > 0)
        aisha_ignore(http_exchange_write(exchange, answer->body, answer->body_size));
}

static AISHA_ASYNC void answer_fault(struct http_exchange *exchange)
{
    const char *body =
        fault.code
            ? arena_printf(exchange->arena,
                           "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code></Error>", fault.code)
            : "";

    http_exchange_respond(exchange, fault.status, "application/xml", body, strlen(body));
}

static AISHA_ASYNC void on_request(struct http_exchange *exchange, void *user)
{
    (void)user;
    seen++;
    aborted += strcmp(exchange->method, "DELETE") == 0 && strstr(exchange->query, "uploadId");
    if (!fits(exchange)) {
        pass(exchange, false);
        return;
    }
    fault.count--;
    switch (fault.kind) {
    case ANSWER:
        answer_fault(exchange);
        break;
    case RESET:
        http_exchange_reset(exchange);
        break;
    case DROP:
        http_exchange_drop(exchange);
        break;
    case CUT_ANSWER:
        pass(exchange, true);
        break;
    case LOSE_ANSWER:
        aisha_ignore(!forward(exchange));
        http_exchange_drop(exchange);
        break;
    }
}

/* The URL of the tests with another host and, unless it is NULL, with text instead of its part. */
static const char *url_with(struct fixture *f, const char *host, const char *part, const char *text)
{
    const char *url = getenv("AISHA_TEST_S3"), *at = strrchr(url, '@') + 1;

    url = arena_printf(&f->arena, "%.*s%s%s", (int)(at - url), url, host, strchr(at, '/'));
    const char *found = part ? strstr(url, part) : NULL;
    return found ? arena_printf(&f->arena, "%.*s%s%s", (int)(found - url), url, text,
                                found + strlen(part))
                 : url;
}

static AISHA_ASYNC void open_at(struct fixture *f, const char *url)
{
    const struct blob_options options = {.loop = f->loop,
                                         .workers = f->workers,
                                         .http = blob_http,
                                         .url = url,
                                         .temp_directory = f->dir};
    const char *error = "";

    CHECK(f, blob_store_open(&blobs, &options, &f->arena, &error) == 0);
}

static scenario *proxied;

static AISHA_ASYNC void run_proxied(struct fixture *f)
{
    const struct http_server_options options = {.max_body_bytes = PART + MIB};

    direct = blobs;
    fault.count = seen = aborted = 0;
    CHECK(f, http_server_start(&proxy, f->loop, "127.0.0.1:0", &options, on_request, NULL) == 0);
    open_at(f, url_with(f, arena_printf(&f->arena, "127.0.0.1:%d", http_server_port(proxy)), NULL,
                        NULL));
    proxied(f);
    while (aborted == 0 && loop_tasks_alive(f->loop) > 2 && wait_sleep(f->loop, 5) == 0)
        ;
    blob_store_close(blobs);
    http_server_stop(proxy);
    while (loop_tasks_alive(f->loop) > 1 && wait_sleep(f->loop, 5) == 0)
        ;
    http_server_free(proxy);
    blobs = direct;
}

static void run_with_proxy(struct fixture *f, scenario *run)
{
    proxied = run;
    run_with_blobs(f, run_proxied);
}

/* ---- short ones ---- */

static void use_everything(struct fixture *f, const char *name)
{
    struct blob_page page;
    struct blob_info info;

    struct fault again = fault;
    check_int(f, put_text("a/b", name), 0, name, __FILE__, __LINE__);
    fault = again;
    check(f, strcmp(get_text(f, "a/b"), name) == 0, name, __FILE__, __LINE__);
    fault = again;
    check_int(f, blob_head(blobs, &f->arena, "a/b", &info), 0, name, __FILE__, __LINE__);
    fault = again;
    check_int(f, blob_list(blobs, &f->arena, "a/", "", 0, &page), 0, name, __FILE__, __LINE__);
    CHECK(f, page.count == 1);
    fault = again;
    check_int(f, blob_delete(blobs, "a/b"), 0, name, __FILE__, __LINE__);
    CHECK_INT(f, fault.count, 0);
}

static void survive_short_ones(struct fixture *f)
{
    static const struct fault faults[] = {
        {ANSWER, .status = 500, .code = "InternalError", .count = 2},
        {ANSWER, .status = 503, .code = "SlowDown", .count = 2},
        {ANSWER, .status = 502, .count = 1},
        {ANSWER, .status = 429, .count = 1},
        {RESET, .count = 2},
        {DROP, .count = 1},
        {LOSE_ANSWER, .count = 1},
    };

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        fault = faults[i];
        use_everything(f, arena_printf(&f->arena, "%d %d", (int)fault.kind, fault.status));
    }
    fault = (struct fault){ANSWER, .status = 400, .code = "RequestTimeout", .count = 1};
    CHECK(f, put_text("cut", "whole") == 0);
    fault = (struct fault){CUT_ANSWER, .count = 2, .method = "GET"};
    CHECK_BLOB(f, "cut", "whole");
    CHECK_INT(f, fault.count, 0);
}

static void what_fails_for_a_moment_is_not_noticed(void **state)
{
    run_with_proxy(*state, survive_short_ones);
}

/* ---- long ones ---- */

static void meet_outage(struct fixture *f)
{
    const char *text = NULL, *advice = NULL;

    CHECK(f, put_text("a", "old") == 0);
    fault = (struct fault){ANSWER, .status = 503, .code = "SlowDown", .count = 1000};
    seen = 0;
    begin_log(f);
    CHECK_INT(f, put_text("a", "new"), -AISHA_E_UNAVAILABLE);
    CHECK(f, strstr(end_log(f), "S3 answers 503 SlowDown"));
    CHECK_INT(f, seen, 5);
    CHECK_INT(f, blob_check(blobs, &f->arena, &text, &advice), -AISHA_E_UNAVAILABLE);
    CHECK(f, text && strstr(text, "503 SlowDown") && advice && *advice);
    fault.count = 0; /* and it is used again by itself */
    CHECK_BLOB(f, "a", "old");
    CHECK(f, put_text("a", "new") == 0);
    CHECK_BLOB(f, "a", "new");
}

static void an_outage_is_said_and_ends_by_itself(void **state)
{
    run_with_proxy(*state, meet_outage);
}

static void use_nobody(struct fixture *f)
{
    const char *text = NULL, *advice = NULL;

    CHECK_INT(f, put_text("a", "x"), -AISHA_E_UNAVAILABLE);
    CHECK_INT(f, blob_check(blobs, &f->arena, &text, &advice), -AISHA_E_UNAVAILABLE);
    CHECK(f, text && strstr(text, "127.0.0.1:9") && strstr(advice, "reachable"));
    CHECK(f, text && !strstr(text, "X-Amz") && !strstr(text, "host/health"));
}

static void a_server_that_is_not_there_is_named(void **state)
{
    struct fixture *f = *state;

    run_with_blobs_at(f, url_with(f, "127.0.0.1:9", NULL, NULL), use_nobody);
}

/* ---- what somebody has to mend ---- */

static const char *wanted_text, *wanted_advice;

static void be_refused(struct fixture *f)
{
    const char *text = NULL, *advice = NULL;

    begin_log(f);
    CHECK_INT(f, put_text("a", "x"), -AISHA_E_DENIED);
    CHECK_INT(f, put_text("a", "x"), -AISHA_E_DENIED);
    const char *log = end_log(f);
    CHECK(f, strstr(log, wanted_text) && strstr(log, wanted_advice));
    CHECK(f, strstr(log, "error blob: ") &&
                 !strstr(strstr(log, "error blob: ") + 1, "error")); /* once */
    CHECK(f, !strstr(log, "s3cret") && !strstr(log, "Signature="));
    CHECK_INT(f, blob_check(blobs, &f->arena, &text, &advice), -AISHA_E_DENIED);
    CHECK(f, text && strstr(text, wanted_text) && strstr(advice, wanted_advice));
}

static void a_mistake_of_the_operator_is_explained(void **state)
{
    static const struct {
        const char *part, *text, *answer, *advice;
    } mistakes[] = {
        {"s3cret", "s3creT", "403 SignatureDoesNotMatch", "the secret"},
        {"aisha.key", "other.key", "403", "the key"},
        {"eu-test-1", "eu-test-2", "400 AuthorizationHeaderMalformed", "region="},
        {"/aisha-tests", "/aisha-nowhere", "404 NoSuchBucket", "make the bucket"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        wanted_text = mistakes[i].answer;
        wanted_advice = mistakes[i].advice;
        run_with_blobs_at(
            f, url_with(f, server_host(&f->arena), mistakes[i].part, mistakes[i].text), be_refused);
    }
}

static void use_wrong_clock(struct fixture *f)
{
    const char *text = NULL, *advice = NULL;

    fault = (struct fault){ANSWER, .status = 403, .code = "RequestTimeTooSkewed", .count = 1000};
    CHECK_INT(f, put_text("a", "x"), -AISHA_E_DENIED);
    CHECK_INT(f, blob_check(blobs, &f->arena, &text, &advice), -AISHA_E_DENIED);
    CHECK(f, text && strstr(text, "RequestTimeTooSkewed") && strstr(advice, "clock"));
}

static void a_wrong_clock_is_named(void **state)
{
    run_with_proxy(*state, use_wrong_clock);
}

/* ---- uploads in parts ---- */

static void check_large(struct fixture *f, const char *key, const char *bytes)
{
    const void *got;
    size_t size;

    CHECK(f, blob_get(direct, &f->arena, key, LARGE, &got, &size) == 0);
    CHECK(f, size == LARGE && memcmp(got, bytes, size) == 0);
}

static void upload_through_faults(struct fixture *f)
{
    static const struct fault faults[] = {
        {RESET, .count = 2, .query = "partNumber=2"},
        {DROP, .count = 1, .query = "partNumber=2"},
        {LOSE_ANSWER, .count = 1, .query = "partNumber=1"},
        {ANSWER, .status = 500, .code = "InternalError", .count = 2, .query = "uploads="},
        {ANSWER, .status = 200, .code = "InternalError", .count = 1, .method = "POST",
         .query = "uploadId="},
        {LOSE_ANSWER, .count = 1, .method = "POST", .query = "uploadId="},
    };
    char *bytes = pattern(f, LARGE, 3);

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        bytes[0] = (char)i;
        fault = faults[i];
        check_int(f, blob_put(blobs, "large", NULL, bytes, LARGE), 0, "an upload", __FILE__,
                  (int)i);
        CHECK_INT(f, fault.count, 0);
        check_large(f, "large", bytes);
    }
    CHECK_INT(f, aborted, 0);
}

static void an_upload_goes_on_where_it_was_broken(void **state)
{
    run_with_proxy(*state, upload_through_faults);
}

static void give_uploads_up(struct fixture *f)
{
    char *bytes = pattern(f, LARGE, 3);
    struct blob_writer *writer;

    CHECK(f, blob_put(direct, "large", NULL, bytes, LARGE) == 0);
    fault = (struct fault){ANSWER, .status = 500, .count = 1000, .query = "partNumber=2"};
    CHECK_INT(f, blob_put(blobs, "large", NULL, pattern(f, LARGE, 9), LARGE), -AISHA_E_UNAVAILABLE);
    fault.query = "partNumber=1";
    CHECK(f, blob_create(blobs, "large", NULL, &writer) == 0);
    CHECK_INT(f, blob_write(writer, pattern(f, LARGE, 9), LARGE), -AISHA_E_UNAVAILABLE);
    fault.count = 0;
    CHECK_INT(f, blob_write(writer, "x", 1), -AISHA_E_UNAVAILABLE); /* a piece is missing */
    CHECK_INT(f, blob_finish(writer), -AISHA_E_UNAVAILABLE);
    for (int i = 0; aborted < 2 && i < 2000; i++)
        CHECK(f, wait_sleep(f->loop, 5) == 0);
    CHECK_INT(f, aborted, 2);
    check_large(f, "large", bytes);
}

static void an_upload_that_fails_leaves_the_old_and_no_parts(void **state)
{
    run_with_proxy(*state, give_uploads_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_fails_for_a_moment_is_not_noticed),
        WITH_FIXTURE(an_outage_is_said_and_ends_by_itself),
        WITH_FIXTURE(a_server_that_is_not_there_is_named),
        WITH_FIXTURE(a_mistake_of_the_operator_is_explained),
        WITH_FIXTURE(a_wrong_clock_is_named),
        WITH_FIXTURE(an_upload_goes_on_where_it_was_broken),
        WITH_FIXTURE(an_upload_that_fails_leaves_the_old_and_no_parts),
    };

    return cmocka_run_group_tests_name("s3_faults", tests, NULL, NULL);
}

/*
 * The HTTP server against raw sockets: what it reads, what it refuses, and when it lets go.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/worker.h"
#include "tests/unit/http_fixture.h"

#define HOST "Host: x\r\n"
#define LAST "Host: x\r\nConnection: close\r\n"

struct refusal {
    int status;
    const char *text;
    size_t size;
};

/* clang-format off */
#define R(status, text) {status, text, sizeof text - 1}

static const struct refusal refusals[] = {
    /* two readings of where the body ends */
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4, 4\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: +4\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: -4\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0x4\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4 4\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    R(400, "POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    R(501, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"),
    R(501, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    R(501, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    /* header lines that not everybody reads alike */
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length : 4\r\n\r\nabcd"),
    R(400, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "X-A: 1\r\n folded\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "X-A: 1\r\n\tfolded\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n X: y\r\n" HOST "\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "X-A: a\0b\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "X-A: a\x01" "b\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "X-A: a\x7f\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "X-A: a\rX-B: b\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\n" "Host: x\n\n"),
    R(400, "GET /echo HTTP/1.1\r\n" "Host: x\n" "X: y\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST ": empty\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "no colon\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST "X(A): 1\r\n\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n" HOST HOST "\r\n"),
    R(400, "GET /echo HTTP/1.1\r\n\r\n"),
    /* request lines */
    R(400, "GET  /echo HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /e cho HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET\t/echo\tHTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a%00b HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a%0 HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a%zz HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a% HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /../etc/passwd HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a/.. HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a/./b HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a/%2e%2E/b HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a%2f..%2fb HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET echo HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "CONNECT x:443 HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    R(501, "FROB /echo HTTP/1.1\r\n" HOST "\r\n"),
    R(505, "GET /echo HTTP/2.0\r\n" HOST "\r\n"),
    R(505, "GET /echo HTTP/0.9\r\n" HOST "\r\n"),
    R(400, "GET /echo\r\n\r\n"),
    R(417, "POST /echo HTTP/1.1\r\n" HOST "Expect: wonders\r\nContent-Length: 1\r\n\r\na"),
    /* chunks */
#define CHUNKED "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
    R(400, CHUNKED "5\nhello\r\n0\r\n\r\n"),
    R(400, CHUNKED "5\r\nhelloXX0\r\n\r\n"),
    R(400, CHUNKED "5\r\nhello\n0\r\n\r\n"),
    R(400, CHUNKED "5 \r\nhello\r\n0\r\n\r\n"),
    R(400, CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"),
    R(400, CHUNKED "-5\r\nhello\r\n0\r\n\r\n"),
    R(400, CHUNKED "\r\nhello\r\n0\r\n\r\n"),
    R(400, CHUNKED "5;a=\n\r\nhello\r\n0\r\n\r\n"),
    R(400, CHUNKED "00000000000000005\r\nhello\r\n0\r\n\r\n"),
    R(400, CHUNKED "0\r\n folded\r\n\r\n"),
    R(413, CHUNKED "fffffffffffffff\r\n"),
    R(413, CHUNKED "ffff\r\n"),
    R(413, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n"),
};

/* clang-format on */

/* Each refusal is the last answer of its connection: what follows is not read as a request. */
static void refuse_all(struct fixture *f)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        static const char next[] = "GET /info HTTP/1.1\r\n" LAST "\r\n";
        const struct refusal *refusal = &refusals[i];
        size_t filler = refusal->status == 413 ? 70000 : 0;
        char *text = arena_alloc(&f->arena, refusal->size + filler + sizeof next);

        memcpy(text, refusal->text, refusal->size);
        memset(text + refusal->size, 'x', filler);
        memcpy(text + refusal->size + filler, next, sizeof next);
        struct raw raw = {.size = refusal->size + filler + sizeof next - 1};
        CHECK(f, raw_talk(f, &raw, text) == 0);
        CHECK(f, raw_status(&raw, 0) == refusal->status);
        CHECK(f, raw_count(&raw) == 1);
        CHECK(f, strstr(raw.reply, "\r\nConnection: close\r\n") != NULL);
        if (raw_status(&raw, 0) != refusal->status || raw_count(&raw) != 1)
            print_error("row %zu: %s\n", i, refusal->text);
    }
}

static void ambiguous_requests_are_refused_and_end_the_connection(void **state)
{
    (void)state;
    run_scenario(refuse_all, &(struct setting){.server = {.max_body_bytes = 4000}});
}

static void check_status(struct fixture *f, int status, const char *text)
{
    struct raw raw = {0};

    CHECK(f, raw_talk(f, &raw, text) == 0);
    CHECK(f, raw_status(&raw, 0) == status);
    CHECK(f, raw_count(&raw) == 1);
}

static const char *repeat(struct fixture *f, const char *before, const char *piece, size_t times,
                          const char *after)
{
    size_t size = strlen(piece), start = strlen(before);
    char *text = arena_alloc(&f->arena, start + size * times + strlen(after) + 1);

    memcpy(text, before, start);
    for (size_t i = 0; i < times; i++)
        memcpy(text + start + i * size, piece, size);
    memcpy(text + start + times * size, after, strlen(after));
    return text;
}

static void meet_limits(struct fixture *f)
{
    const char *line = "GET /info HTTP/1.1\r\n" LAST, *target = " HTTP/1.1\r\n" LAST "\r\n";

    check_status(f, 200, repeat(f, "GET /info?", "a", 8000, target));
    check_status(f, 414, repeat(f, "GET /info?", "a", 8200, target));
    check_status(f, 414, repeat(f, "GET /info?", "a", 60000, target));
    check_status(f, 200, repeat(f, line, "A: b\r\n", 98, "\r\n"));
    check_status(f, 431, repeat(f, line, "A: b\r\n", 99, "\r\n"));
    check_status(f, 200, repeat(f, line, "A: 34567890\r\n", 90, "\r\n"));
    check_status(f, 431,
                 repeat(f, line, "Abcdefg: 34567890 34567890 34567890\r\n", 98,
                        repeat(f, "A: ", "0", 16384, "\r\n\r\n")));
    check_status(
        f, 200,
        repeat(f, "POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5000\r\n\r\n", "b", 5000, ""));
    check_status(
        f, 413,
        repeat(f, "POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5001\r\n\r\n", "b", 5001, ""));
    check_status(f, 200,
                 repeat(f, "POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n",
                        "1\r\na\r\n", 5000, "0\r\n\r\n"));
    check_status(f, 413,
                 repeat(f, "POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n",
                        "1\r\na\r\n", 5001, "0\r\n\r\n"));
    check_status(f, 400,
                 repeat(f, "POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n1;",
                        "e", 300, "\r\na\r\n0\r\n\r\n"));
}

static void sizes_are_limited(void **state)
{
    (void)state;
    run_scenario(meet_limits, &(struct setting){.server = {.max_body_bytes = 5000}});
}

static void check_reply_ends(struct fixture *f, const struct raw *raw, const char *end)
{
    size_t size = strlen(end);

    CHECK(f, raw->reply_size >= size && strcmp(raw->reply + raw->reply_size - size, end) == 0);
}

static void read_targets(struct fixture *f)
{
    static const struct {
        const char *target, *seen;
    } rows[] = {
        {"/info", "GET /info? 0"},
        {"/info?a=%41+b&c", "GET /info?a=%41+b&c 0"},
        {"/info/%41%20b", "GET /info/A b? 0"},
        {"/info//x/", "GET /info//x/? 0"},
        {"/info/..x/.y/...", "GET /info/..x/.y/...? 0"},
        {"http://other/info?x", "GET /info?x 0"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct raw raw = {0};
        CHECK(f, raw_talk(f, &raw,
                          arena_printf(&f->arena, "GET %s HTTP/1.1\r\n" LAST "\r\n",
                                       rows[i].target)) == 0);
        CHECK(f, raw_status(&raw, 0) == 200);
        check_reply_ends(f, &raw, arena_printf(&f->arena, "\r\n\r\n%s", rows[i].seen));
    }
    check_status(f, 404, "GET http://other HTTP/1.1\r\n" LAST "\r\n");
    check_status(f, 500, "GET /silent HTTP/1.1\r\n" LAST "\r\n");
}

static void targets_are_split_and_decoded(void **state)
{
    (void)state;
    run_scenario(read_targets, &(struct setting){0});
}

static void pipeline(struct fixture *f)
{
    struct raw raw = {0};

    CHECK(f, raw_talk(f, &raw,
                      "\r\nGET /status?code=201 HTTP/1.1\r\n" HOST "\r\n"
                      "POST /order?n=1 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                      "POST /order?n=2 HTTP/1.1\r\n" HOST
                      "Transfer-Encoding: Chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\nA: b\r\n\r\n"
                      "HEAD /order?n=3 HTTP/1.1\r\n" HOST "\r\n"
                      "GET /status?code=204 HTTP/1.1\r\n" HOST "\r\n"
                      "GET /status?code=404 HTTP/1.1\r\n" LAST "\r\n"
                      "GET /order?n=4 HTTP/1.1\r\n" HOST "\r\n") == 0);
    static const int statuses[] = {201, 200, 200, 200, 204, 404};
    for (unsigned i = 0; i < 6; i++)
        CHECK(f, raw_status(&raw, i) == statuses[i]);
    CHECK(f, raw_count(&raw) == 6);
    CHECK(f, f->order_count == 3 && f->most_running == 1);
    for (int i = 0; i < 3; i++)
        CHECK(f, f->order[i] == i + 1);
    CHECK(f, strstr(raw.reply, "n=2HTTP/1.1 200") != NULL);
    CHECK(f, strstr(raw.reply, "n=3HTTP/1.1 ") == NULL); /* HEAD: a length, no body */
    check_reply_ends(f, &raw, "\r\n\r\n404");
}

static void pipelined_requests_are_answered_one_after_the_other(void **state)
{
    (void)state;
    run_scenario(pipeline, &(struct setting){0});
}

static void pipeline_much(struct fixture *f)
{
    const char *one = "POST /order?n=7 HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n123456789";
    struct raw raw = {0};

    CHECK(f, raw_talk(f, &raw, repeat(f, "", one, 2000, "GET / HTTP/1.1\r\n" LAST "\r\n")) == 0);
    CHECK(f, raw_count(&raw) == 2001);
    CHECK(f, f->order_count == 2000 && f->most_running == 1);
}

static void pipelining_more_than_the_buffer_holds_works(void **state)
{
    (void)state;
    run_scenario(pipeline_much, &(struct setting){0});
}

static void speak_1_0(struct fixture *f)
{
    struct raw raw = {0};

    CHECK(f, raw_talk(f, &raw,
                      "GET /info HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                      "GET /info HTTP/1.0\r\n\r\n") == 0);
    CHECK(f, raw_count(&raw) == 2);
    CHECK(f, strstr(raw.reply, "\r\nConnection: keep-alive\r\n") != NULL);
    CHECK(f, strstr(raw.reply, "\r\nConnection: close\r\n") != NULL);
}

static void http_1_0_peers_are_served(void **state)
{
    (void)state;
    run_scenario(speak_1_0, &(struct setting){0});
}

/* Reads until the text has come. */
static int await_text(int fd, const char *text)
{
    char seen[4096] = "";
    size_t size = 0;

    while (!strstr(seen, text)) {
        ssize_t n = recv(fd, seen + size, sizeof seen - 1 - size, 0);
        if (n <= 0)
            return -AISHA_E_UPSTREAM;
        size += (size_t)n;
        seen[size] = '\0';
    }
    return 0;
}

static int send_text(int fd, const char *text)
{
    return raw_send(fd, text, strlen(text));
}

static int continue_blocking(void *arg)
{
    int fd = raw_connect(*(int *)arg);

    int r = send_text(fd, "POST /echo HTTP/1.1\r\n" LAST
                          "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
    if (r == 0)
        r = await_text(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    if (r == 0)
        r = send_text(fd, "hello");
    if (r == 0)
        r = await_text(fd, "\r\n\r\nhello");
    close(fd);
    return r;
}

static void expect_continue(struct fixture *f)
{
    CHECK(f, workers_run(f->workers, continue_blocking, &f->port) == 0);
}

static void a_body_is_asked_for_when_the_peer_waits_for_that(void **state)
{
    (void)state;
    run_scenario(expect_continue, &(struct setting){0});
}

struct drip {
    int port;
    const char *text; /* its last byte is repeated */
    bool was_cut;
};

/* Sends a byte now and then until there is an answer. */
static int drip_blocking(void *arg)
{
    struct drip *drip = arg;
    int fd = raw_connect(drip->port);
    struct pollfd answer = {.fd = fd, .events = POLLIN};

    for (const char *c = drip->text; poll(&answer, 1, 10) == 0; c += c[1] != '\0')
        if (send(fd, c, 1, MSG_NOSIGNAL) < 0)
            break;
    drip->was_cut = await_text(fd, "HTTP/1.1 408 Request Timeout\r\n") == 0;
    close(fd);
    return 0;
}

static void drip_slowly(struct fixture *f)
{
    struct drip drips[] = {
        {.text = "GET /aaa"},
        {.text = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4000\r\n\r\naaa"},
        {.text = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;xxx"},
    };

    for (size_t i = 0; i < sizeof drips / sizeof *drips; i++) {
        drips[i].port = f->port;
        CHECK(f, workers_run(f->workers, drip_blocking, &drips[i]) == 0);
        CHECK(f, drips[i].was_cut);
    }
}

static void dripping_peers_are_cut_by_a_total_deadline(void **state)
{
    (void)state;
    run_scenario(drip_slowly, &(struct setting){.server = {.read_timeout_ms = 300}});
}

static void stay_idle(struct fixture *f)
{
    struct raw silent = {0}, after_one = {0};

    CHECK(f, raw_talk(f, &silent, "") == 0);
    CHECK(f, silent.reply_size == 0);
    CHECK(f, raw_talk(f, &after_one, "GET /info HTTP/1.1\r\n" HOST "\r\n") == 0);
    CHECK(f, raw_count(&after_one) == 1);
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    run_scenario(stay_idle, &(struct setting){.server = {.idle_timeout_ms = 30}});
}

/* Asks for much and reads nothing until the server has given up. */
static int ignore_blocking(void *arg)
{
    int fd = raw_connect(*(int *)arg);
    struct pollfd closed = {.fd = fd, .events = POLLRDHUP};

    int r = send_text(fd, "GET /bytes?n=30000000 HTTP/1.1\r\n" HOST "\r\n");
    if (r == 0 && poll(&closed, 1, 20000) != 1)
        r = -AISHA_E_TIMEOUT;
    close(fd);
    return r;
}

static void take_no_answer(struct fixture *f)
{
    CHECK(f, workers_run(f->workers, ignore_blocking, &f->port) == 0);
}

static void an_answer_that_is_not_taken_is_given_up(void **state)
{
    (void)state;
    run_scenario(take_no_answer, &(struct setting){.server = {.write_timeout_ms = 50}});
}

static int leave_blocking(void *arg)
{
    int fd = raw_connect(*(int *)arg);

    int r = send_text(fd, "GET /gate HTTP/1.1\r\n" HOST "\r\n");
    close(fd);
    return r;
}

static void leave_early(struct fixture *f)
{
    CHECK(f, workers_run(f->workers, leave_blocking, &f->port) == 0);
    CHECK(f, wait_for(&f->left, 20000) == 0);
    CHECK(f, f->gate_result == -AISHA_E_CANCELED && f->was_gone);
}

static void a_handler_whose_peer_has_closed_is_cancelled(void **state)
{
    (void)state;
    run_scenario(leave_early, &(struct setting){0});
}

static int half_close_blocking(void *arg)
{
    int port = *(int *)arg, fd = raw_connect(port), other = raw_connect(port);

    int r = send_text(fd, "GET /gate HTTP/1.1\r\n" HOST "\r\n");
    shutdown(fd, SHUT_WR);
    if (r == 0)
        r = await_text(fd, "HTTP/1.1 100 Continue\r\n\r\n"); /* the end was noticed */
    if (r == 0)
        r = send_text(other, "GET /open HTTP/1.1\r\n" HOST "\r\n");
    if (r == 0)
        r = await_text(fd, "opened");
    close(fd);
    close(other);
    return r;
}

static void half_close(struct fixture *f)
{
    CHECK(f, workers_run(f->workers, half_close_blocking, &f->port) == 0);
    CHECK(f, f->gate_result == 0);
}

static void a_peer_that_only_ended_its_sending_half_gets_its_answer(void **state)
{
    (void)state;
    run_scenario(half_close, &(struct setting){0});
}

static int crowd_blocking(void *arg)
{
    int port = *(int *)arg, first = raw_connect(port), second = raw_connect(port);
    struct pollfd answer = {.fd = second, .events = POLLIN};
    const char *request = "GET /status?code=200 HTTP/1.1\r\n" HOST "\r\n";

    int r = send_text(first, request);
    if (r == 0)
        r = await_text(first, "\r\n\r\n200");
    if (r == 0)
        r = send_text(second, request);
    if (r == 0 && poll(&answer, 1, 100) != 0)
        r = -AISHA_E_CONFLICT;
    close(first);
    if (r == 0)
        r = await_text(second, "\r\n\r\n200");
    close(second);
    return r;
}

static void crowd(struct fixture *f)
{
    CHECK(f, workers_run(f->workers, crowd_blocking, &f->port) == 0);
}

static void connections_beyond_the_limit_wait_until_one_ends(void **state)
{
    (void)state;
    run_scenario(crowd, &(struct setting){.server = {.max_connections = 1}});
}

static void have_no_task(struct fixture *f)
{
    struct raw raw = {0};

    CHECK(f, raw_talk(f, &raw, "GET /info HTTP/1.1\r\n" HOST "\r\n") == 0);
    CHECK(f, raw_status(&raw, 0) == 503);
    CHECK(f, strstr(raw.reply, "\r\nRetry-After: 1\r\n") != NULL);
}

static void without_a_free_task_the_answer_is_503(void **state)
{
    (void)state;
    run_scenario(have_no_task, &(struct setting){.max_tasks = 1});
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",        "127.0.0.1",   "127.0.0.1:", ":80",
                                        "::1:80",  "[::1]",       "[::1]:x",    "1.2.3.4:65536",
                                        "host:80", "1.2.3.4:80 ", "1.2.3:80",   "[127.0.0.1]:80"};
    struct loop *loop;
    struct http_server *server = NULL;

    assert_int_equal(loop_new(&loop, &(struct loop_options){0}), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(http_server_start(&server, loop, wrong[i],
                                           &(struct http_server_options){0}, NULL, NULL),
                         -AISHA_E_INVALID);
    assert_null(server);
    assert_int_equal(http_server_start(&server, loop, "127.0.0.1:0",
                                       &(struct http_server_options){0}, NULL, NULL),
                     0);
    struct http_server *second = NULL;
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", http_server_port(server));
    assert_true(
        http_server_start(&second, loop, taken, &(struct http_server_options){0}, NULL, NULL) < 0);
    assert_null(second);
    http_server_free(server);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ambiguous_requests_are_refused_and_end_the_connection),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(targets_are_split_and_decoded),
        cmocka_unit_test(pipelined_requests_are_answered_one_after_the_other),
        cmocka_unit_test(pipelining_more_than_the_buffer_holds_works),
        cmocka_unit_test(http_1_0_peers_are_served),
        cmocka_unit_test(a_body_is_asked_for_when_the_peer_waits_for_that),
        cmocka_unit_test(dripping_peers_are_cut_by_a_total_deadline),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(an_answer_that_is_not_taken_is_given_up),
        cmocka_unit_test(a_handler_whose_peer_has_closed_is_cancelled),
        cmocka_unit_test(a_peer_that_only_ended_its_sending_half_gets_its_answer),
        cmocka_unit_test(connections_beyond_the_limit_wait_until_one_ends),
        cmocka_unit_test(without_a_free_task_the_answer_is_503),
        cmocka_unit_test(addresses_are_checked),
    };

    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}

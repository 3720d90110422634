/* Answers of the HTTP server that are written in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/worker.h"
#include "tests/unit/http_fixture.h"

enum { LARGE = 3000000 };

static bool is_pattern(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (char)(i * 7 % 251))
            return false;
    return true;
}

static void stream(struct fixture *f)
{
    static const char *const paths[] = {"/stream?n=3000000", "/stream?n=3000000&unknown=1"};
    const struct aisha_http_response *answer;

    for (size_t i = 0; i < 2; i++) {
        CHECK(f, fetch(f, paths[i], &answer) == 0);
        CHECK(f, answer->status == 200 && answer->body_size == LARGE);
        CHECK(f, is_pattern(answer->body, LARGE));
        const char *encoding = aisha_http_header(answer, "transfer-encoding");
        CHECK(f, i ? encoding && strcmp(encoding, "chunked") == 0 : !encoding);
    }
    CHECK(f, fetch(f, "/stream?n=0&unknown=1", &answer) == 0 && answer->body_size == 0);
    CHECK(f, fetch(f, "/stream?n=0", &answer) == 0 && answer->body_size == 0);
}

static void a_large_answer_arrives_whole(void **state)
{
    (void)state;
    run_scenario(stream, &(struct setting){0});
}

static void talk_raw(struct fixture *f)
{
    struct raw raw = {0};

    CHECK(f,
          raw_talk(f, &raw,
                   "HEAD /stream?n=50000 HTTP/1.1\r\nHost: a\r\n\r\n"
                   "GET /info HTTP/1.1\r\nHost: a\r\n\r\n"
                   "GET /stream?n=3&unknown=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") ==
              0);
    CHECK(f, raw_count(&raw) == 3 && raw_status(&raw, 2) == 200);
    CHECK(f, strstr(raw.reply, "Content-Length: 50000\r\n") && raw.reply_size < 2000);
    static const char end[] = "\r\n\r\n3\r\n\0\7\16\r\n0\r\n\r\n";
    CHECK(f, raw.reply_size > sizeof end - 1 &&
                 memcmp(raw.reply + raw.reply_size - (sizeof end - 1), end, sizeof end - 1) == 0);
    struct raw old = {0};
    CHECK(f, raw_talk(f, &old, "GET /stream?n=50000&unknown=1 HTTP/1.0\r\n\r\n") == 0);
    CHECK(f, !strstr(old.reply, "chunked") && strstr(old.reply, "Connection: close"));
    CHECK(f, is_pattern(old.reply + old.reply_size - 50000, 50000));
}

static void its_framing_fits_the_request(void **state)
{
    (void)state;
    run_scenario(talk_raw, &(struct setting){0});
}

static void cut_short(struct fixture *f)
{
    const struct aisha_http_response *answer;

    CHECK(f, fetch(f, "/stream?n=50000&short=1", &answer) == -AISHA_E_UPSTREAM);
    CHECK(f, fetch(f, "/info", &answer) == 0);
}

static void a_body_that_is_too_short_breaks_the_connection(void **state)
{
    (void)state;
    run_scenario(cut_short, &(struct setting){0});
}

static int ask_blocking(void *arg)
{
    const struct raw *raw = arg;
    int fd = raw_connect(raw->port);

    if (fd >= 0 && raw_send(fd, raw->text, strlen(raw->text)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void take_nothing(struct fixture *f)
{
    struct raw raw = {.port = f->port,
                      .text = "GET /stream?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n"};

    int fd = workers_run(f->workers, ask_blocking, &raw);
    CHECK(f, fd >= 0);
    CHECK(f, wait_for(&f->left, 20000) == 0);
    CHECK(f, f->stream_result == -AISHA_E_CANCELED);
    CHECK(f, f->streamed < 50000000); /* what sockets hold, and not all of it in our memory */
    close(fd);
}

static void who_takes_nothing_is_given_up(void **state)
{
    (void)state;
    run_scenario(take_nothing, &(struct setting){.server = {.write_timeout_ms = 200}});
}

static void go_away(struct fixture *f)
{
    struct raw raw = {.port = f->port,
                      .text = "GET /stream?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n"};

    int fd = workers_run(f->workers, ask_blocking, &raw);
    CHECK(f, fd >= 0);
    close(fd);
    CHECK(f, wait_for(&f->left, 20000) == 0);
    CHECK(f, f->stream_result == -AISHA_E_CANCELED);
}

static void who_goes_away_ends_it(void **state)
{
    (void)state;
    run_scenario(go_away, &(struct setting){0});
}

/* Half a request and a reset, on the loop's own thread, so that it meets both at once; afterwards there
 * is room for another connection beside the client's own. */
static void reset_behind_bytes(struct fixture *f)
{
    static const char half[] = "GET /info HTTP/1.1\r\nHost:";
    const struct linger reset = {.l_onoff = 1};
    const struct aisha_http_response *response;
    struct raw other = {.port = f->port};
    int fd = raw_connect(f->port);

    CHECK(f, fd >= 0);
    CHECK(f, fetch(f, "/info", &response) == 0); /* by now the first one is accepted, too */
    CHECK(f, raw_send(fd, half, sizeof half - 1) == 0);
    CHECK(f, setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    close(fd);
    CHECK(f,
          raw_talk(f, &other, "GET /info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == 0);
    CHECK(f, raw_status(&other, 0) == 200);
}

static void a_reset_right_behind_bytes_is_noticed(void **state)
{
    (void)state;
    run_scenario(reset_behind_bytes,
                 &(struct setting){.server = {.max_connections = 2, .read_timeout_ms = 120000}});
}

static void stop(struct fixture *f)
{
    struct raw raw = {.port = f->port,
                      .text = "GET /stream?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n"};

    int fd = workers_run(f->workers, ask_blocking, &raw);
    CHECK(f, fd >= 0);
    http_server_stop(f->server);
    CHECK(f, wait_for(&f->left, 20000) == 0);
    close(fd);
}

static void a_stopping_server_does_not_wait_for_it(void **state)
{
    (void)state;
    run_scenario(stop, &(struct setting){0});
}

/* ---- bodies of requests ---- */

static const char *upload(struct fixture *f, const char *path, size_t size, int *ret_status)
{
    const struct aisha_http_response *answer;
    char *body = arena_alloc(&f->arena, size + 1);

    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i * 7 % 251);
    const struct aisha_http_request request = {
        .url = arena_printf(&f->arena, "%s%s", f->base, path), .body = body, .body_size = size};
    int r = http_client_fetch(f->client, &f->arena, &request, &answer, NULL);
    *ret_status = r < 0 ? r : answer->status;
    return r < 0 ? "" : answer->body;
}

static void drain(struct fixture *f)
{
    int status;

    CHECK(f, strcmp(upload(f, "/drain", LARGE, &status), "3000000 good") == 0);
    CHECK(f, strcmp(upload(f, "/drain", 1, &status), "1 good") == 0);
    CHECK(f, strcmp(upload(f, "/info", 5, &status), "POST /info? 5") == 0);
    struct raw raw = {0};
    static const char text[] =
        "POST /drain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\n\0\r\n2\r\n\7\16\r\n0\r\n\r\n"
        "POST /drain HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        "GET /info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    raw.size = sizeof text - 1;
    CHECK(f, raw_talk(f, &raw, text) == 0);
    CHECK(f, raw_count(&raw) == 3 && strstr(raw.reply, "3 good") && strstr(raw.reply, "0 good"));
}

static void a_streamed_body_is_read_whole(void **state)
{
    (void)state;
    run_scenario(drain, &(struct setting){.server = {.max_body_bytes = 100}});
}

static void answer_early(struct fixture *f)
{
    struct raw raw = {0};
    int status;

    CHECK(f, strcmp(upload(f, "/drain?early=1", 10, &status), "0 good") == 0);
    CHECK(f, raw_talk(f, &raw,
                      "POST /drain?early=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nabc"
                      "GET / HTTP/1.1\r\n") == 0);
    CHECK(f, raw_count(&raw) == 1 && raw_status(&raw, 0) == 200);
    CHECK(f, strstr(raw.reply, "Connection: close"));
}

static void what_is_not_read_ends_the_connection(void **state)
{
    (void)state;
    run_scenario(answer_early, &(struct setting){0});
}

static void read_too_much(struct fixture *f)
{
    struct raw raw = {0};
    int status;

    CHECK(f, raw_talk(f, &raw,
                      "POST /drain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nabcde\r\n6\r\nfghijk\r\n0\r\n\r\n") == 0);
    CHECK(f, raw_count(&raw) == 1 && raw_status(&raw, 0) == 413);
    upload(f, "/drain", 11, &status);
    CHECK(f, status == 413);
    upload(f, "/drain", 10, &status);
    CHECK(f, status == 200);
}

static void a_streamed_body_is_limited_too(void **state)
{
    (void)state;
    run_scenario(read_too_much, &(struct setting){.server = {.max_stream_bytes = 10}});
}

static void send_half(struct fixture *f)
{
    struct raw raw = {.port = f->port,
                      .text = "POST /drain HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"};

    int fd = workers_run(f->workers, ask_blocking, &raw);
    CHECK(f, fd >= 0 && wait_for(&f->arrived, 20000) == 0);
    CHECK(f, wait_for(&f->left, 20000) == 0); /* too slow */
    CHECK(f, f->stream_result == -AISHA_E_CANCELED && f->streamed == 3);
    close(fd);
    wait_init(&f->left, f->loop);
    fd = workers_run(f->workers, ask_blocking, &raw);
    close(fd);
    CHECK(f, wait_for(&f->left, 20000) == 0); /* gone */
    raw.text = "POST /drain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdeX";
    wait_init(&f->left, f->loop);
    fd = workers_run(f->workers, ask_blocking, &raw);
    CHECK(f, wait_for(&f->left, 20000) == 0); /* broken */
    close(fd);
}

static void half_a_body_cancels_its_handler(void **state)
{
    (void)state;
    run_scenario(send_half, &(struct setting){.server = {.read_timeout_ms = 200}});
}

static int push_blocking(void *arg)
{
    struct raw *raw = arg;
    static char block[65536];
    const struct timeval limit = {.tv_usec = 300000};
    int fd = raw_connect(raw->port);
    size_t sent = 0;
    ssize_t n = 0;

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (raw_send(fd, raw->text, strlen(raw->text)) == 0)
        while (sent < 100000000 && (n = send(fd, block, sizeof block, MSG_NOSIGNAL)) > 0)
            sent += (size_t)n;
    raw->size = sent;
    close(fd);
    return 0;
}

static void read_nothing(struct fixture *f)
{
    struct raw raw = {
        .port = f->port,
        .text = "POST /drain?wait=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"};

    CHECK(f, workers_run(f->workers, push_blocking, &raw) == 0);
    CHECK(f, raw.size < 50000000); /* what sockets hold; we keep little of it */
    CHECK(f, wait_for(&f->left, 20000) == 0);
}

static void a_peer_waits_while_nobody_reads(void **state)
{
    (void)state;
    run_scenario(read_nothing, &(struct setting){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_answer_arrives_whole),
        cmocka_unit_test(its_framing_fits_the_request),
        cmocka_unit_test(a_body_that_is_too_short_breaks_the_connection),
        cmocka_unit_test(who_takes_nothing_is_given_up),
        cmocka_unit_test(who_goes_away_ends_it),
        cmocka_unit_test(a_reset_right_behind_bytes_is_noticed),
        cmocka_unit_test(a_stopping_server_does_not_wait_for_it),
        cmocka_unit_test(a_streamed_body_is_read_whole),
        cmocka_unit_test(what_is_not_read_ends_the_connection),
        cmocka_unit_test(a_streamed_body_is_limited_too),
        cmocka_unit_test(half_a_body_cancels_its_handler),
        cmocka_unit_test(a_peer_waits_while_nobody_reads),
    };

    return cmocka_run_group_tests_name("http_stream", tests, NULL, NULL);
}

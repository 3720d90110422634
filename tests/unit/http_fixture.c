#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
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

enum { RAW_TIMEOUT_S = 20 };

static long number_param(const struct http_exchange *exchange, const char *name)
{
    const char *text = http_exchange_param(exchange, name);

    return text ? strtol(text, NULL, 10) : 0;
}

static void answer_text(struct http_exchange *exchange, int status, const char *text)
{
    http_exchange_respond(exchange, status, "text/plain", text, strlen(text));
}

static void handle_gate(struct fixture *f, struct http_exchange *exchange)
{
    wait_wake(&f->arrived, 0);
    f->gate_result = wait_for(&f->gate, WAIT_FOREVER);
    f->was_gone = http_exchange_is_gone(exchange);
    if (f->gate_result < 0) {
        wait_wake(&f->left, 0);
        return;
    }
    answer_text(exchange, 200, "opened");
}

static void handle_order(struct fixture *f, struct http_exchange *exchange)
{
    f->order[f->order_count++ % 256] = (int)number_param(exchange, "n");
    f->running++;
    if (f->running > f->most_running)
        f->most_running = f->running;
    for (int i = 0; i < 5; i++)
        CHECK(f, wait_yield(f->loop) == 0);
    f->running--;
    answer_text(exchange, 200, exchange->query);
}

static void handle_bytes(struct http_exchange *exchange)
{
    size_t size = (size_t)number_param(exchange, "n");
    char *bytes = arena_alloc(exchange->arena, size + 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 % 251);
    http_exchange_respond(exchange, 200, "application/octet-stream", bytes, size);
}

static void handle_stream(struct fixture *f, struct http_exchange *exchange)
{
    enum { PIECE = 5000 };

    size_t size = (size_t)number_param(exchange, "n");
    size_t end = size - (size_t)number_param(exchange, "short");
    char piece[PIECE];

    http_exchange_begin(exchange, 200, "application/octet-stream",
                        number_param(exchange, "unknown") ? HTTP_SIZE_UNKNOWN : size);
    f->stream_result = 0;
    for (f->streamed = 0; f->streamed < end && f->stream_result == 0;) {
        size_t count = end - f->streamed < PIECE ? end - f->streamed : PIECE;
        for (size_t i = 0; i < count; i++)
            piece[i] = (char)((f->streamed + i) * 7 % 251);
        f->stream_result = http_exchange_write(exchange, piece, count);
        f->streamed += f->stream_result == 0 ? count : 0;
    }
    if (f->stream_result < 0)
        wait_wake(&f->left, 0);
    else
        wait_wake(&f->arrived, 0);
}

static bool is_streamed(const struct http_exchange *exchange, void *user)
{
    (void)user;
    return strcmp(exchange->path, "/drain") == 0;
}

static void handle_drain(struct fixture *f, struct http_exchange *exchange)
{
    char piece[3000];
    size_t total = 0;
    ssize_t count = 1;
    bool is_pattern = true;

    wait_wake(&f->arrived, 0);
    if (number_param(exchange, "wait"))
        aisha_ignore(wait_for(&f->gate, WAIT_FOREVER));
    while (count > 0 && !number_param(exchange, "early")) {
        count = http_exchange_read(exchange, piece, sizeof piece);
        for (ssize_t i = 0; i < count; i++)
            is_pattern &= piece[i] == (char)((total + (size_t)i) * 7 % 251);
        total += count > 0 ? (size_t)count : 0;
    }
    f->stream_result = count < 0 ? (int)count : 0;
    f->streamed = total;
    if (count == -AISHA_E_CANCELED)
        wait_wake(&f->left, 0);
    else
        answer_text(exchange, count < 0 ? 413 : 200,
                    arena_printf(exchange->arena, "%zu %s", total, is_pattern ? "good" : "bad"));
}

static void on_request(struct http_exchange *exchange, void *user)
{
    struct fixture *f = user;
    const char *path = exchange->path;

    if (strcmp(path, "/echo") == 0) {
        http_exchange_add_header(exchange, "X-Echo", "yes");
        http_exchange_respond(exchange, 200, http_exchange_header(exchange, "content-type"),
                              exchange->body, exchange->body_size);
    } else if (strcmp(path, "/info") == 0 || strncmp(path, "/info/", 6) == 0) {
        answer_text(exchange, 200,
                    arena_printf(exchange->arena, "%s %s?%s %zu", exchange->method, path,
                                 exchange->query, exchange->body_size));
    } else if (strcmp(path, "/status") == 0) {
        answer_text(exchange, (int)number_param(exchange, "code"),
                    http_exchange_param(exchange, "code"));
    } else if (strcmp(path, "/bytes") == 0) {
        handle_bytes(exchange);
    } else if (strcmp(path, "/stream") == 0) {
        handle_stream(f, exchange);
    } else if (strcmp(path, "/drain") == 0) {
        handle_drain(f, exchange);
    } else if (strcmp(path, "/gate") == 0) {
        handle_gate(f, exchange);
    } else if (strcmp(path, "/open") == 0) {
        wait_wake(&f->gate, 0);
        answer_text(exchange, 200, "ok");
    } else if (strcmp(path, "/order") == 0) {
        handle_order(f, exchange);
    } else if (strcmp(path, "/silent") != 0) {
        answer_text(exchange, 404, "no such path");
    }
}

static void run_in_task(void *arg)
{
    struct fixture *f = arg;

    f->scenario(f);
    http_server_stop(f->server);
    loop_stop(f->loop);
}

void run_scenario(scenario *run, const struct setting *setting)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->scenario = run;
    assert_int_equal(loop_new(&f->loop, &(struct loop_options){.max_tasks = setting->max_tasks}),
                     0);
    assert_int_equal(workers_new(&f->workers, f->loop, 4), 0);
    struct http_server_options options = setting->server;
    options.is_streamed = is_streamed;
    assert_int_equal(http_server_start(&f->server, f->loop, "127.0.0.1:0", &options, on_request, f),
                     0);
    assert_int_equal(http_client_new(&f->client, f->loop,
                                     &(struct http_client_options){.slots = setting->slots,
                                                                   .user_agent = "test"}),
                     0);
    f->port = http_server_port(f->server);
    snprintf(f->base, sizeof f->base, "http://127.0.0.1:%d", f->port);
    strcpy(f->dir, "/tmp/test-http-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    wait_init(&f->arrived, f->loop);
    wait_init(&f->gate, f->loop);
    wait_init(&f->left, f->loop);
    assert_int_equal(task_start(f->loop, "scenario", run_in_task, f, NULL), 0);
    assert_int_equal(loop_run(f->loop), 0);
    http_client_free(f->client);
    http_server_free(f->server);
    workers_free(f->workers);
    loop_free(f->loop);
    arena_clear(&f->arena);
    int r = rmdir(f->dir); /* every test removes its files */
    unsigned failures = f->failures;
    free(f);
    assert_int_equal(failures, 0);
    assert_int_equal(r, 0);
}

int raw_connect(int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval limit = {.tv_sec = RAW_TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int raw_send(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
        if (n < 0)
            return -errno;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

int raw_read_all(int fd, char **ret_reply, size_t *ret_size)
{
    size_t capacity = 65536, size = 0;
    char *reply = malloc(capacity + 1);
    ssize_t n;

    if (!reply)
        return -ENOMEM;
    while ((n = recv(fd, reply + size, capacity - size, 0)) > 0) {
        size += (size_t)n;
        if (size == capacity) {
            char *larger = realloc(reply, (capacity *= 2) + 1);
            if (!larger)
                break;
            reply = larger;
        }
    }
    reply[size] = '\0';
    *ret_reply = reply;
    *ret_size = size;
    return n < 0 ? -errno : 0;
}

static int raw_talk_blocking(void *arg)
{
    struct raw *raw = arg;
    int fd = raw_connect(raw->port);

    if (fd < 0)
        return fd;
    aisha_ignore(raw_send(fd, raw->text, raw->size)); /* an early refusal is in the reply */
    if (raw->ends_sending)
        shutdown(fd, SHUT_WR);
    int r = raw_read_all(fd, &raw->reply, &raw->reply_size);
    close(fd);
    return r;
}

int raw_talk(struct fixture *f, struct raw *raw, const char *text)
{
    raw->port = f->port;
    raw->text = text;
    raw->size = raw->size ? raw->size : strlen(text);
    int r = workers_run(f->workers, raw_talk_blocking, raw);
    if (!raw->reply)
        raw->reply = strdup("");
    arena_defer(&f->arena, free, raw->reply);
    return r;
}

unsigned raw_count(const struct raw *raw)
{
    unsigned count = 0;

    for (const char *at = raw->reply; (at = strstr(at, "HTTP/1.1 ")); at += 9)
        count++;
    return count;
}

int raw_status(const struct raw *raw, unsigned n)
{
    const char *at = strstr(raw->reply, "HTTP/1.1 ");

    while (at && n--)
        at = strstr(at + 9, "HTTP/1.1 ");
    return at ? (int)strtol(at + 9, NULL, 10) : 0;
}

int fetch(struct fixture *f, const char *path, const struct aisha_http_response **ret_response)
{
    return http_client_fetch(
        f->client, &f->arena,
        &(struct aisha_http_request){.url = arena_printf(&f->arena, "%s%s", f->base, path)},
        ret_response, NULL);
}

/*
 * The HTTP client: against our own server, and against a peer on a thread that answers with what
 * it was told to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

typedef const struct aisha_http_response response;

static const char *url(struct fixture *f, const char *path)
{
    return arena_printf(&f->arena, "%s%s", f->base, path);
}

static int send_request(struct fixture *f, struct aisha_http_request request, response **ret)
{
    return http_client_fetch(f->client, &f->arena, &request, ret, NULL);
}

/* That it fails like this, and says that it is this file's fault. */
static void check_blame(struct fixture *f, struct aisha_http_request request, int wanted,
                        const char *path, const char *why)
{
    response *answer;
    const char *error = "";

    CHECK(f, http_client_fetch(f->client, &f->arena, &request, &answer, &error) == wanted);
    CHECK(f, strstr(error, arena_printf(&f->arena, ": the file %s cannot be ", path)) != NULL);
    CHECK(f, strstr(error, why) != NULL);
}

/* answer is read only after r is known. */
static void check_body(struct fixture *f, int r, response **ret, int status, const char *body)
{
    response *answer = *ret;

    CHECK(f, r == 0);
    if (r < 0)
        return;
    CHECK(f, answer->status == status);
    CHECK(f, answer->body_size == strlen(body));
    CHECK(f, strcmp(answer->body, body) == 0);
}

static void use_methods(struct fixture *f)
{
    response *a = NULL;

    check_body(f, fetch(f, "/info?a=1", &a), &a, 200, "GET /info?a=1 0");
    check_body(f, fetch(f, "/status?code=404", &a), &a, 404, "404");
    check_body(f, fetch(f, "/status?code=302", &a), &a, 302, "302");
    check_body(f, fetch(f, "/info/../x", &a), &a, 400, ""); /* sent as it is */
    struct aisha_http_request request = {.url = url(f, "/info"), .method = "POST"};
    check_body(f, send_request(f, request, &a), &a, 200, "POST /info? 0");
    request.method = "DELETE";
    check_body(f, send_request(f, request, &a), &a, 200, "DELETE /info? 0");
    request.method = "HEAD";
    check_body(f, send_request(f, request, &a), &a, 200, "");
    request.method = "PUT";
    request.body = "four";
    request.body_size = 4;
    check_body(f, send_request(f, request, &a), &a, 200, "PUT /info? 4");
    request.method = NULL;
    check_body(f, send_request(f, request, &a), &a, 200, "POST /info? 4");
    request.body_size = 0;
    check_body(f, send_request(f, request, &a), &a, 200, "POST /info? 0");
}

static void methods_and_bodies_arrive(void **state)
{
    (void)state;
    run_scenario(use_methods, &(struct setting){0});
}

static void echo(struct fixture *f)
{
    static const char *const headers[] = {"Content-Type: application/x-test", "X-Empty:", NULL};
    size_t size = 900000;
    char *bytes = arena_alloc(&f->arena, size);
    response *a = NULL;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 13 % 256);
    int r = send_request(
        f,
        (struct aisha_http_request){
            .url = url(f, "/echo"), .headers = headers, .body = bytes, .body_size = size},
        &a);
    CHECK(f, r == 0 && a->status == 200 && a->body_size == size);
    CHECK(f, r == 0 && memcmp(a->body, bytes, size) == 0 && a->body[size] == '\0');
    CHECK(f, r == 0 && strcmp(aisha_http_header(a, "CONTENT-type"), "application/x-test") == 0);
    CHECK(f, r == 0 && strcmp(aisha_http_header(a, "X-Echo"), "yes") == 0);
    CHECK(f, r == 0 && aisha_http_header(a, "x-none") == NULL);
    for (size_t i = 0; r == 0 && i < a->header_count; i++)
        for (const char *c = a->headers[i].name; *c; c++)
            CHECK(f, *c < 'A' || *c > 'Z');
}

static void a_large_body_comes_back_unchanged(void **state)
{
    (void)state;
    run_scenario(echo, &(struct setting){0});
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void send_parts(struct fixture *f)
{
    const char *path = arena_printf(&f->arena, "%s/part", f->dir);
    const struct aisha_http_part parts[] = {
        {.name = "chat_id", .text = "42"},
        {.name = "voice", .bytes = "a\0b", .bytes_size = 3, .file_name = "v\"\r\n.ogg"},
        {.name = "document", .path = path, .file_name = "d.txt", .content_type = "text/plain"},
    };
    struct aisha_http_request request = {.url = url(f, "/echo"), .parts = parts, .part_count = 3};
    response *a = NULL;

    write_file(path, "from a file", 11);
    CHECK(f, send_request(f, request, &a) == 0 && a->status == 200);
    const char *type = a ? aisha_http_header(a, "content-type") : "";
    CHECK(f, strncmp(type, "multipart/form-data; boundary=", 30) == 0);
    const char *wanted = arena_printf(
        &f->arena,
        "%s\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n42\r\n"
        "%s\r\nContent-Disposition: form-data; name=\"voice\"; filename=\"v%%22%%0D%%0A.ogg\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\na",
        arena_printf(&f->arena, "--%s", type + 30), arena_printf(&f->arena, "--%s", type + 30));
    CHECK(f, a && strcmp(a->body, wanted) == 0); /* up to the zero byte */
    wanted = "name=\"document\"; filename=\"d.txt\"\r\nContent-Type: text/plain\r\n\r\nfrom a file";
    CHECK(f, a && memmem(a->body, a->body_size, wanted, strlen(wanted)) != NULL);
    unlink(path);
    check_blame(f, request, -ENOENT, path, "read to be sent: No such file or directory");
    request.parts = &(const struct aisha_http_part){.name = "x", .path = f->dir};
    request.part_count = 1;
    check_blame(f, request, -AISHA_E_INVALID, f->dir, "no regular file");
}

static void parts_become_multipart_form_data(void **state)
{
    (void)state;
    run_scenario(send_parts, &(struct setting){0});
}

static void send_file(struct fixture *f)
{
    const char *path = arena_printf(&f->arena, "%s/body", f->dir);
    static const char *const headers[] = {"Content-Type: application/zip", NULL};
    struct aisha_http_request request = {
        .url = url(f, "/echo"), .method = "PUT", .headers = headers, .body_path = path};
    size_t size = 700000;
    char *bytes = arena_alloc(&f->arena, size);
    response *a = NULL;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 % 251);
    write_file(path, bytes, size);
    CHECK(f, send_request(f, request, &a) == 0 && a->status == 200 && a->body_size == size);
    CHECK(f, a && memcmp(a->body, bytes, size) == 0);
    CHECK(f, a && strcmp(aisha_http_header(a, "content-type"), "application/zip") == 0);
    request.body_offset = 1000;
    request.body_size = 500000;
    CHECK(f, send_request(f, request, &a) == 0 && a->body_size == 500000);
    CHECK(f, a && memcmp(a->body, bytes + 1000, 500000) == 0);
    request.body_size = size - 999;
    check_blame(f, request, -AISHA_E_INVALID, path, "too short");
    request.body_size = 0;
    CHECK(f, send_request(f, request, &a) == 0 && a->body_size == size - 1000);
    request.body_offset = 0;
    request.url = url(f, "/info");
    check_body(f, send_request(f, request, &a), &a, 200, "PUT /info? 700000");
    request.method = NULL;
    check_body(f, send_request(f, request, &a), &a, 200, "POST /info? 700000");
    check_body(f, fetch(f, "/info", &a), &a, 200, "GET /info? 0");
    request.body = "two";
    CHECK(f, send_request(f, request, &a) == -AISHA_E_INVALID);
    request.body = NULL;
    write_file(path, "", 0);
    check_body(f, send_request(f, request, &a), &a, 200, "POST /info? 0");
    unlink(path);
    check_blame(f, request, -ENOENT, path, "read to be sent: No such file or directory");
    request.body_path = f->dir;
    check_blame(f, request, -AISHA_E_INVALID, f->dir, "no regular file");
}

static void a_file_is_sent_as_the_body(void **state)
{
    (void)state;
    run_scenario(send_file, &(struct setting){0});
}

static void send_nonsense(struct fixture *f)
{
    static const char *const urls[] = {"",
                                       "x",
                                       "ftp://127.0.0.1/",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http://127.0.0.1:1/a b",
                                       "http://127.0.0.1:1/a\r\nX: y",
                                       "http://127.0.0.1:99999/"};
    static const char *const lines[] = {"X: a\r\nY: b",
                                        "X: a\nY: b",
                                        "no colon",
                                        ": x",
                                        "a b: c",
                                        "Content-Length: 3",
                                        "transfer-encoding: chunked"};
    response *a = NULL;
    const char *error = NULL;

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        CHECK(f,
              send_request(f, (struct aisha_http_request){.url = urls[i]}, &a) == -AISHA_E_INVALID);
    struct aisha_http_request request = {.url = url(f, "/info?secret")};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        request.headers = (const char *const[]){lines[i], NULL};
        CHECK(f, send_request(f, request, &a) == -AISHA_E_INVALID);
    }
    request.headers = NULL;
    request.method = "GET /x HTTP/1.1\r\nX:";
    CHECK(f, http_client_fetch(f->client, &f->arena, &request, &a, &error) == -AISHA_E_INVALID);
    CHECK(f, strcmp(error, arena_printf(&f->arena, "%s: an odd method", f->base)) == 0);
    request.method = NULL;
    request.parts = &(const struct aisha_http_part){.name = "x", .text = "a", .bytes = "b"};
    request.part_count = 1;
    CHECK(f, send_request(f, request, &a) == -AISHA_E_INVALID);
    CHECK(f, a == NULL);
}

static void send_without_path(struct fixture *f)
{
    static const char *const rests[] = {"", "?secret", "#top"};
    response *a = NULL;

    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        CHECK(f, send_request(f, (struct aisha_http_request){.url = url(f, rests[i])}, &a) == 0);
        CHECK(f, a->status == 404); /* the server knows no "/" */
    }
}

static void a_url_need_not_have_a_path(void **state)
{
    (void)state;
    run_scenario(send_without_path, &(struct setting){0});
}

static void what_is_not_a_request_is_not_sent(void **state)
{
    (void)state;
    run_scenario(send_nonsense, &(struct setting){0});
}

/* A peer that accepts connections one by one, reads a request head and says its line. */
struct peer {
    int fd, port;
    const char *text;
    size_t size;
    unsigned requests;    /* to answer on each connection before it is closed */
    unsigned connections; /* to accept */
};

static void peer_listen(struct peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->fd >= 0);
    assert_int_equal(bind(peer->fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->fd, 8), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
}

static void read_head(int fd)
{
    char seen[4096] = "";
    size_t size = 0;

    while (size < sizeof seen - 1 && !strstr(seen, "\r\n\r\n")) {
        ssize_t n = recv(fd, seen + size, sizeof seen - 1 - size, 0);
        if (n <= 0)
            return;
        size += (size_t)n;
    }
}

static int peer_blocking(void *arg)
{
    struct peer *peer = arg;

    for (unsigned c = 0; c < peer->connections; c++) {
        int fd = accept(peer->fd, NULL, NULL);
        if (fd < 0)
            return -errno;
        for (unsigned i = 0; i < peer->requests; i++) {
            read_head(fd);
            aisha_ignore(raw_send(fd, peer->text, peer->size));
        }
        close(fd);
    }
    return 0;
}

struct talk {
    struct fixture *f;
    struct peer peer;
    struct wait done;
};

static void run_peer(void *arg)
{
    struct talk *talk = arg;

    CHECK(talk->f, workers_run(talk->f->workers, peer_blocking, &talk->peer) == 0);
    wait_wake(&talk->done, 0);
}

/* Fetches from a peer that answers with text. */
static int fetch_from_peer(struct fixture *f, const char *text, size_t size,
                           struct aisha_http_request request, response **ret)
{
    struct talk talk = {.f = f,
                        .peer = {.text = text, .size = size, .requests = 1, .connections = 1}};

    peer_listen(&talk.peer);
    wait_init(&talk.done, f->loop);
    CHECK(f, task_start(f->loop, "peer", run_peer, &talk, NULL) == 0);
    request.url = arena_printf(&f->arena, "http://127.0.0.1:%d/", talk.peer.port);
    int r = send_request(f, request, ret);
    CHECK(f, wait_for(&talk.done, 20000) == 0);
    close(talk.peer.fd);
    return r;
}

static int answer_is(struct fixture *f, const char *text, response **ret)
{
    *ret = NULL;
    return fetch_from_peer(f, text, strlen(text), (struct aisha_http_request){.size = 0}, ret);
}

static void read_answers(struct fixture *f)
{
    response *a = NULL;

    check_body(f,
               answer_is(f,
                         "HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-B:  2 \r\n"
                         "Content-Length: 2\r\n\r\nhi",
                         &a),
               &a, 200, "hi");
    CHECK(f, a && a->header_count == 2 && strcmp(aisha_http_header(a, "x-b"), "2") == 0);
    check_body(f, answer_is(f, "HTTP/1.0 200 OK\r\n\r\nup to the end", &a), &a, 200,
               "up to the end");
    check_body(f,
               answer_is(f,
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "2\r\nhi\r\n0\r\n\r\n",
                         &a),
               &a, 200, "hi");
    check_body(f, answer_is(f, "HTTP/1.1 204 No Content\r\n\r\n", &a), &a, 204, "");
    CHECK(f,
          answer_is(f, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", &a) == -AISHA_E_UPSTREAM);
    CHECK(f, answer_is(f, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi", &a) ==
                 -AISHA_E_UPSTREAM);
    CHECK(f, answer_is(f, "SSH-2.0-x\r\n", &a) == -AISHA_E_UPSTREAM);
    CHECK(f, answer_is(f, "", &a) == -AISHA_E_UPSTREAM);
    CHECK(f, answer_is(f, "HTTP/1.1 200 OK\r\nContent-Le", &a) == -AISHA_E_UPSTREAM);
    char *many = arena_alloc(&f->arena, 120000);
    strcpy(many, "HTTP/1.1 200 OK\r\n");
    for (char *end = many + strlen(many); end < many + 110000; end += 100)
        snprintf(end, 120, "X-Long: %90d\r\n", 7);
    strcat(many, "Content-Length: 0\r\n\r\n");
    CHECK(f, answer_is(f, many, &a) == -AISHA_E_LIMIT);
}

static void answers_of_all_kinds_are_read_or_refused(void **state)
{
    (void)state;
    run_scenario(read_answers, &(struct setting){0});
}

static bool file_is_pattern(const char *path, size_t size)
{
    FILE *file = fopen(path, "r");
    bool is_same = file != NULL;

    for (size_t i = 0; is_same && i < size; i++)
        is_same = getc(file) == (int)(i * 7 % 251);
    is_same = is_same && getc(file) == EOF;
    if (file)
        fclose(file);
    return is_same;
}

static void save_files(struct fixture *f)
{
    const char *path = arena_printf(&f->arena, "%s/saved", f->dir);
    struct aisha_http_request request = {.url = url(f, "/bytes?n=300000"), .save_path = path};
    response *a = NULL;

    CHECK(f, send_request(f, request, &a) == 0);
    CHECK(f, a && a->status == 200 && a->body_size == 300000 && a->body[0] == '\0');
    CHECK(f, file_is_pattern(path, 300000));
    check_blame(f, request, -EEXIST, path, "made for the answer: File exists");
    CHECK(f, file_is_pattern(path, 300000)); /* untouched */
    unlink(path);
    request.max_body_bytes = 299999;
    CHECK(f, send_request(f, request, &a) == -AISHA_E_LIMIT);
    CHECK(f, access(path, F_OK) < 0);
    request.max_body_bytes = 300000;
    CHECK(f, send_request(f, request, &a) == 0 && file_is_pattern(path, 300000));
    unlink(path);
    request.url = url(f, "/status?code=404");
    check_body(f, send_request(f, request, &a), &a, 404, "404");
    CHECK(f, access(path, F_OK) < 0);
    const char *cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";
    CHECK(f, fetch_from_peer(f, cut, strlen(cut), request, &a) == -AISHA_E_UPSTREAM);
    CHECK(f, access(path, F_OK) < 0);
    request.url = url(f, "/gate");
    request.timeout_ms = 50;
    CHECK(f, send_request(f, request, &a) == -AISHA_E_TIMEOUT);
    CHECK(f, access(path, F_OK) < 0);
}

static void answers_are_saved_to_new_files_or_not_at_all(void **state)
{
    (void)state;
    run_scenario(save_files, &(struct setting){0});
}

static void limit_memory(struct fixture *f)
{
    struct aisha_http_request request = {.url = url(f, "/bytes?n=1000"), .max_body_bytes = 1000};
    response *a = NULL;

    CHECK(f, send_request(f, request, &a) == 0 && a->body_size == 1000);
    request.max_body_bytes = 999;
    CHECK(f, send_request(f, request, &a) == -AISHA_E_LIMIT);
    request.max_body_bytes = 0;
    request.url = url(f, "/bytes?n=16777217");
    CHECK(f, send_request(f, request, &a) == -AISHA_E_LIMIT);
    const char *path = arena_printf(&f->arena, "%s/error", f->dir);
    char *error = arena_alloc(&f->arena, 200000);
    int head = sprintf(error, "HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\n");
    memset(error + head, 'e', 100000);
    request.save_path = path;
    int r = fetch_from_peer(f, error, (size_t)head + 100000, request, &a);
    CHECK(f, r == 0 && a->status == 500 && a->body_size == 65536);
}

static void answers_are_limited_in_size(void **state)
{
    (void)state;
    run_scenario(limit_memory, &(struct setting){0});
}

static void fail_to_connect(struct fixture *f)
{
    struct peer peer = {0};
    const char *error = NULL;
    response *a = NULL;

    peer_listen(&peer);
    close(peer.fd); /* nobody listens there now */
    struct aisha_http_request request = {
        .url = arena_printf(&f->arena, "http://127.0.0.1:%d/bot-token", peer.port)};
    CHECK(f, http_client_fetch(f->client, &f->arena, &request, &a, &error) == -AISHA_E_UNAVAILABLE);
    CHECK(f, error && strstr(error, "127.0.0.1") && !strstr(error, "bot-token"));
    request.url = arena_printf(&f->arena, "https://127.0.0.1:%d/", f->port);
    CHECK(f, send_request(f, request, &a) == -AISHA_E_UNAVAILABLE); /* no TLS there */
}

static void a_host_that_does_not_listen_is_unavailable(void **state)
{
    (void)state;
    run_scenario(fail_to_connect, &(struct setting){0});
}

static void reuse(struct fixture *f)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    struct talk talk = {
        .f = f, .peer = {.text = text, .size = sizeof text - 1, .requests = 5, .connections = 2}};
    response *a = NULL;

    peer_listen(&talk.peer);
    wait_init(&talk.done, f->loop);
    CHECK(f, task_start(f->loop, "peer", run_peer, &talk, NULL) == 0);
    struct aisha_http_request request = {
        .url = arena_printf(&f->arena, "http://127.0.0.1:%d/", talk.peer.port)};
    for (int i = 0; i < 10; i++)
        check_body(f, send_request(f, request, &a), &a, 200, "hi");
    /* The peer serves just five requests on each of two connections. */
    http_client_free(f->client);
    f->client = NULL;
    CHECK(f, wait_for(&talk.done, 20000) == 0);
    close(talk.peer.fd);
}

static void connections_are_kept_and_closed_ones_replaced(void **state)
{
    (void)state;
    run_scenario(reuse, &(struct setting){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_and_bodies_arrive),
        cmocka_unit_test(a_large_body_comes_back_unchanged),
        cmocka_unit_test(parts_become_multipart_form_data),
        cmocka_unit_test(a_file_is_sent_as_the_body),
        cmocka_unit_test(what_is_not_a_request_is_not_sent),
        cmocka_unit_test(a_url_need_not_have_a_path),
        cmocka_unit_test(answers_of_all_kinds_are_read_or_refused),
        cmocka_unit_test(answers_are_saved_to_new_files_or_not_at_all),
        cmocka_unit_test(answers_are_limited_in_size),
        cmocka_unit_test(a_host_that_does_not_listen_is_unavailable),
        cmocka_unit_test(connections_are_kept_and_closed_ones_replaced),
    };

    return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}

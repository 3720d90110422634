#include "tests/unit/telegram_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/sanitizer.h"
#include "tests/unit/http_fixture.h"

#if AISHA_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { PATIENCE_S = 25, MAX_REQUEST = 65536 };

const char *const answer_nothing = "";
const char *const answer_never = "never";

/* ---- the thread ---- */

/* Length of the request whose beginning this is, or SIZE_MAX while that is not known. */
static size_t request_size(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");

    if (!end)
        return SIZE_MAX;
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return (size_t)(end + 4 - text) + body;
}

static int read_request(int fd, struct asked *ret_asked)
{
    char *text = calloc(1, MAX_REQUEST);
    struct timespec now;
    size_t size = 0;

    if (!text)
        return -ENOMEM;
    ret_asked->text = text;
    while (size < request_size(text)) {
        ssize_t n = recv(fd, text + size, MAX_REQUEST - 1 - size, 0);
        if (n <= 0)
            return n < 0 ? -errno : -EPIPE;
        size += (size_t)n;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    ret_asked->at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    ret_asked->body = strstr(text, "\r\n\r\n") + 4;
    ret_asked->body_size = size - (size_t)(ret_asked->body - text);
    return 0;
}

static void on_silent(void *arg)
{
    struct telegram_fixture *t = arg;

    wait_wake(&t->silent, 0);
}

static int be_silent(struct telegram_fixture *t, int fd)
{
    char byte;

    loop_post(t->f->loop, on_silent, t);
    return recv(fd, &byte, 1, 0) < 0 ? -errno : 0;
}

static int answer_one(struct telegram_fixture *t, const char *text)
{
    int fd = accept(t->fd, NULL, NULL);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(const struct timeval){.tv_sec = PATIENCE_S},
               sizeof(struct timeval));
    int r = read_request(fd, &t->asked[t->asked_count]);
    if (r == 0) {
        t->asked_count++;
        if (text == answer_never)
            r = be_silent(t, fd);
        else
            aisha_ignore(raw_send(fd, text, strlen(text))); /* who will not read all may go */
    }
    close(fd);
    return r;
}

static int answer_all(void *arg)
{
    struct telegram_fixture *t = arg;

    for (const char *const *text = t->answers; *text; text++) {
        int r = t->asked_count < MAX_ASKED ? answer_one(t, *text) : -ENOSPC;
        if (r < 0)
            return r;
    }
    return 0;
}

static void run_script(void *arg)
{
    struct telegram_fixture *t = arg;

    CHECK(t->f, workers_run(t->f->workers, answer_all, t) == 0);
    wait_wake(&t->answered, 0);
}

/* ---- for the scenario ---- */

void script(struct telegram_fixture *t, const char *const *answers)
{
    size_t count = 0;

    while (answers[count])
        count++;
    t->answers = arena_memdup(&t->f->arena, answers, (count + 1) * sizeof *answers);
    wait_init(&t->answered, t->f->loop);
    wait_init(&t->silent, t->f->loop);
    CHECK(t->f, task_start(t->f->loop, "script", run_script, t, NULL) == 0);
}

void script_end(struct telegram_fixture *t)
{
    struct pollfd more = {.fd = t->fd, .events = POLLIN};

    CHECK(t->f, wait_for(&t->answered, WAIT_FOREVER) == 0);
    CHECK(t->f, poll(&more, 1, 0) == 0);
}

const char *answer(struct telegram_fixture *t, int status, const char *body)
{
    return arena_printf(&t->f->arena,
                        "HTTP/1.1 %d Reason\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                        status, strlen(body), body);
}

const char *answer_ok(struct telegram_fixture *t, const char *result)
{
    return answer(t, 200, arena_printf(&t->f->arena, "{\"ok\":true,\"result\":%s}", result));
}

const char *answer_error(struct telegram_fixture *t, int code, const char *description,
                         const char *parameters)
{
    return answer(t, code,
                  arena_printf(&t->f->arena,
                               "{\"ok\":false,\"error_code\":%d,\"description\":\"%s\","
                               "\"parameters\":%s}",
                               code, description, parameters ? parameters : "{}"));
}

bool asked_for(const struct telegram_fixture *t, size_t n, const char *method)
{
    char line[256];

    snprintf(line, sizeof line, "POST /bot%s/%s HTTP/1.1\r\n", TEST_TOKEN, method);
    return n < t->asked_count && strncmp(t->asked[n].text, line, strlen(line)) == 0;
}

bool asked_with(const struct telegram_fixture *t, size_t n, const char *text)
{
    return n < t->asked_count &&
           memmem(t->asked[n].body, t->asked[n].body_size, text, strlen(text)) != NULL;
}

/* ---- what is logged ---- */

static void begin_log(struct telegram_fixture *t)
{
    char path[] = "/tmp/test-telegram-log-XXXXXX";

    fflush(stderr);
    t->log_fd = mkstemp(path);
    t->stderr_fd = dup(STDERR_FILENO);
    CHECK(t->f, t->log_fd >= 0 && t->stderr_fd >= 0);
    unlink(path);
#if AISHA_ASAN
    __sanitizer_set_report_fd((void *)(intptr_t)t->stderr_fd); /* its reports are for the reader */
#endif
    CHECK(t->f, dup2(t->log_fd, STDERR_FILENO) >= 0);
}

const char *logged(struct telegram_fixture *t)
{
    struct stat info;

    CHECK(t->f, fstat(t->log_fd, &info) == 0);
    char *text = arena_alloc(&t->f->arena, (size_t)info.st_size + 1);
    CHECK(t->f, pread(t->log_fd, text, (size_t)info.st_size, 0) == info.st_size);
    return text;
}

static void end_log(struct telegram_fixture *t)
{
    const char *text = logged(t);

    dup2(t->stderr_fd, STDERR_FILENO);
#if AISHA_ASAN
    __sanitizer_set_report_fd((void *)(intptr_t)STDERR_FILENO);
#endif
    close(t->stderr_fd);
    close(t->log_fd);
    CHECK(t->f, !strstr(text, TEST_TOKEN));
    if (t->f->failures)
        fputs(text, stderr);
}

/* ---- beginning and end ---- */

static void start_listening(struct telegram_fixture *t)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    socklen_t size = sizeof address;

    t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(t->f, bind(t->fd, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK(t->f, listen(t->fd, 8) == 0);
    CHECK(t->f, getsockname(t->fd, (struct sockaddr *)&address, &size) == 0);
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    t->port = ntohs(address.sin_port);
    snprintf(t->api_url, sizeof t->api_url, "http://127.0.0.1:%d/", t->port);
}

void telegram_setup(struct telegram_fixture *t, struct loop_fixture *f, double rate,
                    double chat_rate)
{
    *t = (struct telegram_fixture){.f = f};
    const struct telegram_options options = {.api_url = t->api_url,
                                             .token = TEST_TOKEN,
                                             .limits = {.rate = rate, .chat_rate = chat_rate}};

    begin_log(t);
    start_listening(t);
    snprintf(t->dir, sizeof t->dir, "/tmp/test-telegram-XXXXXX");
    CHECK(f, mkdtemp(t->dir) != NULL);
    CHECK(f, http_client_new(&t->http, f->loop, &(struct http_client_options){0}) == 0);
    CHECK(f, telegram_new(&t->telegram, f->loop, t->http, &options) == 0);
}

void telegram_teardown(struct telegram_fixture *t)
{
    telegram_free(t->telegram);
    http_client_free(t->http);
    close(t->fd);
    for (size_t i = 0; i < MAX_ASKED; i++)
        free(t->asked[i].text);
    CHECK(t->f, rmdir(t->dir) == 0);
    end_log(t);
}

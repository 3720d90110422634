/* The HTTP client with many requests at once: slots, deadlines, cancelling, stopping. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
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

typedef const struct aisha_http_response response;

struct job {
    struct fixture *f;
    const char *path;
    int64_t timeout_ms;
    int r, status;
    struct task *task;
    struct wait done;
};

static void run_job(void *arg)
{
    struct job *job = arg;
    struct arena arena = {0};
    response *a = NULL;

    job->r = http_client_fetch(
        job->f->client, &arena,
        &(struct aisha_http_request){.url = arena_printf(&arena, "%s%s", job->f->base, job->path),
                                     .timeout_ms = job->timeout_ms},
        &a, NULL);
    job->status = a ? a->status : 0;
    arena_clear(&arena);
    wait_wake(&job->done, 0);
}

static void start_job(struct fixture *f, struct job *job, const char *path)
{
    job->f = f;
    job->path = path;
    wait_init(&job->done, f->loop);
    CHECK(f, task_start(f->loop, "job", run_job, job, &job->task) == 0);
}

enum { MANY = 200 };

static void run_many(struct fixture *f)
{
    struct job *jobs = arena_alloc(&f->arena, MANY * sizeof *jobs);

    for (int i = 0; i < MANY; i++)
        start_job(f, &jobs[i], arena_printf(&f->arena, "/order?n=%d", i));
    for (int i = 0; i < MANY; i++) {
        CHECK(f, wait_for(&jobs[i].done, 30000) == 0);
        CHECK(f, jobs[i].r == 0 && jobs[i].status == 200);
    }
    CHECK(f, f->order_count == MANY);
}

static void run_many_on_4(struct fixture *f)
{
    run_many(f);
    CHECK(f, f->most_running == 4);
    for (int i = 0; i < MANY; i++)
        CHECK(f, f->order[i] <=
                     i + 3); /* no request starts before all but 3 of those before it ended */
}

static void run_many_on_1(struct fixture *f)
{
    run_many(f);
    CHECK(f, f->most_running == 1);
    for (int i = 0; i < MANY; i++)
        CHECK(f, f->order[i] == i);
}

static void no_more_requests_run_than_there_are_slots(void **state)
{
    (void)state;
    run_scenario(run_many_on_4, &(struct setting){.slots = 4});
}

static void waiting_requests_go_first_come_first_served(void **state)
{
    (void)state;
    run_scenario(run_many_on_1, &(struct setting){.slots = 1});
}

static void time_out(struct fixture *f)
{
    struct job job = {.timeout_ms = 100};

    start_job(f, &job, "/gate");
    CHECK(f, wait_for(&job.done, 20000) == 0);
    CHECK(f, job.r == -AISHA_E_TIMEOUT);
    CHECK(f, wait_for(&f->left, 20000) == 0); /* the connection was closed at once */
    CHECK(f, f->was_gone);
}

static void a_request_ends_at_its_deadline(void **state)
{
    (void)state;
    run_scenario(time_out, &(struct setting){0});
}

static void cancel_in_flight(struct fixture *f)
{
    struct job job = {0};

    start_job(f, &job, "/gate");
    CHECK(f, wait_for(&f->arrived, 20000) == 0);
    task_cancel(job.task);
    CHECK(f, wait_for(&job.done, 20000) == 0);
    CHECK(f, job.r == -AISHA_E_CANCELED);
    CHECK(f, wait_for(&f->left, 20000) == 0);
    CHECK(f, f->was_gone);
}

static void a_cancelled_request_closes_its_connection(void **state)
{
    (void)state;
    run_scenario(cancel_in_flight, &(struct setting){0});
}

static void wait_for_slots(struct fixture *f)
{
    struct job holder = {0}, cancelled = {0}, late = {.timeout_ms = 20}, next = {0}, last = {0};

    start_job(f, &holder, "/gate");
    CHECK(f, wait_for(&f->arrived, 20000) == 0);
    start_job(f, &cancelled, "/info");
    start_job(f, &late, "/info");
    start_job(f, &next, "/info");
    CHECK(f, wait_yield(f->loop) == 0); /* all of them wait now */
    task_cancel(cancelled.task);
    CHECK(f, wait_for(&cancelled.done, 20000) == 0 && cancelled.r == -AISHA_E_CANCELED);
    CHECK(f, wait_for(&late.done, 20000) == 0 && late.r == -AISHA_E_TIMEOUT);
    wait_wake(&f->gate, 0);
    CHECK(f, wait_for(&holder.done, 20000) == 0 && holder.status == 200);
    task_cancel(next.task); /* it may have got the slot already: then it has to hand it on */
    CHECK(f, wait_for(&next.done, 20000) == 0);
    start_job(f, &last, "/info");
    CHECK(f, wait_for(&last.done, 20000) == 0 && last.status == 200);
}

static void who_gives_up_waiting_for_a_slot_leaves_it_to_others(void **state)
{
    (void)state;
    run_scenario(wait_for_slots, &(struct setting){.slots = 1});
}

static void stop_server(struct fixture *f)
{
    struct job jobs[3] = {0};

    start_job(f, &jobs[0], "/gate");
    CHECK(f, wait_for(&f->arrived, 20000) == 0);
    http_server_stop(f->server);
    CHECK(f, wait_for(&jobs[0].done, 20000) == 0);
    CHECK(f, jobs[0].r == 0 && jobs[0].status == 503);
    CHECK(f, f->gate_result == -AISHA_E_CANCELED && !f->was_gone);
    start_job(f, &jobs[1], "/info");
    CHECK(f, wait_for(&jobs[1].done, 20000) == 0);
    CHECK(f, jobs[1].r == -AISHA_E_UNAVAILABLE);
}

static void a_stopping_server_still_answers_what_it_had_begun(void **state)
{
    (void)state;
    run_scenario(stop_server, &(struct setting){0});
}

static void stop_in_the_middle(struct fixture *f)
{
    struct job *jobs = arena_alloc(&f->arena, 50 * sizeof *jobs);

    for (int i = 0; i < 50; i++)
        start_job(f, &jobs[i], i ? "/bytes?n=100000" : "/gate");
    CHECK(f, wait_for(&f->arrived, 20000) == 0);
    loop_stop(f->loop); /* with requests waiting, running and being answered */
}

static void stopping_the_loop_ends_every_request(void **state)
{
    (void)state;
    run_scenario(stop_in_the_middle, &(struct setting){.slots = 8});
}

/* Returns its port. */
static int listen_on(int *ret_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(*ret_fd >= 0);
    assert_int_equal(bind(*ret_fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(*ret_fd, 8), 0);
    assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

/* Answers the first request it gets and keeps silent about all others; counts them. */
struct deaf {
    int fd;
    unsigned heads;
};

/* false when the connection is to be closed. */
static bool hear(struct deaf *deaf, int fd)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char seen[4096];

    if (recv(fd, seen, sizeof seen, 0) <= 0 || deaf->heads++ > 0)
        return false;
    return raw_send(fd, answer, strlen(answer)) == 0;
}

static int deaf_blocking(void *arg)
{
    struct deaf *deaf = arg;
    struct pollfd fds[8] = {{.fd = deaf->fd, .events = POLLIN}};
    nfds_t count = 1;

    while (poll(fds, count, 20000) > 0 && count < 8) {
        for (nfds_t i = count - 1; i > 0; i--)
            if (fds[i].revents && !hear(deaf, fds[i].fd)) {
                close(fds[i].fd);
                fds[i] = fds[--count];
            }
        if (!fds[0].revents)
            continue;
        fds[count].fd = accept(deaf->fd, NULL, NULL);
        if (fds[count].fd < 0)
            break;
        fds[count++].events = POLLIN;
    }
    while (count > 1)
        close(fds[--count].fd);
    return 0;
}

struct silence {
    struct fixture *f;
    struct deaf deaf;
    struct wait done;
};

static void run_deaf(void *arg)
{
    struct silence *silence = arg;

    CHECK(silence->f, workers_run(silence->f->workers, deaf_blocking, &silence->deaf) == 0);
    wait_wake(&silence->done, 0);
}

/* How often a request arrives that a kept connection does not answer. */
static unsigned times_sent(struct fixture *f, bool is_once)
{
    struct silence silence = {.f = f};
    const struct aisha_http_response *a = NULL;

    int port = listen_on(&silence.deaf.fd);
    wait_init(&silence.done, f->loop);
    CHECK(f, task_start(f->loop, "deaf", run_deaf, &silence, NULL) == 0);
    struct aisha_http_request request = {
        .url = arena_printf(&f->arena, "http://127.0.0.1:%d/", port), .body = "x", .body_size = 1};
    CHECK(f, http_client_fetch(f->client, &f->arena, &request, &a, NULL) == 0);
    request.is_once = is_once;
    CHECK(f, http_client_fetch(f->client, &f->arena, &request, &a, NULL) == -AISHA_E_UPSTREAM);
    shutdown(silence.deaf.fd, SHUT_RDWR);
    CHECK(f, wait_for(&silence.done, 20000) == 0);
    close(silence.deaf.fd);
    return silence.deaf.heads - 1;
}

static void send_once(struct fixture *f)
{
    CHECK(f, times_sent(f, false) == 2); /* what is guarded against */
    CHECK(f, times_sent(f, true) == 1);
}

static void what_is_sent_once_is_not_repeated_on_a_new_connection(void **state)
{
    (void)state;
    run_scenario(send_once, &(struct setting){0});
}

static size_t open_descriptors(struct fixture *f)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    CHECK(f, dir != NULL);
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

/* Each spelling of the address is another site to the client: 127.0.0.1, 127.00.0.1, … */
static void visit(struct fixture *f, int from, int to)
{
    char zeros[64] = "";

    for (int i = 0; i < to; i++) {
        zeros[i] = '0';
        if (i < from)
            continue;
        response *a = NULL;
        const struct aisha_http_request request = {
            .url = arena_printf(&f->arena, "http://127.%s.0.1:%d/info", zeros, f->port)};
        CHECK(f, http_client_fetch(f->client, &f->arena, &request, &a, NULL) == 0);
        CHECK(f, a && a->status == 200);
    }
}

static void visit_many(struct fixture *f)
{
    visit(f, 0, 20);
    size_t after_20 = open_descriptors(f);
    visit(f, 20, 60);
    CHECK(f, open_descriptors(f) < after_20 + 10);
}

static void few_of_the_sites_that_were_visited_stay_connected(void **state)
{
    (void)state;
    run_scenario(visit_many, &(struct setting){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_of_the_sites_that_were_visited_stay_connected),
        cmocka_unit_test(no_more_requests_run_than_there_are_slots),
        cmocka_unit_test(waiting_requests_go_first_come_first_served),
        cmocka_unit_test(a_request_ends_at_its_deadline),
        cmocka_unit_test(a_cancelled_request_closes_its_connection),
        cmocka_unit_test(who_gives_up_waiting_for_a_slot_leaves_it_to_others),
        cmocka_unit_test(a_stopping_server_still_answers_what_it_had_begun),
        cmocka_unit_test(stopping_the_loop_ends_every_request),
        cmocka_unit_test(what_is_sent_once_is_not_repeated_on_a_new_connection),
    };

    return cmocka_run_group_tests_name("http_client_many", tests, NULL, NULL);
}

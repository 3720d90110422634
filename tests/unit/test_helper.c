/*
 * Helper processes, with this program in the part of the host: what they may do, what they may not,
 * and how the host sees their end.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/bot/helper_process.h"
#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/sanitizer.h"
#include "host/core/wait.h"
#include "host/helper.h"

struct fixture {
    struct loop *loop;
    struct helper_pool *pool;
    char directory[64];
};

/* One call of a helper, in a task of its own. */
struct call {
    struct fixture *f;
    struct arena arena;
    const char *object;
    const char *name;
    struct aisha_helper_request request;
    const struct aisha_helper_result *result;
    struct task *task;
    int r;
    int place; /* as the how many-th of all calls it ended */
};

static int ended_count;

static void call_run(void *arg)
{
    struct call *call = arg;

    call->r = helper_process_run(call->f->pool, &call->arena,
                                 call->object ? call->object : HELPERS_PLUGIN, call->name,
                                 &call->request, &call->result);
    call->place = ++ended_count;
}

static void call_start(struct fixture *f, struct call *call)
{
    call->f = f;
    call->request.size = sizeof call->request;
    if (call->request.timeout_ms == 0)
        call->request.timeout_ms = 60000;
    assert_int_equal(task_start(f->loop, "call", call_run, call, &call->task), 0);
}

static void wait_children(void *arg)
{
    struct fixture *f = arg;

    while (loop_tasks_alive(f->loop) > 1)
        aisha_ignore(wait_sleep(f->loop, 2));
    loop_stop(f->loop);
}

/* Runs the loop until all calls have ended. A stopped loop cannot run again, so this is the end. */
static void finish(struct fixture *f)
{
    assert_int_equal(task_start(f->loop, "end", wait_children, f, NULL), 0);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* every child has been collected */
    assert_int_equal(errno, ECHILD);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    strcpy(f->directory, "/tmp/aisha-helper-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(loop_new(&f->loop, &(struct loop_options){.max_tasks = 64}), 0);
    assert_int_equal(helper_pool_new(&f->pool, f->loop, "/proc/self/exe"), 0);
    ended_count = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    helper_pool_free(f->pool);
    loop_free(f->loop);
    assert_int_equal(rmdir(f->directory), 0);
    free(f);
    return 0;
}

static const char *path_of(struct fixture *f, struct call *call, const char *name)
{
    return arena_printf(&call->arena, "%s/%s", f->directory, name);
}

/* One call from its start to its end; the result stays valid until arena_clear(). */
static void run_one(struct fixture *f, struct call *call)
{
    call_start(f, call);
    finish(f);
    if (call->r != -AISHA_E_CANCELED)
        assert_non_null(call->result);
}

static void assert_fails(struct fixture *f, const char *name, int r, const char *error)
{
    struct call call = {.name = name};

    call.request.output_path = path_of(f, &call, "out");
    run_one(f, &call);
    assert_int_equal(call.r, r);
    assert_non_null(strstr(call.result->error, error));
    assert_int_equal(access(call.request.output_path, F_OK), -1);
    arena_clear(&call.arena);
}

/* ---- what works ---- */

static void it_reads_its_input_and_writes_a_private_output(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "copy"};
    char *bytes = malloc(100000);
    struct stat info;

    for (size_t i = 0; i < 100000; i++)
        bytes[i] = (char)(i * 7 % 251);
    call.request.input = bytes;
    call.request.input_size = 100000;
    call.request.output_path = path_of(f, &call, "out");
    call.request.args = "some text, and \"more\"";
    run_one(f, &call);
    assert_int_equal(call.r, 0);
    assert_string_equal(call.result->error, "");
    assert_string_equal(call.result->report, "args=some text, and \"more\"");
    assert_int_equal(call.result->output_size, 100000);
    assert_int_equal(stat(call.request.output_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    FILE *file = fopen(call.request.output_path, "rb");
    char *read_back = malloc(100000);
    assert_int_equal(fread(read_back, 1, 100000, file), 100000);
    assert_memory_equal(read_back, bytes, 100000);
    fclose(file);
    unlink(call.request.output_path);
    free(read_back);
    free(bytes);
    arena_clear(&call.arena);
}

static void it_reads_a_file_and_needs_no_output(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "copy"};

    call.request.input_path = HELPERS_PLUGIN;
    run_one(f, &call);
    assert_int_equal(call.r, 0);
    assert_true(call.result->output_size > 1000);
    arena_clear(&call.arena);
}

static void it_can_be_in_an_object_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct call call = {.object = HELPERS_OBJECT, .name = ""};

    run_one(f, &call);
    assert_int_equal(call.r, 0);
    assert_string_equal(call.result->report, "from the object");
    arena_clear(&call.arena);
}

static void it_has_memory(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "protect_memory"};

    run_one(f, &call);
    assert_string_equal(call.result->error, "");
    assert_int_equal(call.r, 0);
    arena_clear(&call.arena);
}

static void its_own_failure_comes_back_with_its_reason(void **state)
{
    assert_fails(*state, "refuse", -AISHA_E_NOT_FOUND, "there is no sound in it");
}

/* ---- what it does not get ---- */

static void it_has_four_descriptors(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "count_descriptors"};
    int inherited = fcntl(STDERR_FILENO, F_DUPFD, 50); /* without O_CLOEXEC */

    run_one(f, &call);
    assert_int_equal(call.r, 0);
    assert_string_equal(call.result->report, "4");
    close(inherited);
    arena_clear(&call.arena);
}

static void it_has_no_environment(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "show_environment"};
    char text[64] = "";

    setenv("BOT_TOKEN", "123:secret", 1);
    call.request.output_path = path_of(f, &call, "out");
    run_one(f, &call);
    assert_int_equal(call.r, 0);
    int fd = open(call.request.output_path, O_RDONLY);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    assert_string_equal(text, "LANG=C\n");
    unlink(call.request.output_path);
    arena_clear(&call.arena);
}

static void it_cannot_open_a_file(void **state)
{
    assert_fails(*state, "open_file", -EPERM, "open: ");
}

/* What ends the process in earnest is only refused under a sanitizer. */
static void assert_stopped(struct fixture *f, const char *name)
{
    if (AISHA_ASAN || AISHA_TSAN)
        assert_fails(f, name, -EPERM, "");
    else
        assert_fails(f, name, -AISHA_E_INVALID, "system call");
}

static void it_cannot_open_a_socket(void **state)
{
    assert_stopped(*state, "open_socket");
}

static void it_cannot_start_a_process(void **state)
{
    assert_stopped(*state, "start_process");
}

static void it_cannot_signal_another_process(void **state)
{
    assert_stopped(*state, "kill_parent");
}

static void it_cannot_make_memory_executable(void **state)
{
    assert_stopped(*state, "map_code");
}

static void it_cannot_write_more_than_allowed(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "flood", .request = {.max_output_bytes = 1 << 20}};

    call.request.output_path = path_of(f, &call, "out");
    run_one(f, &call);
    assert_int_equal(call.r, -AISHA_E_LIMIT);
    assert_int_equal(access(call.request.output_path, F_OK), -1);
    arena_clear(&call.arena);
}

#if !AISHA_ASAN && !AISHA_TSAN /* their shadow memory does not fit into any limit */
static void it_cannot_use_more_memory_than_allowed(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "hog", .request = {.max_memory_bytes = 64 << 20}};

    run_one(f, &call);
    assert_int_equal(call.r, -ENOMEM);
    assert_non_null(strstr(call.result->error, "no memory after"));
    arena_clear(&call.arena);
}
#endif

static void it_never_replaces_a_file(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "copy"};

    call.request.output_path = path_of(f, &call, "out");
    close(open(call.request.output_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    run_one(f, &call);
    assert_int_equal(call.r, -EEXIST);
    assert_int_equal(unlink(call.request.output_path), 0);
    arena_clear(&call.arena);
}

/* ---- its end ---- */

static void a_crash_is_an_error(void **state)
{
    /* AddressSanitizer catches the signal, reports and exits. */
    assert_fails(*state, "crash", -AISHA_E_INVALID, AISHA_ASAN || AISHA_TSAN ? "" : "crashed: Seg");
}

static void leaving_without_a_word_is_an_error(void **state)
{
    assert_fails(*state, "leave", -AISHA_E_INVALID, "without a result");
}

static void it_cannot_pretend_that_its_caller_was_cancelled(void **state)
{
    assert_fails(*state, "cancel_caller", -AISHA_E_INVALID, "who believes it");
}

static void an_unknown_name_is_an_error(void **state)
{
    assert_fails(*state, "nothing", -AISHA_E_NOT_FOUND, "nothing");
}

static void it_is_killed_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct call call = {.name = "spin", .request = {.timeout_ms = 300}};

    call.request.output_path = path_of(f, &call, "out");
    run_one(f, &call);
    assert_int_equal(call.r, -AISHA_E_TIMEOUT);
    assert_non_null(strstr(call.result->error, "in time"));
    assert_int_equal(access(call.request.output_path, F_OK), -1);
    arena_clear(&call.arena);
}

static void cancel_calls(void *arg)
{
    struct call *calls = arg;

    aisha_ignore(wait_sleep(calls[0].f->loop, 50));
    for (int i = 0; i < 6; i++)
        task_cancel(calls[i].task);
}

static void cancelling_ends_those_that_run_and_those_that_wait(void **state)
{
    struct fixture *f = *state;
    struct call calls[6] = {{0}};

    for (int i = 0; i < 6; i++) {
        calls[i].name = "spin";
        call_start(f, &calls[i]);
    }
    assert_int_equal(task_start(f->loop, "cancel", cancel_calls, calls, NULL), 0);
    finish(f);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(calls[i].r, -AISHA_E_CANCELED);
        assert_null(calls[i].result);
        arena_clear(&calls[i].arena);
    }
}

static void many_take_turns_in_order(void **state)
{
    enum { COUNT = 24 };

    struct fixture *f = *state;
    struct call calls[COUNT] = {{0}};

    for (int i = 0; i < COUNT; i++) {
        calls[i].name = i % 3 == 1 ? "crash" : i % 3 == 2 ? "refuse" : "copy";
        calls[i].request.input = "text";
        calls[i].request.input_size = 4;
        call_start(f, &calls[i]);
    }
    finish(f);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(calls[i].r, i % 3 == 1   ? -AISHA_E_INVALID
                                     : i % 3 == 2 ? -AISHA_E_NOT_FOUND
                                                  : 0);
        /* Overtaken at most by those that ran beside it. */
        assert_true(calls[i].place > i - (cores > 2 ? cores : 2));
        arena_clear(&calls[i].arena);
    }
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_reads_its_input_and_writes_a_private_output),
        TEST(it_reads_a_file_and_needs_no_output),
        TEST(it_can_be_in_an_object_of_its_own),
        TEST(it_has_memory),
        TEST(its_own_failure_comes_back_with_its_reason),
        TEST(it_has_four_descriptors),
        TEST(it_has_no_environment),
        TEST(it_cannot_open_a_file),
        TEST(it_cannot_open_a_socket),
        TEST(it_cannot_start_a_process),
        TEST(it_cannot_signal_another_process),
        TEST(it_cannot_make_memory_executable),
        TEST(it_cannot_write_more_than_allowed),
#if !AISHA_ASAN && !AISHA_TSAN
        TEST(it_cannot_use_more_memory_than_allowed),
#endif
        TEST(it_never_replaces_a_file),
        TEST(a_crash_is_an_error),
        TEST(leaving_without_a_word_is_an_error),
        TEST(it_cannot_pretend_that_its_caller_was_cancelled),
        TEST(an_unknown_name_is_an_error),
        TEST(it_is_killed_at_its_deadline),
        TEST(cancelling_ends_those_that_run_and_those_that_wait),
        TEST(many_take_turns_in_order),
    };

    if (argc > 1 && strcmp(argv[1], "helper") == 0)
        return helper_main(argc - 1, argv + 1);
    return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}

#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/core/worker.h"
#include "host/io/sqlite.h"
#include "tests/unit/outside.h"

enum { NOBODY = 65534 };

/* ---- one test ---- */

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    strcpy(f->dir, "/tmp/test-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/test.db", f->dir);
    f->tell_fd = -1;
    outside_setup(f);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    outside_teardown(f);
    int r = nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_clear(&f->arena);
    free(f);
    return r;
}

void check(struct fixture *f, bool is_true, const char *text, const char *file, int line)
{
    if (is_true)
        return;
    f->failures++;
    print_error("%s:%d: %s\n", file, line, text);
}

void check_int(struct fixture *f, int64_t actual, int64_t wanted, const char *text,
               const char *file, int line)
{
    if (actual == wanted)
        return;
    f->failures++;
    print_error("%s:%d: %s is %lld, not %lld\n", file, line, text, (long long)actual,
                (long long)wanted);
}

const char *path_of(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->dir, name);
}

/* ---- the loop ---- */

/* Also used where cmocka's longjmp has nowhere to go. */
static void must(int r, const char *what)
{
    if (r >= 0)
        return;
    print_error("%s: %d\n", what, r);
    abort();
}

struct run {
    struct fixture *f;
    scenario *fn;
};

static void run_in_task(void *arg)
{
    const struct run *run = arg;

    run->fn(run->f);
    loop_stop(run->f->loop);
}

static void run_on_loop(struct fixture *f, scenario *fn)
{
    struct run run = {.f = f, .fn = fn};

    must(loop_new(&f->loop, &(struct loop_options){.max_tasks = 500}), "loop_new");
    must(workers_new(&f->workers, f->loop, 3), "workers_new");
    must(task_start(f->loop, "scenario", run_in_task, &run, NULL), "task_start");
    must(loop_run(f->loop), "loop_run");
    workers_free(f->workers);
    loop_free(f->loop);
    f->loop = NULL;
    f->workers = NULL;
    f->loop = NULL;
}

void run_scenario(struct fixture *f, scenario *run)
{
    run_on_loop(f, run);
    assert_int_equal(f->failures, 0);
}

struct member {
    struct fixture *f;
    int64_t n;
    void (*fn)(struct fixture *f, int64_t n);
    struct wait done;
};

static void run_member(void *arg)
{
    struct member *member = arg;

    member->fn(member->f, member->n);
    wait_wake(&member->done, 0);
}

void run_many(struct fixture *f, int64_t count, void (*fn)(struct fixture *f, int64_t n))
{
    struct member *members = arena_alloc(&f->arena, (size_t)count * sizeof *members);

    for (int64_t n = 0; n < count; n++) {
        members[n] = (struct member){.f = f, .n = n, .fn = fn};
        wait_init(&members[n].done, f->loop);
        must(task_start(f->loop, "member", run_member, &members[n], NULL), "task_start");
    }
    for (int64_t n = 0; n < count; n++)
        CHECK(f, wait_for_uncancelled(&members[n].done, WAIT_FOREVER) == 0);
}

void begin_log(struct fixture *f)
{
    int fd = open(path_of(f, "log"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    f->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    must(fd, "open");
    must(f->stderr_fd, "dup");
    must(dup2(fd, STDERR_FILENO), "dup2");
    close(fd);
}

const char *end_log(struct fixture *f)
{
    off_t size = lseek(STDERR_FILENO, 0, SEEK_END);
    char *text = arena_alloc(&f->arena, (size_t)size + 1);

    must(pread(STDERR_FILENO, text, (size_t)size, 0) == size ? 0 : -EIO, "pread");
    must(dup2(f->stderr_fd, STDERR_FILENO), "dup2");
    close(f->stderr_fd);
    return text;
}

/* ---- other processes ---- */

static pid_t start_process(struct fixture *f, scenario *run, bool drop_rights)
{
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    if (drop_rights && geteuid() == 0) {
        must(chown(f->dir, NOBODY, NOBODY), "chown");
        must(setgroups(0, NULL), "setgroups");
        must(setgid(NOBODY), "setgid");
        must(setuid(NOBODY), "setuid");
    }
    run_on_loop(f, run);
    fflush(NULL);
    _exit(f->failures ? 1 : 0);
}

void tell(struct fixture *f, int64_t number)
{
    if (write(f->tell_fd, &number, sizeof number) != sizeof number)
        abort();
}

size_t run_killed(struct fixture *f, scenario *run, size_t count, const int64_t **ret_told)
{
    size_t capacity = 1024, told = 0;
    int64_t *numbers = malloc(capacity * sizeof *numbers);
    int pair[2], status;
    bool is_killed = false;

    assert_non_null(numbers);
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    f->tell_fd = pair[1];
    pid_t child = start_process(f, run, false);
    assert_true(child > 0);
    close(pair[1]);
    while (read(pair[0], &numbers[told], sizeof *numbers) == sizeof *numbers) {
        if (++told == capacity)
            numbers = reallocarray(numbers, capacity *= 2, sizeof *numbers);
        assert_non_null(numbers);
        if (told >= count && !is_killed)
            is_killed = kill(child, SIGKILL) == 0;
    }
    close(pair[0]);
    f->tell_fd = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    *ret_told = arena_memdup(&f->arena, numbers, told * sizeof *numbers);
    free(numbers);
    assert_true(is_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return told;
}

size_t run_processes(struct fixture *f, size_t count, scenario *run)
{
    size_t killed = 0;
    int status;

    for (size_t i = 0; i < count; i++)
        assert_true(start_process(f, run, false) > 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(wait(&status) > 0);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            killed++;
        else
            assert_int_equal(status, 0);
    }
    return killed;
}

void run_unprivileged(struct fixture *f, scenario *run)
{
    int status;

    pid_t child = start_process(f, run, true);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- the database ---- */

void open_sqlite(struct fixture *f)
{
    const char *error = NULL;

    if (sqlite_open(&f->sqlite, f->loop, f->path, &f->arena, &error) < 0)
        check(f, false, error, __FILE__, __LINE__);
}

void close_sqlite(struct fixture *f)
{
    sqlite_close(f->sqlite);
    f->sqlite = NULL;
}

static void run_opened(struct fixture *f)
{
    open_sqlite(f);
    if (f->sqlite)
        f->opened(f);
    close_sqlite(f);
}

void run_with_sqlite(struct fixture *f, scenario *run)
{
    f->opened = run;
    run_scenario(f, run_opened);
}

/* The pool of coroutines: its limit, its memory, and what is said when a stack overflows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/core/co.h"
#include "host/core/sanitizer.h"

enum { MANY = 300, WARM = 256 /* as many as keep their memory */, FRAME = 4096, LEVELS = 24 };

struct job {
    struct co_pool *pool;
    struct co *co;
    int levels; /* how deep to go */
    uintptr_t deepest;
    int seen_errno, runs;
};

/* Goes down that many frames of 4 KiB; off the fake stacks of AddressSanitizer. */
__attribute__((noinline, no_sanitize("address"))) static int dig(struct job *job, int levels)
{
    volatile char frame[FRAME];

    for (size_t i = 0; i < sizeof frame; i += 512)
        frame[i] = (char)levels;
    job->deepest = (uintptr_t)frame; /* so it cannot become a loop */
    int below = levels > 0 ? dig(job, levels - 1) : 0;
    return below + (frame[512] == (char)levels);
}

static void dig_and_suspend(void *arg)
{
    struct job *job = arg;

    job->runs = dig(job, job->levels);
    errno = job->levels;
    co_suspend(job->pool);
    job->seen_errno = errno;
}

static struct co_pool *new_pool(size_t max_alive, bool measure)
{
    struct co_pool *pool;

    assert_int_equal(co_pool_new(&pool, max_alive, measure), 0);
    return pool;
}

static void start_many(struct co_pool *pool, struct job *jobs)
{
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (struct job){.pool = pool, .levels = LEVELS};
        jobs[i].co = co_start(pool, "dig", dig_and_suspend, &jobs[i]);
        assert_non_null(jobs[i].co);
        assert_false(co_resume(jobs[i].co));
        assert_int_equal(jobs[i].runs, LEVELS + 1);
    }
}

static void finish_many(struct job *jobs)
{
    for (int i = 0; i < MANY; i++) {
        errno = 0;
        assert_true(co_resume(jobs[i].co));
        assert_int_equal(jobs[i].seen_errno, LEVELS);
    }
}

/* ---- leaving ---- */

struct visit {
    struct co_pool *pool;
    int leave_at; /* the depth, or -1 */
    int entered, left;
    bool was_kept;
};

__attribute__((noinline)) static int go_down(struct visit *visit, int depth)
{
    volatile char frame[256];

    frame[0] = (char)depth;
    if (depth == visit->leave_at)
        co_leave(visit->pool);
    int below = depth < 40 ? go_down(visit, depth + 1) : 0;
    return below + frame[0];
}

static void go_down_and_suspend(void *arg)
{
    struct visit *visit = arg;

    co_suspend(visit->pool);
    assert_true(go_down(visit, 0) > 0);
    visit->was_kept = true;
}

static void enter_within(void *arg)
{
    struct visit *visit = arg, inner = {.pool = visit->pool, .leave_at = 3};

    assert_false(co_enter(visit->pool, go_down_and_suspend, &inner));
    co_leave(visit->pool);
}

static void enter_again_and_again(void *arg)
{
    struct visit *visit = arg;
    volatile char around[64];

    for (size_t i = 0; i < sizeof around; i++)
        around[i] = (char)i;
    for (int i = 0; i < 3; i++) {
        visit->leave_at = i == 1 ? -1 : 20;
        visit->left += !co_enter(visit->pool, go_down_and_suspend, visit);
        visit->entered++;
    }
    visit->left += !co_enter(visit->pool, enter_within, visit);
    for (size_t i = 0; i < sizeof around; i++)
        assert_int_equal(around[i], i);
}

static void a_coroutine_leaves_what_it_entered_and_goes_on(void **state)
{
    struct visit visits[2] = {{0}};
    struct co_pool *pool = new_pool(2, false);
    struct co *cos[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        visits[i].pool = pool;
        cos[i] = co_start(pool, "visitor", enter_again_and_again, &visits[i]);
    }
    for (int round = 0; round < 5; round++) /* by turns */
        for (int i = 0; i < 2; i++)
            assert_int_equal(co_resume(cos[i]), round == 4);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(visits[i].entered, 3);
        assert_int_equal(visits[i].left, 3);
        assert_true(visits[i].was_kept);
    }
    co_pool_free(pool);
}

static bool is_in_memory(uintptr_t address)
{
    unsigned char flags = 0;
    uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);

    assert_int_equal(mincore((void *)page, 1, &flags), 0);
    return flags & 1;
}

static void most_free_stacks_give_their_memory_back(void **state)
{
    static struct job jobs[MANY];
    struct co_pool *pool = new_pool(MANY, false);
    int warm = 0;

    (void)state;
    for (int round = 0; round < 2; round++) { /* those without memory serve again */
        start_many(pool, jobs);
        assert_int_equal(co_pool_stats(pool).alive, MANY);
        for (int i = 0; i < MANY; i++)
            assert_true(is_in_memory(jobs[i].deepest));
        finish_many(jobs);
        warm = 0;
        for (int i = 0; i < MANY; i++)
            warm += is_in_memory(jobs[i].deepest);
        assert_int_equal(warm, WARM);
        assert_int_equal(co_pool_stats(pool).alive, 0);
        assert_int_equal(co_pool_stats(pool).stacks, MANY);
        assert_int_equal(co_pool_stats(pool).high_water, 0); /* not measured */
    }
    co_pool_free(pool);
}

static void the_pool_has_a_limit(void **state)
{
    struct job jobs[3];
    struct co_pool *pool = new_pool(2, false);

    (void)state;
    assert_int_equal(co_pool_max_alive(pool), 2);
    for (int i = 0; i < 3; i++)
        jobs[i] = (struct job){.pool = pool};
    jobs[0].co = co_start(pool, "first", dig_and_suspend, &jobs[0]);
    jobs[1].co = co_start(pool, "second", dig_and_suspend, &jobs[1]);
    assert_null(co_start(pool, "third", dig_and_suspend, &jobs[2]));
    assert_false(co_resume(jobs[0].co));
    assert_null(co_start(pool, "third", dig_and_suspend, &jobs[2]));
    assert_true(co_resume(jobs[0].co));
    jobs[2].co = co_start(pool, "third", dig_and_suspend, &jobs[2]);
    assert_non_null(jobs[2].co);
    for (int i = 1; i < 3; i++) {
        assert_false(co_resume(jobs[i].co));
        assert_true(co_resume(jobs[i].co));
    }
    assert_int_equal(co_pool_stats(pool).stacks, 2);
    co_pool_free(pool);
}

static void the_kernel_may_lower_the_limit(void **state)
{
    struct co_pool *pool = new_pool(SIZE_MAX, false);

    (void)state;
    assert_in_range(co_pool_max_alive(pool), 1024, INT32_MAX); /* max_map_count is an int */
    co_pool_free(pool);
    co_pool_free(NULL);
}

static void dig_only(void *arg)
{
    struct job *job = arg;

    assert_ptr_equal(co_current(job->pool), job->co);
    assert_string_equal(co_name(job->co), "dig");
    job->runs = dig(job, job->levels);
}

static size_t high_water_after(struct co_pool *pool, int levels)
{
    struct job job = {.pool = pool, .levels = levels};

    job.co = co_start(pool, "dig", dig_only, &job);
    assert_true(co_resume(job.co));
    assert_null(co_current(pool));
    return co_pool_stats(pool).high_water;
}

static void the_deepest_use_of_a_stack_is_known(void **state)
{
    struct co_pool *pool = new_pool(1, true);
    size_t shallow = high_water_after(pool, 0);
    size_t deep = high_water_after(pool, LEVELS);

    (void)state;
    assert_in_range(deep - shallow, LEVELS * FRAME, LEVELS * FRAME * 2);
    assert_int_equal(high_water_after(pool, 1), deep);
    if (!AISHA_ASAN && !AISHA_TSAN)
        assert_in_range(shallow, FRAME, FRAME * 4);
    co_pool_free(pool);
}

#if !AISHA_ASAN && !AISHA_TSAN /* they report it themselves, in their own way */

static void access_nothing(void *arg)
{
    struct job *job = arg;
    volatile char *volatile nowhere = NULL;

    nowhere[job->levels] = 1;
}

/* Never returns: runs fn in a coroutine of that name with stderr going to fd. */
static _Noreturn void crash(int fd, const char *name, void (*fn)(void *arg), struct job *job)
{
    setrlimit(RLIMIT_CORE, &(const struct rlimit){.rlim_cur = 0});
    dup2(fd, STDERR_FILENO);
    if (co_pool_new(&job->pool, 1, false) == 0 && co_pool_report_overflow(job->pool) == 0) {
        job->co = co_start(job->pool, name, fn, job);
        co_resume(job->co);
    }
    _exit(0);
}

/* Returns the signal by which the process ended, and what it said. */
static int crash_in_child(const char *name, void (*fn)(void *arg), struct job *job, char *ret_text,
                          size_t size)
{
    int ends[2], status = 0;
    size_t used = 0;
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        crash(ends[1], name, fn, job);
    close(ends[1]);
    assert_true(pid > 0);
    while (used < size - 1 && (n = read(ends[0], ret_text + used, size - 1 - used)) > 0)
        used += (size_t)n;
    ret_text[used] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return WTERMSIG(status);
}

static void a_stack_overflow_is_reported_with_the_name(void **state)
{
    struct job job = {.levels = 1 << 20};
    char text[4096];

    (void)state;
    assert_int_equal(crash_in_child("deep dive", dig_and_suspend, &job, text, sizeof text),
                     SIGSEGV);
    assert_non_null(strstr(text, "fatal: stack overflow in coroutine deep dive:"));
}

static void another_invalid_access_is_not_called_an_overflow(void **state)
{
    struct job job = {.levels = 16};
    char text[4096];

    (void)state;
    assert_int_equal(crash_in_child("lost", access_nothing, &job, text, sizeof text), SIGSEGV);
    assert_non_null(strstr(text, "fatal: invalid memory access in coroutine lost\n"));
    assert_null(strstr(text, "overflow"));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_free_stacks_give_their_memory_back),
        cmocka_unit_test(the_pool_has_a_limit),
        cmocka_unit_test(the_kernel_may_lower_the_limit),
        cmocka_unit_test(the_deepest_use_of_a_stack_is_known),
        cmocka_unit_test(a_coroutine_leaves_what_it_entered_and_goes_on),
#if !AISHA_ASAN && !AISHA_TSAN
        cmocka_unit_test(a_stack_overflow_is_reported_with_the_name),
        cmocka_unit_test(another_invalid_access_is_not_called_an_overflow),
#endif
    };

    return cmocka_run_group_tests_name("co", tests, NULL, NULL);
}

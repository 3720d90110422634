/*
 * Stackful coroutines: ucontext enters a new stack, _setjmp() and _longjmp() switch from then on. They
 * leave the signal mask alone, which is the same everywhere here and costs swapcontext() a system
 * call each time. (Who changes the rounding mode has to put it back before suspending.)
 *
 * Each stack is made once (one makecontext) and then reused: its entry function loops over jobs.
 * The order of the sanitizer calls matters: start right before the switch, finish as the first
 * thing after it. A pooled stack never "leaves for good", so its fake stack is always kept.
 */
#undef _FORTIFY_SOURCE /* which takes a jump to another stack for a mistake */
#include "host/core/co.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "host/core/sanitizer.h"

#if AISHA_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if AISHA_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0u
#define VALGRIND_STACK_DEREGISTER(id) (void)(id)
#define VALGRIND_DISABLE_ERROR_REPORTING (void)0
#define VALGRIND_ENABLE_ERROR_REPORTING (void)0
#endif

enum {
    STACK_BYTES = 256 * 1024, /* parsing JSON at cJSON's nesting limit takes 132 KiB */
    GUARD_BYTES = 64 * 1024,
    WARM_STACKS = 256, /* free ones that keep their memory */
    SPARE_MAPS = 8192, /* kernel mappings left for everything else */
    MAPS_PER_STACK = 2,
    PAINT = 0xA5,
};

/* Where a stack goes on. */
struct context {
#if AISHA_ASAN || AISHA_TSAN
    ucontext_t place; /* the sanitizers follow swapcontext() only */
#else
    jmp_buf place;
#endif
    void *tsan_fiber;
};

/* Where co_leave() goes; on the stack of co_enter(). */
struct co_exit {
    struct co_exit *outer;
    jmp_buf place;
};

struct co {
    struct co_pool *pool;
    struct co_exit *exit;
    struct co *next_free, *next;
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    char *stack; /* lowest usable byte; the guard lies below it */
    struct context context;
    bool is_entered, is_done;
    unsigned valgrind_id;
    void *asan_fake_stack;
};

struct co_pool {
    pthread_t thread; /* of the coroutines */
    size_t max_alive;
    bool measure;
    struct co *current, *free, *all;
    size_t free_count;
    struct co_stats stats;
    struct context home;
    const void *home_stack; /* bounds of the thread's own stack, for AddressSanitizer */
    size_t home_stack_bytes;
    void *home_fake_stack;
    void *signal_stack;
};

static size_t limit_by_kernel(size_t wanted)
{
    long maps = 65530;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");

    if (file) {
        if (fscanf(file, "%ld", &maps) != 1)
            maps = 65530;
        fclose(file);
    }
    size_t possible = maps > 2 * SPARE_MAPS ? (size_t)(maps - SPARE_MAPS) / MAPS_PER_STACK : 1024;
    return wanted < possible ? wanted : possible;
}

int co_pool_new(struct co_pool **ret_pool, size_t max_alive, bool measure)
{
    struct co_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return -ENOMEM;
    pool->max_alive = limit_by_kernel(max_alive);
    pool->measure = measure;
    pool->thread = pthread_self();
#if AISHA_TSAN
    pool->home.tsan_fiber = __tsan_get_current_fiber();
#endif
    *ret_pool = pool;
    return 0;
}

static void co_unmap(struct co *co)
{
    VALGRIND_STACK_DEREGISTER(co->valgrind_id);
#if AISHA_ASAN
    __lsan_unregister_root_region(co->stack, STACK_BYTES);
    __asan_unpoison_memory_region(co->stack, STACK_BYTES);
#endif
#if AISHA_TSAN
    if (co->context.tsan_fiber)
        __tsan_destroy_fiber(co->context.tsan_fiber);
#endif
    munmap(co->stack - GUARD_BYTES, GUARD_BYTES + STACK_BYTES);
    free(co);
}

static struct co_pool *overflow_pool; /* read by the signal handler only; see below */

void co_pool_free(struct co_pool *pool)
{
    if (!pool)
        return;
    assert(pool->stats.alive == 0);
    if (overflow_pool == pool) {
        signal(SIGSEGV, SIG_DFL);
        sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
        overflow_pool = NULL;
    }
    while (pool->all) {
        struct co *co = pool->all;
        pool->all = co->next;
        co_unmap(co);
    }
    free(pool->signal_stack);
    free(pool);
}

struct co_stats co_pool_stats(const struct co_pool *pool)
{
    return pool->stats;
}

size_t co_pool_max_alive(const struct co_pool *pool)
{
    return pool->max_alive;
}

struct co *co_current(const struct co_pool *pool)
{
    return pool->current;
}

const char *co_name(const struct co *co)
{
    return co->name;
}

/* ThreadSanitizer counts on leaving each function on the stack on which it was entered, so it is told
 * right before the switch. */
static void context_switch(struct context *from, struct context *to)
{
#if AISHA_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
#if AISHA_ASAN || AISHA_TSAN
    swapcontext(&from->place, &to->place);
#else
    if (_setjmp(from->place) == 0)
        _longjmp(to->place, 1);
#endif
}

/* The first switch to a stack. */
static void context_enter(struct context *from, struct context *to, ucontext_t *start)
{
#if AISHA_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
    (void)to;
#if AISHA_ASAN || AISHA_TSAN
    swapcontext(&from->place, start);
#else
    if (_setjmp(from->place) == 0)
        setcontext(start);
#endif
}

/* Called first thing after arriving on a coroutine's stack. */
static void arrived_on_stack(struct co *co)
{
#if AISHA_ASAN
    __sanitizer_finish_switch_fiber(co->asan_fake_stack, &co->pool->home_stack,
                                    &co->pool->home_stack_bytes);
#else
    (void)co;
#endif
}

static void switch_home(struct co *co)
{
    struct co_pool *pool = co->pool;

#if AISHA_ASAN
    __sanitizer_start_switch_fiber(&co->asan_fake_stack, pool->home_stack, pool->home_stack_bytes);
#endif
    context_switch(&co->context, &pool->home);
    arrived_on_stack(co);
}

static void entry(unsigned high, unsigned low)
{
    struct co *co = (struct co *)(((uintptr_t)high << 16 << 16) | low);

    arrived_on_stack(co);
    for (;;) {
        co->fn(co->arg);
        co->is_done = true;
        switch_home(co);
    }
}

static void co_enter_stack(struct co *co)
{
    uintptr_t self = (uintptr_t)co;
    ucontext_t start;

    getcontext(&start);
    start.uc_stack.ss_sp = co->stack;
    start.uc_stack.ss_size = STACK_BYTES;
    start.uc_link = NULL;
    makecontext(&start, (void (*)(void))entry, 2, (unsigned)(self >> 16 >> 16), (unsigned)self);
#if AISHA_ASAN
    /* Its interceptor would clear the shadow of the whole stack. */
    start.uc_stack.ss_size = 0;
#endif
    co->is_entered = true;
    context_enter(&co->pool->home, &co->context, &start);
}

static struct co *co_map(struct co_pool *pool)
{
    struct co *co = calloc(1, sizeof *co);

    if (!co)
        return NULL;
    char *map = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED) {
        free(co);
        return NULL;
    }
    co->stack = map + GUARD_BYTES;
    if (mprotect(co->stack, STACK_BYTES, PROT_READ | PROT_WRITE) < 0) {
        munmap(map, GUARD_BYTES + STACK_BYTES);
        free(co);
        return NULL;
    }
    /* With transparent huge pages each stack would cost 2 MiB at once. */
    madvise(co->stack, STACK_BYTES, MADV_NOHUGEPAGE);
    co->pool = pool;
    co->valgrind_id = VALGRIND_STACK_REGISTER(co->stack, co->stack + STACK_BYTES);
#if AISHA_ASAN
    __lsan_register_root_region(co->stack, STACK_BYTES);
#endif
    return co;
}

struct co *co_start(struct co_pool *pool, const char *name, void (*fn)(void *arg), void *arg)
{
    if (pool->stats.alive >= pool->max_alive)
        return NULL;
    struct co *co = pool->free;
    if (co) {
        pool->free = co->next_free;
        pool->free_count--;
    } else {
        co = co_map(pool);
        if (!co)
            return NULL;
        co->next = pool->all;
        pool->all = co;
        pool->stats.stacks++;
#if AISHA_TSAN
        co->context.tsan_fiber = __tsan_create_fiber(0);
#endif
        if (pool->measure)
            memset(co->stack, PAINT, STACK_BYTES - 1024); /* before its first use only */
    }
    co->name = name;
    co->fn = fn;
    co->arg = arg;
    co->is_done = false;
    pool->stats.alive++;
    return co;
}

__attribute__((no_sanitize("address"))) static size_t stack_used(const struct co *co)
{
    size_t unused = 0;

    VALGRIND_DISABLE_ERROR_REPORTING; /* it reads where frames have been, on purpose */
    while (unused < STACK_BYTES && (unsigned char)co->stack[unused] == PAINT)
        unused++;
    VALGRIND_ENABLE_ERROR_REPORTING;
    return STACK_BYTES - unused;
}

static void co_retire(struct co *co)
{
    struct co_pool *pool = co->pool;

    pool->stats.alive--;
    if (pool->measure) {
        size_t used = stack_used(co);
        if (used > pool->stats.high_water)
            pool->stats.high_water = used;
    } else if (pool->free_count >=
               WARM_STACKS) /* the upper pages hold the frames it will resume in */
        madvise(co->stack, STACK_BYTES - GUARD_BYTES / 4, MADV_DONTNEED);
    co->next_free = pool->free;
    pool->free = co;
    pool->free_count++;
}

bool co_resume(struct co *co)
{
    struct co_pool *pool = co->pool;

    assert(!pool->current && "only the loop resumes a coroutine");
    assert(!co->is_done);
    pool->current = co;
#if AISHA_ASAN
    __sanitizer_start_switch_fiber(&pool->home_fake_stack, co->stack, STACK_BYTES);
#endif
    if (co->is_entered)
        context_switch(&pool->home, &co->context);
    else
        co_enter_stack(co);
#if AISHA_ASAN
    __sanitizer_finish_switch_fiber(pool->home_fake_stack, NULL, NULL);
#endif
    pool->current = NULL;
    if (!co->is_done)
        return false;
    co_retire(co);
    return true;
}

void co_suspend(struct co_pool *pool)
{
    int saved_errno = errno;

    assert(pool->current && "only a coroutine can suspend");
    switch_home(pool->current);
    errno = saved_errno;
}

bool co_enter(struct co_pool *pool, void (*fn)(void *arg), void *arg)
{
    struct co_exit exit = {.outer = pool->current->exit};

    pool->current->exit = &exit;
    bool is_left = _setjmp(exit.place) != 0;
    if (!is_left)
        fn(arg);
    pool->current->exit = exit.outer;
    return !is_left;
}

void co_leave(struct co_pool *pool)
{
    struct co_exit *exit = pool->current ? pool->current->exit : NULL;

    assert(exit && "only what was entered can be left");
#if AISHA_ASAN
    __asan_handle_no_return();
#endif
    _longjmp(exit->place, 1);
}

/* In a signal handler: only write(2), no formatting. */
static void write_text(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    bool is_ours = overflow_pool && pthread_equal(overflow_pool->thread, pthread_self());
    const struct co *co = is_ours ? overflow_pool->current : NULL;
    const char *address = info->si_addr;

    if (co && address >= co->stack - GUARD_BYTES && address < co->stack) {
        write_text("fatal: stack overflow in coroutine ");
        write_text(co->name);
        write_text(": its 256 KiB are used up (deep recursion or large local arrays)\n");
    } else if (co) {
        write_text(number == SIGABRT  ? "fatal: abort() in coroutine "
                   : number == SIGFPE ? "fatal: impossible arithmetic in coroutine "
                   : number == SIGILL ? "fatal: illegal instruction in coroutine "
                                      : "fatal: invalid memory access in coroutine ");
        write_text(co->name);
        write_text("\n");
    } else if (!is_ours) {
        write_text("fatal: a crash on a worker thread\n");
    }
    signal(number, SIG_DFL); /* returning repeats the fault and leaves a core */
}

int co_pool_report_overflow(struct co_pool *pool)
{
    if (AISHA_ASAN)
        return 0;
    const size_t size = 65536;
    pool->signal_stack = malloc(size);
    if (!pool->signal_stack)
        return -ENOMEM;
    stack_t stack = {.ss_sp = pool->signal_stack, .ss_size = size};
    if (sigaltstack(&stack, NULL) < 0)
        return -errno;
    overflow_pool = pool;
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        if (sigaction(crashes[i], &action, NULL) < 0)
            return -errno;
    return 0;
}

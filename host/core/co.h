/*
 * Coroutines: a function with a stack of its own that can stop in the middle and go on later.
 *
 * This is the only part of the host that knows stacks exist. Everything happens on the thread that
 * made the pool. A coroutine always runs to its return; nothing destroys a suspended one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct co;
struct co_pool;

struct co_stats {
    size_t alive;      /* started and not yet returned */
    size_t stacks;     /* mapped, in use or kept for the next one */
    size_t high_water; /* deepest stack use seen, in bytes; 0 unless measured */
};

/*
 * A pool of at most max_alive coroutines. measure paints each stack before use, so that
 * co_pool_stats() can tell how deep they went; it costs some 20 µs for each coroutine.
 * The limit is lowered to what the kernel's vm.max_map_count carries.
 */
int co_pool_new(struct co_pool **ret_pool, size_t max_alive, bool measure);

/* NULL is fine. All coroutines must have returned. */
void co_pool_free(struct co_pool *pool);

struct co_stats co_pool_stats(const struct co_pool *pool);
size_t co_pool_max_alive(const struct co_pool *pool);

/*
 * Prepares fn(arg) to run on a stack of its own at the first co_resume(). name is borrowed and must
 * outlive the coroutine; it appears in crash reports. Returns NULL when the pool is at its limit or
 * no memory can be mapped.
 */
struct co *co_start(struct co_pool *pool, const char *name, void (*fn)(void *arg), void *arg);

/* Runs co until it suspends or returns. Only from the thread's own stack, never from a coroutine.
 * Returns true when it has returned: co is then invalid. */
bool co_resume(struct co *co);

/* Back to whoever called co_resume(). errno is kept for the coroutine. */
void co_suspend(struct co_pool *pool);

/*
 * Runs fn(arg) within the coroutine that runs now. co_leave() ends it from any depth, and co_enter()
 * then returns false: without returning through the functions in between, so that whatever these
 * held is lost. For code of others that cannot go on; the innermost co_enter() counts.
 */
bool co_enter(struct co_pool *pool, void (*fn)(void *arg), void *arg);
_Noreturn void co_leave(struct co_pool *pool);

/* The coroutine that runs now, or NULL on the thread's own stack. */
struct co *co_current(const struct co_pool *pool);
const char *co_name(const struct co *co);

/*
 * Reports a stack overflow of this pool's coroutines by name on stderr before the process dies, on
 * an alternate signal stack. One pool per process can have it. Does nothing under
 * AddressSanitizer, which reports overflows itself.
 */
int co_pool_report_overflow(struct co_pool *pool);

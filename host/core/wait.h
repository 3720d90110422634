/*
 * Waiting: how a task stops for something and is woken exactly once, by its result, by its
 * deadline or by cancellation, whichever comes first.
 *
 *     struct wait w;
 *     wait_init(&w, loop);
 *     ... give &w to whoever will call wait_wake(&w, result) on the loop's thread ...
 *     int r = wait_for(&w, 5000);
 *     if (r == -AISHA_E_TIMEOUT || r == -AISHA_E_CANCELED)
 *         ... take &w away from them: they must not touch it any more ...
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct loop;
struct task;

struct wait {
    struct loop *loop;
    struct task *task; /* who waits; NULL when nobody does yet */
    int result;
    bool is_woken;
};

enum { WAIT_FOREVER = -1 };

void wait_init(struct wait *w, struct loop *loop);

/* Ends the wait with this result; the first call counts, later ones do nothing. May come before
 * wait_for(). On the loop's thread. */
void wait_wake(struct wait *w, int result);

/* Suspends until woken. Returns the result, -AISHA_E_TIMEOUT or -AISHA_E_CANCELED. */
AISHA_ASYNC int wait_for(struct wait *w, int64_t timeout_ms);

/* As wait_for(), but cancelling does not end it: for what has to be collected in any case. */
AISHA_ASYNC int wait_for_uncancelled(struct wait *w, int64_t timeout_ms);

AISHA_ASYNC AISHA_CHECKED int wait_sleep(struct loop *loop, int64_t timeout_ms);

/* Suspends until the next turn: all that is ready runs first, and what is done at the end of this one. */
AISHA_ASYNC AISHA_CHECKED int wait_yield(struct loop *loop);

/*
 * Short, trusted CPU work on another thread, so that the loop goes on. For hostile input or long
 * work see helper.h.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

/*
 * Runs fn(arg) on a worker thread and waits for it; its return value is the result. fn sees only
 * arg: no ctx, no aisha_* call but aisha_error_text(). Not interrupted by cancellation.
 * -AISHA_E_LIMIT when too much work is queued.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_run_on_worker(struct aisha_ctx *ctx,
                                                               int (*fn)(void *arg), void *arg);

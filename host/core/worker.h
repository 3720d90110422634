/*
 * Threads for short, trusted work that would block the loop. What is handed over sees only its own
 * argument: no task, no arena, no loop.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct loop;
struct workers;

int workers_new(struct workers **ret_workers, struct loop *loop, unsigned threads);

/* Waits for running work; NULL is fine. */
void workers_free(struct workers *workers);

/*
 * Runs fn(arg) on a worker thread and suspends until it returned; its return value is the result.
 * Not interrupted by cancellation, since arg usually lives on the caller's stack: keep it short.
 * Waiting work is bounded: -AISHA_E_LIMIT when too much of it is queued.
 */
AISHA_ASYNC AISHA_CHECKED int workers_run(struct workers *workers, int (*fn)(void *arg), void *arg);

/*
 * Takes jobs that are due and runs them, keeps their leases, and makes those that come by a
 * schedule.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;
struct bot;
struct job_runner;
struct job_unit;

/* Starts taking jobs. The tables must be there. */
AISHA_ASYNC AISHA_CHECKED int job_runner_start(struct bot *bot);

/* Takes no more, ends those that run (they go on at the next start) and waits for that. */
AISHA_ASYNC void job_runner_stop(struct bot *bot);

/* After the loop has ended. NULL is fine. */
void job_runner_free(struct job_runner *runner);

/* There may be something new to do. Does nothing before the start. */
void job_runner_notice(struct bot *bot);

/* The job, if it runs here, is to end; the database knows already. */
void job_runner_cancel(struct bot *bot, const char *id);

/* Cancels what the person of ctx sees in that message of the chat, or with 0 the newest that is shown
 * there, if they may. 1 when there is such a job, else 0. */
AISHA_ASYNC AISHA_CHECKED int job_runner_cancel_shown(struct aisha_ctx *ctx, int64_t message_id);

/* The attempt is over: the unit is freed. */
void job_runner_ended(struct job_unit *unit);

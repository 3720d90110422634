/*
 * A unit of work whose origin is a job: one attempt, from its lease to how it ends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>
#include <aisha/plugin.h>

#include "host/bot/ctx.h"
#include "host/store/jobs.h"

struct bot;
struct plugin;

enum job_ending {
    JOB_ENDS_DONE, /* when the handler returns 0 */
    JOB_ENDS_AGAIN,
};

struct job_unit {
    struct aisha_ctx ctx;
    struct bot *bot;
    const struct plugin *plugin;
    const struct aisha_job_kind *row;
    struct job_lease lease; /* its texts are in arena */
    struct arena arena;     /* lives longer than an attempt to write the end */
    int64_t renewed_at_ms;
    int64_t percent;

    /* why it was cancelled */
    bool is_lost, is_unwanted, is_stopping;

    /* how it ends, by the handler's will */
    enum job_ending ending;
    bool is_ending_asked; /* the next write shall bring it along */
    bool has_ended;       /* it is in the database */
    const char *result;
    int64_t again_after_ms;
    int outcome; /* of the handler */

    bool is_renewing, is_over; /* the one who comes last frees it */
    LIST_ENTRY(job_unit) link;
};

/* Copies the lease. */
struct job_unit *job_unit_new(struct bot *bot, const struct plugin *plugin,
                              const struct aisha_job_kind *row, const struct job_lease *lease);
void job_unit_free(struct job_unit *unit);

/* A task's function: runs the attempt, writes its end and tells job_runner_ended(). */
AISHA_ASYNC void job_unit_run(void *arg);

/* What each write of the attempt begins with; see ctx_write(). */
struct aisha_statement job_unit_guard(struct job_unit *unit);

/* What the next write ends with, and how many statements that are: how the job ends, if the handler has
 * said so, and what the plugins want to be done then. */
const struct aisha_statement *job_unit_ending(struct job_unit *unit, size_t *ret_count);
void job_unit_statements_took_effect(struct job_unit *unit);

/* It is shown in another message now. */
AISHA_ASYNC AISHA_CHECKED int job_unit_shown(struct job_unit *unit);

int job_attempts(const struct aisha_job_kind *row);

/*
 * Rows of a plugin's .jobs and .schedules. What jobs are is in jobs.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aisha_ctx;

/* A kind of durable work. Its handlers may suspend. */
struct aisha_job_kind {
    const char *name; /* unique within the plugin */
    int (*run)(struct aisha_ctx *ctx);
    int (*failed)(
        struct aisha_ctx *ctx); /* after the last attempt, or when it is cancelled; may be NULL */
    size_t data_size;           /* sizeof its struct, at most 16 KiB */
    int attempts;               /* 0 = 5 */
    int64_t timeout_s;          /* of one attempt; 0 = 10 minutes */
    int64_t pause_s;     /* before the second attempt, twice as long before each further one, up to
                              an hour; 0 = 5 */
    int at_once;         /* so many run at a time, on all hosts together; 0 = no limit */
    bool is_serial;      /* those of one person run one after the other */
    bool is_cancellable; /* by its owner: by the button of its aisha_progress(), and by /cancel */
};

/*
 * A statement that the host runs in the transaction that ends a job, of whichever plugin and however it
 * ends: for rows that are there as long as the job. $1 is the job's id, $2 the time in UTC seconds, the
 * same in all of them. They run in their order after all that the job's handler wrote in that
 * transaction.
 */
struct aisha_job_ending {
    const char *sql;
};

/* A job that comes by itself. */
struct aisha_schedule {
    const char *name; /* unique within the plugin */
    const char *job;  /* a row of .jobs, with data all zero */
    const char *cron; /* "minute hour day month weekday" in UTC, such as every night: 30 3 * * * */
    /* When the host was down at that time: run once at the next start, instead of not at all. */
    bool catches_up;
};

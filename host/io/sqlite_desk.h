/*
 * A thread with a connection to SQLite and a queue. The writer takes everything that is queued, runs
 * it in one transaction, commits, and only then lets the units' tasks go on; a unit that fails spoils
 * only itself. Under load many units share the one fsync that a commit costs; without load a unit has
 * it for itself.
 *
 * While a task waits here its arena belongs to the thread that works for it.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/sqlite_statement.h"

enum job_kind {
    JOB_WRITE,
    JOB_READ,
    JOB_BEGIN,
    JOB_RUN, /* the following ones within a transaction */
    JOB_COMMIT,
    JOB_ROLLBACK,
};

/* What a task wants a thread to do; on the task's stack. */
struct job {
    enum job_kind kind;
    const char *who;    /* for the log; it waits */
    int64_t tx_id;      /* of JOB_RUN and the following */
    const char *script; /* run after the statements, or NULL */
    struct arena *arena;
    const struct aisha_statement *statements;
    size_t count;
    const struct aisha_rows **ret_rows;
    int result;
    struct wait wait;
    STAILQ_ENTRY(job) link;
};

STAILQ_HEAD(job_list, job);

/* A thread with a connection and a queue. */
struct desk {
    struct loop *loop;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* guards the rest but connection, which is the thread's */
    pthread_cond_t more;
    struct job_list jobs;
    struct job_list tx_jobs; /* of the transaction in progress */
    int64_t tx_id;           /* which that is, 0 = none */
    bool is_stopping;
    struct sqlite_connection connection;
    int log_pages; /* after the last commit; the thread's, as the next one */
    bool has_checkpoint_failed;
    struct job_list gathered; /* in this turn of the loop, which hands them over at its end */
    struct loop_chore hand_over;
};

/* Starts the thread; the connection is open. The desk must stay where it is. */
AISHA_CHECKED int desk_start(struct desk *desk, struct loop *loop);

/* Ends the thread, if it was started, and closes the connection. */
void desk_stop(struct desk *desk);

/* Hands the job over and waits for its result. Not interrupted: it may be taking effect. Of a
 * transaction that is over: -AISHA_E_TIMEOUT. */
AISHA_ASYNC AISHA_CHECKED int desk_ask(struct desk *desk, struct job *job);

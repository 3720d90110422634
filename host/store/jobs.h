/*
 * Durable work as rows: waiting → running → done, or after the last attempt, or when it is
 * cancelled, once more waiting and running for what has to be done about that, and then dead or
 * cancelled.
 *
 * Who runs a job has it on lease. Every write of an attempt starts with job_guard(), which makes the
 * whole transaction fail when the lease has gone to somebody else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct arena;
struct db;

enum { JOB_LEASE_MS = 15000, JOB_KEPT_DAYS = 7, JOB_MAX_BYTES = 16 * 1024 };

struct job_place {
    int64_t telegram_id, chat_id, thread_id;
    int64_t message_id; /* what aisha_screen() edits; 0 = nothing yet */
    int64_t quote_id;   /* what it answers; 0 = nothing */
};

struct job_order {
    const char *id, *plugin, *kind, *unique;
    struct job_place place;
    const void *data;
    size_t data_size;
    int64_t run_at_ms; /* 0 = now */
    int64_t priority;
};

/* One that this process has on lease now. */
struct job_lease {
    const char *id, *plugin, *kind, *error;
    struct job_place place;
    const void *data;
    size_t data_size;
    int64_t attempt;   /* of all: never the same twice */
    int64_t tried;     /* of this phase, this one included */
    bool is_failing;   /* the phase in which .failed runs */
    bool is_cancelled; /* why it is in that phase */
};

/* Does nothing when the unique key is taken. */
struct aisha_statement job_insert(struct arena *arena, const struct job_order *order);

/* Asks for the id of the job with that unique key. */
struct aisha_statement job_find_unique(struct arena *arena, const struct job_order *order);

/* What a claim may take. */
struct job_limits {
    const char *plugin, *kind;
    int64_t at_once; /* on all hosts; 0 = no limit */
    int64_t most;    /* now, here */
    bool is_serial;  /* of one owner one at a time */
};

/*
 * Leases jobs of the kind that are due, or whose lease has run out; those first whose owners have the
 * fewest running. ret_leases is an array in arena. ret_next_ms: when the next one of this kind is due, or
 * INT64_MAX.
 */
AISHA_ASYNC AISHA_CHECKED int jobs_claim(struct db *db, struct arena *arena,
                                         const struct job_limits *limits,
                                         const struct job_lease **ret_leases, size_t *ret_count,
                                         int64_t *ret_next_ms);

/* At the start of the only host on an embedded database: who had a lease is dead. */
AISHA_ASYNC AISHA_CHECKED int jobs_forget_leases(struct db *db);

/*
 * Renews the lease, keeps how far it is and the message it is shown in. 0; JOB_LOST when somebody
 * else has it; JOB_TO_CANCEL when somebody wants it to end.
 */
enum { JOB_LOST = 1, JOB_TO_CANCEL = 2 };

AISHA_ASYNC AISHA_CHECKED int job_renew(struct db *db, const struct job_lease *lease,
                                        int64_t percent, int64_t message_id);

/* For the transaction of whatever the attempt writes; fails with -AISHA_E_CONFLICT. */
struct aisha_statement job_guard(struct arena *arena, const struct job_lease *lease);
struct aisha_statement job_store_data(struct arena *arena, const struct job_lease *lease,
                                      const void *data, size_t size);
struct aisha_statement job_store_message(struct arena *arena, const struct job_lease *lease,
                                         int64_t message_id);

/* How an attempt ends; each a statement to follow the guard. */
struct aisha_statement job_done(struct arena *arena, const struct job_lease *lease,
                                const char *result);
struct aisha_statement job_again(struct arena *arena, const struct job_lease *lease,
                                 int64_t after_ms);
struct aisha_statement job_retry(struct arena *arena, const struct job_lease *lease,
                                 int64_t after_ms, const char *error);

/* No attempt is left, or it is cancelled: the phase in which .failed runs. */
struct aisha_statement job_fail(struct arena *arena, const struct job_lease *lease,
                                const char *error, bool is_cancelled);

/* And that has ended, too: dead, or cancelled. */
struct aisha_statement job_bury(struct arena *arena, const struct job_lease *lease);

/* ---- from outside ---- */

struct job_status {
    const char *state; /* waiting, running, done, dead, cancelled */
    const char *result, *error;
    int64_t attempt, percent;
};

AISHA_ASYNC AISHA_CHECKED int job_find(struct db *db, struct arena *arena, const char *plugin,
                                       const char *id, struct job_status *ret_status);
/* Of any plugin; one that is not there has ended long ago. */
AISHA_ASYNC AISHA_CHECKED int job_has_ended(struct db *db, struct arena *arena, const char *id,
                                            bool *ret_has_ended);
struct aisha_statement job_wake(struct arena *arena, const char *plugin, const char *id);
struct aisha_statement job_cancel(struct arena *arena, const char *plugin, const char *id);

/* The job that is shown to that person in that message, or with message_id 0 the newest shown in that
 * chat. -AISHA_E_NOT_FOUND. */
struct job_name {
    const char *plugin, *kind, *id;
};

AISHA_ASYNC AISHA_CHECKED int job_find_shown(struct db *db, struct arena *arena,
                                             const struct job_place *place,
                                             struct job_name *ret_name);

/* Forgets those that ended over JOB_KEPT_DAYS ago; dead ones stay. */
AISHA_ASYNC AISHA_CHECKED int jobs_sweep(struct db *db);

/*
 * Durable work: what has to happen once, however often the host is killed in between, and what takes
 * longer than somebody waits for an answer.
 *
 *     static const struct aisha_job_kind jobs[] = {
 *         {.name = "train", .run = run_training, .failed = refund, .data_size = sizeof(struct order)},
 *     };
 *     …
 *     int r = aisha_job_enqueue(ctx, NULL, .kind = "train", AISHA_DATA(order));
 *
 * A job is a row, written in the transaction of whoever enqueues it. Its handler is a handler like
 * any other: replies go to where it was enqueued, aisha_screen() edits the same message in every
 * attempt, to begin with the one whose button enqueued it. Each attempt has a number, and whatever
 * an attempt writes to the database is refused (-AISHA_E_CONFLICT) once another one has begun; what
 * it does elsewhere may happen again, so the row says what was begun (aisha_job_save()) before it is
 * begun.
 *
 * A handler that returns 0 has done the job. One that fails is run again, later each time, until
 * .attempts are used up; then .failed runs, with attempts of its own, and the job is dead: kept for
 * the operator, who may replay it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/plugin.h>

struct aisha_ctx;
struct aisha_statement;

struct aisha_job {
    size_t size;
    const char *kind; /* a row of this plugin's .jobs */
    const void *data; /* its struct, copied; at most 16 KiB: AISHA_DATA(value) of state.h */
    size_t data_size;
    /* 1 to 200 bytes. While a job of this kind and key is there, whoever's it is, no second one is
     * added: until a week after its end, and if it died, until the operator has dropped it. NULL =
     * one is always added. See below. */
    const char *unique;
    int64_t run_at; /* UTC seconds; 0 = now */
    int priority;   /* the higher, the earlier */
};

/*
 * Adds a job for the person and place of ctx: through the open transaction, or else as a write of
 * its own. ret_id (in ctx; may be NULL) names it. AISHA_JOB_EXISTS: there is one with this key, and
 * ret_id names that. From a webhook or a schedule a job has neither person nor place: it finds
 * people in its data or in tables, and reaches them by aisha_notify().
 *
 * Both presses of a double tap are handled, one after the other. The same id in both makes one job
 * of them: put an aisha_uuid() into the payload (struct aisha_uuid) when the button is made, and
 * give it as .unique. Since a button lives longer than .unique, what must never happen twice is a
 * row with that id as its key, written in the transaction that enqueues; or ask by aisha_confirm(),
 * which takes one answer.
 */
#define aisha_job_enqueue(ctx, ret_id, ...)                                                        \
    aisha_job_enqueue_((ctx), (ret_id),                                                            \
                       &(const struct aisha_job){.size = sizeof(struct aisha_job), __VA_ARGS__})

enum { AISHA_JOB_EXISTS = 1 };

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_job_enqueue_(struct aisha_ctx *ctx, const char **ret_id, const struct aisha_job *job);

/*
 * The same as a statement for aisha_db_batch(), so that it costs no round trip of its own. With a
 * unique key that is taken it does nothing.
 */
#define aisha_job_statement(ctx, ret_statement, ret_id, ...)                                       \
    aisha_job_statement_((ctx), (ret_statement), (ret_id),                                         \
                         &(const struct aisha_job){.size = sizeof(struct aisha_job), __VA_ARGS__})

AISHA_PUBLIC AISHA_CHECKED int aisha_job_statement_(struct aisha_ctx *ctx,
                                                    struct aisha_statement *ret_statement,
                                                    const char **ret_id,
                                                    const struct aisha_job *job);

/* ---- within a job's handler ---- */

/* Its id; NULL outside of a job. */
AISHA_PUBLIC const char *aisha_job_id(struct aisha_ctx *ctx);

/* Copies the data of the job into *ret. -AISHA_E_INVALID when it has another size. */
#define aisha_job_data(ctx, ret) aisha_job_data_((ctx), (ret), sizeof *(ret))
AISHA_PUBLIC AISHA_CHECKED int aisha_job_data_(struct aisha_ctx *ctx, void *ret, size_t size);

/* Stores the changed data, together with the statements: all or none. */
#define aisha_job_save(ctx, data, statements, count)                                               \
    aisha_job_save_((ctx), (data), sizeof *(data), (statements), (count))
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_job_save_(struct aisha_ctx *ctx, const void *data,
                                                           size_t size,
                                                           const struct aisha_statement *statements,
                                                           size_t count);

/* 1, 2, …; and whether none comes after this one. */
AISHA_PUBLIC int aisha_job_attempt(struct aisha_ctx *ctx);
AISHA_PUBLIC bool aisha_job_is_last(struct aisha_ctx *ctx);

/* In .failed: why the last attempt failed (for the log, not for people), and whether the job was
 * cancelled rather than that. */
AISHA_PUBLIC const char *aisha_job_error(struct aisha_ctx *ctx);
AISHA_PUBLIC bool aisha_job_is_cancelled(struct aisha_ctx *ctx);

/* The job is done, with a result of at most 16 KiB that aisha_job_find() gives; NULL = none. Takes
 * effect with the handler's next write, at the latest when it returns 0. */
AISHA_PUBLIC void aisha_job_done(struct aisha_ctx *ctx, const char *result);

/* The handler shall run again after that many seconds, or when aisha_job_wake() calls it, once it
 * returns 0: nothing has failed, something has to be waited for. */
AISHA_PUBLIC void aisha_job_again(struct aisha_ctx *ctx, int64_t after_s);

/* How far it is, 0 to 100, for aisha_job_find(); kept from time to time. */
AISHA_PUBLIC void aisha_job_percent(struct aisha_ctx *ctx, int percent);

/* ---- from anywhere in the plugin that owns it ---- */

enum aisha_job_state {
    AISHA_JOB_WAITING,
    AISHA_JOB_RUNNING,
    AISHA_JOB_DONE,
    AISHA_JOB_DEAD,
    AISHA_JOB_CANCELLED,
};

struct aisha_job_view {
    size_t size;
    enum aisha_job_state state;
    int attempt, percent;
    const char *result, *error; /* or NULL */
};

/* -AISHA_E_NOT_FOUND when there is none, or none any more: they are kept as long as .unique says. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_job_find(struct aisha_ctx *ctx, const char *id,
                                                          const struct aisha_job_view **ret_view);

/* The same of a job of any plugin, for what was set aside for it: one that is not there has ended. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_job_has_ended(struct aisha_ctx *ctx,
                                                               const char *id, bool *ret_has_ended);

/* Lets a waiting job run now; through the open transaction, or else as a write of its own. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_job_wake(struct aisha_ctx *ctx, const char *id);

/* Ends the job: its handler is cancelled if it runs, and .failed is run. One that has ended stays as
 * it is. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_job_cancel(struct aisha_ctx *ctx, const char *id);

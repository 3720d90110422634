/*
 * Service "billing", version 1: what something costs, and paying for it so that nobody pays for what
 * they did not get.
 *
 * First the price is quoted and shown. When the person agrees, the job that does the work is
 * enqueued and the price held for it, in one transaction; when the work has been delivered, what was
 * delivered is captured. What a job has not captured when it ends, however it ends, goes back to the
 * person in the transaction that ends it.
 *
 *     int r = aisha_billing_quote(ctx, &quote, .tariff = "audio", .units = seconds, .plugin = "audio",
 *                                 .resume = "resume", .title = title, AISHA_DATA(order));
 *     if (r == AISHA_BILLING_NONE || (r == 0 && !quote->amount))
 *         …                                       // nothing to pay
 *
 *     r = aisha_db_begin(ctx);                    // they have pressed "pay"
 *     if (r == 0)
 *         r = aisha_job_enqueue(ctx, &job_id, .kind = "transcribe", AISHA_DATA(order));
 *     if (r == 0)
 *         r = aisha_billing_hold(ctx, quote->id, job_id);
 *     r = aisha_db_end(ctx, r);
 *
 *     r = aisha_billing_capture(ctx, NULL, seconds_delivered);    // in the job, in a transaction
 *
 * What moves credits is called within a transaction of the caller, which may do more in it. When it
 * fails, that transaction is over; a positive outcome has changed nothing. A person's account is
 * locked from the first such call until the end of the transaction.
 *
 * Amounts are whole hundredths of a credit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>
#include <aisha/error.h>
#include <aisha/reply.h>

enum aisha_billing_outcome {
    AISHA_BILLING_NONE = 1, /* nobody provides billing: all is free of charge */
    AISHA_BILLING_BEFORE,   /* it was done already: a second tap, a repeated job */
    AISHA_BILLING_SHORT,    /* there are not enough credits */
    AISHA_BILLING_OUTDATED, /* there is no such quote, or its time is over */
    AISHA_BILLING_NO_HOLD,  /* nothing is held for it */
};

struct aisha_quote_request {
    size_t size;
    const char *tariff; /* a name in the operator's list of tariffs */
    int64_t units;      /* seconds of a tariff by the minute, items of one by the item; 0 = 1 */
    const char *title;  /* what is paid for, for the history; plain, in the person's language */
    /* Who asks, and a callback of theirs that shows the quote again, by aisha_billing_find(): where the
     * way leads back after a top-up. Its payload is the quote's id, a struct aisha_uuid. */
    const char *plugin;
    const char *resume;
    const void *data; /* kept with the quote: AISHA_DATA(value), at most 1 KiB */
    size_t data_size;
    int64_t ttl_s;    /* how long it can be accepted; 0 = one day */
    bool is_estimate; /* only the price is wanted: nothing is kept, and it has no id */
    /* A UUID of the caller's, as aisha_job_id(); NULL = a new one. Asked for again it is the same
     * quote, so that a job which runs again offers nothing that has been accepted. */
    const char *id;
};

struct aisha_quote {
    size_t size;
    const char *id; /* NULL when there is nothing to pay; keep it with aisha_uuid_pack() */
    const char *tariff;
    int64_t units;
    int64_t amount;   /* what it costs; 0 = nothing */
    int64_t missing;  /* 0 = the balance suffices */
    const char *cost; /* the same as text: "20 credits" */
    const char *balance;
    const void *data;
    size_t data_size;
};

struct aisha_balance {
    size_t size;
    int64_t available, held;
};

/* What a provider fills in. */
struct aisha_billing_functions {
    size_t size;
    int (*quote)(struct aisha_ctx *ctx, const struct aisha_quote **ret_quote,
                 const struct aisha_quote_request *request);
    int (*find)(struct aisha_ctx *ctx, const struct aisha_quote **ret_quote, const char *plugin,
                const char *id);
    int (*hold)(struct aisha_ctx *ctx, const char *quote_id, const char *job_id);
    int (*capture)(struct aisha_ctx *ctx, const char *quote_id, int64_t units);
    int (*release)(struct aisha_ctx *ctx, const char *quote_id);
    int (*grant)(struct aisha_ctx *ctx, const char *user_id, const char *op_id, int64_t amount,
                 const char *reason);
    int (*balance)(struct aisha_ctx *ctx, struct aisha_balance *ret);
    const char *(*text)(struct aisha_ctx *ctx, int64_t amount);
    void (*button)(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard, const char *quote_id);
    int (*covers)(struct aisha_ctx *ctx, const char *quote_id, int64_t units);
};

#define AISHA_BILLING_CALL_(ctx, function, ...)                                                    \
    struct aisha_service_call call;                                                                \
    int r = aisha_service_enter((ctx), "billing", 1, &call);                                       \
    if (r < 0)                                                                                     \
        return r == -AISHA_E_NOT_FOUND ? AISHA_BILLING_NONE : r;                                   \
    r = ((const struct aisha_billing_functions *)call.functions)->function((ctx), ##__VA_ARGS__);  \
    aisha_service_leave((ctx), &call);                                                             \
    return r

/* What it costs the person of ctx, now. A quote that is not free is kept until it is accepted or its
 * time is over. AISHA_BILLING_BEFORE, _OUTDATED: the one with .id has been, or its time is.
 * -AISHA_E_INVALID: there is no such tariff. */
#define aisha_billing_quote(ctx, ret_quote, ...)                                                   \
    aisha_billing_quote_((ctx), (ret_quote),                                                       \
                         &(const struct aisha_quote_request){                                      \
                             .size = sizeof(struct aisha_quote_request), __VA_ARGS__})

static inline AISHA_ASYNC AISHA_CHECKED int
aisha_billing_quote_(struct aisha_ctx *ctx, const struct aisha_quote **ret_quote,
                     const struct aisha_quote_request *request)
{
    AISHA_BILLING_CALL_(ctx, quote, ret_quote, request);
}

/* The quote with that id that the plugin made this person, as long as it can be accepted.
 * AISHA_BILLING_BEFORE: it has been; AISHA_BILLING_OUTDATED. */
static inline AISHA_ASYNC AISHA_CHECKED int aisha_billing_find(struct aisha_ctx *ctx,
                                                               const struct aisha_quote **ret_quote,
                                                               const char *plugin, const char *id)
{
    AISHA_BILLING_CALL_(ctx, find, ret_quote, plugin, id);
}

/* Accepts the quote: what it costs is held for the job, or without one until the quote's time is
 * over. One hold for each job. AISHA_BILLING_BEFORE, _SHORT, _OUTDATED. */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_billing_hold(struct aisha_ctx *ctx, const char *quote_id, const char *job_id)
{
    AISHA_BILLING_CALL_(ctx, hold, quote_id, job_id);
}

/*
 * So many units were delivered: what they cost by the tariff as it was quoted, and not more than is
 * held, is taken, and the rest goes back. quote_id NULL: what is held for the job that runs.
 * AISHA_BILLING_BEFORE: it was captured, released or has expired. AISHA_BILLING_NO_HOLD: it was free.
 */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_billing_capture(struct aisha_ctx *ctx, const char *quote_id, int64_t units)
{
    AISHA_BILLING_CALL_(ctx, capture, quote_id, units);
}

/*
 * Whether what is held, or was captured, is enough for so many units by the tariff as it was quoted;
 * asked before anything is spent on them. quote_id NULL: what is held for the job that runs.
 * AISHA_BILLING_SHORT: it is not. AISHA_BILLING_NO_HOLD: nothing is held, or no longer, as when the job
 * had failed before and was replayed.
 */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_billing_covers(struct aisha_ctx *ctx, const char *quote_id, int64_t units)
{
    AISHA_BILLING_CALL_(ctx, covers, quote_id, units);
}

/* All of it goes back, at once. Not needed for what is held for a job. Outcomes as of capture. */
static inline AISHA_ASYNC AISHA_CHECKED int aisha_billing_release(struct aisha_ctx *ctx,
                                                                  const char *quote_id)
{
    AISHA_BILLING_CALL_(ctx, release, quote_id);
}

/* Gives that person credits, for a reason that they read in their history. op_id names the occasion:
 * each takes effect once (AISHA_BILLING_BEFORE). */
static inline AISHA_ASYNC AISHA_CHECKED int aisha_billing_grant(struct aisha_ctx *ctx,
                                                                const char *user_id,
                                                                const char *op_id, int64_t amount,
                                                                const char *reason)
{
    AISHA_BILLING_CALL_(ctx, grant, user_id, op_id, amount, reason);
}

/* What the person of ctx has. */
static inline AISHA_ASYNC AISHA_CHECKED int aisha_billing_balance(struct aisha_ctx *ctx,
                                                                  struct aisha_balance *ret)
{
    AISHA_BILLING_CALL_(ctx, balance, ret);
}

/* "20 credits" in the person's language; NULL when nobody provides billing. */
static inline const char *aisha_billing_text(struct aisha_ctx *ctx, int64_t amount)
{
    struct aisha_service_call call;

    if (aisha_service_enter(ctx, "billing", 1, &call) < 0)
        return NULL;
    const struct aisha_billing_functions *billing = call.functions;
    const char *text = billing->text(ctx, amount);
    aisha_service_leave(ctx, &call);
    return text;
}

/* Adds the button that leads to a top-up, and from there back to the quote. */
static inline void aisha_billing_button(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard,
                                        const char *quote_id)
{
    struct aisha_service_call call;

    if (aisha_service_enter(ctx, "billing", 1, &call) < 0)
        return;
    const struct aisha_billing_functions *billing = call.functions;
    billing->button(ctx, keyboard, quote_id);
    aisha_service_leave(ctx, &call);
}

/*
 * The ledger: every movement of credits is a row that is never changed, with both of its accounts, and
 * a person's balance is what their rows come to. Accounts of ours have no balance, they are summed,
 * so people never wait for each other.
 *
 *     user      what somebody can spend       held      what is set aside for something of theirs
 *     revenue   what was delivered to them    payments  what they paid for
 *     gifts     what they were given          books     what was put right
 *
 * All of it runs in the transaction of the caller, under the lock of the person's account, which each
 * function takes. A function that fails ends the transaction, so that no half of a movement can be
 * committed by mistake; one with a positive outcome has changed nothing.
 *
 * When money goes back, what can be spent is taken, and what was spent is forgiven. What is held then
 * may come back yet: as far as something lacks, the account owes that much of what it holds, and it is
 * taken from whatever comes back first, in the same transaction, as one more refund entry. Never is
 * more owed than held: when too little is left because the rest was delivered, that is forgiven too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/job_table.h>

struct aisha_ctx;

enum {
    LEDGER_BEFORE = 2, /* AISHA_BILLING_BEFORE and so on */
    LEDGER_SHORT,
    LEDGER_OUTDATED,
    LEDGER_NO_HOLD,
};

#define CREDIT INT64_C(100)
#define LEDGER_MAX_AMOUNT (INT64_C(10000000000) * CREDIT) /* of one movement */
#define LEDGER_MAX_BALANCE (LEDGER_MAX_AMOUNT * 1000)

struct account {
    int64_t balance, held;
    int64_t owed; /* of what is held, for payments that were refunded */
    int64_t entries;
};

enum entry_type {
    ENTRY_HOLD,
    ENTRY_CAPTURE,
    ENTRY_RELEASE,
    ENTRY_TOPUP,  /* paid for */
    ENTRY_BONUS,  /* of a package, or of a promo code with it */
    ENTRY_GRANT,  /* by the operator or a plugin */
    ENTRY_PROMO,  /* a promo code */
    ENTRY_REVOKE, /* by the operator */
    ENTRY_REFUND, /* the money went back */
    ENTRY_CORRECT_UP,
    ENTRY_CORRECT_DOWN,
    ENTRY_TYPES,
};

struct entry {
    enum entry_type type;
    const char *op_id; /* names the occasion; each of a person's takes effect once */
    int64_t amount;    /* over 0 */
    const char *description;
};

/* What the table calls it. */
const char *entry_type_name(enum entry_type type);

/* -AISHA_E_INVALID for an amount out of its range, -AISHA_E_CONFLICT when the occasion was another
 * movement. LEDGER_BEFORE, LEDGER_SHORT. */
AISHA_ASYNC AISHA_CHECKED int ledger_post(struct aisha_ctx *ctx, const char *user_id,
                                          const struct entry *entry);

/* Of what should be taken; the rest was spent. */
struct taken {
    int64_t now;
    int64_t later; /* it is held, and owed from now on */
};

/* Takes as much of the entry's amount as there is. LEDGER_BEFORE. */
AISHA_ASYNC AISHA_CHECKED int ledger_take(struct aisha_ctx *ctx, const char *user_id,
                                          const struct entry *entry, struct taken *ret);

/* Without locking; zeros for somebody who never had any. */
AISHA_ASYNC AISHA_CHECKED int ledger_read(struct aisha_ctx *ctx, const char *user_id,
                                          struct account *ret);

/* Of all people, in hundredths; what each has moved in all is kept in the row of the account, so this
 * reads as many rows as there are people, however much they have done. */
struct ledger_totals {
    int64_t people; /* who have something to spend */
    int64_t balance, held;
    int64_t bought, given, spent, refunded, revoked; /* since the beginning */
};

AISHA_ASYNC AISHA_CHECKED int ledger_total(struct aisha_ctx *ctx, struct ledger_totals *ret);

/* ---- holds; each begins as a quote, see quote.h ---- */

/* job_id NULL: until the quote's time is over. LEDGER_BEFORE, LEDGER_SHORT, LEDGER_OUTDATED. */
AISHA_ASYNC AISHA_CHECKED int ledger_hold(struct aisha_ctx *ctx, const char *user_id,
                                          const char *id, const char *job_id);

/* units: what was delivered. What is not captured goes back, less what is owed. LEDGER_BEFORE, LEDGER_NO_HOLD. */
AISHA_ASYNC AISHA_CHECKED int ledger_capture(struct aisha_ctx *ctx, const char *user_id,
                                             const char *id, int64_t units);
AISHA_ASYNC AISHA_CHECKED int ledger_release(struct aisha_ctx *ctx, const char *user_id,
                                             const char *id);

/* Whether it is enough for so many units; without locking. LEDGER_SHORT, LEDGER_NO_HOLD: it was
 * released, or never held. */
AISHA_ASYNC AISHA_CHECKED int ledger_covers(struct aisha_ctx *ctx, const char *user_id,
                                            const char *id, int64_t units);

/* What is, or was, held for the job. LEDGER_NO_HOLD. */
AISHA_ASYNC AISHA_CHECKED int ledger_find_hold(struct aisha_ctx *ctx, const char *user_id,
                                               const char *job_id, const char **ret_id);

/* Releases a few of the holds whose time is over, unless they are for a job that goes on, each in a
 * transaction of its own, and forgets old quotes. Returns 1 when there may be more. */
AISHA_ASYNC AISHA_CHECKED int ledger_expire(struct aisha_ctx *ctx);

/* What is still held for a job goes back in the transaction that ends it, less what is owed. */
enum { LEDGER_JOB_ENDINGS = 4 };
extern const struct aisha_job_ending ledger_job_endings[LEDGER_JOB_ENDINGS];

/* ---- whether it is right ---- */

struct ledger_report {
    int64_t accounts, entries;
    int64_t wrong_sums; /* accounts whose rows come to something else */
    int64_t
        wrong_chains; /* accounts with a gap, or a row that does not follow from the one before */
    int64_t wrong_holds;   /* accounts whose holds are not what is held */
    int64_t balance, held; /* of all people: what we owe */
};

AISHA_ASYNC AISHA_CHECKED int ledger_verify(struct aisha_ctx *ctx, struct ledger_report *ret);

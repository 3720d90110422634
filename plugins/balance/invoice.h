/*
 * Invoices, and what becomes of the payments of them. A payment has an effect once, by the id that
 * Telegram gives the charge, whoever reports it first: the update or the reconciliation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

#define STARS "XTR"

struct invoice {
    const char *user_id, *id, *currency, *quote_id;
    const char *promo;        /* a code that was used for its price or its bonus; "" = none */
    int64_t credits, bonus;   /* hundredths of a credit */
    int64_t price;            /* in the currency's smallest unit */
    int64_t chat_id, list_id; /* where it was asked for; not read back */
    int64_t created_at;
    bool is_paid; /* by this user */
};

AISHA_ASYNC AISHA_CHECKED int invoice_add(struct aisha_ctx *ctx, const struct invoice *invoice);

/* It is in the chat now. */
AISHA_ASYNC AISHA_CHECKED int invoice_sent(struct aisha_ctx *ctx, const struct invoice *invoice);

/* Whether it would be the second one of a double tap: one like it, in every respect, was sent a moment
 * ago for the same message, and is not paid. */
AISHA_ASYNC AISHA_CHECKED int invoice_is_repeated(struct aisha_ctx *ctx,
                                                  const struct invoice *invoice, bool *ret);

/* -AISHA_E_NOT_FOUND. */
AISHA_ASYNC AISHA_CHECKED int invoice_find(struct aisha_ctx *ctx, const char *id,
                                           struct invoice *ret);

struct payment {
    const char *charge_id, *payload, *currency;
    int64_t total;
};

/*
 * Credits whoever has paid, in a transaction of its own, together with a job for the receipt.
 * PAYMENT_BEFORE: it was credited already. PAYMENT_UNKNOWN: no invoice of ours is like that.
 */
enum { PAYMENT_BEFORE = 2, PAYMENT_UNKNOWN = 20 };

AISHA_ASYNC AISHA_CHECKED int payment_credit(struct aisha_ctx *ctx, const char *user_id,
                                             const struct payment *payment);

/* What became of the credits when the money went back. */
struct refund {
    int64_t taken; /* at once */
    int64_t owed;  /* held then, and taken when it comes back: see ledger.h */
    int64_t spent; /* before, and not taken */
};

/* The money went back: so do the credits, as far as they are there, together with a job that tells the
 * person. ret_refund may be NULL. PAYMENT_BEFORE: ret_refund is how it was then. PAYMENT_UNKNOWN. */
AISHA_ASYNC AISHA_CHECKED int payment_take_back(struct aisha_ctx *ctx, const char *user_id,
                                                const char *charge_id, struct refund *ret_refund);

/* What payment_take_back() has said. -AISHA_E_NOT_FOUND. */
AISHA_ASYNC AISHA_CHECKED int payment_find_refund(struct aisha_ctx *ctx, const char *user_id,
                                                  const char *charge_id, struct refund *ret);

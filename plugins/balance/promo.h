/*
 * Promo codes: credits at once ("balance"), or at the next top-up credits on top of it ("bonus") or a
 * lower price ("discount", in percent).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

enum { PROMO_SIZE = 68, PROMO_DISCOUNT_MAX = 90 };

struct promo {
    const char *code, *kind;
    int64_t value; /* hundredths of a credit, or per cent */
};

/* As it is kept: without spaces around it, in capitals. False for what cannot be a code. */
bool promo_normalize(const char *text, char ret[PROMO_SIZE]);

/* Redeems it for the person of ctx, in a transaction of its own: PROMO_CREDITED, or
 * PROMO_AT_TOP_UP; or else PROMO_REFUSED: there is none, its time is over, or it was used up. */
enum { PROMO_CREDITED = 1, PROMO_AT_TOP_UP, PROMO_REFUSED };

AISHA_ASYNC AISHA_CHECKED int promo_redeem(struct aisha_ctx *ctx, const char *code,
                                           struct promo *ret);

/* The one that waits for a top-up of this person and is still good; .code NULL when there is none. */
AISHA_ASYNC AISHA_CHECKED int promo_waiting(struct aisha_ctx *ctx, struct promo *ret);

/* Whether this person can still use it: looked at again before an invoice made with it is paid. */
AISHA_ASYNC AISHA_CHECKED int promo_is_good(struct aisha_ctx *ctx, const char *code, bool *ret);

/* It was used for a payment: counts, in the transaction of the caller. What was paid was agreed to,
 * so this does not fail when the code has been used up since then. */
AISHA_ASYNC AISHA_CHECKED int promo_used(struct aisha_ctx *ctx, const char *user_id,
                                         const char *code);

struct promo_limits {
    int64_t uses, per_person; /* 0 = no limit */
    int64_t until;            /* UTC seconds; 0 = for ever */
};

/* For operators: makes it, or changes it. */
AISHA_ASYNC AISHA_CHECKED int promo_set(struct aisha_ctx *ctx, const struct promo *promo,
                                        const struct promo_limits *limits);

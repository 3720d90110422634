/*
 * Small things that outlive the process, in the table fal_facts: which model is gone, the provider's
 * keys, what the operator has to know, and counts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

struct fal_fact {
    const char *text;         /* "" when there is none */
    int64_t number, noted_at; /* 0 */
};

AISHA_ASYNC AISHA_CHECKED int fact_read(struct aisha_ctx *ctx, const char *name,
                                        struct fal_fact *ret);
AISHA_ASYNC AISHA_CHECKED int fact_note(struct aisha_ctx *ctx, const char *name, const char *text,
                                        int64_t number);
AISHA_ASYNC AISHA_CHECKED int fact_forget(struct aisha_ctx *ctx, const char *name);

/* Adds to its number. */
AISHA_ASYNC AISHA_CHECKED int fact_count(struct aisha_ctx *ctx, const char *name, int64_t add);

/* Whether this call is the one that may do it now: it has not been done for that long. */
enum { FACT_TURN = 1 };

AISHA_ASYNC AISHA_CHECKED int fact_take_turn(struct aisha_ctx *ctx, const char *name,
                                             int64_t every_s);

/* What the operator has to do something about, until the next success. */
#define FACT_ALERT "alert"
/* A model that answered that it does not exist. */
#define FACT_GONE "gone:"
/* Submits that nobody knows about, and what they may have cost. */
#define FACT_UNSURE "unsure"
#define FACT_UNSURE_CENTS "unsure_cents"
/* Webhooks that were refused, by what was wrong with them. */
#define FACT_REFUSED "refused:"
#define FACT_KEYS "jwks"

enum { FACT_GONE_S = 3600 }; /* so long it is not asked again */

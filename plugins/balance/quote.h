/*
 * Quotes: what something costs somebody, bound by an id to what was quoted.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>
#include <aisha/service/billing.h>

/* As in billing.h, for the person of ctx; tariffs is the operator's list. */
AISHA_ASYNC AISHA_CHECKED int quote_make(struct aisha_ctx *ctx, const char *tariffs,
                                         const struct aisha_quote_request *request,
                                         const struct aisha_quote **ret_quote);
AISHA_ASYNC AISHA_CHECKED int quote_find(struct aisha_ctx *ctx, const char *plugin, const char *id,
                                         const struct aisha_quote **ret_quote);

/* A price of this person's own instead of the operator's; NULL for no such exception. */
struct tariff;
AISHA_ASYNC AISHA_CHECKED int tariff_override(struct aisha_ctx *ctx, const char *user_id,
                                              const char *name, const struct tariff *tariff);

/* "20 credits", "2.50 credits" in the person's language; plain. */
const char *credits_text(struct aisha_ctx *ctx, int64_t amount);

/*
 * What all files of the plugin share: its settings, and who handles what.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>
#include <aisha/metrics.h>

struct balance_config {
    const char *tariffs;
    const char *packages;
    const char *provider_token, *provider_currency, *provider_packages;
    const char *support, *offer_url, *privacy_url;
    int64_t welcome;
};

/* ---- screens.c ---- */

struct history_view {
    int32_t page; /* first */
    int32_t filter;
};

AISHA_ASYNC int show_balance(struct aisha_ctx *ctx);
AISHA_ASYNC int show_history(struct aisha_ctx *ctx);
AISHA_ASYNC int show_paysupport(struct aisha_ctx *ctx);

AISHA_ASYNC int ask_promo(struct aisha_ctx *ctx);
AISHA_ASYNC int on_promo(struct aisha_ctx *ctx);

/* The operator's present for somebody new, once. */
AISHA_ASYNC AISHA_CHECKED int welcome(struct aisha_ctx *ctx);

/* ---- payments.c ---- */

struct purchase {
    struct aisha_uuid quote; /* what they were about to pay for; zeros = nothing */
    int32_t package;
    int32_t by_provider;
};

AISHA_ASYNC int cmd_topup(struct aisha_ctx *ctx);
AISHA_ASYNC int on_topup(struct aisha_ctx *ctx);
AISHA_ASYNC int on_buy(struct aisha_ctx *ctx);
AISHA_ASYNC int on_pre_checkout(struct aisha_ctx *ctx);
AISHA_ASYNC int on_paid(struct aisha_ctx *ctx);
AISHA_ASYNC int on_refunded(struct aisha_ctx *ctx);

/* ---- settle.c: jobs about payments ---- */

enum { MAX_CHARGE_ID = 256, MAX_USER_ID = 40 };

struct charge {
    char user_id[MAX_USER_ID];
    char charge_id[MAX_CHARGE_ID];
    int64_t telegram_id;
};

AISHA_ASYNC int run_receipt(struct aisha_ctx *ctx);
AISHA_ASYNC int run_refund(struct aisha_ctx *ctx);
AISHA_ASYNC int run_refunded(struct aisha_ctx *ctx);
AISHA_ASYNC int run_reconcile(struct aisha_ctx *ctx);

/* ---- admin.c ---- */

AISHA_ASYNC int cmd_grant(struct aisha_ctx *ctx);
AISHA_ASYNC int cmd_revoke(struct aisha_ctx *ctx);
AISHA_ASYNC int cmd_refund(struct aisha_ctx *ctx);
AISHA_ASYNC int cmd_price(struct aisha_ctx *ctx);
AISHA_ASYNC int cmd_promo(struct aisha_ctx *ctx);
AISHA_ASYNC int cmd_ledger(struct aisha_ctx *ctx);
AISHA_ASYNC int check_ledger(struct aisha_ctx *ctx);
AISHA_ASYNC int run_verify(struct aisha_ctx *ctx);

/* ---- metrics.c ---- */

enum { BALANCE_METRICS = 4 };
extern const struct aisha_metric_row balance_metrics[BALANCE_METRICS];

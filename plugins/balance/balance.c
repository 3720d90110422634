/*
 * balance: credits, what they cost and what became of them. Every movement is in the ledger
 * (ledger.h); other plugins reach it as the service "billing".
 */
#include "balance.h"

#include <stddef.h>

#include <aisha/aisha.h>

#include "ledger.h"
#include "schema.h"
#include "service.h"

static AISHA_ASYNC int run_expire(struct aisha_ctx *ctx)
{
    int r;

    do {
        r = ledger_expire(ctx);
    } while (r == 1);
    return r;
}

static const struct aisha_job_kind jobs[] = {
    {.name = "expire", .run = run_expire},
    {.name = "verify", .run = run_verify},
    {.name = "receipt", .run = run_receipt, .data_size = sizeof(struct charge)},
    {.name = "refund", .run = run_refund, .data_size = sizeof(struct charge)},
    {.name = "refunded", .run = run_refunded, .data_size = sizeof(struct charge)},
    {.name = "reconcile", .run = run_reconcile, .at_once = 1},
};

static const struct aisha_schedule schedules[] = {
    {.name = "expire", .job = "expire", .cron = "*/10 * * * *", .catches_up = true},
    {.name = "verify", .job = "verify", .cron = "40 2 * * *", .catches_up = true},
    {.name = "reconcile", .job = "reconcile", .cron = "17 * * * *", .catches_up = true},
};

static const struct aisha_command commands[] = {
    {.name = "balance",
     .summary = "@balance_summary",
     .run = show_balance,
     .scope = AISHA_SCOPE_PRIVATE},
    {.name = "topup",
     .summary = "@topup_summary",
     .run = cmd_topup,
     .is_linked = true,
     .scope = AISHA_SCOPE_PRIVATE},
    {.name = "paysupport",
     .summary = "@paysupport_summary",
     .run = show_paysupport,
     .scope = AISHA_SCOPE_PRIVATE},
    {.name = "grant", .summary = "@grant_summary", .run = cmd_grant, .scope = AISHA_SCOPE_ADMINS},
    {.name = "revoke",
     .summary = "@revoke_summary",
     .run = cmd_revoke,
     .scope = AISHA_SCOPE_ADMINS},
    {.name = "refund",
     .summary = "@refund_summary",
     .run = cmd_refund,
     .scope = AISHA_SCOPE_ADMINS},
    {.name = "price", .summary = "@price_summary", .run = cmd_price, .scope = AISHA_SCOPE_ADMINS},
    {.name = "promo_code",
     .summary = "@promo_summary",
     .run = cmd_promo,
     .scope = AISHA_SCOPE_ADMINS},
    {.name = "ledger",
     .summary = "@ledger_summary",
     .run = cmd_ledger,
     .scope = AISHA_SCOPE_ADMINS},
};

static const struct aisha_callback callbacks[] = {
    {.name = "balance", .run = show_balance},
    {.name = "topup", .run = on_topup, .payload_size = sizeof(struct aisha_uuid)},
    {.name = "buy", .run = on_buy, .payload_size = sizeof(struct purchase)},
    {.name = "promo", .run = ask_promo},
    {.name = "history", .run = show_history, .payload_size = sizeof(struct history_view)},
};

static const struct aisha_state states[] = {
    {.name = "promo", .run = on_promo, .field = "text"},
};

static const struct aisha_message_route messages[] = {
    {.field = "successful_payment", .run = on_paid},
    {.field = "refunded_payment", .run = on_refunded},
};

static const struct aisha_update_route updates[] = {
    {.field = "pre_checkout_query", .run = on_pre_checkout},
};

static const struct aisha_menu_entry menu[] = {
    {.text = "@balance_button", .callback = "balance", .order = 50, .scope = AISHA_SCOPE_PRIVATE},
};

static const struct aisha_health_check health[] = {
    {.name = "ledger", .run = check_ledger},
};

static const struct aisha_requirement requirements[] = {
    {.name = "home"},
};

static const struct aisha_service services[] = {
    {.name = "billing", .version = 1, .functions = &balance_billing},
};

static const struct aisha_option options[] = {
    AISHA_OPTION(struct balance_config, tariffs,
                 .value = "avatar 150, image 5 per item, audio 10 per minute first 60 free",
                 .summary =
                     "what things cost: NAME CREDITS [per item | per minute] [first N free]"),
    AISHA_OPTION(struct balance_config, packages,
                 .value = "150 for 150, 250+25 for 250, 500+70 for 500, 1000+200 for 1000",
                 .summary = "what can be bought: CREDITS[+BONUS] for STARS"),
    AISHA_OPTION(struct balance_config, provider_token, .value = "", .is_secret = true,
                 .summary = "of a payment provider other than Stars, from @BotFather"),
    AISHA_OPTION(struct balance_config, provider_currency, .value = "RUB", .min = 3, .max = 3,
                 .summary = "its currency, one with two decimals"),
    AISHA_OPTION(struct balance_config, provider_packages, .value = "",
                 .summary = "what can be bought there: CREDITS[+BONUS] for PRICE"),
    AISHA_OPTION(struct balance_config, welcome, .value = "0", .min = 0, .max = 1000000,
                 .summary = "credits for somebody new"),
    AISHA_OPTION(struct balance_config, support, .value = "",
                 .summary = "whom people write to about payments, such as @name"),
    AISHA_OPTION(struct balance_config, offer_url, .value = "", .summary = "the terms"),
    AISHA_OPTION(struct balance_config, privacy_url, .value = "", .summary = "the privacy policy"),
};

AISHA_PLUGIN(.name = "balance", .version = "1.0", .summary = "Credits: balance, prices, payments",
             .config_size = sizeof(struct balance_config), .options = AISHA_TABLE(options),
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .states = AISHA_TABLE(states), .messages = AISHA_TABLE(messages),
             .updates = AISHA_TABLE(updates), .health = AISHA_TABLE(health),
             .requires = AISHA_TABLE(requirements), .menu = AISHA_TABLE(menu),
             .jobs = AISHA_TABLE(jobs), .schedules = AISHA_TABLE(schedules),
             .provides = AISHA_TABLE(services), .job_endings = AISHA_TABLE(ledger_job_endings),
             .migrations = AISHA_TABLE(balance_migrations), .metrics = AISHA_TABLE(balance_metrics))

/*
 * balance: credits, what they cost and what became of them. Every movement is in the ledger
 * (ledger.h); other plugins reach it as the service "billing".
 */
#include "balance.h"

#include <inttypes.h>
#include <stddef.h>

#include <aisha/aisha.h>

#include "ledger.h"
#include "quote.h"
#include "schema.h"
#include "service.h"
#include "tariff.h"

static AISHA_ASYNC int show_balance(struct aisha_ctx *ctx)
{
    struct account account;

    int r = ledger_read(ctx, aisha_user_id(ctx), &account);
    if (r < 0)
        return r;
    const char *text =
        aisha_t(ctx, "balance", AISHA_ARG("credits", credits_text(ctx, account.balance)));
    if (account.held)
        text = aisha_concat(
            ctx, text, "\n",
            aisha_t(ctx, "held", AISHA_ARG("credits", credits_text(ctx, account.held))), NULL);
    return aisha_screen(ctx, .html = text);
}

/* ---- by the clock ---- */

static AISHA_ASYNC int run_expire(struct aisha_ctx *ctx)
{
    int r;

    do {
        r = ledger_expire(ctx);
    } while (r == 1);
    return r;
}

static AISHA_ASYNC int run_verify(struct aisha_ctx *ctx)
{
    struct ledger_report report;

    int r = ledger_verify(ctx, &report);
    if (r < 0)
        return r;
    bool is_right = !report.wrong_sums && !report.wrong_chains && !report.wrong_holds;
    aisha_log(ctx, is_right ? AISHA_LOG_INFO : AISHA_LOG_ERROR,
              "ledger of %" PRId64 " accounts and %" PRId64 " entries: %" PRId64
              " with wrong sums, %" PRId64 " with wrong chains, %" PRId64 " with wrong holds",
              report.accounts, report.entries, report.wrong_sums, report.wrong_chains,
              report.wrong_holds);
    return 0;
}

static const struct aisha_job_kind jobs[] = {
    {.name = "expire", .run = run_expire},
    {.name = "verify", .run = run_verify},
};

static const struct aisha_schedule schedules[] = {
    {.name = "expire", .job = "expire", .cron = "*/10 * * * *"},
    {.name = "verify", .job = "verify", .cron = "40 2 * * *", .catches_up = true},
};

static const struct aisha_command commands[] = {
    {.name = "balance", .summary = "@balance_summary", .run = show_balance},
};

static const struct aisha_callback callbacks[] = {
    {.name = "balance", .run = show_balance},
};

static const struct aisha_menu_entry menu[] = {
    {.text = "@balance_button", .callback = "balance", .order = 50},
};

static const struct aisha_service services[] = {
    {.name = "billing", .version = 1, .functions = &balance_billing},
};

static const struct aisha_option options[] = {
    AISHA_OPTION(struct balance_config, tariffs,
                 .value = "avatar 150, image 5 per item, audio 10 per minute first 60 free",
                 .summary =
                     "what things cost: NAME CREDITS [per item | per minute] [first N free]"),
};

AISHA_PLUGIN(.name = "balance", .version = "1.0", .summary = "Credits: balance, prices, payments",
             .config_size = sizeof(struct balance_config), .options = AISHA_TABLE(options),
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .menu = AISHA_TABLE(menu), .jobs = AISHA_TABLE(jobs),
             .schedules = AISHA_TABLE(schedules), .provides = AISHA_TABLE(services),
             .job_endings = AISHA_TABLE(ledger_job_endings),
             .migrations = AISHA_TABLE(balance_migrations))

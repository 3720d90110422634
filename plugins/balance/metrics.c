/*
 * What GET /metrics tells of the books. All of it is from the database, so it is exact and goes on after
 * a restart; amounts are credits there, not the hundredths of the tables.
 */
#include <stddef.h>
#include <string.h>

#include <aisha/aisha.h>

#include "balance.h"
#include "ledger.h"

#define MOVED "moved_credits_total"
#define OWED "owed_credits"

static double in_credits(int64_t amount)
{
    return (double)amount / (double)CREDIT;
}

static AISHA_ASYNC int read_books(struct aisha_ctx *ctx)
{
    struct ledger_totals totals;

    int r = ledger_total(ctx, &totals);
    if (r < 0)
        return r;

    const struct {
        const char *metric;
        struct aisha_metric_label label;
        int64_t amount;
    } values[] = {
        {MOVED, {"kind", "bought"}, totals.bought},
        {MOVED, {"kind", "given"}, totals.given},
        {MOVED, {"kind", "spent"}, totals.spent},
        {MOVED, {"kind", "refunded"}, totals.refunded},
        {MOVED, {"kind", "revoked"}, totals.revoked},
        {OWED, {"account", "user"}, totals.balance},
        {OWED, {"account", "held"}, totals.held},
    };

    for (size_t i = 0; r == 0 && i < sizeof values / sizeof *values; i++)
        r = aisha_metric(ctx, .metric = values[i].metric, .value = in_credits(values[i].amount),
                         .labels = {values[i].label});
    return r < 0 ? r : aisha_metric(ctx, .metric = "people", .value = (double)totals.people);
}

static AISHA_ASYNC int read_payments(struct aisha_ctx *ctx)
{
    static const char *const states[] = {"paid", "refunded"};
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows, "SELECT state, COUNT(*) AS n FROM payments GROUP BY state");
    for (size_t i = 0; r == 0 && i < sizeof states / sizeof *states; i++) {
        int64_t count = 0;
        for (size_t row = 0; row < rows->row_count; row++)
            if (strcmp(aisha_cell_text(rows, row, "state"), states[i]) == 0)
                count = aisha_cell_int(rows, row, "n");
        r = aisha_metric(ctx, .value = (double)count, .labels = {{"state", states[i]}});
    }
    return r;
}

const struct aisha_metric_row balance_metrics[BALANCE_METRICS] = {
    {.name = MOVED,
     .type = AISHA_METRIC_COUNTER,
     .read = read_books,
     .help =
         "Credits that were moved since the beginning: bought for money, given for nothing "
         "(bonuses, promo codes, by the operator), spent on what was delivered, refunded with "
         "the money, revoked by the operator. Less than before only after a backup was restored."},
    {.name = OWED,
     .type = AISHA_METRIC_GAUGE,
     .read = read_books,
     .help = "Credits of all people: user = what they can spend, held = what is set aside for work "
             "that goes on."},
    {.name = "people",
     .type = AISHA_METRIC_GAUGE,
     .read = read_books,
     .help = "People who have credits to spend."},
    {.name = "payments",
     .type = AISHA_METRIC_GAUGE,
     .read = read_payments,
     .help = "Payments by state; one that was refunded is not a paid one any more."},
};

/*
 * Service "billing", as billing.h says: the ledger and the quotes, for the person of ctx.
 */
#include "service.h"

#include <string.h>

#include <aisha/aisha.h>

#include "balance.h"
#include "ledger.h"
#include "quote.h"

_Static_assert((int)LEDGER_BEFORE == (int)AISHA_BILLING_BEFORE &&
                   (int)LEDGER_SHORT == (int)AISHA_BILLING_SHORT &&
                   (int)LEDGER_OUTDATED == (int)AISHA_BILLING_OUTDATED &&
                   (int)LEDGER_NO_HOLD == (int)AISHA_BILLING_NO_HOLD,
               "the ledger's outcomes are those of the service");

static AISHA_ASYNC int billing_quote(struct aisha_ctx *ctx, const struct aisha_quote **ret_quote,
                                     const struct aisha_quote_request *request)
{
    const struct balance_config *config = aisha_config(ctx);
    struct aisha_quote_request own = {0};

    int r = aisha_user_id(ctx) && !aisha_db_in_transaction(ctx) ? welcome(ctx) : 0;
    if (r < 0)
        return r;
    memcpy(&own, request, request->size < sizeof own ? request->size : sizeof own);
    return quote_make(ctx, config->tariffs, &own, ret_quote);
}

static AISHA_ASYNC int billing_find(struct aisha_ctx *ctx, const struct aisha_quote **ret_quote,
                                    const char *plugin, const char *id)
{
    return quote_find(ctx, plugin, id, ret_quote);
}

static AISHA_ASYNC int billing_hold(struct aisha_ctx *ctx, const char *quote_id, const char *job_id)
{
    return ledger_hold(ctx, aisha_user_id(ctx), quote_id, job_id);
}

/* The hold that is meant: with NULL the running job's. */
static AISHA_ASYNC int find_hold(struct aisha_ctx *ctx, const char **quote_id)
{
    if (*quote_id)
        return 0;
    if (!aisha_job_id(ctx))
        return aisha_fail(ctx, -AISHA_E_INVALID, "the hold of a job, outside of a job");
    return aisha_user_id(ctx)
               ? ledger_find_hold(ctx, aisha_user_id(ctx), aisha_job_id(ctx), quote_id)
               : LEDGER_NO_HOLD;
}

/* As the ledger's functions it ends the transaction when it fails. */
static AISHA_ASYNC int billing_capture(struct aisha_ctx *ctx, const char *quote_id, int64_t units)
{
    int r = find_hold(ctx, &quote_id);

    if (r < 0)
        return aisha_db_end(ctx, r);
    return r == 0 ? ledger_capture(ctx, aisha_user_id(ctx), quote_id, units) : r;
}

static AISHA_ASYNC int billing_covers(struct aisha_ctx *ctx, const char *quote_id, int64_t units)
{
    int r = find_hold(ctx, &quote_id);

    return r == 0 ? ledger_covers(ctx, aisha_user_id(ctx), quote_id, units) : r;
}

static AISHA_ASYNC int billing_release(struct aisha_ctx *ctx, const char *quote_id)
{
    return billing_capture(ctx, quote_id, 0);
}

static AISHA_ASYNC int billing_grant(struct aisha_ctx *ctx, const char *user_id, const char *op_id,
                                     int64_t amount, const char *reason)
{
    const struct entry entry = {.type = ENTRY_GRANT,
                                .op_id = aisha_printf(ctx, "grant:%s", op_id),
                                .amount = amount,
                                .description = reason};

    return ledger_post(ctx, user_id, &entry);
}

static AISHA_ASYNC int billing_balance(struct aisha_ctx *ctx, struct aisha_balance *ret)
{
    struct account account;

    int r = ledger_read(ctx, aisha_user_id(ctx), &account);
    if (r == 0)
        *ret = (struct aisha_balance){
            .size = sizeof *ret, .available = account.balance, .held = account.held};
    return r;
}

static void billing_button(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard,
                           const char *quote_id)
{
    struct aisha_uuid quote = {0};

    (void)ctx;
    if (quote_id && aisha_uuid_pack(quote_id, &quote) < 0)
        quote = (struct aisha_uuid){0};
    aisha_button(keyboard, .key = "topup_button", .callback = "topup", AISHA_PAYLOAD(quote));
}

const struct aisha_billing_functions balance_billing = {
    .size = sizeof balance_billing,
    .quote = billing_quote,
    .find = billing_find,
    .hold = billing_hold,
    .capture = billing_capture,
    .release = billing_release,
    .grant = billing_grant,
    .balance = billing_balance,
    .text = credits_text,
    .button = billing_button,
    .covers = billing_covers,
};

/*
 * Jobs about payments: the receipt, a refund, and the comparison with Telegram's own list, which finds
 * what no update has told us.
 */
#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

#include "balance.h"
#include "invoice.h"
#include "ledger.h"
#include "quote.h"

enum { PAGE = 100 };

/* ---- the receipt ---- */

/* A button of a plugin that may have been switched off, or have no such callback any more: then there
 * is none, and the receipt comes all the same. */
static void add_if_possible(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard,
                            const struct aisha_button *button)
{
    struct aisha_keyboard *trial = aisha_keyboard(ctx);
    const struct aisha_reply_markup *markup;

    aisha_button_(trial, button);
    if (aisha_keyboard_markup(ctx, trial, &markup) < 0)
        return;
    aisha_button_(keyboard, button);
    aisha_row(keyboard);
}

/* The way back to what they were about to pay for, if it can still be accepted. */
static AISHA_ASYNC int add_way_back(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard,
                                    const char *quote_id)
{
    const struct aisha_rows *rows;
    struct aisha_uuid quote;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT plugin, resume FROM holds WHERE user_id = $1 AND id = $2"
                           " AND state = 'quoted' AND expires_at > $3 AND resume <> ''",
                           aisha_user_id(ctx), quote_id, aisha_now(ctx));
    if (r < 0 || rows->row_count == 0)
        return r;
    r = aisha_uuid_pack(quote_id, &quote);
    if (r < 0)
        return r;
    const struct aisha_button button = {.size = sizeof button,
                                        .key = "resume_button",
                                        .plugin = aisha_cell_text(rows, 0, "plugin"),
                                        .callback = aisha_cell_text(rows, 0, "resume"),
                                        AISHA_PAYLOAD(quote)};
    add_if_possible(ctx, keyboard, &button);
    return 0;
}

static const char *receipt_text(struct aisha_ctx *ctx, const struct aisha_rows *rows,
                                const struct account *account)
{
    int64_t credits = aisha_cell_int(rows, 0, "credits") + aisha_cell_int(rows, 0, "bonus");

    return aisha_t(ctx, "receipt", AISHA_ARG("credits", credits_text(ctx, credits)),
                   AISHA_ARG("balance", credits_text(ctx, account->balance)),
                   AISHA_ARG("charge", aisha_cell_text(rows, 0, "charge_id")));
}

static AISHA_ASYNC int tell_payer(struct aisha_ctx *ctx, const char *user_id,
                                  const struct aisha_rows *rows)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    struct account account;

    int r = add_way_back(ctx, keyboard, aisha_cell_text(rows, 0, "quote_id"));
    if (r == 0)
        r = ledger_read(ctx, user_id, &account);
    if (r < 0)
        return r;
    aisha_button(keyboard, .key = "balance_button", .callback = "balance");
    return aisha_notify(ctx, user_id, .html = receipt_text(ctx, rows, &account),
                        .keyboard = keyboard);
}

int run_receipt(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;
    struct charge charge;

    int r = aisha_job_data(ctx, &charge);
    if (r == 0)
        r = aisha_db_query(ctx, &rows,
                           "SELECT p.charge_id, p.credits, p.bonus,"
                           " COALESCE(i.quote_id, '') AS quote_id FROM payments p"
                           " LEFT JOIN invoices i ON i.user_id = p.user_id AND i.id = p.invoice_id"
                           " WHERE p.user_id = $1 AND p.charge_id = $2",
                           charge.user_id, charge.charge_id);
    if (r < 0 || rows->row_count == 0)
        return r;
    if (aisha_user_id(ctx))
        r = tell_payer(ctx, charge.user_id, rows);
    else /* found by the reconciliation: in their language, not in ours */
        r = aisha_notify(ctx, charge.user_id, .key = "late_receipt");
    return r < 0 ? r : 0;
}

/* ---- the money went back ---- */

static const char *refund_text(struct aisha_ctx *ctx, const struct refund *refund,
                               const struct account *account)
{
    const char *text =
        aisha_t(ctx, "payment_refunded", AISHA_ARG("credits", credits_text(ctx, refund->taken)),
                AISHA_ARG("balance", credits_text(ctx, account->balance)));

    if (refund->owed)
        text = aisha_concat(
            ctx, text, "\n",
            aisha_t(ctx, "refund_owed", AISHA_ARG("credits", credits_text(ctx, refund->owed))),
            NULL);
    if (refund->spent)
        text = aisha_concat(
            ctx, text, "\n",
            aisha_t(ctx, "refund_spent", AISHA_ARG("credits", credits_text(ctx, refund->spent))),
            NULL);
    return text;
}

static AISHA_ASYNC int tell_refunded(struct aisha_ctx *ctx, const struct charge *charge)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    struct account account;
    struct refund refund;

    int r = payment_find_refund(ctx, charge->user_id, charge->charge_id, &refund);
    if (r == 0)
        r = ledger_read(ctx, charge->user_id, &account);
    if (r < 0)
        return r == -AISHA_E_NOT_FOUND ? 0 : r;
    aisha_button(keyboard, .key = "balance_button", .callback = "balance");
    return aisha_notify(ctx, charge->user_id, .html = refund_text(ctx, &refund, &account),
                        .keyboard = keyboard);
}

int run_refunded(struct aisha_ctx *ctx)
{
    const char *user_id = aisha_user_id(ctx);
    struct charge charge;

    int r = aisha_job_data(ctx, &charge);
    if (r < 0)
        return r;
    if (user_id && strcmp(user_id, charge.user_id) == 0)
        r = tell_refunded(ctx, &charge);
    else /* by an operator, or found by the reconciliation: in their language, not in ours */
        r = aisha_notify(ctx, charge.user_id, .key = "late_refund");
    return r < 0 ? r : 0;
}

/* ---- a refund by an operator ---- */

static bool is_refunded_already(struct aisha_ctx *ctx, int r)
{
    const struct aisha_telegram_failure *failure = aisha_telegram_error(ctx);

    return r == -AISHA_E_TELEGRAM && failure && failure->description &&
           strstr(failure->description, "CHARGE_ALREADY_REFUNDED");
}

int run_refund(struct aisha_ctx *ctx)
{
    struct refund refund;
    struct charge charge;

    int r = aisha_job_data(ctx, &charge);
    if (r < 0)
        return r;
    r = aisha_refund_star_payment(ctx, NULL, .user_id = charge.telegram_id,
                                  .telegram_payment_charge_id = charge.charge_id);
    if (r == -AISHA_E_TELEGRAM && !is_refunded_already(ctx, r))
        return aisha_reply(
            ctx, .html = aisha_t(ctx, "not_refunded",
                                 AISHA_ARG("why", aisha_telegram_error(ctx)->description)));
    if (r < 0 && r != -AISHA_E_TELEGRAM)
        return r;
    r = payment_take_back(ctx, charge.user_id, charge.charge_id, &refund);
    if (r < 0)
        return r;
    if (r == PAYMENT_UNKNOWN)
        return aisha_reply(ctx, .key = "refunded_uncredited");
    return aisha_reply(ctx, .html = aisha_t(ctx, "refunded",
                                            AISHA_ARG("spent", credits_text(ctx, refund.spent)),
                                            AISHA_ARG("owed", credits_text(ctx, refund.owed))));
}

/* ---- what Telegram has in its books ---- */

/* Nobody whom the bot knows: nothing to do. */
static AISHA_ASYNC int payer_of(struct aisha_ctx *ctx,
                                const struct aisha_transaction_partner *partner,
                                const char **ret_user_id)
{
    *ret_user_id = NULL;
    if (!partner || !partner->user || strcmp(partner->type, "user") != 0)
        return 0;
    int r = aisha_find_user(ctx, partner->user->id, ret_user_id);
    return r == -AISHA_E_NOT_FOUND ? 0 : r;
}

static AISHA_ASYNC int compare_incoming(struct aisha_ctx *ctx,
                                        const struct aisha_star_transaction *transaction)
{
    const char *user_id, *payload = transaction->source->invoice_payload;

    int r = payer_of(ctx, transaction->source, &user_id);
    if (r < 0 || !user_id || !payload)
        return r;
    r = payment_credit(ctx, user_id,
                       &(const struct payment){.charge_id = transaction->id,
                                               .payload = payload,
                                               .currency = STARS,
                                               .total = transaction->amount});
    if (r == 0)
        aisha_log(ctx, AISHA_LOG_WARN, "charge=%s was paid without an update that said so",
                  transaction->id);
    if (r == PAYMENT_UNKNOWN)
        aisha_alert(ctx, aisha_printf(ctx, "%s was paid for no invoice of ours", transaction->id));
    return r < 0 ? r : 0;
}

static AISHA_ASYNC int compare_outgoing(struct aisha_ctx *ctx,
                                        const struct aisha_star_transaction *transaction)
{
    const char *user_id;

    int r = payer_of(ctx, transaction->receiver, &user_id);
    if (r < 0 || !user_id)
        return r;
    r = payment_take_back(ctx, user_id, transaction->id, NULL);
    if (r == 0)
        aisha_log(ctx, AISHA_LOG_WARN, "charge=%s was refunded without an update that said so",
                  transaction->id);
    return r < 0 ? r : 0;
}

static AISHA_ASYNC int keep_place(struct aisha_ctx *ctx, int64_t place)
{
    return aisha_db_exec(ctx,
                         "INSERT INTO balance_progress (name, place) VALUES ('stars', $1)"
                         " ON CONFLICT (name) DO UPDATE SET place = excluded.place",
                         place);
}

/* Telegram lists them from the oldest on, and what is listed stays where it is. */
static AISHA_ASYNC int compare_page(struct aisha_ctx *ctx, int64_t *place, bool *ret_is_last)
{
    const struct aisha_star_transactions *page;
    int64_t count = 0;

    int r = aisha_get_star_transactions(ctx, &page, .offset = *place, .limit = PAGE);
    for (; r == 0 && page->transactions[count]; count++) {
        const struct aisha_star_transaction *transaction = page->transactions[count];
        if (transaction->source)
            r = compare_incoming(ctx, transaction);
        else if (transaction->receiver)
            r = compare_outgoing(ctx, transaction);
    }
    if (r < 0)
        return r;
    *ret_is_last = count < PAGE;
    *place += count;
    return count ? keep_place(ctx, *place) : 0;
}

int run_reconcile(struct aisha_ctx *ctx)
{
    const struct aisha_rows *rows;
    bool is_last = false;

    int r = aisha_db_query(ctx, &rows, "SELECT place FROM balance_progress WHERE name = 'stars'");
    int64_t place = r == 0 ? aisha_cell_int(rows, 0, "place") : 0;
    while (r == 0 && !is_last)
        r = compare_page(ctx, &place, &is_last);
    return r;
}

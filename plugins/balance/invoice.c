#include "invoice.h"

#include <stdio.h>
#include <string.h>

#include <aisha/aisha.h>

#include "balance.h"
#include "ledger.h"
#include "promo.h"

enum { DOUBLE_TAP_S = 10 }; /* who taps later than that may have deleted the invoice */

_Static_assert((int)PAYMENT_BEFORE == (int)LEDGER_BEFORE, "one word for it");

int invoice_add(struct aisha_ctx *ctx, const struct invoice *invoice)
{
    return aisha_db_exec(ctx,
                         "INSERT INTO invoices (user_id, id, credits, bonus, currency, price,"
                         " quote_id, promo, chat_id, list_id, created_at)"
                         " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                         invoice->user_id, invoice->id, invoice->credits, invoice->bonus,
                         invoice->currency, invoice->price, invoice->quote_id, invoice->promo,
                         invoice->chat_id, invoice->list_id, aisha_now(ctx));
}

/* Said when it is so, not with the row: after a crash in between the next tap makes another one. */
int invoice_sent(struct aisha_ctx *ctx, const struct invoice *invoice)
{
    return aisha_db_exec(ctx, "UPDATE invoices SET sent_at = $3 WHERE user_id = $1 AND id = $2",
                         invoice->user_id, invoice->id, aisha_now(ctx));
}

int invoice_is_repeated(struct aisha_ctx *ctx, const struct invoice *invoice, bool *ret)
{
    int64_t now = aisha_now(ctx); /* the clock may have been set back since */
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT i.id FROM invoices i WHERE i.user_id = $1 AND i.chat_id = $2"
                           " AND i.list_id = $3 AND i.sent_at > $4 AND i.sent_at <= $5"
                           " AND i.credits = $6 AND i.bonus = $7 AND i.currency = $8"
                           " AND i.price = $9 AND i.promo = $10 AND i.quote_id = $11 AND NOT EXISTS"
                           " (SELECT 1 FROM payments p"
                           "  WHERE p.user_id = i.user_id AND p.invoice_id = i.id)",
                           invoice->user_id, invoice->chat_id, invoice->list_id, now - DOUBLE_TAP_S,
                           now, invoice->credits, invoice->bonus, invoice->currency, invoice->price,
                           invoice->promo, invoice->quote_id);
    if (r == 0)
        *ret = rows->row_count > 0;
    return r;
}

int invoice_find(struct aisha_ctx *ctx, const char *id, struct invoice *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT i.user_id, i.id, i.credits, i.bonus, i.currency, i.price,"
                           " i.quote_id, i.promo, i.created_at, (SELECT COUNT(*) FROM payments p"
                           "  WHERE p.user_id = i.user_id AND p.invoice_id = i.id) AS paid"
                           " FROM invoices i WHERE i.id = $1",
                           id);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    *ret = (struct invoice){
        .user_id = aisha_cell_text(rows, 0, "user_id"),
        .id = aisha_cell_text(rows, 0, "id"),
        .currency = aisha_cell_text(rows, 0, "currency"),
        .quote_id = aisha_cell_text(rows, 0, "quote_id"),
        .promo = aisha_cell_text(rows, 0, "promo"),
        .credits = aisha_cell_int(rows, 0, "credits"),
        .bonus = aisha_cell_int(rows, 0, "bonus"),
        .price = aisha_cell_int(rows, 0, "price"),
        .created_at = aisha_cell_int(rows, 0, "created_at"),
        .is_paid = aisha_cell_int(rows, 0, "paid") > 0,
    };
    return 0;
}

/* ---- paid ---- */

/* The person is told by a job, which is in the same transaction. */
static AISHA_ASYNC int enqueue_telling(struct aisha_ctx *ctx, const char *kind, const char *user_id,
                                       const char *charge_id)
{
    struct charge charge = {0};

    snprintf(charge.user_id, sizeof charge.user_id, "%s", user_id);
    snprintf(charge.charge_id, sizeof charge.charge_id, "%s", charge_id);
    return aisha_job_enqueue(ctx, NULL, .kind = kind, AISHA_DATA(charge));
}

static AISHA_ASYNC int keep_payment(struct aisha_ctx *ctx, const char *user_id,
                                    const struct payment *payment, const struct invoice *invoice)
{
    int r = aisha_db_exec(ctx,
                          "INSERT INTO payments (user_id, charge_id, invoice_id, credits, bonus,"
                          " currency, price, state, created_at)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, 'paid', $8)",
                          user_id, payment->charge_id, invoice->id, invoice->credits,
                          invoice->bonus, payment->currency, payment->total, aisha_now(ctx));
    return r < 0 ? r : enqueue_telling(ctx, "receipt", user_id, payment->charge_id);
}

static AISHA_ASYNC int credit(struct aisha_ctx *ctx, const char *user_id,
                              const struct payment *payment)
{
    struct invoice invoice;

    int r = invoice_find(ctx, payment->payload, &invoice);
    if (r < 0)
        return r == -AISHA_E_NOT_FOUND ? PAYMENT_UNKNOWN : r;
    if (strcmp(invoice.currency, payment->currency) != 0 || invoice.price != payment->total)
        return PAYMENT_UNKNOWN;
    const struct entry topup = {.type = ENTRY_TOPUP,
                                .op_id = aisha_printf(ctx, "topup:%s", payment->charge_id),
                                .amount = invoice.credits,
                                .description = ""};
    const struct entry bonus = {.type = ENTRY_BONUS,
                                .op_id = aisha_printf(ctx, "bonus:%s", payment->charge_id),
                                .amount = invoice.bonus,
                                .description = ""};
    r = ledger_post(ctx, user_id, &topup);
    if (r == 0 && bonus.amount)
        r = ledger_post(ctx, user_id, &bonus);
    if (r == 0 && *invoice.promo)
        r = promo_used(ctx, user_id, invoice.promo);
    return r == 0 ? keep_payment(ctx, user_id, payment, &invoice) : r;
}

int payment_credit(struct aisha_ctx *ctx, const char *user_id, const struct payment *payment)
{
    if (!user_id || strlen(payment->charge_id) >= MAX_CHARGE_ID || strlen(user_id) >= MAX_USER_ID)
        return PAYMENT_UNKNOWN;
    int r = aisha_db_begin(ctx);
    if (r == 0)
        r = credit(ctx, user_id, payment);
    return aisha_db_end(ctx, r);
}

/* ---- refunded ---- */

int payment_find_refund(struct aisha_ctx *ctx, const char *user_id, const char *charge_id,
                        struct refund *ret)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT taken_back, owed, credits + bonus - taken_back - owed AS spent"
                           " FROM payments WHERE user_id = $1 AND charge_id = $2",
                           user_id, charge_id);
    if (r < 0)
        return r;
    if (rows->row_count == 0)
        return -AISHA_E_NOT_FOUND;
    *ret = (struct refund){.taken = aisha_cell_int(rows, 0, "taken_back"),
                           .owed = aisha_cell_int(rows, 0, "owed"),
                           .spent = aisha_cell_int(rows, 0, "spent")};
    return 0;
}

static AISHA_ASYNC int take_back(struct aisha_ctx *ctx, const char *user_id, const char *charge_id,
                                 struct refund *ret)
{
    const struct aisha_rows *rows;
    struct taken taken;

    int r = aisha_db_query(ctx, &rows,
                           "UPDATE payments SET state = 'refunded', refunded_at = $3"
                           " WHERE user_id = $1 AND charge_id = $2 AND state = 'paid'"
                           " RETURNING credits + bonus AS amount",
                           user_id, charge_id, aisha_now(ctx));
    if (r < 0)
        return r;
    if (rows->row_count == 0) {
        r = payment_find_refund(ctx, user_id, charge_id, ret);
        return r == 0 ? PAYMENT_BEFORE : r == -AISHA_E_NOT_FOUND ? PAYMENT_UNKNOWN : r;
    }
    const struct entry entry = {.type = ENTRY_REFUND,
                                .op_id = aisha_printf(ctx, "refund:%s", charge_id),
                                .amount = aisha_cell_int(rows, 0, "amount"),
                                .description = ""};
    r = ledger_take(ctx, user_id, &entry, &taken);
    if (r != 0)
        return r;
    *ret = (struct refund){taken.now, taken.later, entry.amount - taken.now - taken.later};
    r = aisha_db_exec(ctx,
                      "UPDATE payments SET taken_back = $3, owed = $4"
                      " WHERE user_id = $1 AND charge_id = $2",
                      user_id, charge_id, taken.now, taken.later);
    return r < 0 ? r : enqueue_telling(ctx, "refunded", user_id, charge_id);
}

int payment_take_back(struct aisha_ctx *ctx, const char *user_id, const char *charge_id,
                      struct refund *ret_refund)
{
    struct refund refund;
    int r = aisha_db_begin(ctx);

    if (r == 0)
        r = take_back(ctx, user_id, charge_id, ret_refund ? ret_refund : &refund);
    return aisha_db_end(ctx, r);
}

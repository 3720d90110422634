/*
 * Top-ups: what can be bought, the invoice, and the updates on the way of a payment. The invoice's
 * payload is the id of a row of ours, so that nothing about the price or the credits comes from
 * outside.
 */
#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

#include "balance.h"
#include "invoice.h"
#include "ledger.h"
#include "package.h"
#include "promo.h"
#include "quote.h"

enum { INVOICE_VALID_S = 7 * 86400 };

/* ---- what can be bought ---- */

static const char *money_text(struct aisha_ctx *ctx, int64_t hundredths, const char *currency)
{
    const char *sign = strcmp(currency, STARS) == 0 ? "⭐" : currency;

    if (hundredths % 100 == 0)
        return aisha_printf(ctx, "%" PRId64 " %s", hundredths / 100, sign);
    return aisha_printf(ctx, "%" PRId64 ".%02" PRId64 " %s", hundredths / 100, hundredths % 100,
                        sign);
}

static const char *package_text(struct aisha_ctx *ctx, const struct package *package,
                                const char *currency)
{
    const char *credits = credits_text(ctx, package->credits);

    if (package->bonus)
        credits = aisha_t_plain(ctx, "with_bonus", AISHA_ARG("credits", credits),
                                AISHA_ARG("bonus", package->bonus / CREDIT));
    return aisha_printf(ctx, "%s — %s", credits, money_text(ctx, package->price, currency));
}

static int add_packages(struct aisha_ctx *ctx, struct aisha_keyboard *keyboard, const char *list,
                        const char *currency, struct purchase purchase)
{
    struct package packages[MAX_PACKAGES];
    size_t count;

    if (!packages_read(list, packages, &count))
        return aisha_fail(ctx, -AISHA_E_INVALID, "the packages cannot be understood: %s", list);
    for (size_t i = 0; i < count; i++) {
        purchase.package = (int32_t)i;
        aisha_button(keyboard, .text = package_text(ctx, &packages[i], currency), .callback = "buy",
                     AISHA_PAYLOAD(purchase));
        aisha_row(keyboard);
    }
    return 0;
}

static bool has_provider(const struct balance_config *config)
{
    return *config->provider_token && *config->provider_packages;
}

static AISHA_ASYNC int show_packages(struct aisha_ctx *ctx, struct aisha_uuid quote)
{
    const struct balance_config *config = aisha_config(ctx);
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    int r = add_packages(ctx, keyboard, config->packages, STARS, (struct purchase){.quote = quote});
    if (r == 0 && has_provider(config))
        r = add_packages(ctx, keyboard, config->provider_packages, config->provider_currency,
                         (struct purchase){.quote = quote, .by_provider = 1});
    if (r < 0)
        return r;
    if (*config->offer_url)
        aisha_button(keyboard, .key = "offer_button", .url = config->offer_url);
    if (*config->privacy_url)
        aisha_button(keyboard, .key = "privacy_button", .url = config->privacy_url);
    aisha_row(keyboard);
    aisha_button(keyboard, .key = "back_button", .callback = "balance");
    return aisha_screen(ctx, .key = "topup", .keyboard = keyboard);
}

int cmd_topup(struct aisha_ctx *ctx)
{
    return show_packages(ctx, (struct aisha_uuid){0});
}

int on_topup(struct aisha_ctx *ctx)
{
    struct aisha_uuid quote;

    int r = aisha_payload(ctx, &quote);
    return r < 0 ? r : show_packages(ctx, quote);
}

/* ---- the invoice ---- */

static AISHA_ASYNC int send_invoice(struct aisha_ctx *ctx, const struct invoice *invoice)
{
    const struct balance_config *config = aisha_config(ctx);
    const char *title = credits_text(ctx, invoice->credits + invoice->bonus);
    bool is_stars = strcmp(invoice->currency, STARS) == 0;

    return aisha_send_invoice(
        ctx, NULL, .chat_id = aisha_chat_id(ctx), .message_thread_id = aisha_thread_id(ctx),
        .title = title, .description = aisha_t_plain(ctx, "invoice", AISHA_ARG("credits", title)),
        .payload = invoice->id, .currency = invoice->currency,
        .provider_token = is_stars ? "" : config->provider_token, .start_parameter = "topup",
        .prices = AISHA_LIST(
            labeled_price, AISHA_OBJECT(labeled_price, .label = title, .amount = invoice->price)));
}

static const char *quote_text(struct aisha_ctx *ctx, const struct aisha_uuid *quote)
{
    static const struct aisha_uuid none;

    return memcmp(quote, &none, sizeof none) == 0 ? "" : aisha_uuid_text(ctx, quote);
}

static void apply_promo(struct invoice *invoice, const struct promo *promo)
{
    invoice->promo = promo->code;
    if (strcmp(promo->kind, "bonus") == 0)
        invoice->bonus += promo->value;
    else /* a discount, rounded in favour of who pays, but nothing is for free */
        invoice->price = invoice->price * (100 - promo->value) / 100;
    if (invoice->price < 1)
        invoice->price = 1;
}

/* What the person is asked to pay for the package, with the promo code that waits for them. */
static AISHA_ASYNC int draw_up(struct aisha_ctx *ctx, const struct purchase *purchase,
                               const struct package *package, struct invoice *ret)
{
    const struct balance_config *config = aisha_config(ctx);
    const struct aisha_message *list = aisha_message(ctx);
    bool is_stars = !purchase->by_provider;
    struct promo promo;

    int r = promo_waiting(ctx, &promo);
    if (r < 0)
        return r;
    *ret = (struct invoice){
        .user_id = aisha_user_id(ctx),
        .id = aisha_uuid(ctx),
        .currency = is_stars ? STARS : config->provider_currency,
        .quote_id = quote_text(ctx, &purchase->quote),
        .promo = "",
        .credits = package->credits,
        .bonus = package->bonus,
        .price = is_stars ? package->price / 100 : package->price,
        .chat_id = aisha_chat_id(ctx),
        .list_id = list ? list->message_id : 0,
    };
    if (promo.code)
        apply_promo(ret, &promo);
    return 0;
}

/* The package whose button was pressed; false when the operator has changed the list since then. */
static bool find_package(const struct balance_config *config, const struct purchase *purchase,
                         struct package *ret)
{
    const char *list = purchase->by_provider ? config->provider_packages : config->packages;
    struct package packages[MAX_PACKAGES];
    size_t count;

    if (!packages_read(list, packages, &count) || purchase->package < 0 ||
        (size_t)purchase->package >= count || (purchase->by_provider && !has_provider(config)))
        return false;
    *ret = packages[purchase->package];
    return true;
}

int on_buy(struct aisha_ctx *ctx)
{
    struct purchase purchase;
    struct package package;
    struct invoice invoice;
    bool is_repeated;

    int r = aisha_payload(ctx, &purchase);
    if (r < 0)
        return r;
    if (!find_package(aisha_config(ctx), &purchase, &package))
        return show_packages(ctx, purchase.quote);
    r = draw_up(ctx, &purchase, &package, &invoice);
    if (r == 0)
        r = invoice_is_repeated(ctx, &invoice, &is_repeated);
    if (r < 0)
        return r;
    if (is_repeated)
        return aisha_answer(ctx, aisha_t_plain(ctx, "invoice_is_there"));
    r = invoice_add(ctx, &invoice);
    if (r == 0)
        r = send_invoice(ctx, &invoice);
    return r < 0 ? r : invoice_sent(ctx, &invoice);
}

/* ---- what Telegram says of it ---- */

/* NULL when it may be paid, else the key of why not. */
static const char *objection(struct aisha_ctx *ctx, const struct aisha_pre_checkout_query *query,
                             const struct invoice *invoice)
{
    if (!aisha_user_id(ctx) || strcmp(invoice->user_id, aisha_user_id(ctx)) != 0)
        return "not_your_invoice";
    if (invoice->is_paid)
        return "paid_already";
    if (strcmp(invoice->currency, query->currency) != 0 || invoice->price != query->total_amount ||
        invoice->created_at + INVOICE_VALID_S < aisha_now(ctx))
        return "old_invoice";
    return NULL;
}

/* In a transaction, since that ends in 5 s, when there is still time for a refusal; a statement alone
 * may take longer than Telegram waits. An invoice whose promo code has been used up is none. */
static AISHA_ASYNC int find_in_time(struct aisha_ctx *ctx, const char *id, struct invoice *ret)
{
    bool is_good = true;

    int r = aisha_db_begin(ctx);
    if (r < 0)
        return r;
    r = invoice_find(ctx, id, ret);
    if (r == 0 && *ret->promo && !ret->is_paid)
        r = promo_is_good(ctx, ret->promo, &is_good);
    if (r == 0 && !is_good)
        r = -AISHA_E_NOT_FOUND;
    if (aisha_db_in_transaction(ctx))
        aisha_ignore(aisha_db_rollback(ctx));
    return r;
}

int on_pre_checkout(struct aisha_ctx *ctx)
{
    const struct aisha_pre_checkout_query *query = aisha_update(ctx)->pre_checkout_query;
    const char *key = "old_invoice";
    struct invoice invoice;

    int r = find_in_time(ctx, query->invoice_payload, &invoice);
    if (r < 0 && r != -AISHA_E_NOT_FOUND)
        return r; /* the host refuses it */
    if (r == 0)
        key = objection(ctx, query, &invoice);
    return aisha_answer_pre_checkout_query(ctx, NULL, .pre_checkout_query_id = query->id,
                                           .ok = !key,
                                           .error_message = key ? aisha_t_plain(ctx, key) : NULL);
}

int on_paid(struct aisha_ctx *ctx)
{
    const struct aisha_successful_payment *paid = aisha_message(ctx)->successful_payment;
    const struct balance_config *config = aisha_config(ctx);
    const struct payment payment = {.charge_id = paid->telegram_payment_charge_id,
                                    .payload = paid->invoice_payload,
                                    .currency = paid->currency,
                                    .total = paid->total_amount};

    int r = payment_credit(ctx, aisha_user_id(ctx), &payment);
    if (r != PAYMENT_UNKNOWN)
        return r == PAYMENT_BEFORE ? 0 : r;
    aisha_alert(ctx, aisha_printf(ctx,
                                  "charge %s of %" PRId64
                                  " %s is for no invoice of ours; refund it with /refund",
                                  payment.charge_id, payment.total, payment.currency));
    const char *text = aisha_t(ctx, "unknown_payment", AISHA_ARG("charge", payment.charge_id));
    if (*config->support)
        text = aisha_concat(
            ctx, text, "\n\n",
            aisha_t(ctx, "unknown_payment_contact", AISHA_ARG("support", config->support)), NULL);
    return aisha_reply(ctx, .html = text);
}

int on_refunded(struct aisha_ctx *ctx)
{
    const struct aisha_refunded_payment *refund = aisha_message(ctx)->refunded_payment;

    int r = payment_take_back(ctx, aisha_user_id(ctx), refund->telegram_payment_charge_id, NULL);
    if (r == PAYMENT_UNKNOWN)
        aisha_log(ctx, AISHA_LOG_WARN, "charge=%s was refunded, but never credited",
                  refund->telegram_payment_charge_id);
    return r < 0 ? r : 0;
}

/*
 * Asking for money and giving it back.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/invoice.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/payments.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/stars.h"
#include "sdk/sandbox/world.h"

enum { MOST_TRANSACTIONS = 100 };

/* ---- invoices ---- */

/* Of its own buttons the first one pays. */
static int check_pay_button(struct call *call)
{
    const cJSON *rows = json_get(call_get(call, "reply_markup"), "inline_keyboard");
    const cJSON *first = rows && rows->child ? rows->child->child : NULL;

    if (first && !json_get_bool(first, "pay"))
        return call_refuse(call, "REPLY_MARKUP_BUY_EMPTY");
    return 0;
}

static int send_invoice(struct call *call)
{
    cJSON *invoice, *message;
    int64_t chat_id;

    int r = call_chat(call, &chat_id);
    if (r == 0)
        r = invoice_read(call, call->params.values, &invoice);
    if (r == 0)
        r = check_pay_button(call);
    if (r == 0)
        r = call_new_message(call, &message);
    if (r < 0)
        return r;
    invoice_attach(call->sandbox->world, call->arena, message, invoice);
    call_send(call, message);
    return 0;
}

static int create_invoice_link(struct call *call)
{
    const char *connection = call_text(call, "business_connection_id");
    cJSON *invoice;

    if (connection && !business_owner(call->sandbox->world, call->arena, connection))
        return call_refuse(call, "business connection not found");
    int r = invoice_read(call, call->params.values, &invoice);
    if (r < 0)
        return r;
    if (connection && !invoice_is_in_stars(invoice))
        return call_refuse(call, "STARS_INVOICE_INVALID");
    invoice_save(call->sandbox->world, call->arena, invoice);
    const char *link =
        arena_printf(call->arena, "https://t.me/$%s", json_get_text(invoice, "slug"));
    call->result = json_keep(call->arena, cJSON_CreateString(link));
    return 0;
}

/* ---- answers ---- */

static int answer(struct call *call, const char *id_name)
{
    const char *id = call_text(call, id_name);

    if (!world_take_callback(call->sandbox->world, id))
        return call_refuse(call, "query is too old and response timeout expired or query ID is "
                                 "invalid");
    payments_hear(call->sandbox, id, call->params.values);
    return 0;
}

static int need_error_message(struct call *call)
{
    const char *text = call_text(call, "error_message");

    if (call_bool(call, "ok") || (text && *text))
        return 0;
    return call_refuse(call, "parameter \"error_message\" is required");
}

static int answer_pre_checkout_query(struct call *call)
{
    int r = need_error_message(call);

    return r < 0 ? r : answer(call, "pre_checkout_query_id");
}

static int check_shipping_option(struct call *call, const cJSON *option)
{
    const cJSON *prices = json_get(option, "prices"), *price;

    if (!*json_get_text(option, "id"))
        return call_refuse(call, "can't parse shipping option: ShippingOption identifier must be "
                                 "non-empty");
    if (!*json_get_text(option, "title"))
        return call_refuse(call, "can't parse shipping option: ShippingOption title must be "
                                 "non-empty");
    if (!cJSON_GetArraySize(prices))
        return call_refuse(call, "can't parse shipping option: Can't parse shipping option prices: "
                                 "There must be at least one price");
    cJSON_ArrayForEach(price, prices) {
        if (!*json_get_text(price, "label"))
            return call_refuse(call, "can't parse shipping option: Can't parse shipping option "
                                     "prices: Can't parse labeled price: LabeledPrice label must "
                                     "be non-empty");
    }
    return 0;
}

static int answer_shipping_query(struct call *call)
{
    const cJSON *options = call_get(call, "shipping_options"), *option;

    int r = need_error_message(call);
    if (r < 0)
        return r;
    if (call_bool(call, "ok") && !options)
        return call_refuse(call, "parameter \"shipping_options\" is required");
    if (call_bool(call, "ok") && !cJSON_GetArraySize(options))
        return call_refuse(call, "there must be at least one shipping option");
    cJSON_ArrayForEach(option, options) {
        r = check_shipping_option(call, option);
        if (r < 0)
            return r;
    }
    return answer(call, "shipping_query_id");
}

/* ---- Stars ---- */

/* The user's payment in Stars that the call names. */
static int find_payment(struct call *call, cJSON **ret_payment)
{
    int64_t user_id = call_int(call, "user_id", 0);

    if (user_id <= 0)
        return call_refuse(call, "invalid user_id specified");
    if (!world_user(call->sandbox->world, call->arena, user_id))
        return call_refuse(call, "USER_ID_INVALID");
    cJSON *payment =
        payments_find(call->sandbox, call->arena, call_text(call, "telegram_payment_charge_id"));
    if (!payment || json_get_int(payment, "user_id", 0) != user_id || !invoice_is_in_stars(payment))
        return call_refuse(call, "CHARGE_NOT_FOUND");
    *ret_payment = payment;
    return 0;
}

static int refund_star_payment(struct call *call)
{
    cJSON *payment = NULL;

    int r = find_payment(call, &payment);
    if (r == 0 && json_get_bool(payment, "refunded"))
        r = call_refuse(call, "CHARGE_ALREADY_REFUNDED");
    if (r < 0)
        return r;
    payments_refund(call->sandbox, call->arena, payment);
    return 0;
}

static int edit_user_star_subscription(struct call *call)
{
    cJSON *payment = NULL;

    int r = find_payment(call, &payment);
    if (r == 0 && !json_get(payment, "subscription_period"))
        r = call_refuse(call, "CHARGE_NOT_FOUND");
    if (r < 0)
        return r;
    json_set_bool(payment, "canceled_by_bot", call_bool(call, "is_canceled"));
    payments_save(call->sandbox, call->arena, payment);
    return 0;
}

static int get_my_star_balance(struct call *call)
{
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_int(call->result, "amount", stars_of_bot(call->sandbox->world, call->arena));
    return 0;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static int get_star_transactions(struct call *call)
{
    int64_t offset = clamp(call_int(call, "offset", 0), 0, INT32_MAX);
    int64_t limit = clamp(call_int(call, "limit", MOST_TRANSACTIONS), 1, MOST_TRANSACTIONS);
    const cJSON *transaction;

    call->result = json_keep(call->arena, cJSON_CreateObject());
    cJSON *transactions = cJSON_AddArrayToObject(call->result, "transactions");
    cJSON_ArrayForEach(transaction, stars_transactions(call->sandbox->world, call->arena)) {
        if (offset-- <= 0 && limit-- > 0)
            cJSON_AddItemToArray(transactions, cJSON_Duplicate(transaction, true));
    }
    return 0;
}

const struct method payment_methods[] = {
    {"sendInvoice", send_invoice},
    {"createInvoiceLink", create_invoice_link},
    {"answerShippingQuery", answer_shipping_query},
    {"answerPreCheckoutQuery", answer_pre_checkout_query},
    {"refundStarPayment", refund_star_payment},
    {"editUserStarSubscription", edit_user_star_subscription},
    {"getMyStarBalance", get_my_star_balance},
    {"getStarTransactions", get_star_transactions},
    {0},
};

/*
 * Control calls about money: a user pays, with everything that can go wrong on the way; what users
 * and the bot have; subscriptions.
 */
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/invoice.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/payments.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/stars.h"
#include "sdk/sandbox/world.h"

enum { ANSWER_MS = 10000, SLOW_MS = 3000, SLOWEST_S = 60 };

enum outcome {
    PAID,
    CANCELLED,       /* the bot has agreed, the user goes away */
    REPEAT_CHECKOUT, /* the first attempt fails after the bot has agreed; the second succeeds */
    SLOW,            /* the payment takes its time after the bot has agreed */
    DOUBLED,         /* successful_payment comes twice */
    RENEWAL,         /* Telegram takes the next period's Stars of a subscription */
};

/* A payment on its way. */
struct checkout {
    struct control *control;
    enum outcome outcome;
    int64_t timeout_ms; /* of each answer of the bot */
    int64_t seconds;    /* that a slow payment takes */
    struct purchase purchase;
};

static cJSON *new_object(struct control *control)
{
    return json_keep(control->arena, cJSON_CreateObject());
}

/* ---- what the body says ---- */

static bool read_outcome(struct control *control, enum outcome *ret)
{
    static const char *const names[] = {
        [PAID] = "paid", [CANCELLED] = "cancelled", [REPEAT_CHECKOUT] = "repeat_checkout",
        [SLOW] = "slow", [DOUBLED] = "doubled",     [RENEWAL] = "renewal"};
    const cJSON *outcome = json_get(control->body, "outcome");

    *ret = PAID;
    if (!outcome)
        return true;
    for (size_t i = 0; cJSON_IsString(outcome) && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], outcome->valuestring) == 0) {
            *ret = (enum outcome)i;
            return true;
        }
    control_fail(control, 400,
                 "outcome must be paid, cancelled, repeat_checkout, slow, doubled or "
                 "renewal");
    return false;
}

static bool read_seconds(struct control *control, const char *name, int64_t missing, int64_t most,
                         int64_t *ret)
{
    *ret = json_get_int(control->body, name, missing);
    if (*ret >= 1 && *ret <= most)
        return true;
    control_fail(control, 400, "%s must be a number of seconds from 1 to %lld", name,
                 (long long)most);
    return false;
}

/* The slug in "https://t.me/$slug", "…/invoice/slug" or "slug". */
static const char *slug_of(const char *text)
{
    const char *dollar = strrchr(text, '$'), *slash = strrchr(text, '/');

    return dollar ? dollar + 1 : slash ? slash + 1 : text;
}

/* Answers so when the user has paid that message before. */
static bool is_paid(struct control *control, const struct purchase *purchase)
{
    if (!purchase->message_id ||
        !payments_receipt(control->sandbox, control->arena, json_get_int(purchase->user, "id", 0),
                          purchase->chat_id, purchase->message_id))
        return false;
    control_fail(control, 400, "message_id: this user has paid it already");
    return true;
}

static bool find_by_message(struct control *control, struct purchase *purchase)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(purchase->user, "id", 0);

    purchase->chat_id = json_get_int(control->body, "chat_id", user_id);
    purchase->message_id = json_get_int(control->body, "message_id", 0);
    purchase->invoice =
        invoice_of_message(sandbox->world, control->arena, purchase->chat_id, purchase->message_id);
    if (!purchase->invoice ||
        !world_message(sandbox->world, control->arena, purchase->chat_id, purchase->message_id)) {
        control_fail(control, 400, "message_id: there is no such invoice in this chat");
        return false;
    }
    const char *start = json_get_text(purchase->invoice, "start_parameter");
    if (purchase->chat_id > 0 && purchase->chat_id != user_id && start && *start) {
        control_fail(control, 400,
                     "chat_id: a forwarded copy of this invoice has no Pay button, "
                     "it leads to the bot");
        return false;
    }
    return !is_paid(control, purchase);
}

static bool find_by_slug(struct control *control, const char *slug, struct purchase *purchase)
{
    purchase->invoice = invoice_of_slug(control->sandbox->world, control->arena, slug_of(slug));
    if (purchase->invoice)
        return true;
    control_fail(control, 400, "slug: there is no such invoice");
    return false;
}

/* A subscription is paid once; then it is renewed while nobody has cancelled it. */
static bool check_subscription(struct checkout *checkout)
{
    struct control *control = checkout->control;
    const struct purchase *purchase = &checkout->purchase;
    bool is_subscription = json_get_int(purchase->invoice, "subscription_period", 0) > 0;
    const cJSON *last = NULL;

    if (is_subscription)
        last = payments_subscription(control->sandbox, control->arena,
                                     json_get_int(purchase->user, "id", 0),
                                     json_get_text(purchase->invoice, "slug"));
    if (checkout->outcome == RENEWAL && !last) {
        control_fail(control, 400, "slug: this user has no such subscription");
        return false;
    }
    if (checkout->outcome == RENEWAL &&
        (json_get_bool(last, "canceled") || json_get_bool(last, "canceled_by_bot"))) {
        control_fail(control, 400, "slug: the subscription has been canceled");
        return false;
    }
    if (checkout->outcome != RENEWAL && json_get_int(last, "subscription_expiration_date", 0) >
                                            world_now(control->sandbox->world)) {
        control_fail(control, 400, "slug: this user has the subscription already");
        return false;
    }
    return true;
}

static bool read_checkout(struct control *control, struct checkout *ret)
{
    struct checkout checkout = {.control = control};
    const char *slug = json_get_text(control->body, "slug");
    int64_t timeout_s;

    checkout.purchase.user = control_user(control, json_get_int(control->body, "user_id", 0));
    if (!checkout.purchase.user || !read_outcome(control, &checkout.outcome) ||
        !read_seconds(control, "timeout", ANSWER_MS / 1000, ANSWER_MS / 1000, &timeout_s) ||
        !read_seconds(control, "seconds", SLOW_MS / 1000, SLOWEST_S, &checkout.seconds))
        return false;
    if (!(slug ? find_by_slug(control, slug, &checkout.purchase)
               : find_by_message(control, &checkout.purchase)) ||
        !check_subscription(&checkout))
        return false;
    checkout.timeout_ms = timeout_s * 1000;
    checkout.purchase.deliveries = checkout.outcome == DOUBLED ? 2 : 1;
    checkout.purchase.is_renewal = checkout.outcome == RENEWAL;
    checkout.purchase.total_amount = json_get_int(checkout.purchase.invoice, "total_amount", 0);
    *ret = checkout;
    return true;
}

/* ---- the way of a payment ---- */

/* Answers, and tells those who watch; error_message may be NULL. */
static void finish(const struct checkout *checkout, const char *status, const char *error_message,
                   const cJSON *message)
{
    struct control *control = checkout->control;
    const cJSON *payment = json_get(message, "successful_payment");
    const struct purchase *purchase = &checkout->purchase;
    cJSON *answer = new_object(control), *details;

    json_set_text(answer, "status", status);
    if (error_message)
        json_set_text(answer, "error_message", error_message);
    json_set_copy(answer, "telegram_payment_charge_id",
                  json_get(payment, "telegram_payment_charge_id"));
    details = cJSON_Duplicate(answer, true);
    json_set_copy(details, "slug", json_get(purchase->invoice, "slug"));
    if (purchase->message_id) {
        json_set_int(details, "message_id", purchase->message_id);
        json_set_int(details, "invoice_chat_id", purchase->chat_id);
        json_set_copy(details, "receipt_id", json_get(message, "message_id"));
    }
    payments_emit(control->sandbox, json_get_int(purchase->user, "id", 0), status, details);
    json_set_copy(answer, "message", message);
    respond_json(control->exchange, 200, answer);
}

/* What the form asks for: from the body's "order_info", or made up. NULL = it asks for nothing. */
static const cJSON *order_info(const struct checkout *checkout)
{
    static const char *const needs[][2] = {{"need_name", "name"},
                                           {"need_phone_number", "phone_number"},
                                           {"need_email", "email"},
                                           {"need_shipping_address", "shipping_address"}};
    struct control *control = checkout->control;
    const cJSON *invoice = checkout->purchase.invoice;
    const cJSON *given = json_get(control->body, "order_info");
    cJSON *made_up = new_object(control), *info = new_object(control);
    cJSON *address = cJSON_AddObjectToObject(made_up, "shipping_address");
    static const char *const lines[][2] = {
        {"country_code", "GB"}, {"state", ""},
        {"city", "London"},     {"street_line1", "221B Baker St"},
        {"street_line2", ""},   {"post_code", "NW1 6XE"}};

    json_set_copy(made_up, "name", json_get(checkout->purchase.user, "first_name"));
    json_set_text(made_up, "phone_number", "447000000000");
    json_set_text(made_up, "email", "buyer@example.org");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        json_set_text(address, lines[i][0], lines[i][1]);
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        const char *field = needs[i][1];
        if (json_get_bool(invoice, needs[i][0]) ||
            (strcmp(field, "shipping_address") == 0 && json_get_bool(invoice, "is_flexible")))
            json_set_copy(info, field,
                          json_get(given, field) ? json_get(given, field)
                                                 : json_get(made_up, field));
    }
    return info->child ? info : NULL;
}

/* The option that the body names, or the first one. */
static const cJSON *choose_option(const struct checkout *checkout, const cJSON *options)
{
    const char *wanted = json_get_text(checkout->control->body, "shipping_option_id");
    const cJSON *option;

    if (!wanted)
        return options ? options->child : NULL;
    cJSON_ArrayForEach(option, options) {
        if (strcmp(json_get_text(option, "id"), wanted) == 0)
            return option;
    }
    return NULL;
}

/* Asks where to deliver and for how much. Returns whether the payment goes on; else it is over. */
static AISHA_ASYNC bool ask_shipping(struct checkout *checkout)
{
    struct control *control = checkout->control;
    struct purchase *purchase = &checkout->purchase;
    cJSON *query = new_object(control);
    const cJSON *answer, *price;

    json_set_copy(query, "from", purchase->user);
    json_set_copy(query, "invoice_payload", json_get(purchase->invoice, "payload"));
    json_set_copy(query, "shipping_address", json_get(purchase->order_info, "shipping_address"));
    if (payments_ask(control->sandbox, control->arena, "shipping_query", query,
                     checkout->timeout_ms, &answer) < 0)
        return false;
    if (!answer || !json_get_bool(answer, "ok")) {
        finish(checkout, answer ? "refused" : "timeout", json_get_text(answer, "error_message"),
               NULL);
        return false;
    }
    const cJSON *option = choose_option(checkout, json_get(answer, "shipping_options"));
    if (!option) {
        control_fail(control, 400, "shipping_option_id: the bot offers no such option");
        return false;
    }
    purchase->shipping_option_id = json_get_text(option, "id");
    cJSON_ArrayForEach(price, json_get(option, "prices"))
        purchase->total_amount += json_get_int(price, "amount", 0);
    return true;
}

/* The last question. Returns whether the bot agrees; else the payment is over. */
static AISHA_ASYNC bool ask_checkout(struct checkout *checkout)
{
    struct control *control = checkout->control;
    const struct purchase *purchase = &checkout->purchase;
    cJSON *query = new_object(control);
    const cJSON *answer;

    json_set_copy(query, "from", purchase->user);
    json_set_copy(query, "currency", json_get(purchase->invoice, "currency"));
    json_set_int(query, "total_amount", purchase->total_amount);
    json_set_copy(query, "invoice_payload", json_get(purchase->invoice, "payload"));
    if (purchase->shipping_option_id)
        json_set_text(query, "shipping_option_id", purchase->shipping_option_id);
    json_set_copy(query, "order_info", purchase->order_info);
    if (payments_ask(control->sandbox, control->arena, "pre_checkout_query", query,
                     checkout->timeout_ms, &answer) < 0)
        return false;
    if (answer && json_get_bool(answer, "ok"))
        return true;
    finish(checkout, answer ? "refused" : "timeout", json_get_text(answer, "error_message"), NULL);
    return false;
}

static bool has_stars(const struct checkout *checkout)
{
    const struct control *control = checkout->control;
    const struct purchase *purchase = &checkout->purchase;

    return !invoice_is_in_stars(purchase->invoice) ||
           stars_of_user(control->sandbox->world, control->arena,
                         json_get_int(purchase->user, "id", 0)) >= purchase->total_amount;
}

/* Tells the bot what has become of a subscription. */
static void tell_subscription(struct control *control, const cJSON *user, const cJSON *payload,
                              const char *state)
{
    cJSON *change = new_object(control);

    json_set_copy(change, "user", user);
    json_set_copy(change, "invoice_payload", payload);
    json_set_text(change, "state", state);
    sandbox_push_update(control->sandbox, control->arena, "subscription", change, 0);
}

/* What comes before the last question. Returns whether the payment goes on; else it is over. */
static AISHA_ASYNC bool fill_form(struct checkout *checkout)
{
    struct control *control = checkout->control;
    struct purchase *purchase = &checkout->purchase;
    int64_t tip = json_get_int(control->body, "tip_amount", 0);

    if (invoice_is_in_stars(purchase->invoice))
        return true;
    if (tip < 0 || tip > json_get_int(purchase->invoice, "max_tip_amount", 0)) {
        control_fail(control, 400, "tip_amount must be from 0 to the invoice's max_tip_amount");
        return false;
    }
    purchase->total_amount += tip;
    purchase->order_info = order_info(checkout);
    return !json_get_bool(purchase->invoice, "is_flexible") || ask_shipping(checkout);
}

/* The Stars are there, or the payment is over. */
static bool check_funds(const struct checkout *checkout)
{
    const struct purchase *purchase = &checkout->purchase;

    if (has_stars(checkout))
        return true;
    if (checkout->outcome == RENEWAL)
        tell_subscription(checkout->control, purchase->user, json_get(purchase->invoice, "payload"),
                          "failed");
    finish(checkout, "no_funds", NULL, NULL);
    return false;
}

/* What the bot has to say, as often as it takes. */
static AISHA_ASYNC bool hear_bot(struct checkout *checkout)
{
    if (checkout->outcome == RENEWAL)
        return true;
    if (checkout->outcome == REPEAT_CHECKOUT && !ask_checkout(checkout))
        return false;
    return ask_checkout(checkout);
}

/* Paid media are bought without a word of the bot. Returns whether the body names such. */
static bool buy_media(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    struct purchase purchase = {.chat_id = json_get_int(control->body, "chat_id", user_id),
                                .message_id = json_get_int(control->body, "message_id", 0),
                                .user = world_user(sandbox->world, control->arena, user_id)};
    const cJSON *message =
        world_message(sandbox->world, control->arena, purchase.chat_id, purchase.message_id);
    const cJSON *paid = json_get(message, "paid_media");
    cJSON *answer = control_object(control);

    if (!paid || !purchase.user)
        return false;
    if (is_paid(control, &purchase))
        return true;
    bool has_funds = stars_of_user(sandbox->world, control->arena, user_id) >=
                     json_get_int(paid, "star_count", 0);
    json_set_text(answer, "status", has_funds ? "paid" : "no_funds");
    if (has_funds)
        json_set_text(answer, "telegram_payment_charge_id",
                      payments_buy_media(sandbox, control->arena, purchase.user, message));
    cJSON *details = cJSON_Duplicate(answer, true);
    json_set_int(details, "message_id", purchase.message_id);
    json_set_int(details, "invoice_chat_id", purchase.chat_id);
    payments_emit(sandbox, user_id, has_funds ? "paid" : "no_funds", details);
    respond_json(control->exchange, 200, answer);
    return true;
}

void control_pay(struct control *control)
{
    struct checkout checkout;

    if (buy_media(control))
        return;
    if (!read_checkout(control, &checkout) || !fill_form(&checkout) || !check_funds(&checkout) ||
        !hear_bot(&checkout))
        return;
    if (checkout.outcome == CANCELLED) {
        finish(&checkout, "cancelled", NULL, NULL);
        return;
    }
    if (checkout.outcome == SLOW &&
        clock_sleep(control->sandbox->clock, checkout.seconds * 1000) < 0)
        return;
    /* Another payment may have come first. */
    if (check_funds(&checkout) && !is_paid(control, &checkout.purchase))
        finish(&checkout, "paid", NULL,
               payments_complete(control->sandbox, control->arena, &checkout.purchase));
}

/* Only the last question, and nobody waits for its answer. */
void control_checkout(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    const char *payload = json_get_text(control->body, "payload");
    const char *id = world_random_name(control->arena);
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    cJSON *query = new_object(control), *answer = new_object(control);

    const cJSON *user = control_user(control, user_id);
    if (!user)
        return;
    json_set_text(query, "id", id);
    json_set_copy(query, "from", user);
    json_set_text(query, "currency", STARS);
    json_set_int(query, "total_amount", json_get_int(control->body, "total_amount", 1));
    json_set_text(query, "invoice_payload", payload ? payload : "");
    world_add_query(sandbox->world, id, user_id, ANSWER_MS / 1000);
    sandbox_push_update(sandbox, control->arena, "pre_checkout_query", query, 0);
    json_set_text(answer, "id", id);
    respond_json(control->exchange, 200, answer);
}

/* ---- subscriptions, invoices, balances ---- */

/* The user cancels one, or takes that back. */
void control_change_subscription(struct control *control)
{
    const char *slug = json_get_text(control->body, "slug");
    const cJSON *canceled = json_get(control->body, "canceled");
    int64_t user_id = json_get_int(control->body, "user_id", 0);

    const cJSON *user = control_user(control, user_id);
    if (!user)
        return;
    cJSON *payment =
        slug ? payments_subscription(control->sandbox, control->arena, user_id, slug_of(slug))
             : NULL;
    if (!payment || !cJSON_IsBool(canceled)) {
        control_fail(control, 400,
                     "slug must name a subscription of this user, canceled be true "
                     "or false");
        return;
    }
    json_set_bool(payment, "canceled", cJSON_IsTrue(canceled));
    payments_save(control->sandbox, control->arena, payment);
    tell_subscription(control, user, json_get(payment, "invoice_payload"),
                      cJSON_IsTrue(canceled) ? "canceled" : "active");
    respond_json(control->exchange, 200, new_object(control));
}

/* What a user sees who opens the link. */
void control_show_invoice(struct control *control)
{
    cJSON *invoice =
        invoice_of_slug(control->sandbox->world, control->arena, slug_of(control->rest));

    if (!invoice) {
        control_fail(control, 404, "there is no such invoice");
        return;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(invoice, "payload");
    respond_json(control->exchange, 200, invoice);
}

void control_show_stars(struct control *control)
{
    struct world *world = control->sandbox->world;
    cJSON *answer = new_object(control);
    int64_t user_id;

    if (!control_number(control, "user_id", 0, &user_id) ||
        (user_id && !control_user(control, user_id)))
        return;
    if (user_id)
        json_set_int(answer, "user_balance", stars_of_user(world, control->arena, user_id));
    json_set_int(answer, "balance", stars_of_bot(world, control->arena));
    json_set_copy(answer, "users", stars_balances(world, control->arena));
    json_set_copy(answer, "transactions", stars_transactions(world, control->arena));
    respond_json(control->exchange, 200, answer);
}

void control_set_stars(struct control *control)
{
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    int64_t balance = json_get_int(control->body, "balance", -1);

    if (!control_user(control, user_id))
        return;
    if (balance < 0) {
        control_fail(control, 400, "balance must be a whole number of Stars");
        return;
    }
    stars_set(control->sandbox->world, control->arena, user_id, balance);
    respond_json(control->exchange, 200, new_object(control));
}

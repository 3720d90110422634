/*
 * Whoever pays waits in a list of the sandbox until the bot has answered: by the query's id.
 */
#include "sdk/sandbox/payments.h"

#include <inttypes.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/wait.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/invoice.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/stars.h"
#include "sdk/sandbox/world.h"

enum { ANSWER_SECONDS = 10 };

struct question {
    const char *id;
    struct wait wait;
    cJSON *answer; /* owned until it is handed on */
    struct question *next;
};

static void forget(struct sandbox *sandbox, const struct question *question)
{
    struct question **link = &sandbox->questions;

    while (*link && *link != question)
        link = &(*link)->next;
    if (*link)
        *link = question->next;
}

int payments_ask(struct sandbox *sandbox, struct arena *arena, const char *kind, cJSON *query,
                 int64_t timeout_ms, const cJSON **ret_answer)
{
    struct question question = {.id = world_random_name(arena), .next = sandbox->questions};
    int64_t user_id = json_get_int(json_get(query, "from"), "id", 0);

    json_set_text(query, "id", question.id);
    wait_init(&question.wait, sandbox->loop);
    sandbox->questions = &question;
    world_add_query(sandbox->world, question.id, user_id, ANSWER_SECONDS);
    sandbox_push_update(sandbox, arena, kind, query, 0);
    int r = clock_wait(sandbox->clock, &question.wait, timeout_ms);
    forget(sandbox, &question);
    if (r < 0)
        world_take_callback(sandbox->world, question.id);
    *ret_answer = json_keep(arena, question.answer);
    return r == -AISHA_E_TIMEOUT ? 0 : r;
}

void payments_hear(struct sandbox *sandbox, const char *id, const cJSON *answer)
{
    for (struct question *question = sandbox->questions; question; question = question->next) {
        if (strcmp(question->id, id) == 0 && !question->answer) {
            question->answer = cJSON_Duplicate(answer, true);
            wait_wake(&question->wait, 0);
        }
    }
}

void payments_emit(struct sandbox *sandbox, int64_t user_id, const char *status, cJSON *details)
{
    cJSON *event = details ? details : cJSON_CreateObject();

    json_set_int(event, "user_id", user_id);
    json_set_text(event, "status", status);
    sandbox_emit(sandbox, "payment", user_id, event);
}

/* ---- what is kept ---- */

cJSON *payments_find(struct sandbox *sandbox, struct arena *arena, const char *charge_id)
{
    return world_record(sandbox->world, arena, "payment", charge_id);
}

void payments_save(struct sandbox *sandbox, struct arena *arena, const cJSON *payment)
{
    world_put_record(sandbox->world, arena, "payment",
                     json_get_text(payment, "telegram_payment_charge_id"), payment);
}

static const char *subscription_id(struct arena *arena, int64_t user_id, const char *slug)
{
    return arena_printf(arena, "%" PRId64 ":%s", user_id, slug);
}

cJSON *payments_subscription(struct sandbox *sandbox, struct arena *arena, int64_t user_id,
                             const char *slug)
{
    const char *id = subscription_id(arena, user_id, slug);
    const char *charge = json_get_text(world_record(sandbox->world, arena, "subscription", id),
                                       "telegram_payment_charge_id");

    return charge ? payments_find(sandbox, arena, charge) : NULL;
}

static const char *receipt_id(struct arena *arena, int64_t user_id, int64_t chat_id,
                              int64_t message_id)
{
    return arena_printf(arena, "%" PRId64 ":%" PRId64 ":%" PRId64, chat_id, message_id, user_id);
}

int64_t payments_receipt(struct sandbox *sandbox, struct arena *arena, int64_t user_id,
                         int64_t chat_id, int64_t message_id)
{
    const char *id = receipt_id(arena, user_id, chat_id, message_id);

    return json_get_int(world_record(sandbox->world, arena, "receipt", id), "message_id", 0);
}

/* ---- a payment ---- */

/* Ids as the real ones look: for Stars the provider is Telegram itself. */
static void set_ids(struct arena *arena, cJSON *payment)
{
    bool is_in_stars = invoice_is_in_stars(payment);
    int64_t user_id = json_get_int(payment, "user_id", 0);

    json_set_text(payment, "telegram_payment_charge_id",
                  arena_printf(arena, "%s%s%s", is_in_stars ? "stx" : "", world_random_name(arena),
                               world_random_name(arena)));
    json_set_text(payment, "provider_payment_charge_id",
                  is_in_stars ? arena_printf(arena, "%" PRId64 "_0", user_id)
                              : arena_printf(arena, "ch_%s", world_random_name(arena)));
}

/* The payment pays for the next period; a renewal's begins when the last one ends. */
static void subscribe(struct sandbox *sandbox, struct arena *arena, cJSON *payment,
                      const struct purchase *purchase)
{
    int64_t user_id = json_get_int(payment, "user_id", 0), from = world_now(sandbox->world);
    const char *slug = json_get_text(payment, "slug");
    const cJSON *last = payments_subscription(sandbox, arena, user_id, slug);
    int64_t period = json_get_int(purchase->invoice, "subscription_period", 0);

    if (purchase->is_renewal)
        from = json_get_int(last, "subscription_expiration_date", from);
    json_set_int(payment, "subscription_period", period);
    json_set_int(payment, "subscription_expiration_date", from + period);
    json_set_bool(payment, "is_recurring", true);
    if (!purchase->is_renewal)
        json_set_bool(payment, "is_first_recurring", true);
    world_put_record(sandbox->world, arena, "subscription", subscription_id(arena, user_id, slug),
                     payment);
}

static cJSON *new_payment(struct sandbox *sandbox, struct arena *arena,
                          const struct purchase *purchase)
{
    cJSON *payment = json_keep(arena, cJSON_CreateObject());
    const cJSON *invoice = purchase->invoice;

    json_set_copy(payment, "user_id", json_get(purchase->user, "id"));
    json_set_copy(payment, "slug", json_get(invoice, "slug"));
    json_set_copy(payment, "currency", json_get(invoice, "currency"));
    json_set_int(payment, "total_amount", purchase->total_amount);
    json_set_copy(payment, "invoice_payload", json_get(invoice, "payload"));
    if (purchase->shipping_option_id)
        json_set_text(payment, "shipping_option_id", purchase->shipping_option_id);
    json_set_copy(payment, "order_info", purchase->order_info);
    set_ids(arena, payment);
    if (json_get_int(invoice, "subscription_period", 0))
        subscribe(sandbox, arena, payment, purchase);
    payments_save(sandbox, arena, payment);
    return payment;
}

/* The fields of the payment that the Bot API has in such an object. */
static cJSON *told(const cJSON *payment, bool is_refund)
{
    static const char *const fields[] = {"currency",
                                         "total_amount",
                                         "invoice_payload",
                                         "telegram_payment_charge_id",
                                         "subscription_expiration_date",
                                         "is_recurring",
                                         "is_first_recurring",
                                         "shipping_option_id",
                                         "order_info",
                                         "provider_payment_charge_id"};
    cJSON *object = cJSON_CreateObject();

    for (size_t i = 0; i < (is_refund ? 4 : sizeof fields / sizeof *fields); i++)
        json_set_copy(object, fields[i], json_get(payment, fields[i]));
    return object;
}

/* A service message in the user's private chat, told to the bot that many times. */
static cJSON *tell(struct sandbox *sandbox, struct arena *arena, const cJSON *user,
                   const char *name, cJSON *content, int times)
{
    int64_t user_id = json_get_int(user, "id", 0);
    cJSON *message = sandbox_new_message(sandbox, arena, user_id, user);

    json_set(message, name, content);
    sandbox_publish(sandbox, arena, message, "message");
    for (int i = 0; i < times; i++)
        sandbox_push_update(sandbox, arena, "message", message, 0);
    return message;
}

static void move_stars(struct sandbox *sandbox, struct arena *arena, const cJSON *payment,
                       const char *direction)
{
    cJSON *transaction = json_keep(arena, cJSON_CreateObject());
    cJSON *partner = cJSON_AddObjectToObject(transaction, direction);
    int64_t user_id = json_get_int(payment, "user_id", 0);

    json_set_copy(transaction, "id", json_get(payment, "telegram_payment_charge_id"));
    json_set_copy(transaction, "amount", json_get(payment, "total_amount"));
    json_set_int(transaction, "date", world_now(sandbox->world));
    json_set_text(partner, "type", "user");
    json_set_text(partner, "transaction_type", "invoice_payment");
    json_set_copy(partner, "user", world_user(sandbox->world, arena, user_id));
    json_set_copy(partner, "invoice_payload", json_get(payment, "invoice_payload"));
    json_set_copy(partner, "subscription_period", json_get(payment, "subscription_period"));
    stars_move(sandbox->world, arena, user_id, transaction);
}

static void keep_receipt(struct sandbox *sandbox, struct arena *arena, const char *id,
                         const cJSON *message)
{
    cJSON *receipt = json_keep(arena, cJSON_CreateObject());

    json_set_copy(receipt, "message_id", json_get(message, "message_id"));
    world_put_record(sandbox->world, arena, "receipt", id, receipt);
}

cJSON *payments_complete(struct sandbox *sandbox, struct arena *arena,
                         const struct purchase *purchase)
{
    cJSON *payment = new_payment(sandbox, arena, purchase);
    int64_t user_id = json_get_int(purchase->user, "id", 0);

    if (invoice_is_in_stars(purchase->invoice))
        move_stars(sandbox, arena, payment, "source");
    if (world_standing(sandbox->world, user_id) == CHAT_SILENT)
        world_set_standing(sandbox->world, user_id, CHAT_OPEN);
    cJSON *message = tell(sandbox, arena, purchase->user, "successful_payment",
                          told(payment, false), purchase->deliveries);
    if (purchase->message_id)
        keep_receipt(sandbox, arena,
                     receipt_id(arena, user_id, purchase->chat_id, purchase->message_id), message);
    return message;
}

void payments_refund(struct sandbox *sandbox, struct arena *arena, cJSON *payment)
{
    int64_t user_id = json_get_int(payment, "user_id", 0);
    const cJSON *user = world_user(sandbox->world, arena, user_id);
    cJSON *details = told(payment, true);

    move_stars(sandbox, arena, payment, "receiver");
    json_set_bool(payment, "refunded", true);
    payments_save(sandbox, arena, payment);
    tell(sandbox, arena, user, "refunded_payment", told(payment, true), 1);
    payments_emit(sandbox, user_id, "refunded", details);
}

/* ---- paid media ---- */

static const char *media_id(struct arena *arena, const cJSON *message)
{
    return arena_printf(arena, "%" PRId64 ":%" PRId64,
                        json_get_int(json_get(message, "chat"), "id", 0),
                        json_get_int(message, "message_id", 0));
}

void payments_keep_payload(struct sandbox *sandbox, struct arena *arena, const cJSON *message,
                           const char *payload)
{
    cJSON *record = json_keep(arena, cJSON_CreateObject());

    json_set_text(record, "payload", payload);
    world_put_record(sandbox->world, arena, "paid_media", media_id(arena, message), record);
}

const char *payments_buy_media(struct sandbox *sandbox, struct arena *arena, const cJSON *user,
                               const cJSON *message)
{
    const cJSON *paid = json_get(message, "paid_media");
    const cJSON *payload = json_get(
        world_record(sandbox->world, arena, "paid_media", media_id(arena, message)), "payload");
    cJSON *transaction = json_keep(arena, cJSON_CreateObject());
    cJSON *partner = cJSON_AddObjectToObject(transaction, "source");
    cJSON *purchase = json_keep(arena, cJSON_CreateObject());
    int64_t user_id = json_get_int(user, "id", 0);
    const char *id = arena_printf(arena, "stx%s", world_random_name(arena));

    json_set_text(transaction, "id", id);
    json_set_copy(transaction, "amount", json_get(paid, "star_count"));
    json_set_int(transaction, "date", world_now(sandbox->world));
    json_set_text(partner, "type", "user");
    json_set_text(partner, "transaction_type", "paid_media_payment");
    json_set_copy(partner, "user", user);
    json_set_copy(partner, "paid_media", json_get(paid, "paid_media"));
    json_set_copy(partner, "paid_media_payload", payload);
    stars_move(sandbox->world, arena, user_id, transaction);
    keep_receipt(sandbox, arena,
                 receipt_id(arena, user_id, json_get_int(json_get(message, "chat"), "id", 0),
                            json_get_int(message, "message_id", 0)),
                 message);
    if (payload) {
        json_set_copy(purchase, "from", user);
        json_set_copy(purchase, "paid_media_payload", payload);
        sandbox_push_update(sandbox, arena, "purchased_paid_media", purchase, 0);
    }
    return id;
}

/*
 * Payments as Telegram plays them: the questions to the bot, and what there is once one has been
 * paid, refunded or renewed. A payment is kept as a record under its telegram_payment_charge_id:
 * what SuccessfulPayment says, "user_id", "slug", and for a subscription "until" and "canceled".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct sandbox;

/*
 * Sends the bot a query of that kind, which gets its id, and waits for the answer: the parameters of
 * the call that gives it, or NULL when none has come in time. Returns 0, or a negative value when
 * the one who waits has gone.
 */
AISHA_ASYNC AISHA_CHECKED int payments_ask(struct sandbox *sandbox, struct arena *arena,
                                           const char *kind, cJSON *query, int64_t timeout_ms,
                                           const cJSON **ret_answer);

/* The bot has answered the query of that id. */
void payments_hear(struct sandbox *sandbox, const char *id, const cJSON *answer);

struct purchase {
    const cJSON *user, *invoice;
    int64_t total_amount;
    const char *shipping_option_id; /* NULL = none */
    const cJSON *order_info;        /* NULL = none */
    int64_t chat_id, message_id;    /* which message has been paid; 0 = that of a link */
    bool is_renewal;
    int deliveries; /* of the update */
};

/* Moves the money and sends the message with successful_payment, which it returns. */
cJSON *payments_complete(struct sandbox *sandbox, struct arena *arena,
                         const struct purchase *purchase);

cJSON *payments_find(struct sandbox *sandbox, struct arena *arena, const char *charge_id);
void payments_save(struct sandbox *sandbox, struct arena *arena, const cJSON *payment);

/* The newest payment of that user for that subscription, or NULL. */
cJSON *payments_subscription(struct sandbox *sandbox, struct arena *arena, int64_t user_id,
                             const char *slug);

/* The message that has been paid by that user, or 0: its receipt's id. */
int64_t payments_receipt(struct sandbox *sandbox, struct arena *arena, int64_t user_id,
                         int64_t chat_id, int64_t message_id);

/* Gives the Stars back and tells the bot; payment is one in Stars, not yet refunded. */
void payments_refund(struct sandbox *sandbox, struct arena *arena, cJSON *payment);

/* The bot's own word on the paid media of that message, which it hears again when they are bought. */
void payments_keep_payload(struct sandbox *sandbox, struct arena *arena, const cJSON *message,
                           const char *payload);

/* The user buys the paid media of that message. Returns the transaction's id. */
const char *payments_buy_media(struct sandbox *sandbox, struct arena *arena, const cJSON *user,
                               const cJSON *message);

/* Tells those who watch; details may be NULL; taken. */
void payments_emit(struct sandbox *sandbox, int64_t user_id, const char *status, cJSON *details);

/*
 * Telegram Stars: what users and the bot have, and how they moved. Users have plenty unless somebody
 * says otherwise.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct world;

int64_t stars_of_user(struct world *world, struct arena *arena, int64_t user_id);
void stars_set(struct world *world, struct arena *arena, int64_t user_id, int64_t balance);
int64_t stars_of_bot(struct world *world, struct arena *arena);

/*
 * A payment from the user to the bot, or a refund of one: transaction is a StarTransaction with its
 * id, source or receiver. Moves the Stars and keeps it.
 */
void stars_move(struct world *world, struct arena *arena, int64_t user_id,
                const cJSON *transaction);

/* The bot pays for messages above the free limit: a tenth of a Star each, whole Stars at a time. */
void stars_pay_broadcast(struct world *world, struct arena *arena, int64_t messages);

/* All StarTransactions, oldest first. */
cJSON *stars_transactions(struct world *world, struct arena *arena);

/* [{"user_id", "balance"}] of those who have been given or have spent some. */
cJSON *stars_balances(struct world *world, struct arena *arena);

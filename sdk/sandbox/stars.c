#include "sdk/sandbox/stars.h"

#include <inttypes.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/world.h"

enum { PLENTY = 1000000, BOT = 0, MESSAGES_OF_A_STAR = 10 };

static const char *id_of(struct arena *arena, int64_t user_id)
{
    return arena_printf(arena, "%" PRId64, user_id);
}

static int64_t balance(struct world *world, struct arena *arena, int64_t user_id, int64_t missing)
{
    return json_get_int(world_record(world, arena, "stars", id_of(arena, user_id)), "balance",
                        missing);
}

int64_t stars_of_user(struct world *world, struct arena *arena, int64_t user_id)
{
    return balance(world, arena, user_id, PLENTY);
}

int64_t stars_of_bot(struct world *world, struct arena *arena)
{
    return balance(world, arena, BOT, 0);
}

void stars_set(struct world *world, struct arena *arena, int64_t user_id, int64_t amount)
{
    cJSON *record = json_keep(arena, cJSON_CreateObject());

    json_set_int(record, "user_id", user_id);
    json_set_int(record, "balance", amount);
    world_put_record(world, arena, "stars", id_of(arena, user_id), record);
}

void stars_move(struct world *world, struct arena *arena, int64_t user_id, const cJSON *transaction)
{
    int64_t amount = json_get_int(transaction, "amount", 0);
    const char *id = json_get_text(transaction, "id");

    if (json_get(transaction, "receiver")) {
        amount = -amount;
        id = arena_printf(arena, "refund:%s", id);
    }
    stars_set(world, arena, user_id, stars_of_user(world, arena, user_id) - amount);
    stars_set(world, arena, BOT, stars_of_bot(world, arena) + amount);
    world_put_record(world, arena, "star_transaction", id, transaction);
}

void stars_pay_broadcast(struct world *world, struct arena *arena, int64_t messages)
{
    static const char kind[] = "paid_broadcast", id[] = "";
    cJSON *unpaid = json_keep(arena, cJSON_CreateObject());
    cJSON *transaction = json_keep(arena, cJSON_CreateObject());

    messages += json_get_int(world_record(world, arena, kind, id), "messages", 0);
    json_set_int(unpaid, "messages", messages % MESSAGES_OF_A_STAR);
    world_put_record(world, arena, kind, id, unpaid);
    int64_t amount = messages / MESSAGES_OF_A_STAR;
    if (!amount)
        return;
    const char *name = world_random_name(arena);
    json_set_text(transaction, "id", name);
    json_set_int(transaction, "amount", amount);
    json_set_int(transaction, "date", world_now(world));
    cJSON *receiver = cJSON_AddObjectToObject(transaction, "receiver");
    json_set_text(receiver, "type", "telegram_api");
    json_set_int(receiver, "request_count", amount * MESSAGES_OF_A_STAR);
    stars_set(world, arena, BOT, stars_of_bot(world, arena) - amount);
    world_put_record(world, arena, "star_transaction", name, transaction);
}

cJSON *stars_transactions(struct world *world, struct arena *arena)
{
    return world_records(world, arena, "star_transaction");
}

cJSON *stars_balances(struct world *world, struct arena *arena)
{
    cJSON *all = world_records(world, arena, "stars");

    for (cJSON *entry = all->child, *next; entry; entry = next) {
        next = entry->next;
        if (json_get_int(entry, "user_id", 0) == BOT)
            cJSON_Delete(cJSON_DetachItemViaPointer(all, entry));
    }
    return all;
}

#include "sdk/sandbox/world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/store.h"
#include "sdk/sandbox/world_internal.h"

#define UPDATE_IDS_FROM INT64_C(700000000)

enum { FIRST_USER_ID = 1001 };

static const char counter_kind[] = "counter";

static const char *const counter_names[] = {[COUNTER_BOT_ID] = "bot_id",
                                            [COUNTER_MESSAGE] = "message",
                                            [COUNTER_UPDATE] = "update",
                                            [COUNTER_UPDATE_DATE] = "update_date",
                                            [COUNTER_FILE] = "file"};

/* ---- what its files share ---- */

char *world_strdup(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        abort();
    return copy;
}

void world_put_row(struct world *world, const char *kind, int64_t key, const char *body,
                   int64_t first, int64_t second)
{
    char text[32];

    if (!world->store)
        return;
    snprintf(text, sizeof text, "%" PRId64, key);
    store_put(world->store, &(struct store_row){.kind = kind,
                                                .key = text,
                                                .body = body,
                                                .size = strlen(body),
                                                .numbers = {first, second}});
}

void world_remove_row(struct world *world, const char *kind, int64_t key)
{
    char text[32];

    if (!world->store)
        return;
    snprintf(text, sizeof text, "%" PRId64, key);
    store_remove(world->store, kind, text);
}

static void save_counter(struct world *world, enum counter counter)
{
    store_put(world->store, &(struct store_row){.kind = counter_kind,
                                                .key = counter_names[counter],
                                                .body = "",
                                                .numbers = {world->counters[counter]}});
}

void world_set_counter(struct world *world, enum counter counter, int64_t value)
{
    world->counters[counter] = value;
    save_counter(world, counter);
}

/* ---- beginning and end ---- */

static void counters_load(struct world *world, const struct store_row *row)
{
    for (size_t i = 0; i < COUNTERS; i++)
        if (strcmp(counter_names[i], row->key) == 0)
            world->counters[i] = row->numbers[0];
}

static void load_row(void *user, const struct store_row *row)
{
    static const struct {
        const char *kind;
        void (*load)(struct world *world, const struct store_row *row);
    } kinds[] = {
        {counter_kind, counters_load},
        {"chat", chats_load},
        {"reply_markup", reply_markups_load},
        {"message", messages_load},
        {"update", updates_load},
        {"query", queries_load},
        {"file", files_load},
        {"file_bytes", file_bytes_load},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, row->kind) == 0)
            kinds[i].load(user, row);
    records_load(user, row);
}

static void forget_all(struct world *world)
{
    messages_forget(world);
    chats_forget(world);
    updates_forget(world);
    queries_forget(world);
    files_forget(world);
    records_forget(world);
    world_forget_bot(world);
}

static void add_first_users(struct world *world)
{
    if (HASH_COUNT(world->chats))
        return;
    world_add_user(world, FIRST_USER_ID, "Alice", "en");
    world_add_user(world, FIRST_USER_ID + 1, "Борис", "ru");
}

int world_open(struct world **ret_world, struct loop *loop, const char *directory,
               const struct clock *clock)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        return -ENOMEM;
    world->clock = clock;
    TAILQ_INIT(&world->message_order);
    TAILQ_INIT(&world->update_order);
    TAILQ_INIT(&world->query_order);
    TAILQ_INIT(&world->file_order);
    world->counters[COUNTER_UPDATE] = UPDATE_IDS_FROM;
    forget_all(world);
    int r = directory ? store_open(&world->store, loop, directory) : 0;
    if (r < 0) {
        free(world);
        return r;
    }
    store_load(world->store, load_row, world);
    allowed_updates_load(world);
    add_first_users(world);
    *ret_world = world;
    return 0;
}

void world_close(struct world *world)
{
    if (!world)
        return;
    store_close(world->store);
    forget_all(world);
    free(world);
}

void world_reset(struct world *world)
{
    store_clear(world->store);
    forget_all(world);
    world->counters[COUNTER_UPDATE_DATE] = 0;
    for (size_t i = 0; i < COUNTERS; i++)
        save_counter(world, i);
    add_first_users(world);
}

bool world_take_failure(struct world *world)
{
    return store_take_failure(world->store);
}

int64_t world_now(const struct world *world)
{
    return clock_now(world->clock);
}

char *world_random_name(struct arena *arena)
{
    uint64_t random[2] = {0};

    if (getrandom(random, sizeof random, 0) != sizeof random)
        log_warn("sandbox", "no random bytes");
    return arena_printf(arena, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

char *world_random_number(struct arena *arena)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        log_warn("sandbox", "no random bytes");
    return arena_printf(arena, "%" PRIu64, (random >> 2) + 1);
}

/* ---- the bot ---- */

void world_forget_bot(struct world *world)
{
    cJSON_Delete(world->bot);
    world->bot = NULL;
}

void world_set_bot_id(struct world *world, int64_t id)
{
    if (world->counters[COUNTER_BOT_ID] == id)
        return;
    world_set_counter(world, COUNTER_BOT_ID, id);
    world_forget_bot(world);
}

static cJSON *new_bot(struct world *world)
{
    struct arena arena = {0};
    cJSON *bot = cJSON_CreateObject();
    const char *name = world_text(world, &arena, "name", "");

    json_set_int(bot, "id", world->counters[COUNTER_BOT_ID]);
    json_set_bool(bot, "is_bot", true);
    json_set_text(bot, "first_name", name ? name : "Aisha");
    json_set_text(bot, "username", "aisha_sandbox_bot");
    arena_clear(&arena);
    return bot;
}

cJSON *world_bot(struct world *world, struct arena *arena)
{
    if (!world->bot)
        world->bot = new_bot(world);
    return json_keep(arena, cJSON_Duplicate(world->bot, true));
}

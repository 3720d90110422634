/*
 * Telegram keeps a bot's updates for a day, at most 100,000 of them or 128 MiB: what comes while
 * there is no room is lost.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/update_kind.h"
#include "sdk/sandbox/world_internal.h"

enum {
    MOST_UPDATES = 100000,
    MOST_BYTES = 128 * 1024 * 1024,
    LARGEST_UPDATE = 512 * 1024,
    WEEK_SECONDS = 7 * 86400,
    GREATEST_ID = 2000000000,
    MOST_QUERIES = 100000,
    CALLBACK_SECONDS = 60, /* how long a read one can be answered */
};

static const char update_row[] = "update", query_row[] = "query";
static const char allowed_name[] = "allowed_updates";

/* ---- which kinds ---- */

static bool is_allowed(const struct world *world, const char *kind)
{
    static const char *const on_request[] = {"chat_member", "message_reaction",
                                             "message_reaction_count"};
    const cJSON *item;

    cJSON_ArrayForEach(item, world->allowed_updates) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, kind) == 0)
            return true;
    }
    if (world->allowed_updates)
        return false;
    for (size_t i = 0; i < sizeof on_request / sizeof *on_request; i++)
        if (strcmp(on_request[i], kind) == 0)
            return false;
    return true;
}

void world_allow_updates(struct world *world, struct arena *arena, const cJSON *kinds)
{
    kinds = update_kinds_known(arena, kinds);
    bool is_default = !cJSON_GetArraySize(kinds);

    cJSON_Delete(world->allowed_updates);
    world->allowed_updates = is_default ? NULL : cJSON_Duplicate(kinds, true);
    world_set_text(world, allowed_name, "", is_default ? "" : json_text(arena, kinds));
}

cJSON *world_allowed_updates(struct world *world, struct arena *arena)
{
    return json_keep(arena, cJSON_Duplicate(world->allowed_updates, true));
}

void allowed_updates_load(struct world *world)
{
    struct arena arena = {0};
    const char *text = world_text(world, &arena, allowed_name, "");

    world->allowed_updates = text ? cJSON_Parse(text) : NULL;
    arena_clear(&arena);
}

/* ---- the queue ---- */

static struct update *find_update(struct world *world, int64_t id)
{
    struct update *update;

    HASH_FIND(hh, world->updates, &id, sizeof id, update);
    return update;
}

static void remove_update(struct world *world, struct update *update)
{
    HASH_DEL(world->updates, update);
    TAILQ_REMOVE(&world->update_order, update, link);
    world->update_bytes -= update->size;
    free(update->body);
    free(update);
    world->is_full = false;
}

static void forget(struct world *world, struct update *update)
{
    world_remove_row(world, update_row, update->id);
    remove_update(world, update);
}

static void insert_by_id(struct world *world, struct update *update)
{
    struct update *before = TAILQ_LAST(&world->update_order, update_list);

    while (before && before->id > update->id)
        before = TAILQ_PREV(before, update_list, link);
    if (before)
        TAILQ_INSERT_AFTER(&world->update_order, before, update, link);
    else
        TAILQ_INSERT_HEAD(&world->update_order, update, link);
}

static void add_update(struct world *world, int64_t id, const char *body, int64_t queue,
                       int64_t expires_at)
{
    struct update *update = calloc(1, sizeof *update);

    if (!update)
        abort();
    *update = (struct update){.id = id,
                              .queue = queue,
                              .expires_at = expires_at,
                              .body = world_strdup(body),
                              .size = strlen(body)};
    HASH_ADD(hh, world->updates, id, sizeof update->id, update);
    insert_by_id(world, update);
    world->update_bytes += update->size;
    if (TAILQ_NEXT(TAILQ_FIRST(&world->update_order), link) == NULL ||
        expires_at < world->next_expiry)
        world->next_expiry = expires_at;
}

void updates_load(struct world *world, const struct store_row *row)
{
    add_update(world, strtoll(row->key, NULL, 10), row->body, row->numbers[0], row->numbers[1]);
}

void updates_forget(struct world *world)
{
    while (!TAILQ_EMPTY(&world->update_order))
        remove_update(world, TAILQ_FIRST(&world->update_order));
    cJSON_Delete(world->allowed_updates);
    world->allowed_updates = NULL;
}

static bool has_room(struct world *world, size_t size)
{
    if (size > LARGEST_UPDATE) {
        log_warn("sandbox", "an update of more than 512 KiB is lost");
        return false;
    }
    if (HASH_COUNT(world->updates) < MOST_UPDATES && world->update_bytes + size <= MOST_BYTES)
        return true;
    if (!world->is_full)
        log_warn("sandbox", "the queue of updates is full: the next ones are lost");
    world->is_full = true;
    return false;
}

static void forget_expired(struct world *world)
{
    struct update *update = TAILQ_FIRST(&world->update_order), *next;
    int64_t now = world_now(world), next_expiry = INT64_MAX;

    if (now <= world->next_expiry)
        return;
    for (; update; update = next) {
        next = TAILQ_NEXT(update, link);
        if (update->expires_at < now)
            forget(world, update);
        else if (update->expires_at < next_expiry)
            next_expiry = update->expires_at;
    }
    world->next_expiry = next_expiry;
}

/* One after the other, but after a week without updates it may be any. */
static int64_t next_id(const struct world *world)
{
    int64_t last_date = world->counters[COUNTER_UPDATE_DATE];

    if (last_date && world_now(world) - last_date >= WEEK_SECONDS)
        return 1 + (int64_t)arc4random_uniform(GREATEST_ID);
    return world->counters[COUNTER_UPDATE] + 1;
}

int64_t world_push_update(struct world *world, struct arena *arena, const char *kind,
                          const cJSON *payload, int64_t update_id)
{
    int64_t queue = update_kind_queue(kind, payload);
    int64_t expires_at = world_now(world) + update_kind_seconds(kind);
    cJSON *update = json_keep(arena, cJSON_CreateObject());

    if (!is_allowed(world, kind))
        return 0;
    forget_expired(world);
    struct update *replaced = update_id ? find_update(world, update_id) : NULL;
    if (replaced)
        forget(world, replaced);
    int64_t id = update_id ? update_id : next_id(world);
    json_set_int(update, "update_id", id);
    json_set(update, kind, cJSON_CreateRaw(json_text(arena, payload)));
    const char *body = json_text(arena, update);
    if (!has_room(world, strlen(body)))
        return 0;
    if (!update_id || id > world->counters[COUNTER_UPDATE])
        world_set_counter(world, COUNTER_UPDATE, id);
    if (world->counters[COUNTER_UPDATE_DATE] != world_now(world))
        world_set_counter(world, COUNTER_UPDATE_DATE, world_now(world));
    add_update(world, id, body, queue, expires_at);
    world_put_row(world, update_row, id, body, queue, expires_at);
    return id;
}

cJSON *world_updates(struct world *world, struct arena *arena, int64_t limit)
{
    cJSON *updates = json_keep(arena, cJSON_CreateArray());
    const struct update *update;

    forget_expired(world);
    TAILQ_FOREACH(update, &world->update_order, link) {
        if (limit-- <= 0)
            break;
        cJSON_AddItemToArray(updates, cJSON_CreateRaw(update->body));
    }
    return updates;
}

cJSON *world_update_queues(struct world *world, struct arena *arena, int64_t limit)
{
    cJSON *pairs = json_keep(arena, cJSON_CreateArray());
    const struct update *update;

    TAILQ_FOREACH(update, &world->update_order, link) {
        if (limit-- <= 0)
            break;
        const double pair[] = {(double)update->id, (double)update->queue};
        cJSON_AddItemToArray(pairs, cJSON_CreateDoubleArray(pair, 2));
    }
    return pairs;
}

cJSON *world_update(struct world *world, struct arena *arena, int64_t update_id,
                    int64_t *ret_expires_at)
{
    forget_expired(world);
    const struct update *update = find_update(world, update_id);
    if (!update)
        return NULL;
    *ret_expires_at = update->expires_at;
    return json_keep(arena, cJSON_CreateRaw(update->body));
}

int64_t world_last_update_id(struct world *world)
{
    return world->counters[COUNTER_UPDATE];
}

int64_t world_update_count(struct world *world)
{
    forget_expired(world);
    return HASH_COUNT(world->updates);
}

void world_confirm_updates(struct world *world, int64_t offset)
{
    struct update *first;

    while ((first = TAILQ_FIRST(&world->update_order)) &&
           (offset < 0 ? HASH_COUNT(world->updates) > (uint64_t)-offset : first->id < offset))
        forget(world, first);
}

void world_forget_update(struct world *world, int64_t update_id)
{
    struct update *update = find_update(world, update_id);

    if (update)
        forget(world, update);
}

void world_drop_updates(struct world *world)
{
    while (!TAILQ_EMPTY(&world->update_order))
        forget(world, TAILQ_FIRST(&world->update_order));
}

/* ---- queries ---- */

static struct query *find_query(struct world *world, const char *id)
{
    struct query *query;

    HASH_FIND_STR(world->queries, id, query);
    return query;
}

static void remove_query(struct world *world, struct query *query)
{
    HASH_DEL(world->queries, query);
    TAILQ_REMOVE(&world->query_order, query, link);
    free(query->id);
    free(query);
}

static int64_t take(struct world *world, struct query *query)
{
    int64_t chat_id = query->expires_at < world_now(world) ? 0 : query->chat_id;

    store_remove(world->store, query_row, query->id);
    remove_query(world, query);
    return chat_id;
}

static void add_query(struct world *world, const char *id, int64_t chat_id, int64_t expires_at)
{
    struct query *query = calloc(1, sizeof *query);

    if (!query)
        abort();
    *query = (struct query){.id = world_strdup(id), .chat_id = chat_id, .expires_at = expires_at};
    HASH_ADD_KEYPTR(hh, world->queries, query->id, strlen(query->id), query);
    TAILQ_INSERT_TAIL(&world->query_order, query, link);
}

void queries_load(struct world *world, const struct store_row *row)
{
    add_query(world, row->key, row->numbers[0], row->numbers[1]);
}

void queries_forget(struct world *world)
{
    while (!TAILQ_EMPTY(&world->query_order))
        remove_query(world, TAILQ_FIRST(&world->query_order));
}

void world_add_query(struct world *world, const char *id, int64_t chat_id, int64_t seconds)
{
    int64_t now = world_now(world);
    struct query *oldest;

    while ((oldest = TAILQ_FIRST(&world->query_order)) &&
           (oldest->expires_at < now || HASH_COUNT(world->queries) >= MOST_QUERIES))
        take(world, oldest);
    add_query(world, id, chat_id, now + seconds);
    store_put(world->store,
              &(struct store_row){
                  .kind = query_row, .key = id, .body = "", .numbers = {chat_id, now + seconds}});
}

void world_add_callback(struct world *world, const char *id, int64_t chat_id)
{
    world_add_query(world, id, chat_id, CALLBACK_SECONDS);
}

int64_t world_take_callback(struct world *world, const char *id)
{
    struct query *query = find_query(world, id);

    return query ? take(world, query) : 0;
}

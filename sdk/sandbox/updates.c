#include "sdk/sandbox/updates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "host/core/arena.h"
#include "host/core/wait.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/update_kind.h"
#include "sdk/sandbox/webhook.h"
#include "sdk/sandbox/world.h"

enum {
    MOST_RECORDED = 100000,
    MOST_RECORDED_BYTES = 64 * 1024 * 1024,
    LONGEST_HOLD_MS = 5000,
};

struct recorded {
    STAILQ_ENTRY(recorded) link;
    int64_t n, at_ms;
    size_t size;
    char *text;
};

struct held {
    TAILQ_ENTRY(held) link;
    char *kind;
    cJSON *payload;
    int64_t update_id, queue;
};

TAILQ_HEAD(held_list, held);

struct updates {
    struct sandbox *sandbox;
    STAILQ_HEAD(, recorded) recorded;
    size_t count, bytes; /* of what is recorded */
    int64_t last;
    struct held_list held;
    struct clock_timer hold; /* set while something is held back */
};

int updates_new(struct updates **ret_updates, struct sandbox *sandbox)
{
    struct updates *updates = calloc(1, sizeof *updates);

    if (!updates)
        return -ENOMEM;
    updates->sandbox = sandbox;
    STAILQ_INIT(&updates->recorded);
    TAILQ_INIT(&updates->held);
    *ret_updates = updates;
    return 0;
}

static void forget_oldest(struct updates *updates)
{
    struct recorded *oldest = STAILQ_FIRST(&updates->recorded);

    STAILQ_REMOVE_HEAD(&updates->recorded, link);
    updates->count--;
    updates->bytes -= oldest->size;
    free(oldest->text);
    free(oldest);
}

static void drop_held(struct updates *updates, struct held *held)
{
    TAILQ_REMOVE(&updates->held, held, link);
    cJSON_Delete(held->payload);
    free(held->kind);
    free(held);
}

void updates_clear(struct updates *updates)
{
    while (!STAILQ_EMPTY(&updates->recorded))
        forget_oldest(updates);
    while (!TAILQ_EMPTY(&updates->held))
        drop_held(updates, TAILQ_FIRST(&updates->held));
    clock_timer_clear(&updates->hold);
    updates->last = 0;
}

void updates_free(struct updates *updates)
{
    if (!updates)
        return;
    updates_clear(updates);
    free(updates);
}

static void record(struct updates *updates, const char *text)
{
    struct recorded *entry = calloc(1, sizeof *entry);

    if (!entry || !(entry->text = strdup(text)))
        abort();
    entry->size = strlen(text);
    entry->n = ++updates->last;
    entry->at_ms = clock_now_ms(updates->sandbox->clock);
    STAILQ_INSERT_TAIL(&updates->recorded, entry, link);
    updates->count++;
    updates->bytes += entry->size;
    while (updates->count > MOST_RECORDED || updates->bytes > MOST_RECORDED_BYTES)
        forget_oldest(updates);
}

static bool queue(struct updates *updates, struct arena *arena, const char *kind,
                  const cJSON *payload, int64_t update_id)
{
    struct sandbox *sandbox = updates->sandbox;
    int64_t expires_at, id = world_push_update(sandbox->world, arena, kind, payload, update_id);

    if (!id)
        return false;
    const cJSON *update = world_update(sandbox->world, arena, id, &expires_at);
    if (update)
        record(updates, update->valuestring);
    if (sandbox->poll.waiting)
        wait_wake(sandbox->poll.waiting, 0);
    webhook_add(sandbox->webhook, id, update_kind_queue(kind, payload));
    return true;
}

/* The queue that came last goes first. */
static void release(void *arg)
{
    struct updates *updates = arg;
    struct arena arena = {0};
    struct held *held, *next;

    clock_timer_clear(&updates->hold);
    while (!TAILQ_EMPTY(&updates->held)) {
        int64_t queue_id = TAILQ_LAST(&updates->held, held_list)->queue;
        for (held = TAILQ_FIRST(&updates->held); held; held = next) {
            next = TAILQ_NEXT(held, link);
            if (held->queue != queue_id)
                continue;
            queue(updates, &arena, held->kind, held->payload, held->update_id);
            drop_held(updates, held);
        }
    }
    arena_clear(&arena);
}

static void hold(struct updates *updates, const char *kind, const cJSON *payload, int64_t update_id)
{
    struct held *held = calloc(1, sizeof *held);

    if (!held || !(held->kind = strdup(kind)) || !(held->payload = cJSON_Duplicate(payload, true)))
        abort();
    held->update_id = update_id;
    held->queue = update_kind_queue(kind, payload);
    TAILQ_INSERT_TAIL(&updates->held, held, link);
    clock_timer_set(&updates->hold, updates->sandbox->clock, LONGEST_HOLD_MS, release, updates);
    if (faults_left(updates->sandbox->faults, FAULT_REORDER) == 0)
        release(updates);
}

bool updates_push(struct updates *updates, struct arena *arena, const char *kind,
                  const cJSON *payload, int64_t update_id)
{
    if (faults_take_kind(updates->sandbox->faults, FAULT_REORDER)) {
        hold(updates, kind, payload, update_id);
        return true;
    }
    return queue(updates, arena, kind, payload, update_id);
}

cJSON *updates_recorded(const struct updates *updates, struct arena *arena, int64_t after,
                        int64_t limit, bool *ret_has_gap)
{
    cJSON *list = json_keep(arena, cJSON_CreateArray());
    const struct recorded *entry = STAILQ_FIRST(&updates->recorded);

    *ret_has_gap = after > updates->last || (entry && entry->n > after + 1);
    for (; entry && limit > 0; entry = STAILQ_NEXT(entry, link)) {
        if (entry->n <= after)
            continue;
        cJSON *item = cJSON_CreateObject();
        json_set_int(item, "n", entry->n);
        json_set(item, "at", cJSON_CreateNumber((double)entry->at_ms / 1000));
        json_set(item, "update", cJSON_CreateRaw(entry->text));
        cJSON_AddItemToArray(list, item);
        limit--;
    }
    return list;
}

int64_t updates_last(const struct updates *updates)
{
    return updates->last;
}

/*
 * Rows are keyed by the lowest update_id in them; done marks point to their row, so that both go
 * together. What a finished batch leaves to delete waits for the next commit: losing it costs a
 * repeated send after a crash, never a repeated effect.
 */
#include "host/store/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/db.h"
#include "host/store/inbox_internal.h"
#include "host/store/statement.h"

enum {
    MAX_BATCH = 1000,
    MAX_STATEMENTS = 512,
};

#define INSERT "INSERT INTO inbox (bot_id, first_id, updates, received_at) VALUES ($1, $2, $3, $4)"

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

void *inbox_grow(void *array, size_t count, size_t *capacity, size_t element_size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : 64;
    array = reallocarray(array, *capacity, element_size);
    if (!array)
        abort();
    return array;
}

int64_t inbox_update_id(const cJSON *update)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(update, "update_id");

    if (!cJSON_IsNumber(id) || id->valuedouble < 1 || id->valuedouble > 9007199254740991.0)
        return 0;
    int64_t whole = (int64_t)id->valuedouble;
    return (double)whole == id->valuedouble ? whole : 0;
}

static int64_t lowest_id(const cJSON *updates)
{
    int64_t lowest = inbox_update_id(updates->child);
    const cJSON *update;

    cJSON_ArrayForEach(update, updates) {
        if (inbox_update_id(update) < lowest)
            lowest = inbox_update_id(update);
    }
    return lowest;
}

/* ---- statements ---- */

struct aisha_statement inbox_done_statement(const struct inbox *inbox, struct arena *arena,
                                            const struct inbox_item *item)
{
    assert(item->batch->is_stored); /* or after a crash it could come in another row, unmarked */
    item->batch->has_marks = true;
    return STATEMENT(arena,
                     "INSERT INTO done_updates (bot_id, first_id, update_id) VALUES ($1, $2, $3)",
                     inbox->bot_id, item->batch->first_id, item->update_id);
}

int inbox_find_done(const struct inbox *inbox, struct arena *arena, const struct inbox_item *item,
                    bool *ret_is_done)
{
    const struct aisha_rows *rows;

    int r = db_query(inbox->db, arena,
                     &AISHA_SQL("SELECT update_id FROM done_updates"
                                " WHERE bot_id = $1 AND first_id = $2 AND update_id = $3",
                                inbox->bot_id, item->batch->first_id, item->update_id),
                     &rows);
    if (r == 0)
        *ret_is_done = rows->row_count > 0;
    return r;
}

/* Adds what the next commit should take along; returns the new count. */
static size_t add_leftovers(const struct inbox *inbox, struct arena *arena, size_t leftover_count,
                            struct aisha_statement *statements, size_t count)
{
    for (size_t i = 0; i < leftover_count; i++) {
        const struct leftover *left = &inbox->leftovers[i];
        if (left->update_id) {
            statements[count++] = STATEMENT(
                arena,
                "INSERT INTO done_updates (bot_id, first_id, update_id) VALUES ($1, $2, $3)"
                " ON CONFLICT DO NOTHING",
                inbox->bot_id, left->first_id, left->update_id);
            continue;
        }
        if (left->has_marks)
            statements[count++] =
                STATEMENT(arena, "DELETE FROM done_updates WHERE bot_id = $1 AND first_id = $2",
                          inbox->bot_id, left->first_id);
        statements[count++] =
            STATEMENT(arena, "DELETE FROM inbox WHERE bot_id = $1 AND first_id = $2", inbox->bot_id,
                      left->first_id);
    }
    return count;
}

static void add_leftover(struct inbox *inbox, const struct leftover *leftover)
{
    inbox->leftovers = inbox_grow(inbox->leftovers, inbox->leftover_count,
                                  &inbox->leftover_capacity, sizeof *inbox->leftovers);
    inbox->leftovers[inbox->leftover_count++] = *leftover;
}

/* Commits the statements together with the leftovers so far. */
static AISHA_ASYNC int commit(struct inbox *inbox, struct arena *arena,
                              const struct aisha_statement *own, size_t own_count)
{
    size_t taken = inbox->leftover_count;
    if (taken > MAX_STATEMENTS)
        taken = MAX_STATEMENTS;
    struct aisha_statement *all = arena_alloc(arena, (own_count + 2 * taken + 1) * sizeof *all);
    size_t count = add_leftovers(inbox, arena, taken, all, 0);

    for (size_t i = 0; i < own_count; i++)
        all[count++] = own[i];
    if (count == 0)
        return 0;

    /* Others may add leftovers while this waits, and another commit may run at the same time. */
    struct leftover *moved = arena_memdup(arena, inbox->leftovers, taken * sizeof *moved);
    inbox->leftover_count -= taken;
    for (size_t i = 0; i < inbox->leftover_count; i++)
        inbox->leftovers[i] = inbox->leftovers[i + taken];
    int r = db_batch(inbox->db, arena, all, count, NULL);
    for (size_t i = 0; r < 0 && i < taken; i++)
        add_leftover(inbox, &moved[i]);
    return r;
}

/* A finished row needs no marks of its own any more. */
static void drop_marks(struct inbox *inbox, int64_t first_id)
{
    size_t kept = 0;

    for (size_t i = 0; i < inbox->leftover_count; i++)
        if (inbox->leftovers[i].first_id != first_id)
            inbox->leftovers[kept++] = inbox->leftovers[i];
    inbox->leftover_count = kept;
}

void inbox_batch_unref(struct inbox *inbox, struct inbox_batch *batch)
{
    if (--batch->undone > 0)
        return;
    if (!batch->is_given_up) {
        drop_marks(inbox, batch->first_id);
        add_leftover(
            inbox, &(struct leftover){.first_id = batch->first_id, .has_marks = batch->has_marks});
    }
    cJSON_Delete(batch->updates);
    free(batch);
}

struct inbox_batch *inbox_batch_new(struct inbox *inbox, cJSON *updates, int64_t first_id,
                                    int64_t received_at)
{
    struct inbox_batch *batch = calloc(1, sizeof *batch);
    size_t count = (size_t)cJSON_GetArraySize(updates);

    if (!batch)
        abort();
    *batch = (struct inbox_batch){.inbox = inbox,
                                  .first_id = first_id,
                                  .received_at = received_at,
                                  .updates = updates,
                                  .undone = count + 1};
    LIST_INIT(&batch->waiters);
    return batch;
}

void inbox_batch_set_stored(struct inbox_batch *batch)
{
    struct waiter *waiter;

    batch->is_stored = true;
    LIST_FOREACH(waiter, &batch->waiters, link)
        wait_wake(&waiter->wait, 0);
}

struct inbox_item inbox_item_of(struct inbox_batch *batch, const cJSON *update)
{
    return (struct inbox_item){.batch = batch,
                               .update_id = inbox_update_id(update),
                               .received_at = batch->received_at,
                               .update = update};
}

static void deliver_batch(struct inbox_batch *batch)
{
    struct inbox *inbox = batch->inbox;
    const cJSON *update;

    batch->is_delivered = true;
    inbox->pending += (size_t)cJSON_GetArraySize(batch->updates);
    cJSON_ArrayForEach(update, batch->updates) {
        const struct inbox_item item = inbox_item_of(batch, update);
        inbox->deliver(&item, inbox->user);
    }
}

/* ---- life ---- */

/* Of rows that are gone. */
static AISHA_ASYNC int forget_old_marks(struct inbox *inbox)
{
    struct arena arena = {0};

    int r = db_query(inbox->db, &arena,
                     &AISHA_SQL("DELETE FROM done_updates WHERE NOT EXISTS (SELECT 1 FROM inbox"
                                " WHERE inbox.bot_id = done_updates.bot_id"
                                " AND inbox.first_id = done_updates.first_id)"),
                     NULL);
    arena_clear(&arena);
    return r;
}

int inbox_open(struct inbox **ret_inbox, struct loop *loop, struct db *db, int64_t bot_id,
               inbox_deliver *deliver, void *user)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);

    if (!inbox)
        return -ENOMEM;
    *inbox =
        (struct inbox){.loop = loop, .db = db, .bot_id = bot_id, .deliver = deliver, .user = user};
    slots_init(&inbox->storing, loop, 1);
    int r = forget_old_marks(inbox);
    if (r == 0)
        r = seen_load(&inbox->seen, db, bot_id, now_s());
    if (r < 0) {
        inbox_free(inbox);
        return r;
    }
    *ret_inbox = inbox;
    return 0;
}

void inbox_free(struct inbox *inbox)
{
    if (!inbox)
        return;
    seen_free(&inbox->seen);
    if (inbox->unstored) {
        inbox->unstored->undone = 1; /* nobody has its updates any more, or ever had */
        inbox_batch_unref(inbox, inbox->unstored);
    }
    free(inbox->leftovers);
    free(inbox);
}

/* Whether an update before this one in the batch has its id. */
static bool is_repeated(const cJSON *updates, const cJSON *update, int64_t id)
{
    for (const cJSON *other = updates->child; other != update; other = other->next)
        if (inbox_update_id(other) == id)
            return true;
    return false;
}

/* Removes what is no update or was seen before; returns the highest update_id of all, or 0. Of text
 * nothing is left when something was removed. */
static int64_t sift(struct inbox *inbox, cJSON *updates, const char **text)
{
    int64_t last_id = 0;
    cJSON *update, *next;

    for (update = updates->child; update; update = next) {
        next = update->next;
        int64_t id = inbox_update_id(update);
        bool is_highest = id > last_id; /* nearly always: they come in order */
        if (is_highest)
            last_id = id;
        if (id != 0 && !seen_has(&inbox->seen, id) &&
            (is_highest || !is_repeated(updates, update, id)))
            continue;
        cJSON_Delete(cJSON_DetachItemViaPointer(updates, update));
        *text = NULL;
    }
    return last_id;
}

static const char *print(struct arena *arena, const cJSON *updates)
{
    char *text = cJSON_PrintUnformatted(updates);

    if (!text)
        abort();
    arena_defer(arena, free, text);
    return text;
}

/* The batch that came last. */
static AISHA_ASYNC int store(struct inbox *inbox, const char *text)
{
    struct inbox_batch *batch = inbox->unstored;
    struct arena arena = {0};
    size_t size = (size_t)cJSON_GetArraySize(batch->updates);
    struct aisha_statement *statements = arena_alloc(&arena, (2 * size + 1) * sizeof *statements);
    struct seen before = seen_copy(&inbox->seen, &arena);
    const cJSON *update;
    size_t count = 1;

    statements[0] = STATEMENT(
        &arena, batch->is_doubtful ? INSERT " ON CONFLICT (bot_id, first_id) DO NOTHING" : INSERT,
        inbox->bot_id, batch->first_id, text ? text : print(&arena, batch->updates),
        batch->received_at);
    cJSON_ArrayForEach(update, batch->updates)
        count += seen_add(&inbox->seen, inbox_update_id(update), batch->received_at, &arena,
                          &statements[count]);
    count += seen_save(&inbox->seen, &arena, &statements[count]);
    int r = commit(inbox, &arena, statements, count);
    if (r < 0) /* it will come again */
        seen_restore(&inbox->seen, &before);
    arena_clear(&arena);
    batch->is_doubtful |= r == -AISHA_E_UNAVAILABLE || r == -AISHA_E_CANCELED;
    if (r < 0)
        return r;
    inbox->unstored = NULL;
    inbox_batch_set_stored(batch);
    if (!batch->is_delivered)
        deliver_batch(batch);
    inbox_batch_unref(inbox, batch);
    return 0;
}

static AISHA_ASYNC int receive(struct inbox *inbox, cJSON *updates, const char *text,
                               enum inbox_when when, int64_t *ret_last_id)
{
    int64_t now = now_s(), last_id = 0;
    int r = inbox->unstored ? store(inbox, NULL) : 0;

    seen_forget_old(&inbox->seen, now);
    if (r == 0)
        last_id = sift(inbox, updates, &text);
    if (r == 0 && updates->child) {
        inbox->unstored = inbox_batch_new(inbox, updates, lowest_id(updates), now);
        if (when == INBOX_EARLY && !db_is_away(inbox->db))
            deliver_batch(inbox->unstored);
        r = store(inbox, text);
    } else {
        cJSON_Delete(updates);
    }
    if (r == 0 && last_id)
        *ret_last_id = last_id;
    return r;
}

int inbox_receive(struct inbox *inbox, cJSON *updates, const char *text, enum inbox_when when,
                  int64_t *ret_last_id)
{
    int r = cJSON_GetArraySize(updates) > MAX_BATCH ? -AISHA_E_LIMIT : 0;

    if (r == 0)
        r = slots_take(&inbox->storing, WAIT_FOREVER);
    if (r < 0) {
        cJSON_Delete(updates);
        return r;
    }
    r = receive(inbox, updates, text, when, ret_last_id);
    slots_give(&inbox->storing);
    return r;
}

bool inbox_is_stored(const struct inbox_item *item)
{
    return !item->batch || item->batch->is_stored;
}

int inbox_wait_stored(const struct inbox_item *item)
{
    struct inbox_batch *batch = item->batch;
    struct waiter waiter;

    if (inbox_is_stored(item))
        return 0;
    wait_init(&waiter.wait, batch->inbox->loop);
    LIST_INSERT_HEAD(&batch->waiters, &waiter, link);
    int r = wait_for(&waiter.wait, WAIT_FOREVER);
    LIST_REMOVE(&waiter, link);
    return r;
}

int inbox_receive_again(struct inbox *inbox, const char *text, const struct aisha_statement *with)
{
    struct arena arena = {0};
    int64_t now = now_s();
    cJSON *updates = cJSON_Parse(arena_printf(&arena, "[%s]", text));
    int64_t id = updates && cJSON_GetArraySize(updates) == 1 ? inbox_update_id(updates->child) : 0;
    int r = id ? 0 : -AISHA_E_INVALID;

    if (r == 0) {
        const struct aisha_statement both[] = {
            STATEMENT(&arena, INSERT, inbox->bot_id, id, print(&arena, updates), now), *with};
        r = commit(inbox, &arena, both, 2);
    }
    if (r == 0) {
        struct inbox_batch *batch = inbox_batch_new(inbox, updates, id, now);
        inbox_batch_set_stored(batch);
        deliver_batch(batch);
        inbox_batch_unref(inbox, batch);
    } else {
        cJSON_Delete(updates);
    }
    arena_clear(&arena);
    return r;
}

void inbox_done(struct inbox *inbox, const struct inbox_item *item, bool is_committed)
{
    struct inbox_batch *batch = item->batch;

    if (!is_committed && (batch->undone > 1 || batch->is_given_up)) {
        batch->has_marks = true;
        add_leftover(inbox,
                     &(struct leftover){.first_id = batch->first_id, .update_id = item->update_id});
    }
    inbox->pending--;
    inbox_batch_unref(inbox, batch);
}

void inbox_give_up(struct inbox *inbox, const struct inbox_item *item)
{
    item->batch->is_given_up = true;
    inbox->pending--;
    inbox_batch_unref(inbox, item->batch);
}

size_t inbox_pending(const struct inbox *inbox)
{
    return inbox->pending;
}

/* Those who handle it may wait for that, and nothing else may come that would store it. */
static AISHA_ASYNC int store_what_is_handled(struct inbox *inbox)
{
    int r = slots_take(&inbox->storing, WAIT_FOREVER);

    if (r < 0)
        return r;
    if (inbox->unstored && inbox->unstored->is_delivered)
        r = store(inbox, NULL);
    slots_give(&inbox->storing);
    return r;
}

int inbox_flush(struct inbox *inbox)
{
    struct arena arena = {0};
    int r = store_what_is_handled(inbox);

    while (r == 0 && inbox->leftover_count > 0)
        r = commit(inbox, &arena, NULL, 0);
    arena_clear(&arena);
    return r;
}

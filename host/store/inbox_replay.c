/*
 * At the start: what an earlier process left undone.
 */
#include <stdlib.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/store/db.h"
#include "host/store/inbox_internal.h"

static bool is_done(const struct aisha_rows *done, int64_t update_id)
{
    for (size_t i = 0; i < done->row_count; i++)
        if (aisha_cell_int(done, i, "update_id") == update_id)
            return true;
    return false;
}

/* Everything that an earlier process left: its rows overlap, and who takes an update has to have
 * been given those before it. */
struct replay {
    struct inbox_item *items;
    size_t count, capacity;
};

static void read_row(struct inbox *inbox, struct replay *replay, const struct aisha_rows *row,
                     const struct aisha_rows *done)
{
    int64_t first_id = aisha_cell_int(row, 0, "first_id");
    const char *text = aisha_cell_text(row, 0, "updates");
    cJSON *updates = text ? cJSON_Parse(text) : NULL;
    cJSON *update, *next;

    if (!cJSON_IsArray(updates)) {
        log_error("inbox", "update=%lld what is stored cannot be read; it stays in the database",
                  (long long)first_id);
        cJSON_Delete(updates);
        return;
    }
    for (update = updates->child; update; update = next) {
        next = update->next;
        if (is_done(done, inbox_update_id(update)))
            cJSON_Delete(cJSON_DetachItemViaPointer(updates, update));
    }
    if (updates->child)
        log_info("inbox", "update=%lld %d updates of an earlier run are not done yet",
                 (long long)first_id, cJSON_GetArraySize(updates));
    struct inbox_batch *batch =
        inbox_batch_new(inbox, updates, first_id, aisha_cell_int(row, 0, "received_at"));
    inbox_batch_set_stored(batch);
    batch->has_marks = done->row_count > 0;
    cJSON_ArrayForEach(update, updates) {
        replay->items =
            inbox_grow(replay->items, replay->count, &replay->capacity, sizeof *replay->items);
        replay->items[replay->count++] = inbox_item_of(batch, update);
        inbox->pending++;
    }
    inbox_batch_unref(inbox, batch); /* from here on its updates hold it */
}

/* Reads what is left of the row after *after, one row at a time: it may be large. */
static AISHA_ASYNC int read_next(struct inbox *inbox, struct replay *replay, int64_t *after,
                                 bool *ret_is_end)
{
    struct arena arena = {0};
    const struct aisha_rows *row, *done;

    int r = db_query(inbox->db, &arena,
                     &AISHA_SQL("SELECT first_id, updates, received_at FROM inbox"
                                " WHERE bot_id = $1 AND first_id > $2 ORDER BY first_id LIMIT 1",
                                inbox->bot_id, *after),
                     &row);
    *ret_is_end = r == 0 && row->row_count == 0;
    if (r == 0 && !*ret_is_end) {
        *after = aisha_cell_int(row, 0, "first_id");
        r = db_query(inbox->db, &arena,
                     &AISHA_SQL("SELECT update_id FROM done_updates"
                                " WHERE bot_id = $1 AND first_id = $2",
                                inbox->bot_id, *after),
                     &done);
        if (r == 0)
            read_row(inbox, replay, row, done);
    }
    arena_clear(&arena);
    return r;
}

static int compare_items(const void *a, const void *b)
{
    const struct inbox_item *left = a, *right = b;

    return left->update_id < right->update_id ? -1 : left->update_id > right->update_id;
}

int inbox_replay(struct inbox *inbox)
{
    struct replay replay = {0};
    int64_t after = 0;
    bool is_end = false;
    int r = 0;

    while (r == 0 && !is_end)
        r = read_next(inbox, &replay, &after, &is_end);
    if (replay.count)
        qsort(replay.items, replay.count, sizeof *replay.items, compare_items);
    for (size_t i = 0; i < replay.count; i++) {
        if (r == 0)
            inbox->deliver(&replay.items[i], inbox->user);
        else
            inbox_give_up(inbox, &replay.items[i]);
    }
    free(replay.items);
    return r;
}

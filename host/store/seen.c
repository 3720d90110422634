/*
 * Ids come nearly in order, so that most of them extend the newest range, or fill the gap before it:
 * then the two become one. A range is extended for an hour only; so all of it may be forgotten two
 * days and an hour after it was opened.
 */
#include "host/store/seen.h"

#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/store/db.h"
#include "host/store/statement.h"

enum {
    KEPT_S = 48 * 3600,
    OPEN_S = 3600,
    ROWS_AT_ONCE = 5000, /* in one result */
};

struct seen_range {
    int64_t first_id, last_id, opened_at;
    bool is_changed; /* its row has to be written */
};

/* The place of the first range behind the id. */
static size_t place_of(const struct seen *seen, int64_t update_id)
{
    size_t low = 0, high = seen->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (seen->ranges[middle].first_id <= update_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool seen_has(const struct seen *seen, int64_t update_id)
{
    size_t place = place_of(seen, update_id);

    return place > 0 && update_id <= seen->ranges[place - 1].last_id;
}

void seen_forget_old(struct seen *seen, int64_t now_s)
{
    size_t kept = 0;

    for (size_t i = 0; i < seen->count; i++)
        if (seen->ranges[i].opened_at > now_s - KEPT_S - OPEN_S)
            seen->ranges[kept++] = seen->ranges[i];
    seen->count = kept;
}

static void insert(struct seen *seen, size_t place, struct seen_range range)
{
    if (seen->count == seen->capacity) {
        seen->capacity = seen->capacity ? seen->capacity * 2 : 64;
        seen->ranges = reallocarray(seen->ranges, seen->capacity, sizeof range);
        if (!seen->ranges)
            abort();
    }
    memmove(&seen->ranges[place + 1], &seen->ranges[place], (seen->count - place) * sizeof range);
    seen->ranges[place] = range;
    seen->count++;
}

static void take_out(struct seen *seen, size_t place)
{
    seen->count--;
    memmove(&seen->ranges[place], &seen->ranges[place + 1],
            (seen->count - place) * sizeof *seen->ranges);
}

/* The range at that place if it may be extended, or NULL. */
static struct seen_range *open_range(const struct seen *seen, size_t place, int64_t now_s)
{
    bool is_open = place < seen->count && now_s - seen->ranges[place].opened_at < OPEN_S;

    return is_open ? &seen->ranges[place] : NULL;
}

static struct aisha_statement delete_row(const struct seen *seen, struct arena *arena,
                                         const struct seen_range *range)
{
    return STATEMENT(arena, "DELETE FROM seen_updates WHERE bot_id = $1 AND first_id = $2",
                     seen->bot_id, range->first_id);
}

size_t seen_add(struct seen *seen, int64_t update_id, int64_t now_s, struct arena *arena,
                struct aisha_statement *statements)
{
    size_t place = place_of(seen, update_id);
    struct seen_range *before = place > 0 ? open_range(seen, place - 1, now_s) : NULL;
    struct seen_range *after = open_range(seen, place, now_s);
    struct seen_range own = {update_id, update_id, now_s, .is_changed = true};

    if (before && before->last_id + 1 != update_id)
        before = NULL;
    if (after && after->first_id != update_id + 1)
        after = NULL;
    if (!before && !after) {
        insert(seen, place, own);
        return 0;
    }
    if (!after) {
        before->last_id = update_id;
        before->is_changed = true;
        return 0;
    }
    *statements = delete_row(seen, arena, after); /* its first id is no longer the first */
    own.last_id = after->last_id;
    own.opened_at = after->opened_at;
    if (!before) {
        *after = own;
        return 1;
    }
    before->last_id = own.last_id;
    before->is_changed = true;
    if (own.opened_at < before->opened_at)
        before->opened_at = own.opened_at;
    take_out(seen, place);
    return 1;
}

size_t seen_save(struct seen *seen, struct arena *arena, struct aisha_statement *statements)
{
    size_t count = 0;

    for (size_t i = 0; i < seen->count; i++) {
        struct seen_range *range = &seen->ranges[i];
        if (!range->is_changed)
            continue;
        range->is_changed = false;
        statements[count++] =
            STATEMENT(arena,
                      "INSERT INTO seen_updates (bot_id, first_id, last_id, opened_at)"
                      " VALUES ($1, $2, $3, $4) ON CONFLICT (bot_id, first_id) DO UPDATE"
                      " SET last_id = excluded.last_id, opened_at = excluded.opened_at",
                      seen->bot_id, range->first_id, range->last_id, range->opened_at);
    }
    return count;
}

struct seen seen_copy(const struct seen *seen, struct arena *arena)
{
    struct seen copy = *seen;

    copy.ranges = arena_memdup(arena, seen->ranges, seen->count * sizeof *seen->ranges);
    return copy;
}

void seen_restore(struct seen *seen, const struct seen *copy)
{
    seen->count = copy->count; /* no more than there is room for */
    if (copy->count)
        memcpy(seen->ranges, copy->ranges, copy->count * sizeof *copy->ranges);
}

/* The ranges behind the last one known. */
static AISHA_ASYNC int load_more(struct seen *seen, struct db *db, struct arena *arena,
                                 size_t *ret_count)
{
    int64_t after = seen->count ? seen->ranges[seen->count - 1].first_id : 0;
    const struct aisha_rows *rows;

    int r = db_query(db, arena,
                     &AISHA_SQL("SELECT first_id, last_id, opened_at FROM seen_updates"
                                " WHERE bot_id = $1 AND first_id > $2 ORDER BY first_id LIMIT $3",
                                seen->bot_id, after, ROWS_AT_ONCE),
                     &rows);
    if (r < 0)
        return r;
    for (size_t i = 0; i < rows->row_count; i++)
        insert(seen, seen->count,
               (struct seen_range){.first_id = aisha_cell_int(rows, i, "first_id"),
                                   .last_id = aisha_cell_int(rows, i, "last_id"),
                                   .opened_at = aisha_cell_int(rows, i, "opened_at")});
    *ret_count = rows->row_count;
    return 0;
}

int seen_load(struct seen *seen, struct db *db, int64_t bot_id, int64_t now_s)
{
    struct arena arena = {0};
    size_t count = ROWS_AT_ONCE;

    *seen = (struct seen){.bot_id = bot_id};
    int r = db_query(db, &arena,
                     &AISHA_SQL("DELETE FROM seen_updates WHERE bot_id = $1 AND opened_at < $2",
                                bot_id, now_s - KEPT_S - OPEN_S),
                     NULL);
    while (r == 0 && count == ROWS_AT_ONCE)
        r = load_more(seen, db, &arena, &count);
    arena_clear(&arena);
    return r;
}

void seen_free(struct seen *seen)
{
    free(seen->ranges);
    *seen = (struct seen){0};
}

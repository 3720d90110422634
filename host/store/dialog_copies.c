#include "host/store/dialog_copies.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/store/cache.h"
#include "host/store/copies.h"
#include "host/store/dialog_memory.h"
#include "host/store/uuid.h"

enum {
    GROUPS = 1024,
    NAME_SIZE = 160,
};

struct group {
    uint64_t number;
    unsigned changes; /* under way */
    uint64_t begun;   /* the number that the last of them began with */
    int64_t no_copies_until_ms;
};

struct dialog_copies {
    struct loop *loop;
    struct db *db;
    struct dialog_memory *memory; /* NULL = the copies are in Redis */
    struct cache *cache;
    char process[40]; /* no other one, before or after, has this */
    struct group groups[GROUPS];
};

static struct group *group_of(struct dialog_copies *copies, const struct dialog_key *key)
{
    uint64_t hash = (uint64_t)key->chat_id * 31 + (uint64_t)key->telegram_id;

    hash = (hash * 31 + (uint64_t)key->thread_id) * UINT64_C(0x9e3779b97f4a7c15);
    return &copies->groups[hash >> 54];
}

static bool may_copy(const struct dialog_copies *copies, const struct group *group)
{
    return group->changes == 0 && group->no_copies_until_ms <= loop_now_ms(copies->loop);
}

static void name_copy(const struct dialog_copies *copies, const struct dialog_key *key,
                      uint64_t number, char ret[NAME_SIZE])
{
    snprintf(ret, NAME_SIZE, "host:dialog/%s/%" PRIu64 "/%" PRId64 "/%" PRId64 "/%" PRId64,
             copies->process, number, key->chat_id, key->telegram_id, key->thread_id);
}

/* ---- in Redis: nothing, or when it ends, plugin, state and data, with zeros between ---- */

static AISHA_ASYNC void write_copy(struct dialog_copies *copies, const char *name,
                                   struct arena *arena, const struct dialog *dialog)
{
    char *bytes = NULL;
    size_t size = 0;

    if (dialog) {
        const char *expires = arena_printf(arena, "%" PRId64, dialog->expires_at);

        const struct {
            const void *bytes;
            size_t size;
        } parts[] = {{expires, strlen(expires) + 1},
                     {dialog->plugin, strlen(dialog->plugin) + 1},
                     {dialog->state, strlen(dialog->state) + 1},
                     {dialog->data, dialog->data_size}};

        for (size_t i = 0; i < 4; i++)
            size += parts[i].size;
        bytes = arena_alloc(arena, size + 1);
        char *end = bytes;
        for (size_t i = 0; i < 4; i++)
            end = parts[i].size ? mempcpy(end, parts[i].bytes, parts[i].size) : end;
    }
    aisha_ignore(cache_set(copies->cache, name, bytes ? bytes : "", size, COPIES_TTL_MS));
}

/* The text in front, and what comes after it; NULL when there is none. */
static const char *take_text(const char **bytes, size_t *size)
{
    const char *text = *bytes, *end = *size ? memchr(text, '\0', *size) : NULL;

    if (!end)
        return NULL;
    *size -= (size_t)(end + 1 - text);
    *bytes = end + 1;
    return text;
}

/* 0, -AISHA_E_NOT_FOUND, or 1 when it is no copy of ours. */
static int read_copy(const char *bytes, size_t size, struct dialog *ret_dialog)
{
    struct dialog dialog = {0};

    if (size == 0)
        return -AISHA_E_NOT_FOUND;
    const char *expires = take_text(&bytes, &size);
    dialog.plugin = take_text(&bytes, &size);
    dialog.state = take_text(&bytes, &size);
    if (!expires || !dialog.plugin || !dialog.state)
        return 1;
    dialog.expires_at = strtoll(expires, NULL, 10);
    if (dialog.expires_at <= (int64_t)time(NULL))
        return -AISHA_E_NOT_FOUND;
    dialog.data = size ? bytes : NULL;
    dialog.data_size = size;
    *ret_dialog = dialog;
    return 0;
}

/* ---- using them ---- */

/* What is pending or -AISHA_E_NOT_FOUND, 1 when there is no copy, or why it cannot be looked up. */
static AISHA_ASYNC int get(struct dialog_copies *copies, struct arena *arena,
                           const struct dialog_key *key, uint64_t number, struct dialog *ret_dialog)
{
    char name[NAME_SIZE];
    const void *bytes;
    size_t size;

    if (copies->memory)
        return dialog_memory_get(copies->memory, arena, key, number, ret_dialog);
    name_copy(copies, key, number, name);
    int r = cache_get(copies->cache, arena, name, &bytes, &size);
    if (r == 0)
        r = read_copy(bytes, size, ret_dialog);
    return r == -AISHA_E_INVALID ? 1 : r;
}

static AISHA_ASYNC void put(struct dialog_copies *copies, struct arena *arena,
                            const struct dialog_key *key, uint64_t number,
                            const struct dialog *dialog)
{
    char name[NAME_SIZE];

    if (copies->memory) {
        dialog_memory_put(copies->memory, key, number, dialog);
        return;
    }
    name_copy(copies, key, number, name);
    write_copy(copies, name, arena, dialog);
}

int dialog_copies_find(struct dialog_copies *copies, struct arena *arena,
                       const struct dialog_key *key, struct dialog *ret_dialog)
{
    const struct group *group = group_of(copies, key);
    uint64_t number = group->number;

    if (!may_copy(copies, group))
        return dialog_find(copies->db, arena, key, ret_dialog);
    int r = get(copies, arena, key, number, ret_dialog);
    if (r <= 0)
        return r;
    r = dialog_find(copies->db, arena, key, ret_dialog);
    if ((r == 0 || r == -AISHA_E_NOT_FOUND) && group->number == number && may_copy(copies, group))
        put(copies, arena, key, number, r == 0 ? ret_dialog : NULL);
    return r;
}

void dialog_copies_change_begins(struct dialog_copies *copies, const struct dialog_key *key)
{
    struct group *group = group_of(copies, key);

    group->changes++;
    group->begun = ++group->number;
}

void dialog_copies_change_ends(struct dialog_copies *copies, const struct dialog_key *key,
                               bool is_known, const struct dialog *now)
{
    struct group *group = group_of(copies, key);

    bool was_alone = group->number == group->begun; /* or who knows which came last */
    group->changes--;
    group->number++;
    if (!is_known)
        group->no_copies_until_ms = loop_now_ms(copies->loop) + COPIES_DOUBT_MS;
    else if (copies->memory && was_alone && may_copy(copies, group))
        dialog_memory_put(copies->memory, key, group->number, now);
}

/* ---- life ---- */

int dialog_copies_new(struct dialog_copies **ret_copies, struct loop *loop, struct db *db,
                      struct cache *cache)
{
    struct dialog_copies *copies = calloc(1, sizeof *copies);
    struct arena arena = {0};

    if (!copies)
        return -ENOMEM;
    copies->loop = loop;
    copies->db = db;
    copies->cache = cache;
    snprintf(copies->process, sizeof copies->process, "%s", uuid_new(&arena));
    arena_clear(&arena);
    if (!cache_is_shared(cache) && dialog_memory_new(&copies->memory, loop) < 0) {
        free(copies);
        return -ENOMEM;
    }
    *ret_copies = copies;
    return 0;
}

void dialog_copies_free(struct dialog_copies *copies)
{
    if (copies)
        dialog_memory_free(copies->memory);
    free(copies);
}

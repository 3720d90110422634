#include "host/store/dialog_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/store/copies.h"

enum {
    MAX_BYTES = 4 << 20,
    MAX_ENTRY_BYTES = MAX_BYTES / 64,
};

struct entry {
    struct dialog_key key;
    uint64_t number;
    int64_t until_ms;
    int64_t expires_at; /* of the dialogue; 0 = nothing is pending */
    size_t plugin_size, state_size, data_size;
    UT_hash_handle hh;
    char bytes[]; /* plugin, state and data */
};

struct dialog_memory {
    struct loop *loop;
    struct entry *entries; /* oldest first */
    size_t bytes;
};

int dialog_memory_new(struct dialog_memory **ret_memory, struct loop *loop)
{
    struct dialog_memory *memory = calloc(1, sizeof *memory);

    if (!memory)
        return -ENOMEM;
    memory->loop = loop;
    *ret_memory = memory;
    return 0;
}

static size_t size_of(const struct entry *entry)
{
    return sizeof *entry + entry->plugin_size + entry->state_size + entry->data_size;
}

static void drop(struct dialog_memory *memory, struct entry *entry)
{
    memory->bytes -= size_of(entry);
    HASH_DEL(memory->entries, entry);
    free(entry);
}

void dialog_memory_free(struct dialog_memory *memory)
{
    if (!memory)
        return;
    while (memory->entries)
        drop(memory, memory->entries);
    free(memory);
}

static struct entry *find(struct dialog_memory *memory, const struct dialog_key *key)
{
    struct entry *entry;

    HASH_FIND(hh, memory->entries, key, sizeof *key, entry);
    return entry;
}

int dialog_memory_get(struct dialog_memory *memory, struct arena *arena,
                      const struct dialog_key *key, uint64_t number, struct dialog *ret_dialog)
{
    const struct entry *entry = find(memory, key);

    if (!entry || entry->number != number || entry->until_ms <= loop_now_ms(memory->loop))
        return DIALOG_NOT_REMEMBERED;
    if (entry->expires_at <= (int64_t)time(NULL))
        return -AISHA_E_NOT_FOUND;
    const char *bytes = arena_memdup(arena, entry->bytes, size_of(entry) - sizeof *entry);
    *ret_dialog = (struct dialog){.plugin = bytes,
                                  .state = bytes + entry->plugin_size,
                                  .data_size = entry->data_size,
                                  .expires_at = entry->expires_at};
    if (entry->data_size)
        ret_dialog->data = bytes + entry->plugin_size + entry->state_size;
    return 0;
}

static struct entry *entry_new(const struct dialog *dialog)
{
    size_t plugin_size = strlen(dialog->plugin) + 1, state_size = strlen(dialog->state) + 1;
    struct entry *entry = malloc(sizeof *entry + plugin_size + state_size + dialog->data_size);

    if (!entry)
        abort();
    *entry = (struct entry){.expires_at = dialog->expires_at,
                            .plugin_size = plugin_size,
                            .state_size = state_size,
                            .data_size = dialog->data_size};
    memcpy(entry->bytes, dialog->plugin, plugin_size);
    memcpy(entry->bytes + plugin_size, dialog->state, state_size);
    if (dialog->data_size)
        memcpy(entry->bytes + plugin_size + state_size, dialog->data, dialog->data_size);
    return entry;
}

void dialog_memory_put(struct dialog_memory *memory, const struct dialog_key *key, uint64_t number,
                       const struct dialog *dialog)
{
    const struct dialog none = {.plugin = "", .state = ""};
    struct entry *entry = find(memory, key);

    if (entry)
        drop(memory, entry);
    if (dialog && dialog->data_size > MAX_ENTRY_BYTES)
        return;
    entry = entry_new(dialog ? dialog : &none);
    entry->key = *key;
    entry->number = number;
    entry->until_ms = loop_now_ms(memory->loop) + COPIES_TTL_MS;
    memory->bytes += size_of(entry);
    HASH_ADD(hh, memory->entries, key, sizeof entry->key, entry);
    while (memory->bytes > MAX_BYTES)
        drop(memory, memory->entries);
}

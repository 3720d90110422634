#include "host/store/cache_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/store/cache.h"

enum { ENTRY_OVERHEAD = 200, NUMBER_SIZE = 24 };

/* A value, or a bucket, whose keys have a byte in front that those of values do not have. */
struct entry {
    char *key;
    void *bytes;
    size_t size;
    int64_t expires_at_ms;
    double tokens; /* of a bucket, … */
    int64_t filled_at_ms;
    TAILQ_ENTRY(entry) link;
    UT_hash_handle hh;
};

struct cache_memory {
    struct loop *loop;
    size_t max_bytes, bytes;
    struct entry *entries;
    TAILQ_HEAD(entry_list, entry) by_use; /* the most recent first */
};

/* ---- entries ---- */

static size_t cost_of(const struct entry *entry)
{
    return strlen(entry->key) + entry->size + ENTRY_OVERHEAD;
}

static void entry_free(struct cache_memory *memory, struct entry *entry)
{
    memory->bytes -= cost_of(entry);
    HASH_DEL(memory->entries, entry);
    TAILQ_REMOVE(&memory->by_use, entry, link);
    free(entry->key);
    free(entry->bytes);
    free(entry);
}

/* Or NULL; one that was found is the most recently used. */
static struct entry *find(struct cache_memory *memory, const char *key)
{
    struct entry *entry;

    HASH_FIND_STR(memory->entries, key, entry);
    if (!entry)
        return NULL;
    if (entry->expires_at_ms <= loop_now_ms(memory->loop)) {
        entry_free(memory, entry);
        return NULL;
    }
    TAILQ_REMOVE(&memory->by_use, entry, link);
    TAILQ_INSERT_HEAD(&memory->by_use, entry, link);
    return entry;
}

static void make_room(struct cache_memory *memory)
{
    while (memory->bytes > memory->max_bytes)
        entry_free(memory, TAILQ_LAST(&memory->by_use, entry_list));
}

/* In place of what was under that key. */
static struct entry *put(struct cache_memory *memory, const char *key, const void *bytes,
                         size_t size, int64_t ttl_ms)
{
    struct entry *entry = find(memory, key);

    if (entry)
        entry_free(memory, entry);
    entry = calloc(1, sizeof *entry);
    if (!entry || !(entry->key = strdup(key)) || !(entry->bytes = malloc(size + 1)))
        abort();
    if (size)
        memcpy(entry->bytes, bytes, size);
    entry->size = size;
    entry->expires_at_ms = loop_now_ms(memory->loop) + ttl_ms;
    memory->bytes += cost_of(entry);
    TAILQ_INSERT_HEAD(&memory->by_use, entry, link);
    HASH_ADD_KEYPTR(hh, memory->entries, entry->key, strlen(entry->key), entry);
    return entry;
}

/* ---- values ---- */

int cache_memory_get(struct cache_memory *memory, struct arena *arena, const char *key,
                     const void **ret_bytes, size_t *ret_size)
{
    const struct entry *entry = find(memory, key);

    if (!entry)
        return AISHA_CACHE_MISS;
    char *copy = arena_alloc(arena, entry->size + 1);
    memcpy(copy, entry->bytes, entry->size);
    *ret_bytes = copy;
    *ret_size = entry->size;
    return 0;
}

void cache_memory_set(struct cache_memory *memory, const char *key, const void *bytes, size_t size,
                      int64_t ttl_ms)
{
    put(memory, key, bytes, size, ttl_ms);
    make_room(memory);
}

void cache_memory_delete(struct cache_memory *memory, const char *key)
{
    struct entry *entry = find(memory, key);

    if (entry)
        entry_free(memory, entry);
}

/* As Redis reads a number: only in the form in which it would be written. */
static bool read_number(const struct entry *entry, int64_t *ret)
{
    char text[NUMBER_SIZE], again[NUMBER_SIZE];

    if (entry->size == 0 || entry->size >= sizeof text)
        return false;
    memcpy(text, entry->bytes, entry->size);
    text[entry->size] = '\0';
    errno = 0;
    *ret = strtoll(text, NULL, 10);
    snprintf(again, sizeof again, "%" PRId64, *ret);
    return errno == 0 && strlen(again) == entry->size && strcmp(text, again) == 0;
}

int cache_memory_add(struct cache_memory *memory, const char *key, int64_t delta, int64_t ttl_ms,
                     int64_t *ret_value)
{
    struct entry *entry = find(memory, key);
    char text[NUMBER_SIZE];
    int64_t value = 0;

    if (entry && !read_number(entry, &value))
        return -AISHA_E_INVALID;
    if (__builtin_add_overflow(value, delta, &value))
        return -AISHA_E_LIMIT;
    if (entry)
        ttl_ms = entry->expires_at_ms - loop_now_ms(memory->loop);
    int size = snprintf(text, sizeof text, "%" PRId64, value);
    cache_memory_set(memory, key, text, (size_t)size, ttl_ms);
    *ret_value = value;
    return 0;
}

int cache_memory_cas(struct cache_memory *memory, const char *key, const void *expected,
                     size_t expected_size, const void *bytes, size_t size, int64_t ttl_ms)
{
    const struct entry *entry = find(memory, key);
    bool is_expected = !expected ? !entry
                                 : entry && entry->size == expected_size &&
                                       memcmp(entry->bytes, expected, expected_size) == 0;

    if (!is_expected)
        return AISHA_CACHE_CHANGED;
    cache_memory_set(memory, key, bytes, size, ttl_ms);
    return 0;
}

/* ---- buckets ---- */

void cache_memory_take(struct cache_memory *memory, const char *key, struct cache_bucket *bucket)
{
    char name[CACHE_MAX_KEY + 2];
    int64_t now_ms = loop_now_ms(memory->loop);
    double capacity = (double)bucket->capacity, period = (double)bucket->period_ms;

    snprintf(name, sizeof name, "\1%s", key); /* no value is called so */
    struct entry *entry = find(memory, name);
    if (!entry) {
        entry = put(memory, name, "", 0, bucket->period_ms);
        entry->tokens = capacity;
        entry->filled_at_ms = now_ms;
    }
    double tokens = entry->tokens + (double)(now_ms - entry->filled_at_ms) * capacity / period;
    tokens = tokens < capacity ? tokens : capacity;
    int64_t taken = tokens < (double)bucket->want ? (int64_t)tokens : bucket->want;
    double lacking = (double)bucket->least - tokens;
    bucket->taken = taken < bucket->least ? 0 : taken;
    bucket->wait_ms = bucket->taken ? 0 : (int64_t)(lacking * period / capacity) + 1;
    entry->tokens = tokens - (double)bucket->taken;
    entry->filled_at_ms = now_ms;
    entry->expires_at_ms = now_ms + bucket->period_ms; /* it is full then */
    make_room(memory);
}

/* ---- life ---- */

int cache_memory_new(struct cache_memory **ret_memory, struct loop *loop, size_t max_bytes)
{
    struct cache_memory *memory = calloc(1, sizeof *memory);

    if (!memory)
        return -ENOMEM;
    *memory = (struct cache_memory){.loop = loop, .max_bytes = max_bytes};
    TAILQ_INIT(&memory->by_use);
    *ret_memory = memory;
    return 0;
}

void cache_memory_clear(struct cache_memory *memory)
{
    struct entry *entry;

    while ((entry = TAILQ_FIRST(&memory->by_use)))
        entry_free(memory, entry);
}

void cache_memory_free(struct cache_memory *memory)
{
    if (!memory)
        return;
    cache_memory_clear(memory);
    free(memory);
}

size_t cache_memory_bytes(const struct cache_memory *memory)
{
    return memory->bytes;
}

/*
 * The cache in the memory of this process: bounded, with what was used least recently going first.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct cache_bucket;
struct cache_memory;
struct loop;

int cache_memory_new(struct cache_memory **ret_memory, struct loop *loop, size_t max_bytes);

/* NULL is fine. */
void cache_memory_free(struct cache_memory *memory);

void cache_memory_clear(struct cache_memory *memory);

/* What lies there now, with what it takes to keep it. */
size_t cache_memory_bytes(const struct cache_memory *memory);

/* As those of cache.h, at once. */
AISHA_CHECKED int cache_memory_get(struct cache_memory *memory, struct arena *arena,
                                   const char *key, const void **ret_bytes, size_t *ret_size);
void cache_memory_set(struct cache_memory *memory, const char *key, const void *bytes, size_t size,
                      int64_t ttl_ms);
void cache_memory_delete(struct cache_memory *memory, const char *key);
AISHA_CHECKED int cache_memory_add(struct cache_memory *memory, const char *key, int64_t delta,
                                   int64_t ttl_ms, int64_t *ret_value);
AISHA_CHECKED int cache_memory_cas(struct cache_memory *memory, const char *key,
                                   const void *expected, size_t expected_size, const void *bytes,
                                   size_t size, int64_t ttl_ms);
void cache_memory_take(struct cache_memory *memory, const char *key, struct cache_bucket *bucket);

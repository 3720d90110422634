/*
 * What may be forgotten, in Redis or in the memory of this process: see <aisha/cache.h> for what the
 * calls do. With Redis every call that it does not answer is answered from memory, and never
 * fails because of it.
 *
 * No value is ever older than the last change that this process made to its key. For that, whatever
 * was changed in memory meanwhile is deleted in Redis before Redis is used again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/cache.h>

struct arena;
struct cache;
struct loop;

/* url: redis://…, or "" for memory only. scope keeps bots apart that share a Redis; borrowed. On failure
 * ret_error says what is wrong with the URL; a Redis that cannot be reached is none. */
int cache_open(struct cache **ret_cache, struct loop *loop, const char *url, const char *scope,
               struct arena *arena, const char **ret_error);

/* Nobody may be using it. NULL is fine. */
void cache_close(struct cache *cache);

/* Keys are 1 to CACHE_MAX_KEY bytes, and begin with their owner's name and a colon. */
enum { CACHE_MAX_KEY = AISHA_CACHE_MAX_KEY + 100 };

AISHA_ASYNC AISHA_CHECKED int cache_get(struct cache *cache, struct arena *arena, const char *key,
                                        const void **ret_bytes, size_t *ret_size);
AISHA_ASYNC AISHA_CHECKED int cache_set(struct cache *cache, const char *key, const void *bytes,
                                        size_t size, int64_t ttl_ms);
AISHA_ASYNC AISHA_CHECKED int cache_delete(struct cache *cache, const char *key);
AISHA_ASYNC AISHA_CHECKED int cache_add(struct cache *cache, const char *key, int64_t delta,
                                        int64_t ttl_ms, int64_t *ret_value);
AISHA_ASYNC AISHA_CHECKED int cache_cas(struct cache *cache, const char *key, const void *expected,
                                        size_t expected_size, const void *bytes, size_t size,
                                        int64_t ttl_ms);

/* A token bucket: capacity tokens, which come back evenly within period_ms. */
struct cache_bucket {
    int64_t capacity, period_ms;
    int64_t want, least; /* takes as many as there are of want, or none when they are under least */
    /* --- the answer --- */
    int64_t taken;
    int64_t wait_ms; /* until there are as many as least */
};

/* 0; or 1 when Redis gave no answer, and this is memory's. */
AISHA_ASYNC AISHA_CHECKED int cache_take(struct cache *cache, const char *key,
                                         struct cache_bucket *bucket);

/* The same from this process's memory, whether there is a Redis or not. */
void cache_take_here(struct cache *cache, const char *key, struct cache_bucket *bucket);

/* Counts those who have said within ttl_ms that they are there, with this one. When Redis does not
 * answer: 1, and ret_count stays. */
AISHA_ASYNC AISHA_CHECKED int cache_count_members(struct cache *cache, const char *key,
                                                  const char *member, int64_t ttl_ms,
                                                  int64_t *ret_count);

AISHA_ASYNC AISHA_CHECKED int cache_wake(struct cache *cache, const char *key);
AISHA_ASYNC AISHA_CHECKED int cache_wait(struct cache *cache, const char *key, int64_t timeout_ms);

/* Whether there is a Redis at all. */
bool cache_is_shared(const struct cache *cache);

/* Grows whenever Redis has not answered: what was there before may be there again later, in an older
 * state. Always 0 in memory. */
uint64_t cache_outages(const struct cache *cache);

/* NULL when it works, or what is wrong with Redis; in arena, without secrets. */
AISHA_ASYNC const char *cache_check(struct cache *cache, struct arena *arena);

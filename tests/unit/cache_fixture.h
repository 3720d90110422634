/*
 * loop_fixture.h with a cache: in memory, or in the Redis whose URL is in AISHA_TEST_REDIS, where each
 * test has keys of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/store/cache.h"
#include "tests/unit/loop_fixture.h"

struct cache_fixture {
    struct loop *loop;
    struct arena arena;
    struct cache *cache;
    char scope[32];
    int64_t count; /* the scenario's */
    bool is_rough; /* Redis is not always there, and need not be */
    unsigned failures;
    void (*scenario)(struct cache_fixture *f);
    void (*clean_up)(void); /* when the loop has ended; or NULL */
};

/* "" = in memory. */
const char *redis_url(void);

void run_with_cache(void (*scenario)(struct cache_fixture *f));

/* Another cache of the same bot, as another host has it. */
struct cache *open_another(struct cache_fixture *f);

/* Returns when the cache, if it is in Redis, is connected to it in both ways. */
void settle(struct cache_fixture *f);

/* Runs fn(f, 0) … fn(f, count - 1) as tasks of their own and waits for all of them. */
void run_members(struct cache_fixture *f, int64_t count,
                 void (*fn)(struct cache_fixture *f, int64_t n));

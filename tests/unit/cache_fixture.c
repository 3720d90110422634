#include "tests/unit/cache_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

const char *redis_url(void)
{
    const char *url = getenv("AISHA_TEST_REDIS");

    return url ? url : "";
}

struct cache *open_another(struct cache_fixture *f)
{
    struct cache *cache = NULL;
    const char *error = NULL;

    if (cache_open(&cache, f->loop, redis_url(), f->scope, &f->arena, &error) < 0)
        abort();
    return cache;
}

static void run_in_task(void *arg)
{
    struct cache_fixture *f = arg;

    f->cache = open_another(f);
    f->scenario(f);
    CHECK(f, f->is_rough || cache_outages(f->cache) == 0); /* else memory has stood in */
    cache_close(f->cache);
    loop_stop(f->loop);
}

void run_with_cache(void (*scenario)(struct cache_fixture *f))
{
    struct cache_fixture f = {.scenario = scenario};

    snprintf(f.scope, sizeof f.scope, "%d.%p", (int)getpid(), (void *)(uintptr_t)scenario);
    assert_int_equal(loop_new(&f.loop, &(struct loop_options){.max_tasks = 0}), 0);
    assert_int_equal(task_start(f.loop, "scenario", run_in_task, &f, NULL), 0);
    assert_int_equal(loop_run(f.loop), 0);
    assert_int_equal(loop_tasks_alive(f.loop), 0);
    if (f.clean_up)
        f.clean_up();
    loop_free(f.loop);
    arena_clear(&f.arena);
    assert_int_equal(f.failures, 0);
}

struct member {
    struct cache_fixture *f;
    int64_t n;
    void (*fn)(struct cache_fixture *f, int64_t n);
    struct wait done;
};

static void run_member(void *arg)
{
    struct member *member = arg;

    member->fn(member->f, member->n);
    wait_wake(&member->done, 0);
}

void run_members(struct cache_fixture *f, int64_t count,
                 void (*fn)(struct cache_fixture *f, int64_t n))
{
    struct member *members = arena_alloc(&f->arena, (size_t)count * sizeof *members);

    for (int64_t n = 0; n < count; n++) {
        members[n] = (struct member){.f = f, .n = n, .fn = fn};
        wait_init(&members[n].done, f->loop);
        if (task_start(f->loop, "member", run_member, &members[n], NULL) < 0)
            abort();
    }
    for (int64_t n = 0; n < count; n++)
        CHECK(f, wait_for_uncancelled(&members[n].done, WAIT_FOREVER) == 0);
}

/* The one that listens wakes all who wait, when it begins to. */
void settle(struct cache_fixture *f)
{
    if (*redis_url())
        CHECK(f, cache_wait(f->cache, "t:settle", PATIENCE_MS) == 0);
}

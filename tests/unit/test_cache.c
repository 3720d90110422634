/*
 * What the cache does for those above it; the same tests run in memory and, when AISHA_TEST_REDIS is the
 * URL of a server, there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/store/cache.h"
#include "host/store/cache_memory.h"
#include "tests/unit/cache_fixture.h"

enum { MINUTE = 60 * 1000, PATIENCE_MS = 20000 };

static bool has(struct cache_fixture *f, const char *key, const char *wanted)
{
    const void *bytes = NULL;
    size_t size = 0;

    int r = cache_get(f->cache, &f->arena, key, &bytes, &size);
    return wanted ? r == 0 && size == strlen(wanted) && strcmp(bytes, wanted) == 0
                  : r == AISHA_CACHE_MISS;
}

static int set(struct cache_fixture *f, const char *key, const char *value, int64_t ttl_ms)
{
    return cache_set(f->cache, key, value, strlen(value), ttl_ms);
}

/* ---- values ---- */

static void keep_values(struct cache_fixture *f)
{
    const void *bytes;
    size_t size;
    char binary[256], *large = arena_alloc(&f->arena, AISHA_CACHE_MAX_VALUE);

    for (size_t i = 0; i < sizeof binary; i++)
        binary[i] = (char)i;
    memset(large, 'x', AISHA_CACHE_MAX_VALUE);
    CHECK(f, has(f, "t:a", NULL));
    CHECK(f, set(f, "t:a", "one", MINUTE) == 0 && has(f, "t:a", "one"));
    CHECK(f, set(f, "t:a", "two", MINUTE) == 0 && has(f, "t:a", "two"));
    CHECK(f, set(f, "t:empty", "", MINUTE) == 0 && has(f, "t:empty", ""));
    CHECK(f, set(f, "t:клавиша with spaces\r\n", "v", MINUTE) == 0);
    CHECK(f, has(f, "t:клавиша with spaces\r\n", "v"));
    CHECK(f, cache_set(f->cache, "t:b", binary, sizeof binary, MINUTE) == 0);
    CHECK(f, cache_get(f->cache, &f->arena, "t:b", &bytes, &size) == 0 && size == sizeof binary);
    CHECK(f, memcmp(bytes, binary, sizeof binary) == 0);
    CHECK(f, cache_set(f->cache, "t:l", large, AISHA_CACHE_MAX_VALUE, MINUTE) == 0);
    CHECK(f, cache_get(f->cache, &f->arena, "t:l", &bytes, &size) == 0);
    CHECK(f, size == AISHA_CACHE_MAX_VALUE && memcmp(bytes, large, size) == 0);
    CHECK(f, cache_delete(f->cache, "t:a") == 0 && has(f, "t:a", NULL));
    CHECK(f, cache_delete(f->cache, "t:a") == 0);
}

static void values_come_back_as_they_were(void **state)
{
    (void)state;
    run_with_cache(keep_values);
}

static void refuse(struct cache_fixture *f)
{
    char key[CACHE_MAX_KEY + 2];
    const void *bytes;
    size_t size;

    memset(key, 'k', sizeof key);
    key[CACHE_MAX_KEY + 1] = '\0';
    CHECK(f, set(f, key, "v", MINUTE) == -AISHA_E_INVALID);
    CHECK(f, set(f, "", "v", MINUTE) == -AISHA_E_INVALID);
    CHECK(f, set(f, "t:a", "v", 0) == -AISHA_E_INVALID);
    CHECK(f, set(f, "t:a", "v", INT64_MAX) == -AISHA_E_INVALID);
    CHECK(f, cache_set(f->cache, "t:a", "", AISHA_CACHE_MAX_VALUE + 1, MINUTE) == -AISHA_E_LIMIT);
    CHECK(f, cache_get(f->cache, &f->arena, "", &bytes, &size) == -AISHA_E_INVALID);
    CHECK(f, cache_delete(f->cache, "") == -AISHA_E_INVALID);
    CHECK(f, cache_wake(f->cache, "") == -AISHA_E_INVALID);
    CHECK(f, cache_wait(f->cache, "t:a", -1) == -AISHA_E_INVALID);
    key[CACHE_MAX_KEY] = '\0';
    CHECK(f, set(f, key, "v", MINUTE) == 0 && has(f, key, "v"));
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    run_with_cache(refuse);
}

/* Waits for the key to be gone, without trusting anybody's clock. */
static bool vanishes(struct cache_fixture *f, const char *key)
{
    int64_t until_ms = loop_now_ms(f->loop) + PATIENCE_MS;
    const void *bytes;
    size_t size;

    while (cache_get(f->cache, &f->arena, key, &bytes, &size) == 0)
        if (loop_now_ms(f->loop) > until_ms || wait_sleep(f->loop, 2) < 0)
            return false;
    return true;
}

static void expire(struct cache_fixture *f)
{
    int64_t began_ms = loop_now_ms(f->loop), value = 0;

    CHECK(f, set(f, "t:short", "v", 30) == 0 && set(f, "t:long", "v", MINUTE) == 0);
    CHECK(f, cache_add(f->cache, "t:n", 5, 30, &value) == 0 && value == 5);
    CHECK(f, cache_add(f->cache, "t:n", 5, MINUTE, &value) == 0); /* prolongs nothing */
    CHECK(f, vanishes(f, "t:short") && loop_now_ms(f->loop) - began_ms >= 29);
    CHECK(f, vanishes(f, "t:n"));
    CHECK(f, cache_add(f->cache, "t:n", 1, MINUTE, &value) == 0 && value == 1);
    CHECK(f, has(f, "t:long", "v"));
    CHECK(f, set(f, "t:again", "v", 30) == 0 && set(f, "t:again", "w", MINUTE) == 0);
    CHECK(f, wait_sleep(f->loop, 40) == 0 && has(f, "t:again", "w"));
}

static void values_end_with_their_time(void **state)
{
    (void)state;
    run_with_cache(expire);
}

/* ---- numbers ---- */

static void add_numbers(struct cache_fixture *f)
{
    int64_t value = 0;

    CHECK(f, cache_add(f->cache, "t:n", 5, MINUTE, &value) == 0 && value == 5);
    CHECK(f, cache_add(f->cache, "t:n", -7, MINUTE, &value) == 0 && value == -2);
    CHECK(f, has(f, "t:n", "-2"));
    CHECK(f, cache_add(f->cache, "t:n", INT64_MAX, MINUTE, &value) == 0);
    CHECK(f, value == INT64_MAX - 2); /* no double holds that */
    CHECK(f, cache_add(f->cache, "t:n", 3, MINUTE, &value) == -AISHA_E_LIMIT);
    CHECK(f, cache_add(f->cache, "t:m", INT64_MIN, MINUTE, &value) == 0 && value == INT64_MIN);
    CHECK(f, cache_add(f->cache, "t:m", -1, MINUTE, &value) == -AISHA_E_LIMIT);
    CHECK(f, set(f, "t:n", "41", MINUTE) == 0);
    CHECK(f, cache_add(f->cache, "t:n", 1, MINUTE, &value) == 0 && value == 42);
    static const char *const no_numbers[] = {
        "", " 1", "1 ", "+1", "01", "-0", "1.0", "one", "9223372036854775808"};
    for (size_t i = 0; i < sizeof no_numbers / sizeof *no_numbers; i++) {
        CHECK(f, set(f, "t:x", no_numbers[i], MINUTE) == 0);
        CHECK(f, cache_add(f->cache, "t:x", 1, MINUTE, &value) == -AISHA_E_INVALID);
        CHECK(f, has(f, "t:x", no_numbers[i]));
    }
}

static void numbers_are_exact(void **state)
{
    (void)state;
    run_with_cache(add_numbers);
}

static void add_one(struct cache_fixture *f, int64_t n)
{
    int64_t value;

    (void)n;
    for (int i = 0; i < 20; i++)
        CHECK(f, cache_add(f->cache, "t:n", 1, MINUTE, &value) == 0);
}

static void add_together(struct cache_fixture *f)
{
    run_members(f, 50, add_one);
    CHECK(f, has(f, "t:n", "1000"));
}

static void no_addition_is_lost(void **state)
{
    (void)state;
    run_with_cache(add_together);
}

/* ---- compare and set ---- */

static int cas(struct cache_fixture *f, const char *key, const char *expected, const char *value)
{
    return cache_cas(f->cache, key, expected, expected ? strlen(expected) : 0, value, strlen(value),
                     MINUTE);
}

static void compare_and_set(struct cache_fixture *f)
{
    CHECK(f, cas(f, "t:a", "x", "y") == AISHA_CACHE_CHANGED && has(f, "t:a", NULL));
    CHECK(f, cas(f, "t:a", "", "y") == AISHA_CACHE_CHANGED && has(f, "t:a", NULL));
    CHECK(f, cas(f, "t:a", NULL, "one") == 0 && has(f, "t:a", "one"));
    CHECK(f, cas(f, "t:a", NULL, "two") == AISHA_CACHE_CHANGED && has(f, "t:a", "one"));
    CHECK(f, cas(f, "t:a", "on", "two") == AISHA_CACHE_CHANGED);
    CHECK(f, cas(f, "t:a", "one!", "two") == AISHA_CACHE_CHANGED);
    CHECK(f, cas(f, "t:a", "one", "") == 0 && has(f, "t:a", ""));
    CHECK(f, cas(f, "t:a", NULL, "x") == AISHA_CACHE_CHANGED);
    CHECK(f, cas(f, "t:a", "", "three") == 0 && has(f, "t:a", "three"));
    CHECK(f, cache_cas(f->cache, "t:z", NULL, 7, "a\0b", 3, MINUTE) == 0);
    CHECK(f, cache_cas(f->cache, "t:z", "a\0c", 3, "d", 1, MINUTE) == AISHA_CACHE_CHANGED);
    CHECK(f, cache_cas(f->cache, "t:z", "a\0b", 3, "d", 1, MINUTE) == 0 && has(f, "t:z", "d"));
}

static void a_value_is_changed_only_if_it_is_the_expected_one(void **state)
{
    (void)state;
    run_with_cache(compare_and_set);
}

static void take_lock(struct cache_fixture *f, int64_t n)
{
    (void)n;
    f->count += cas(f, "t:lock", NULL, "taken") == 0;
}

static void race(struct cache_fixture *f)
{
    run_members(f, 50, take_lock);
    CHECK(f, f->count == 1);
}

static void of_many_one_is_first(void **state)
{
    (void)state;
    run_with_cache(race);
}

/* ---- limits ---- */

static int take(struct cache_fixture *f, struct cache_bucket *bucket, int64_t want, int64_t least)
{
    bucket->want = want;
    bucket->least = least;
    return cache_take(f->cache, "t:bucket", bucket);
}

static void use_bucket(struct cache_fixture *f)
{
    struct cache_bucket b = {.capacity = 5, .period_ms = 10 * MINUTE};

    CHECK(f, take(f, &b, 2, 1) == 0 && b.taken == 2 && b.wait_ms == 0);
    CHECK(f, take(f, &b, 3, 3) == 0 && b.taken == 3);
    CHECK(f, take(f, &b, 1, 1) == 0 && b.taken == 0);
    CHECK(f, b.wait_ms > 2 * MINUTE - 5000 && b.wait_ms <= 2 * MINUTE + 1);
    CHECK(f, take(f, &b, 5, 5) == 0 && b.taken == 0 && b.wait_ms > 10 * MINUTE - 5000);
    CHECK(f, has(f, "t:bucket", NULL)); /* a value of that name would be another thing */
    CHECK(f, take(f, &b, 6, 6) == -AISHA_E_INVALID);
    CHECK(f, take(f, &b, 0, 0) == -AISHA_E_INVALID);
    CHECK(f, take(f, &b, 1, 2) == -AISHA_E_INVALID);
    b = (struct cache_bucket){.capacity = 5, .period_ms = 0};
    CHECK(f, take(f, &b, 1, 1) == -AISHA_E_INVALID);
    /* As many as there are, when they are enough. */
    b = (struct cache_bucket){.capacity = 10, .period_ms = 10 * MINUTE, .want = 8, .least = 1};
    CHECK(f, cache_take(f->cache, "t:other", &b) == 0 && b.taken == 8);
    CHECK(f, cache_take(f->cache, "t:other", &b) == 0 && b.taken == 2);
}

static void a_limit_is_kept(void **state)
{
    (void)state;
    run_with_cache(use_bucket);
}

static void refill(struct cache_fixture *f)
{
    struct cache_bucket b = {.capacity = 10, .period_ms = 100};
    int64_t began_ms = loop_now_ms(f->loop), taken = 0;

    while (taken < 30) {
        CHECK(f, take(f, &b, 1, 1) == 0);
        taken += b.taken;
        if (b.taken == 0)
            CHECK(f, b.wait_ms >= 1 && b.wait_ms <= 11 && wait_sleep(f->loop, b.wait_ms) == 0);
    }
    CHECK(f, loop_now_ms(f->loop) - began_ms >= 199); /* 10 at once, 20 at 100 a second */
}

static void tokens_come_back(void **state)
{
    (void)state;
    run_with_cache(refill);
}

static void take_one(struct cache_fixture *f, int64_t n)
{
    struct cache_bucket b = {.capacity = 30, .period_ms = 100 * MINUTE};

    (void)n;
    CHECK(f, take(f, &b, 1, 1) == 0);
    f->count += b.taken;
}

static void take_together(struct cache_fixture *f)
{
    run_members(f, 100, take_one);
    CHECK(f, f->count == 30);
}

static void many_together_get_no_more_than_there_is(void **state)
{
    (void)state;
    run_with_cache(take_together);
}

/* ---- wake-ups ---- */

static void wake_waiting(struct cache_fixture *f, int64_t n)
{
    if (n < 10) {
        f->count += cache_wait(f->cache, n % 2 ? "t:odd" : "t:even", PATIENCE_MS) == 0;
        return;
    }
    CHECK(f, wait_yield(f->loop) == 0 && f->count == 0);
    CHECK(f, cache_wake(f->cache, "t:odd") == 0 && wait_yield(f->loop) == 0);
    CHECK(f, f->count == 5);
    CHECK(f, cache_wake(f->cache, "t:nobody") == 0 && wait_yield(f->loop) == 0);
    CHECK(f, f->count == 5);
    CHECK(f, cache_wake(f->cache, "t:even") == 0);
}

static void wake(struct cache_fixture *f)
{
    settle(f);
    CHECK(f, cache_wait(f->cache, "t:never", 1) == -AISHA_E_TIMEOUT);
    run_members(f, 11, wake_waiting);
    CHECK(f, f->count == 10);
}

static void who_waits_for_a_key_is_woken(void **state)
{
    (void)state;
    run_with_cache(wake);
}

/* ---- memory ---- */

static void fill(struct loop_fixture *f)
{
    enum { LIMIT = 100 * 1000 };
    struct cache_memory *memory = NULL;
    char value[1000] = "", key[32];
    const void *bytes;
    size_t size;

    CHECK(f, cache_memory_new(&memory, f->loop, LIMIT) == 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        cache_memory_set(memory, key, value, sizeof value, MINUTE);
        CHECK(f, cache_memory_bytes(memory) <= LIMIT);
        CHECK(f, cache_memory_get(memory, &f->arena, "k0", &bytes, &size) == 0); /* in use */
        arena_clear(&f->arena);
    }
    CHECK(f, cache_memory_get(memory, &f->arena, "k999", &bytes, &size) == 0);
    CHECK(f, cache_memory_get(memory, &f->arena, "k1", &bytes, &size) == AISHA_CACHE_MISS);
    CHECK(f, cache_memory_bytes(memory) > LIMIT / 2);
    cache_memory_clear(memory);
    CHECK(f, cache_memory_bytes(memory) == 0);
    cache_memory_free(memory);
}

static void memory_is_bounded_and_forgets_what_nobody_uses(void **state)
{
    (void)state;
    run_in_loop(fill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(values_end_with_their_time),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(no_addition_is_lost),
        cmocka_unit_test(a_value_is_changed_only_if_it_is_the_expected_one),
        cmocka_unit_test(of_many_one_is_first),
        cmocka_unit_test(a_limit_is_kept),
        cmocka_unit_test(tokens_come_back),
        cmocka_unit_test(many_together_get_no_more_than_there_is),
        cmocka_unit_test(who_waits_for_a_key_is_woken),
        cmocka_unit_test(memory_is_bounded_and_forgets_what_nobody_uses),
    };

    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

/*
 * A Redis that goes away and comes back, behind a proxy: the cache goes on meanwhile, and nothing is
 * ever older than what was last set. Needs AISHA_TEST_REDIS, the URL of a server without a password.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/io/redis.h"
#include "host/io/redis_dial.h"
#include "tests/unit/cache_fixture.h"
#include "tests/unit/redis_proxy.h"

enum { MINUTE = 60 * 1000, PATIENCE_MS = 20000, MANY = 60000 };

/* ---- the server, seen directly ---- */

static const struct redis_reply *command(struct cache_fixture *f, const char *const *words,
                                         size_t count)
{
    const struct redis_options options = {.url = redis_url()};
    const struct redis_reply *reply = NULL;
    struct redis_arg args[8];
    struct redis *redis = NULL;
    const char *error;

    for (size_t i = 0; i < count; i++)
        args[i] = REDIS_ARG(words[i]);
    CHECK(f, redis_open(&redis, f->loop, &options, &f->arena, &error) == 0);
    CHECK(f, redis_run(redis, &f->arena, args, count, &reply) == 0);
    redis_close(redis);
    return reply;
}

#define COMMAND(f, ...)                                                                            \
    command((f), (const char *const[]){__VA_ARGS__},                                               \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* ---- a cache behind the proxy ---- */

struct scene {
    struct cache_fixture *f;
    struct redis_proxy *proxy;
    struct cache *cache;
};

static const char *url_by_way_of(struct cache_fixture *f, const struct redis_proxy *proxy)
{
    return arena_printf(&f->arena, "redis://127.0.0.1:%d", redis_proxy_port(proxy));
}

static struct scene scene_open(struct cache_fixture *f)
{
    struct scene s = {.f = f};
    struct redis_url url;
    const char *error;

    f->is_rough = true;
    if (redis_url_parse(&f->arena, redis_url(), &url, &error) < 0)
        abort();
    s.proxy = redis_proxy_new(f->loop, (int)strtol(url.port, NULL, 10));
    if (cache_open(&s.cache, f->loop, url_by_way_of(f, s.proxy), f->scope, &f->arena, &error) < 0)
        abort();
    return s;
}

static void scene_close(struct scene *s)
{
    cache_close(s->cache);
    redis_proxy_free(s->proxy);
}

static int set(struct scene *s, const char *key, const char *value)
{
    return cache_set(s->cache, key, value, strlen(value), MINUTE);
}

static bool holds(struct cache *cache, struct scene *s, const char *key, const char *wanted)
{
    const void *bytes = NULL;
    size_t size = 0;

    int r = cache_get(cache, &s->f->arena, key, &bytes, &size);
    return wanted ? r == 0 && strcmp(bytes, wanted) == 0 : r == AISHA_CACHE_MISS;
}

#define HAS(s, key, wanted) holds((s)->cache, (s), (key), (wanted))
#define REDIS_HAS(s, key, wanted) holds((s)->f->cache, (s), (key), (wanted))

static bool is_good(struct scene *s)
{
    return cache_check(s->cache, &s->f->arena) == NULL;
}

#define UNTIL(s, condition)                                                                        \
    do {                                                                                           \
        int64_t until_ms = loop_now_ms((s)->f->loop) + PATIENCE_MS;                                \
        while (!(condition) && loop_now_ms((s)->f->loop) < until_ms)                               \
            aisha_ignore(wait_sleep((s)->f->loop, 5));                                             \
        CHECK((s)->f, (condition));                                                                \
    } while (0)

static void go_and_come_back(struct cache_fixture *f)
{
    struct scene s = scene_open(f);
    int64_t value = 0;

    CHECK(f, set(&s, "t:a", "old") == 0 && set(&s, "t:b", "old") == 0 && set(&s, "t:c", "c") == 0);
    CHECK(f, cache_outages(s.cache) == 0 && REDIS_HAS(&s, "t:a", "old"));
    redis_proxy_refuse(s.proxy);
    UNTIL(&s, !is_good(&s));
    CHECK(f, HAS(&s, "t:a", NULL)); /* memory begins empty */
    CHECK(f, set(&s, "t:a", "new") == 0 && HAS(&s, "t:a", "new"));
    CHECK(f, cache_delete(s.cache, "t:b") == 0);
    CHECK(f, cache_add(s.cache, "t:n", 3, MINUTE, &value) == 0 && value == 3);
    CHECK(f, cache_cas(s.cache, "t:d", NULL, 0, "d", 1, MINUTE) == 0);
    CHECK(f, cache_outages(s.cache) > 0 && REDIS_HAS(&s, "t:a", "old"));
    redis_proxy_allow(s.proxy);
    UNTIL(&s, is_good(&s));
    CHECK(f, HAS(&s, "t:a", NULL) && REDIS_HAS(&s, "t:a", NULL));
    CHECK(f, HAS(&s, "t:b", NULL) && HAS(&s, "t:n", NULL) && HAS(&s, "t:d", NULL));
    CHECK(f, HAS(&s, "t:c", "c")); /* nobody has touched it */
    CHECK(f, set(&s, "t:a", "newer") == 0 && REDIS_HAS(&s, "t:a", "newer"));
    scene_close(&s);
}

static void nothing_comes_back_that_was_changed_meanwhile(void **state)
{
    (void)state;
    run_with_cache(go_and_come_back);
}

static void freeze(struct cache_fixture *f)
{
    struct scene s = scene_open(f);

    CHECK(f, set(&s, "t:a", "first") == 0);
    redis_proxy_freeze(s.proxy);
    int64_t began_ms = loop_now_ms(f->loop);
    CHECK(f, set(&s, "t:a", "second") == 0); /* sent, and never answered */
    CHECK(f, loop_now_ms(f->loop) - began_ms < 5000);
    UNTIL(&s, is_good(&s)); /* on a connection made anew */
    CHECK(f, HAS(&s, "t:a", NULL));
    CHECK(f, set(&s, "t:a", "third") == 0);
    redis_proxy_thaw(s.proxy);                   /* now "second" arrives */
    UNTIL(&s, redis_proxy_frozen(s.proxy) <= 1); /* the one that listens may live on */
    CHECK(f, HAS(&s, "t:a", "third") && REDIS_HAS(&s, "t:a", "third"));
    scene_close(&s);
}

static void what_arrives_late_has_no_effect(void **state)
{
    (void)state;
    run_with_cache(freeze);
}

static void change_many(struct cache_fixture *f)
{
    struct scene s = scene_open(f);
    char key[32];

    CHECK(f, set(&s, "t:a", "old") == 0 && set(&s, "t:b", "old") == 0);
    CHECK(f, COMMAND(f, "SET", "somebody-else", "1") != NULL);
    redis_proxy_refuse(s.proxy);
    UNTIL(&s, !is_good(&s));
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "t:%d", i);
        CHECK(f, set(&s, key, "v") == 0);
    }
    CHECK(f, set(&s, "t:a", "new") == 0 && HAS(&s, "t:a", "new"));
    redis_proxy_allow(s.proxy);
    UNTIL(&s, is_good(&s));
    CHECK(f, HAS(&s, "t:a", NULL) && REDIS_HAS(&s, "t:a", NULL));
    CHECK(f, COMMAND(f, "GET", "somebody-else")->type == REDIS_TEXT);
    scene_close(&s);
}

static void of_more_changes_than_can_be_noted_none_is_lost(void **state)
{
    (void)state;
    run_with_cache(change_many);
}

static void hear_nonsense(struct cache_fixture *f)
{
    struct scene s = scene_open(f);

    for (int i = 0; i < 3; i++) {
        CHECK(f, set(&s, "t:a", "one") == 0);
        redis_proxy_say(s.proxy, "\r\nnonsense\r\n");
        UNTIL(&s, is_good(&s));
        CHECK(f, HAS(&s, "t:a", "one"));
    }
    scene_close(&s);
}

static void after_nonsense_it_begins_anew(void **state)
{
    (void)state;
    run_with_cache(hear_nonsense);
}

static void forget_scripts(struct cache_fixture *f)
{
    int64_t value = 0;

    CHECK(f, cache_add(f->cache, "t:n", 1, MINUTE, &value) == 0);
    CHECK(f, COMMAND(f, "SCRIPT", "FLUSH", "SYNC") != NULL);
    CHECK(f, cache_add(f->cache, "t:n", 1, MINUTE, &value) == 0 && value == 2);
    CHECK(f, cache_add(f->cache, "t:n", 1, MINUTE, &value) == 0 && value == 3);
}

static void scripts_are_told_again_to_a_server_that_forgot_them(void **state)
{
    (void)state;
    run_with_cache(forget_scripts);
}

static void fill_up(struct cache_fixture *f)
{
    struct scene s = scene_open(f);

    CHECK(f, set(&s, "t:a", "old") == 0);
    CHECK(f, COMMAND(f, "CONFIG", "SET", "maxmemory", "1") != NULL);
    CHECK(f, set(&s, "t:a", "new") == 0);
    CHECK(f, HAS(&s, "t:a", "new"));
    const char *advice = cache_check(s.cache, &f->arena);
    CHECK(f, advice && strstr(advice, "OOM"));
    CHECK(f, COMMAND(f, "CONFIG", "SET", "maxmemory", "0") != NULL);
    UNTIL(&s, is_good(&s));
    CHECK(f, HAS(&s, "t:a", NULL));
    scene_close(&s);
}

static void a_server_that_is_full_is_not_used(void **state)
{
    (void)state;
    run_with_cache(fill_up);
}

/* ---- passwords ---- */

static bool works_at(struct cache_fixture *f, const char *login)
{
    const char *place = strstr(redis_url(), "//") + 2, *error, *advice;
    struct cache *cache = NULL;

    CHECK(f, cache_open(&cache, f->loop,
                        arena_printf(&f->arena, "redis://%s%.*s/3", login, (int)strcspn(place, "/"),
                                     place),
                        f->scope, &f->arena, &error) == 0);
    advice = cache_check(cache, &f->arena);
    CHECK(f, !advice || (strstr(advice, "AUTH") && !strstr(advice, "tea")));
    cache_close(cache);
    return !advice;
}

static void use_password(struct cache_fixture *f)
{
    const struct redis_options options = {.url = redis_url()};
    const struct redis_arg lock[] = {REDIS_ARG("CONFIG"), REDIS_ARG("SET"),
                                     REDIS_ARG("requirepass"), REDIS_ARG("tea:@/%")};
    const struct redis_arg unlock[] = {REDIS_ARG("CONFIG"), REDIS_ARG("SET"),
                                       REDIS_ARG("requirepass"), REDIS_ARG("")};
    const struct redis_reply *reply;
    struct redis *redis = NULL;
    const char *error;

    CHECK(f, redis_open(&redis, f->loop, &options, &f->arena, &error) == 0);
    CHECK(f, redis_run(redis, &f->arena, lock, 4, &reply) == 0);
    CHECK(f, works_at(f, ":tea%3a%40%2F%25@") && works_at(f, "default:tea%3a%40%2F%25@"));
    CHECK(f, !works_at(f, ":tea@") && !works_at(f, "nobody:tea@") && !works_at(f, ""));
    CHECK(f, redis_run(redis, &f->arena, unlock, 4, &reply) == 0);
    redis_close(redis);
}

static void it_needs_the_right_password(void **state)
{
    (void)state;
    run_with_cache(use_password);
}

/* ---- several hosts ---- */

static void wake_from_elsewhere(struct cache_fixture *f, int64_t n)
{
    if (n == 0)
        f->count += cache_wait(f->cache, "t:k", PATIENCE_MS) == 0;
    else
        CHECK(f, cache_wake(f->cache, "t:k") == 0);
}

static void wait_here(struct cache_fixture *f, int64_t n)
{
    (void)n;
    f->count += cache_wait(f->cache, "t:k", PATIENCE_MS) == 0;
}

struct wake {
    struct scene *s;
    struct wait done;
};

static void wake_there(void *arg)
{
    struct wake *wake = arg;

    CHECK(wake->s->f, cache_wake(wake->s->cache, "t:k") == 0);
    wait_wake(&wake->done, 0);
}

/* Somebody who waits in f's cache is woken through the other one. */
static void pass_a_wake_up(struct scene *s)
{
    struct wake wake = {.s = s};

    wait_init(&wake.done, s->f->loop);
    s->f->count = 0;
    CHECK(s->f, task_start(s->f->loop, "wake", wake_there, &wake, NULL) == 0);
    wait_here(s->f, 0);
    CHECK(s->f, wait_for(&wake.done, WAIT_FOREVER) == 0 && s->f->count == 1);
}

static void wake_others(struct cache_fixture *f)
{
    struct scene s = scene_open(f);

    settle(f);
    pass_a_wake_up(&s);
    run_members(f, 2, wake_from_elsewhere); /* and within one host */
    CHECK(f, f->count == 2);
    /* What was missed may have been for anybody: when the listener is back, all look. */
    redis_proxy_refuse(s.proxy);
    redis_proxy_allow(s.proxy);
    CHECK(f, cache_wait(s.cache, "t:any", PATIENCE_MS) == 0);
    UNTIL(&s, is_good(&s));
    pass_a_wake_up(&s);
    scene_close(&s);
}

static void who_waits_is_woken_from_other_hosts(void **state)
{
    (void)state;
    run_with_cache(wake_others);
}

static void share(struct cache_fixture *f)
{
    struct scene s = scene_open(f);
    struct cache_bucket b = {.capacity = 10, .period_ms = 60 * MINUTE, .want = 6, .least = 1};
    int64_t members = 0;

    CHECK(f, cache_take(f->cache, "t:b", &b) == 0 && b.taken == 6);
    CHECK(f, cache_take(s.cache, "t:b", &b) == 0 && b.taken == 4);
    CHECK(f, cache_take(f->cache, "t:b", &b) == 0 && b.taken == 0);
    CHECK(f, cache_count_members(f->cache, "t:m", "a", MINUTE, &members) == 0 && members == 1);
    CHECK(f, cache_count_members(s.cache, "t:m", "b", MINUTE, &members) == 0 && members == 2);
    CHECK(f, cache_count_members(f->cache, "t:m", "a", MINUTE, &members) == 0 && members == 2);
    redis_proxy_refuse(s.proxy);
    UNTIL(&s, !is_good(&s));
    CHECK(f, cache_count_members(s.cache, "t:m", "b", MINUTE, &members) == 1 && members == 2);
    CHECK(f, cache_take(s.cache, "t:b", &b) == 1 && b.taken == 6); /* for itself */
    CHECK(f, wait_sleep(f->loop, 20) == 0);
    CHECK(f, cache_count_members(f->cache, "t:m", "a", 10, &members) == 0 && members == 1);
    scene_close(&s);
}

static void hosts_share_limits_and_know_of_each_other(void **state)
{
    (void)state;
    run_with_cache(share);
}

/* ---- a server that lets nobody listen ---- */

static int64_t refused_count(struct cache_fixture *f)
{
    const char *stats = COMMAND(f, "INFO", "commandstats")->text;
    const char *subscribe = strstr(stats, "cmdstat_subscribe:");
    const char *count = subscribe ? strstr(subscribe, "rejected_calls=") : NULL;

    return count ? strtoll(count + strlen("rejected_calls="), NULL, 10) : 0;
}

static void on_nothing(const char *payload, void *user)
{
    struct cache_fixture *f = user;

    (void)payload;
    CHECK(f, false);
}

/* Six attempts have pauses of 50, 100, 200, 400 and 800 ms between them, or half of that. */
static void listen_in_vain(struct cache_fixture *f)
{
    const struct scene s = {.f = f};
    const struct redis_options options = {
        .url = arena_printf(&f->arena, "redis://deaf:x@%s", strstr(redis_url(), "//") + 2)};
    struct redis *redis = NULL;
    const char *error;

    COMMAND(f, "ACL", "SETUSER", "deaf", "on", ">x", "+@all", "-subscribe");
    COMMAND(f, "CONFIG", "RESETSTAT");
    int64_t began_ms = loop_now_ms(f->loop);
    CHECK(f, redis_open(&redis, f->loop, &options, &f->arena, &error) == 0);
    CHECK(f, redis_listen(redis, "c", on_nothing, f) == 0);
    UNTIL(&s, refused_count(f) >= 6);
    CHECK(f, loop_now_ms(f->loop) - began_ms >= (50 + 100 + 200 + 400 + 800) / 2);
    redis_close(redis);
    COMMAND(f, "ACL", "DELUSER", "deaf");
}

static void who_may_not_listen_asks_less_and_less_often(void **state)
{
    (void)state;
    run_with_cache(listen_in_vain);
}

/* ---- load ---- */

static struct scene *loaded;

/* Each key is set and read by one task: it finds what it has set, or that it is forgotten. */
static void keep_setting(struct cache_fixture *f, int64_t n)
{
    struct arena arena = {0};
    char key[32], value[32];
    const void *bytes = NULL;
    size_t size = 0;

    snprintf(key, sizeof key, "t:%d", (int)n);
    for (int i = 0; f->count == 0; i++) {
        snprintf(value, sizeof value, "%d", i);
        CHECK(f, set(loaded, key, value) == 0);
        int r = cache_get(loaded->cache, &arena, key, &bytes, &size);
        CHECK(f, r == AISHA_CACHE_MISS || (r == 0 && strcmp(bytes, value) == 0));
        arena_clear(&arena);
        CHECK(f, wait_yield(f->loop) == 0); /* in memory nothing else lets others run */
    }
}

static void make_trouble(struct cache_fixture *f, int64_t n)
{
    if (n < 20) {
        keep_setting(f, n);
        return;
    }
    for (int i = 0; i < 5; i++) {
        redis_proxy_refuse(loaded->proxy);
        aisha_ignore(wait_sleep(f->loop, 20));
        redis_proxy_allow(loaded->proxy);
        aisha_ignore(wait_sleep(f->loop, 150));
        redis_proxy_say(loaded->proxy, "nonsense\r\n");
        aisha_ignore(wait_sleep(f->loop, 50));
    }
    f->count = 1;
}

static void use_under_trouble(struct cache_fixture *f)
{
    struct scene s = scene_open(f);

    loaded = &s;
    CHECK(f, is_good(&s));
    run_members(f, 21, make_trouble);
    UNTIL(&s, is_good(&s));
    CHECK(f, set(&s, "t:a", "v") == 0 && REDIS_HAS(&s, "t:a", "v"));
    scene_close(&s);
}

static void under_load_and_trouble_nothing_is_older_than_it_was(void **state)
{
    (void)state;
    run_with_cache(use_under_trouble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_comes_back_that_was_changed_meanwhile),
        cmocka_unit_test(what_arrives_late_has_no_effect),
        cmocka_unit_test(of_more_changes_than_can_be_noted_none_is_lost),
        cmocka_unit_test(after_nonsense_it_begins_anew),
        cmocka_unit_test(scripts_are_told_again_to_a_server_that_forgot_them),
        cmocka_unit_test(a_server_that_is_full_is_not_used),
        cmocka_unit_test(it_needs_the_right_password),
        cmocka_unit_test(who_waits_is_woken_from_other_hosts),
        cmocka_unit_test(hosts_share_limits_and_know_of_each_other),
        cmocka_unit_test(who_may_not_listen_asks_less_and_less_often),
        cmocka_unit_test(under_load_and_trouble_nothing_is_older_than_it_was),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("redis_outage", tests, NULL, NULL);
}

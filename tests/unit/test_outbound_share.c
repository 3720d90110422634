/*
 * The limit over all chats when several hosts share it. Needs AISHA_TEST_REDIS, the URL of a server.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/bot/outbound_share.h"
#include "host/io/redis_dial.h"
#include "host/telegram/outbound.h"
#include "tests/unit/cache_fixture.h"
#include "tests/unit/redis_proxy.h"

enum { RATE = 40, EACH = 60, PATIENCE_MS = 20000 };

static struct outbound *new_outbound(struct cache_fixture *f)
{
    struct outbound *outbound = NULL;

    CHECK(f, outbound_new(&outbound, f->loop, &(struct outbound_options){.rate = RATE}) == 0);
    return outbound;
}

static int send_to(struct cache_fixture *f, struct outbound *outbound, int64_t chat_id,
                   unsigned messages)
{
    struct outbound_call call = {.chat_id = chat_id, .messages = messages};

    int r = outbound_enter(outbound, &call);
    CHECK(f, r == 0);
    if (r == 0)
        outbound_leave(outbound, &call, 0);
    return r;
}

/* ---- grants ---- */

static struct {
    struct outbound *outbound;
    unsigned asked, least, most;
    int64_t sent;
} grants;

static void on_wanted(unsigned least, unsigned most, void *user)
{
    (void)user;
    grants.asked++;
    grants.least = least;
    grants.most = most;
}

static void send_granted(struct cache_fixture *f, int64_t n)
{
    if (n < 4) {
        CHECK(f, send_to(f, grants.outbound, n + 1, n == 3 ? 5 : 1) == 0);
        grants.sent++;
        return;
    }
    CHECK(f, grants.sent == 0 && grants.asked == 1);
    outbound_grant(grants.outbound, 2);
    CHECK(f, wait_yield(f->loop) == 0 && grants.sent == 2);
    CHECK(f, grants.asked == 2 && grants.least == 1 && grants.most == 6);
    outbound_grant(grants.outbound, 2); /* too few for the album behind it */
    CHECK(f, wait_yield(f->loop) == 0 && grants.sent == 3);
    CHECK(f, grants.asked == 3 && grants.least == 4 && grants.most == 5);
    outbound_grant(grants.outbound, 4);
    CHECK(f, wait_yield(f->loop) == 0 && grants.sent == 4 && grants.asked == 3);
}

static void live_on_grants(struct cache_fixture *f)
{
    memset(&grants, 0, sizeof grants);
    grants.outbound = new_outbound(f);
    outbound_set_supply(grants.outbound, on_wanted, NULL);
    run_members(f, 5, send_granted);
    outbound_free(grants.outbound);
}

static void what_is_granted_goes_and_nothing_else(void **state)
{
    (void)state;
    run_with_cache(live_on_grants);
}

static void send_late(struct cache_fixture *f, int64_t n)
{
    if (n == 0) {
        CHECK(f, send_to(f, grants.outbound, 1, 1) == 0);
        grants.sent++;
        return;
    }
    CHECK(f, grants.asked == 1 && grants.sent == 0); /* what was granted has lapsed */
    outbound_grant(grants.outbound, 1);
}

static void grant_too_early(struct cache_fixture *f)
{
    memset(&grants, 0, sizeof grants);
    grants.outbound = new_outbound(f);
    outbound_set_supply(grants.outbound, on_wanted, NULL);
    outbound_grant(grants.outbound, 10);
    CHECK(f, wait_sleep(f->loop, 1010) == 0);
    run_members(f, 2, send_late);
    outbound_free(grants.outbound);
}

static void a_grant_lapses(void **state)
{
    (void)state;
    run_with_cache(grant_too_early);
}

/* ---- two hosts ---- */

struct host {
    struct redis_proxy *proxy;
    struct cache *cache;
    struct outbound *outbound;
    struct outbound_share *share;
    int64_t sent;
};

static struct host hosts[2];

static void host_start(struct cache_fixture *f, struct host *host)
{
    struct redis_url url;
    const char *error;

    *host = (struct host){.outbound = new_outbound(f)};
    if (redis_url_parse(&f->arena, redis_url(), &url, &error) < 0)
        abort();
    host->proxy = redis_proxy_new(f->loop, (int)strtol(url.port, NULL, 10));
    const char *behind =
        arena_printf(&f->arena, "redis://127.0.0.1:%d", redis_proxy_port(host->proxy));
    CHECK(f, cache_open(&host->cache, f->loop, behind, f->scope, &f->arena, &error) == 0);
    CHECK(f, cache_check(host->cache, &f->arena) == NULL);
    CHECK(f, outbound_share_start(&host->share, f->loop, host->cache, host->outbound, RATE) == 0);
}

static void send_many(struct cache_fixture *f, int64_t n)
{
    struct host *host = &hosts[n % 2];

    CHECK(f, send_to(f, host->outbound, n + 1, 1) == 0);
    host->sent++;
}

/* Each host sends its part; the milliseconds that both together took. */
static int64_t send_all(struct cache_fixture *f)
{
    int64_t began_ms = loop_now_ms(f->loop);

    run_members(f, (int64_t)2 * EACH, send_many);
    return loop_now_ms(f->loop) - began_ms;
}

static void stop_hosts(void)
{
    for (int i = 0; i < 2; i++) {
        outbound_share_free(hosts[i].share);
        outbound_free(hosts[i].outbound);
        cache_close(hosts[i].cache);
        redis_proxy_free(hosts[i].proxy);
    }
}

static void share(struct cache_fixture *f)
{
    const char *error = NULL;

    f->is_rough = true;
    f->clean_up = stop_hosts;
    host_start(f, &hosts[0]);
    host_start(f, &hosts[1]);
    CHECK(f, wait_sleep(f->loop, 50) == 0); /* both have said that they are there */
    int64_t took_ms = send_all(f);
    /* A whole second's rate at once, and the rest at the rate of one host. */
    print_message("# two hosts, %d messages each: %d ms\n", EACH, (int)took_ms);
    CHECK(f, took_ms >= (2 * EACH - RATE) * 1000 / RATE - 50 && took_ms < PATIENCE_MS);
    for (int i = 0; i < 2; i++)
        redis_proxy_refuse(hosts[i].proxy);
    while (!(error = cache_check(hosts[0].cache, &f->arena)) ||
           !cache_check(hosts[1].cache, &f->arena))
        CHECK(f, wait_sleep(f->loop, 10) == 0);
    took_ms = send_all(f);
    print_message("# the same without Redis: %d ms\n", (int)took_ms);
    CHECK(f, took_ms >= (2 * EACH - RATE) * 1000 / RATE - 50 && took_ms < PATIENCE_MS);
    CHECK(f, hosts[0].sent == 2 * EACH && hosts[1].sent == 2 * EACH);
}

static void two_hosts_send_no_more_than_one_may(void **state)
{
    (void)state;
    run_with_cache(share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_granted_goes_and_nothing_else),
        cmocka_unit_test(a_grant_lapses),
        cmocka_unit_test(two_hosts_send_no_more_than_one_may),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("outbound share", tests, NULL, NULL);
}

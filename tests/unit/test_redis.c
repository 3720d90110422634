/*
 * The client of Redis: URLs, the protocol, and servers that do not keep to it. A server of the test's
 * own says the same bytes to everybody who connects; whatever they are, the cache above goes on.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/io/redis_codec.h"
#include "host/io/redis_dial.h"
#include "host/store/cache.h"
#include "tests/unit/loop_fixture.h"

enum { MINUTE = 60 * 1000 };

/* Longer than a part of a name can be: nobody has to be asked about it. */
#define LONG_LABEL "a123456789012345678901234567890123456789012345678901234567890123456789"

/* ---- URLs ---- */

static void urls_are_read(void **state)
{
    static const struct {
        const char *text;
        struct redis_url url;
    } good[] = {
        {"redis://localhost", {.host = "localhost", .port = "6379"}},
        {"redis://10.0.0.1:7000/", {.host = "10.0.0.1", .port = "7000"}},
        {"redis://h:1/15", {.host = "h", .port = "1", .database = 15}},
        {"redis://[::1]:7000/2", {.host = "::1", .port = "7000", .database = 2}},
        {"redis://[fe80::1]", {.host = "fe80::1", .port = "6379"}},
        {"redis://:pa%3Ass%40%2f%25@h", {.host = "h", .port = "6379", .password = "pa:ss@/%"}},
        {"redis://joe:@h", {.host = "h", .port = "6379", .user = "joe", .password = ""}},
        {"redis://j%6fe:a@b@h", {.host = "h", .port = "6379", .user = "joe", .password = "a@b"}},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct redis_url *wanted = &good[i].url;
        struct redis_url url;
        const char *error;
        assert_int_equal(redis_url_parse(&arena, good[i].text, &url, &error), 0);
        assert_string_equal(url.host, wanted->host);
        assert_string_equal(url.port, wanted->port);
        assert_int_equal(url.database, wanted->database);
        assert_string_equal(url.user ? url.user : "", wanted->user ? wanted->user : "");
        assert_int_equal(!url.password, !wanted->password);
        if (url.password)
            assert_string_equal(url.password, wanted->password);
    }
    arena_clear(&arena);
}

static void what_is_no_url_is_refused_without_repeating_it(void **state)
{
    static const char *const bad[] = {
        "",
        "localhost:6379",
        "rediss://h",
        "redis://",
        "redis://:6379",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:1x",
        "redis://h:",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/99999999999999999999",
        "redis://secret@h",
        "redis://:secret%4@h",
        "redis://:secret%zz@h",
        "redis://:secret%00@h",
        "redis://:secret%",
        "redis://[::1",
        "redis://[]:1",
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct redis_url url;
        const char *error = NULL;
        if (redis_url_parse(&arena, bad[i], &url, &error) != -AISHA_E_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(error);
        assert_null(strstr(error, "secret"));
    }
    arena_clear(&arena);
}

/* ---- the protocol ---- */

static void commands_carry_any_bytes(void **state)
{
    const struct redis_arg args[] = {
        REDIS_ARG("SET"), {.bytes = "a\r\n\0b", .size = 5}, REDIS_ARG("")};
    static const char wanted[] = "*3\r\n$3\r\nSET\r\n$5\r\na\r\n\0b\r\n$0\r\n\r\n";
    struct evbuffer *out = evbuffer_new();

    (void)state;
    redis_write_command(out, args, 3);
    assert_int_equal(evbuffer_get_length(out), sizeof wanted - 1);
    assert_memory_equal(evbuffer_pullup(out, -1), wanted, sizeof wanted - 1);
    evbuffer_free(out);
}

static void replies_are_read_byte_by_byte(void **state)
{
    static const char bytes[] =
        "*6\r\n+OK\r\n:-42\r\n$-1\r\n$4\r\na\r\nb\r\n*2\r\n:1\r\n*0\r\n-ERR no\r\n"
        "$0\r\n\r\n";
    const struct redis_reply *reply = NULL;
    struct redis_reader *reader = NULL;
    struct arena arena = {0};

    (void)state;
    assert_int_equal(redis_reader_new(&reader), 0);
    for (size_t i = 0; i < sizeof bytes - 7; i++) {
        assert_null(reply);
        assert_int_equal(redis_reader_feed(reader, &bytes[i], 1), 0);
        assert_int_equal(redis_reader_next(reader, &arena, &reply), 0);
    }
    assert_true(reply && reply->type == REDIS_LIST && reply->count == 6);
    assert_string_equal(reply->items[0]->text, "OK");
    assert_int_equal(reply->items[1]->integer, -42);
    assert_int_equal(reply->items[2]->type, REDIS_NIL);
    assert_true(reply->items[3]->size == 4 && memcmp(reply->items[3]->text, "a\r\nb", 4) == 0);
    assert_true(reply->items[4]->count == 2 && reply->items[4]->items[1]->count == 0);
    assert_int_equal(reply->items[5]->type, REDIS_REFUSAL);
    redis_reader_free(reader);
    arena_clear(&arena);
}

/* ---- a server that keeps to nothing ---- */

struct fake {
    struct evconnlistener *listener;
    struct bufferevent *clients[8];
    size_t count;
    const char *says; /* to each that connects; NULL = it hangs up */
    size_t again;     /* so many times more */
    char url[64];
};

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *arg)
{
    struct event_base *base = evconnlistener_get_base(listener);
    struct fake *fake = arg;

    (void)address, (void)size;
    if (!fake->says || fake->count == sizeof fake->clients / sizeof *fake->clients) {
        evutil_closesocket(fd);
        return;
    }
    struct bufferevent *client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    fake->clients[fake->count++] = client;
    for (size_t i = 0; i <= fake->again; i++)
        bufferevent_write(client, fake->says, strlen(fake->says));
}

static void fake_start(struct loop_fixture *f, struct fake *fake, const char *says, size_t again)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *fake = (struct fake){.says = says, .again = again};
    fake->listener = evconnlistener_new_bind(loop_base(f->loop), on_client, fake,
                                             LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
                                             (struct sockaddr *)&address, sizeof address);
    if (!fake->listener ||
        getsockname(evconnlistener_get_fd(fake->listener), (struct sockaddr *)&address, &size) < 0)
        abort();
    snprintf(fake->url, sizeof fake->url, "redis://127.0.0.1:%d", ntohs(address.sin_port));
}

static void fake_stop(struct fake *fake)
{
    evconnlistener_free(fake->listener);
    for (size_t i = 0; i < fake->count; i++)
        bufferevent_free(fake->clients[i]);
}

/* The cache works, from memory, and says why it is only that. */
static void use_cache_on(struct loop_fixture *f, const char *url)
{
    struct cache *cache = NULL;
    const char *error = "";
    const void *bytes = NULL;
    int64_t number = 0;
    size_t size = 0;

    CHECK(f, cache_open(&cache, f->loop, url, "1", &f->arena, &error) == 0);
    int64_t began_ms = loop_now_ms(f->loop);
    CHECK(f, cache_set(cache, "t:a", "one", 3, MINUTE) == 0);
    CHECK(f, cache_get(cache, &f->arena, "t:a", &bytes, &size) == 0);
    CHECK(f, size == 3 && memcmp(bytes, "one", 3) == 0);
    CHECK(f, cache_add(cache, "t:n", 2, MINUTE, &number) == 0 && number == 2);
    struct cache_bucket bucket = {.capacity = 1, .period_ms = MINUTE, .want = 1, .least = 1};
    CHECK(f, cache_take(cache, "t:b", &bucket) == 1 && bucket.taken == 1);
    CHECK(f, cache_wake(cache, "t:a") == 0);
    CHECK(f, cache_check(cache, &f->arena) != NULL);
    CHECK(f, loop_now_ms(f->loop) - began_ms < 10000);
    CHECK(f, cache_outages(cache) > 0);
    cache_close(cache);
}

static const struct {
    const char *what, *says;
    size_t again;
} hostile[] = {
    {"hangs up", NULL, 0},
    {"says nothing", "", 0},
    {"is no Redis", "HTTP/1.1 400 Bad Request\r\n\r\n", 0},
    {"talks unasked", "+OK\r\n", 100},
    {"announces a huge text", "$9223372036854775807\r\n", 0},
    {"sends a huge text", "$900000000\r\n123456789012345678901234567890", 400000},
    {"never ends its line", "+123456789012345678901234567890123456789012345678", 200000},
    {"announces a huge list", "*2147483647\r\n", 0},
    {"sends lists in lists", "*1\r\n", 10000},
    {"sends texts of negative length", "$-5\r\n", 10},
    {"sends lists of negative length", "*-7\r\n", 10},
    {"sends a number that is none", ":1x\r\n", 10},
    {"breaks its texts off", "$3\r\nabcdef\r\n", 10},
    {"wants a password", "-NOAUTH Authentication required.\r\n", 0},
    {"loads its data", "-LOADING Redis is loading the dataset in memory\r\n", 3},
};

static void meet_hostile(struct loop_fixture *f)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        unsigned failures = f->failures;
        struct fake fake;
        fake_start(f, &fake, hostile[i].says, hostile[i].again);
        use_cache_on(f, fake.url);
        fake_stop(&fake);
        if (f->failures > failures)
            print_error("with a server that %s\n", hostile[i].what);
    }
}

static void a_server_that_keeps_to_nothing_does_no_harm(void **state)
{
    (void)state;
    run_in_loop(meet_hostile);
}

static void meet_nobody(struct loop_fixture *f)
{
    struct fake fake;

    fake_start(f, &fake, "", 0);
    fake_stop(&fake);
    use_cache_on(f, fake.url);
    use_cache_on(f, "redis://" LONG_LABEL "." LONG_LABEL);
}

static void without_a_server_it_goes_on(void **state)
{
    (void)state;
    run_in_loop(meet_nobody);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read),
        cmocka_unit_test(what_is_no_url_is_refused_without_repeating_it),
        cmocka_unit_test(commands_carry_any_bytes),
        cmocka_unit_test(replies_are_read_byte_by_byte),
        cmocka_unit_test(a_server_that_keeps_to_nothing_does_no_harm),
        cmocka_unit_test(without_a_server_it_goes_on),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}

/* What the plugin openai makes of x-ratelimit headers; the functions of the host that it calls are here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/openai/openai.h"

static struct {
    char text[8][64]; /* what was printed */
    size_t texts;
    unsigned char kept[256];
    size_t kept_size;
    int64_t slept_ms;
} world;

struct header {
    const char *name, *value;
};

static const struct header *headers;

char *aisha_printf(struct aisha_ctx *ctx, const char *format, ...)
{
    char *text = world.text[world.texts++ % 8];
    va_list values;

    (void)ctx;
    va_start(values, format);
    vsnprintf(text, sizeof world.text[0], format, values);
    va_end(values);
    return text;
}

char *aisha_concat(struct aisha_ctx *ctx, const char *first, ...)
{
    char *text = aisha_printf(ctx, "%s", first), *end = text + strlen(text);
    const char *next;
    va_list values;

    va_start(values, first);
    while ((next = va_arg(values, const char *)))
        end = stpcpy(end, next);
    va_end(values);
    return text;
}

int aisha_cache_get(struct aisha_ctx *ctx, const char *key, const void **ret_bytes,
                    size_t *ret_size)
{
    (void)ctx;
    assert_string_equal(key, "limits/m");
    *ret_bytes = world.kept;
    *ret_size = world.kept_size;
    return world.kept_size ? 0 : AISHA_CACHE_MISS;
}

int aisha_cache_set(struct aisha_ctx *ctx, const char *key, const void *bytes, size_t size,
                    int64_t ttl_s)
{
    (void)ctx, (void)key, (void)ttl_s;
    assert_true(size <= sizeof world.kept);
    memcpy(world.kept, bytes, size);
    world.kept_size = size;
    return 0;
}

const char *aisha_http_header(const struct aisha_http_response *answer, const char *name)
{
    (void)answer;
    for (size_t i = 0; headers[i].name; i++)
        if (strcmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

int aisha_sleep(struct aisha_ctx *ctx, int64_t timeout_ms)
{
    (void)ctx;
    world.slept_ms = timeout_ms;
    return 0;
}

void aisha_log(struct aisha_ctx *ctx, enum aisha_log_level level, const char *format, ...)
{
    (void)ctx, (void)level, (void)format;
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"12ms", 12},       {"1s", 1000}, {"6m0s", 360000}, {"1h2m3.5s", 3723500},
        {"1.0001s", 1001},  {"0s", 0},    {"", -1},         {"5", -1},
        {"s", -1},          {"-1s", -1},  {"1x", -1},       {"1s2", -1},
        {"999999999d", -1}, {"nan", -1},  {"1e9s", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (limits_duration_ms(rows[i].text) != rows[i].ms)
            fail_msg("%s: %lld", rows[i].text, (long long)limits_duration_ms(rows[i].text));
}

static void note(const char *left, const char *full, const char *reset)
{
    const struct header rows[] = {
        {"x-ratelimit-remaining-tokens", left},
        {"x-ratelimit-limit-tokens", full},
        {"x-ratelimit-reset-tokens", reset},
        {NULL, NULL},
    };

    memset(&world, 0, sizeof world);
    headers = rows;
    assert_int_equal(limits_note(NULL, "m", NULL), 0);
    headers = NULL;
}

static int64_t wait_for(int64_t tokens)
{
    world.slept_ms = 0;
    assert_int_equal(limits_wait(NULL, "m", tokens, 60000), 0);
    return world.slept_ms;
}

static void test_waits(void **state)
{
    (void)state;
    note("100", "1000", "9s");
    assert_int_equal(wait_for(60), 0);
    assert_in_range(wait_for(60), 100, 200); /* 20 of the 960 that come back in 9 s */
    assert_in_range(wait_for(2000), 8000, 9000);
    note("0", "1000", "2m");
    assert_int_equal(limits_wait(NULL, "m", 1000, 60000), -AISHA_E_UNAVAILABLE);
    assert_in_range(wait_for(100), 11000, 12100);
}

static void test_nonsense_stops_nobody(void **state)
{
    static const char *const rows[][3] = {
        {NULL, NULL, NULL}, {"x", "1", "1s"}, {"-5", "1", "1s"},
        {"0", "1", "soon"}, {"0", "1", NULL}, {"99999999999999999999999", "1", "1s"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(rows[i][0], rows[i][1], rows[i][2]);
        assert_int_equal(wait_for(10), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_nonsense_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

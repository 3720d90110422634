/* The sandbox's JSON: printed as cJSON prints it, and texts that are UTF-8; the feed made of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/text.h"

static void assert_printed_as_by_cjson(const cJSON *value)
{
    struct arena arena = {0};
    char *expected = cJSON_PrintUnformatted(value);

    assert_string_equal(expected, json_text(&arena, value));
    cJSON_free(expected);
    arena_clear(&arena);
}

static void numbers_are_printed_as_by_cjson(void **state)
{
    const double numbers[] = {
        0,    -0.0,  1,      -1,       0.1,       -2.5, 1e14, 999999999999999, -999999999999999,
        1e15, 1e300, 5e-324, INFINITY, -INFINITY, NAN};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cJSON *number = cJSON_CreateNumber(numbers[i]);
        assert_printed_as_by_cjson(number);
        cJSON_Delete(number);
    }
}

/* cJSON is content with fifteen digits. */
static void large_numbers_are_printed_exactly(void **state)
{
    const double numbers[] = {9007199254740991.0, -1234567890123456789.0, 1.0 / 3, 0.1 + 0.2};
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cJSON *number = cJSON_CreateNumber(numbers[i]);
        assert_true(strtod(json_text(&arena, number), NULL) == numbers[i]);
        cJSON_Delete(number);
    }
    arena_clear(&arena);
}

static void strings_are_printed_as_by_cjson(void **state)
{
    uint32_t random = 1;
    char string[64];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t length = (size_t)round % (sizeof string - 1);
        for (size_t i = 0; i < length; i++) {
            random = random * 1664525 + 1013904223;
            unsigned char c = (unsigned char)(random >> 24);
            /* Mostly letters, so that runs of them are as usual as in texts. */
            string[i] = (char)(c && (random >> 8) % 16 == 0 ? c : 'a' + c % 26);
        }
        string[length] = '\0';
        cJSON *value = cJSON_CreateString(string);
        assert_printed_as_by_cjson(value);
        cJSON_Delete(value);
    }
}

static void trees_are_printed_as_by_cjson(void **state)
{
    static const char *const texts[] = {
        "{}",   "[]",    "null",
        "true", "false", "{\"a\":[1,{\"b\":null},\"\\u0001\"],\"\\\"\":{\"c\":[]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cJSON *value = cJSON_Parse(texts[i]);
        cJSON *outer = cJSON_CreateObject();
        cJSON_AddItemToObject(outer, "inner", value);
        cJSON_AddItemToObject(outer, "raw", cJSON_CreateRaw("[1, 2]"));
        assert_printed_as_by_cjson(outer);
        cJSON_Delete(outer);
    }
}

static void members_are_set_once(void **state)
{
    struct arena arena = {0};
    cJSON *object = json_keep(&arena, cJSON_CreateObject());

    (void)state;
    json_set_int(object, "a", 1);
    json_set_text(object, "b", "x");
    json_set_int(object, "a", 2);
    json_set_int(object, "b", 3);
    json_set_copy(object, "c", NULL);
    assert_string_equal("{\"a\":2,\"b\":3}", json_text(&arena, object));
    assert_null(json_get(object, "A"));
    assert_null(json_get(json_get(object, "a"), "a"));
    assert_null(json_get(NULL, "a"));
    arena_clear(&arena);
}

static void wrong_bytes_are_found_wherever_they_are(void **state)
{
    static const char *const wrong[] = {"\x80",     "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                        "\xE2\x82", "\xFF"};
    static const char *const fine[] = {"a", "é", "€", "😀", "\xED\x9F\xBF"};
    char text[40];

    (void)state;
    for (size_t at = 0; at < 20; at++) {
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            memset(text, 'a', sizeof text);
            memcpy(text + at, wrong[i], strlen(wrong[i]));
            assert_false(utf8_is_valid(text, 30));
            assert_false(utf8_is_valid(text, at + strlen(wrong[i])));
            assert_true(utf8_is_valid(text, at));
        }
        for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
            memset(text, 'a', sizeof text);
            memcpy(text + at, fine[i], strlen(fine[i]));
            assert_true(utf8_is_valid(text, 30));
            assert_true(utf8_is_valid(text, at + strlen(fine[i])));
        }
    }
}

static void a_feed_keeps_the_newest_by_number_and_by_size(void **state)
{
    struct arena arena = {0};
    struct loop *loop;
    struct feed *feed;
    bool has_gap;

    (void)state;
    assert_int_equal(0, loop_new(&loop, &(struct loop_options){0}));
    assert_int_equal(0, feed_new(&feed, loop, "n", 10));
    assert_string_equal("[]", json_text(&arena, feed_after(feed, &arena, 0, &has_gap)));
    assert_false(has_gap);
    for (int i = 0; i < 2001; i++) {
        cJSON *entry = cJSON_CreateObject();
        json_set_int(entry, "i", i);
        feed_add(feed, entry);
    }
    assert_int_equal(2011, feed_last(feed));
    assert_string_equal("[{\"i\":2000,\"n\":2011}]",
                        json_text(&arena, feed_after(feed, &arena, 2010, &has_gap)));
    assert_false(has_gap);
    assert_int_equal(2000, cJSON_GetArraySize(feed_after(feed, &arena, 11, &has_gap)));
    assert_false(has_gap);
    assert_int_equal(2000, cJSON_GetArraySize(feed_after(feed, &arena, 10, &has_gap)));
    assert_true(has_gap);
    for (int i = 0; i < 100; i++) {
        struct text entry = {0};
        text_add_string(&entry, "{\"x\":\"");
        for (int k = 0; k < 1024 * 1024 / 16; k++)
            text_add_string(&entry, "sixteen letters.");
        text_add_string(&entry, "\"");
        feed_add_text(feed, &entry);
    }
    assert_int_equal(63, cJSON_GetArraySize(feed_after(feed, &arena, 2011, &has_gap)));
    assert_true(has_gap);
    arena_clear(&arena);
    feed_free(feed);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_printed_as_by_cjson),
        cmocka_unit_test(large_numbers_are_printed_exactly),
        cmocka_unit_test(strings_are_printed_as_by_cjson),
        cmocka_unit_test(trees_are_printed_as_by_cjson),
        cmocka_unit_test(members_are_set_once),
        cmocka_unit_test(wrong_bytes_are_found_wherever_they_are),
        cmocka_unit_test(a_feed_keeps_the_newest_by_number_and_by_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What happens to texts on their way to Telegram: escaping, splitting, repair; and JSON by path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/json.h>

#include "host/bot/html.h"
#include "host/bot/json.h"
#include "host/bot/split.h"
#include "host/bot/text.h"
#include "tests/unit/arena_fixture.h"

static void html_escape_leaves_nothing_that_is_markup(void **state)
{
    assert_string_equal(html_escape(*state, "a<b>&\"c\" 'd' é"),
                        "a&lt;b&gt;&amp;&quot;c&quot; 'd' é");
    assert_string_equal(html_escape(*state, ""), "");
}

static void html_printf_escapes_what_is_inserted(void **state)
{
    struct arena *a = *state;

    assert_string_equal(html_printf(a, "<b>%s</b> &amp; 100%%", "<i>&"),
                        "<b>&lt;i&gt;&amp;</b> &amp; 100%");
    assert_string_equal(html_printf(a, "%c%c", '<', 'x'), "&lt;x");
    assert_string_equal(html_printf(a, "plain"), "plain");
}

static void html_printf_formats_like_printf(void **state)
{
    struct arena *a = *state;
    char expected[256];

#define SAME(...)                                                                                  \
    do {                                                                                           \
        snprintf(expected, sizeof expected, __VA_ARGS__);                                          \
        assert_string_equal(html_printf(a, __VA_ARGS__), expected);                                \
    } while (0)
    SAME("%d %i %u %x %X %o", -1, 2, 3U, 0xabU, 0xcdU, 8U);
    SAME("%hhd %hd %ld %lld %zu %jd %td", (signed char)-1, (short)-2, -3L, -4LL, (size_t)5,
         (intmax_t)-6, (ptrdiff_t)-7);
    SAME("%hhu %hu %lu %llu %ju", (unsigned char)255, (unsigned short)65535, ~0UL, ~0ULL,
         UINTMAX_MAX);
    SAME("%5d|%-5d|%05d|%+d|% d|%#x", 1, 2, 3, 4, 5, 6U);
    SAME("%f %.2f %10.3e %g %G %a %lf", 1.5, 2.25, 3.125, 1e20, 1e-20, 1.0, 2.0);
    SAME("%*d|%-*d|%*d", 6, 1, 6, 2, -6, 3);
    SAME("%.*f|%.*f|%.*s", 1, 1.25, -1, 1.25, 2, "abc");
    SAME("%10s|%-10s|%.2s|%.s", "right", "left", "cut", "none");
    SAME("%s %d %s %d %s %d %s %d %s %f", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5.0);
    SAME("%p", (void *)&expected);
#undef SAME
}

static void html_printf_never_returns_half_a_character(void **state)
{
    assert_string_equal(html_printf(*state, "%.1s!", "é"), "\xef\xbf\xbd!");
}

static void html_to_plain_takes_markup_out(void **state)
{
    struct arena *a = *state;

    assert_string_equal(html_to_plain(a, "<b>1 &lt; 2</b> <a href=\"x>y\">z</a>&amp;&quot;"),
                        "1 < 2 z&\"");
    assert_string_equal(html_to_plain(a, "a < b & c <3 &nbsp; <b"), "a < b & c <3 &nbsp; <b");
}

static void html_check_accepts_telegrams_tags_only(void **state)
{
    static const char *const good[] = {
        "",
        "text é &lt;&gt;&amp;&quot; > \"",
        "<b>a<i>b</i></b>",
        "<a href=\"https://x/?a=1\">x</a>",
        "<code class=\"language-c\">x</code>",
        "<pre><code class=\"language-c\">x</code></pre>",
        "<span class=\"tg-spoiler\">x</span><tg-spoiler>y</tg-spoiler>",
        "<blockquote expandable>x</blockquote><blockquote>y</blockquote>",
        "<tg-emoji emoji-id=\"1\">x</tg-emoji>",
    };
    static const char *const bad[] = {
        "<",
        "a < b",
        "a & b",
        "&nbsp;",
        "&#60;",
        "<b>",
        "</b>",
        "<b><i></b>",
        "<b></i></b>",
        "<br>",
        "<b/>",
        "<b class=\"x\">x</b>",
        "<a>x</a>",
        "<a href=\"\">x</a>",
        "<B>x</B>",
        "<p>x</p>",
        "<b",
        "<span>x</span>",
        "<a href=\"x\" y=\"z\">x</a>",
        "<b >x</b>",
        "<b>x</b >",
    };
    struct arena *a = *state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (html_check(a, good[i]))
            fail_msg("%s: %s", good[i], html_check(a, good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!html_check(a, bad[i]))
            fail_msg("accepted: %s", bad[i]);
}

static void html_check_bounds_the_depth(void **state)
{
    struct text deep = {.arena = *state};

    for (int i = 0; i < 17; i++)
        text_adds(&deep, "<b>");
    for (int i = 0; i < 17; i++)
        text_adds(&deep, "</b>");
    assert_string_equal(html_check(*state, text_done(&deep)), "tags are nested too deep");
}

static void utf16_length_counts_surrogates(void **state)
{
    (void)state;
    assert_int_equal(utf16_length(""), 0);
    assert_int_equal(utf16_length("aé€"), 3);
    assert_int_equal(utf16_length("😀"), 2);
    assert_int_equal(split_length("<b>a&lt;</b>", SPLIT_HTML), 2);
    assert_int_equal(split_length("<b>", SPLIT_PLAIN), 3);
}

static void utf8_is_valid_knows_the_borders(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(utf8_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(utf8_is_valid(bad[i], strlen(bad[i])));
    assert_true(utf8_is_valid("a\0b", 3));
}

static void utf8_repair_replaces_what_is_broken(void **state)
{
    struct arena *a = *state;
    size_t size;

    assert_string_equal(utf8_repair(a,
                                    "a\xff"
                                    "b",
                                    3, &size),
                        "a\xef\xbf\xbd"
                        "b");
    assert_int_equal(size, 5);
    assert_string_equal(utf8_repair(a, "\xe2\x82", 2, NULL), "\xef\xbf\xbd");
    assert_string_equal(utf8_repair(a, "\xf0\x9f\x98x", 4, NULL), "\xef\xbf\xbdx");
    assert_string_equal(utf8_repair(a, "a\0b\x01\x7f\tc\r\n\xc2\x85", 11, NULL), "ab\tc\r\n");
    assert_string_equal(utf8_repair(a, "ok é😀", strlen("ok é😀"), NULL), "ok é😀");
    assert_string_equal(utf8_repair(a, "", 0, &size), "");
    assert_int_equal(size, 0);
}

static void utf8_repair_makes_any_bytes_valid(void **state)
{
    char bytes[64];

    srandom(3);
    for (int round = 0; round < 2000; round++) {
        size_t size, count = (size_t)random() % sizeof bytes;
        for (size_t i = 0; i < count; i++)
            bytes[i] = (char)random();
        const char *text = utf8_repair(*state, bytes, count, &size);
        assert_true(utf8_is_valid(text, size));
        assert_int_equal(strlen(text), size);
        if (round % 100 == 0)
            arena_clear(*state);
    }
}

static void assert_parts(struct arena *a, const char *text, enum split_format format, size_t limit,
                         const char *const *expected)
{
    const char *const *parts = split_text(a, text, format, limit);

    for (; *expected; parts++, expected++) {
        assert_non_null(*parts);
        assert_string_equal(*parts, *expected);
    }
    assert_null(*parts);
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void split_prefers_paragraphs_lines_sentences_words(void **state)
{
    struct arena *a = *state;

    assert_parts(a, "short", SPLIT_PLAIN, 10, PARTS("short"));
    assert_parts(a, "One two.\nThree.\n\nFour five", SPLIT_PLAIN, 20,
                 PARTS("One two.\nThree.\n\n", "Four five"));
    assert_parts(a, "One two. Three.\nFour five six", SPLIT_PLAIN, 20,
                 PARTS("One two. Three.\n", "Four five six"));
    assert_parts(a, "One two three. Four five six", SPLIT_PLAIN, 20,
                 PARTS("One two three. ", "Four five six"));
    assert_parts(a, "\"One two?\") And more here", SPLIT_PLAIN, 20,
                 PARTS("\"One two?\") ", "And more here"));
    assert_parts(a, "一二三四五六。七八九十百", SPLIT_PLAIN, 9,
                 PARTS("一二三四五六。", "七八九十百"));
    assert_parts(a, "One two three four five six", SPLIT_PLAIN, 20,
                 PARTS("One two three four ", "five six"));
    assert_parts(a, "abcdefghij", SPLIT_PLAIN, 4, PARTS("abcd", "efgh", "ij"));
    /* A paragraph that would leave the part nearly empty is not worth it. */
    assert_parts(a, "A\n\nbcd efgh ijkl mnop", SPLIT_PLAIN, 12,
                 PARTS("A\n\nbcd efgh ", "ijkl mnop"));
}

static void split_leaves_out_blank_parts(void **state)
{
    struct arena *a = *state;

    assert_null(split_text(a, "", SPLIT_PLAIN, 10)[0]);
    assert_null(split_text(a, " \n\n \t", SPLIT_PLAIN, 2)[0]);
    assert_null(split_text(a, "<b> </b>", SPLIT_HTML, 2)[0]);
    assert_parts(a, "ab\n\n\n\n\n\ncd", SPLIT_PLAIN, 4, PARTS("ab\n\n", "cd"));
}

static void split_reopens_tags(void **state)
{
    struct arena *a = *state;

    assert_parts(a, "<b>one <i>two three</i></b> four", SPLIT_HTML, 9,
                 PARTS("<b>one <i>two </i></b>", "<b><i>three</i></b> ", "four"));
    assert_parts(
        a, "<a href=\"http://long/address\">ab cd</a>", SPLIT_HTML, 3,
        PARTS("<a href=\"http://long/address\">ab </a>", "<a href=\"http://long/address\">cd</a>"));
    assert_parts(a, "<b>abcd</b>efgh", SPLIT_HTML, 4, PARTS("<b>abcd</b>", "efgh"));
}

static void split_never_cuts_within_a_character(void **state)
{
    struct arena *a = *state;

    assert_parts(a, "&lt;&lt;&lt;", SPLIT_HTML, 2, PARTS("&lt;&lt;", "&lt;"));
    assert_parts(a, "😀😀😀", SPLIT_PLAIN, 3, PARTS("😀", "😀", "😀"));
    assert_parts(a, "ab👩‍🚀", SPLIT_PLAIN, 6, PARTS("ab", "👩‍🚀"));
    assert_parts(a, "a🇩🇪🇫🇷", SPLIT_PLAIN, 7, PARTS("a🇩🇪", "🇫🇷"));
    assert_parts(a, "abe\xcc\x81", SPLIT_PLAIN, 3, PARTS("ab", "e\xcc\x81"));
}

static void split_copes_with_broken_markup(void **state)
{
    static const char alphabet[] = "<>/b&;\" a=\n.i";
    struct arena *a = *state;
    char text[100];

    srandom(11);
    for (int round = 0; round < 3000; round++) {
        size_t size = (size_t)random() % sizeof text;
        for (size_t i = 0; i < size; i++)
            text[i] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
        text[size] = '\0';
        const char *const *parts = split_text(a, text, SPLIT_HTML, 2 + (size_t)random() % 20);
        for (; *parts; parts++)
            assert_true(strlen(*parts) > 0);
        html_check(a, text);
        html_to_plain(a, text);
        if (round % 100 == 0)
            arena_clear(a);
    }
}

/* Well-formed HTML of random words, breaks, emoji, entities and nested tags. */
static char *random_html(struct arena *a, int pieces)
{
    static const char *const texts[] = {
        "word ", "a. ",         "\n", "\n\n",          "x",  "слово ", "😀", "&lt;",
        "&amp;", "👩‍🚀", "🇩🇪", "averylongword", "! ", "\t"};
    static const char *const opens[] = {"<b>", "<i>", "<a href=\"http://x/&quot;\">", "<pre>",
                                        "<code class=\"language-c\">"};
    static const char *const closes[] = {"</b>", "</i>", "</a>", "</pre>", "</code>"};
    struct text html = {.arena = a};
    size_t open[8], depth = 0;

    for (int i = 0; i < pieces; i++) {
        long dice = random() % 10;
        if (dice == 0 && depth < 8) {
            open[depth] = (size_t)random() % 5;
            text_adds(&html, opens[open[depth++]]);
        } else if (dice == 1 && depth) {
            text_adds(&html, closes[open[--depth]]);
        } else {
            text_adds(&html, texts[(size_t)random() % (sizeof texts / sizeof *texts)]);
        }
    }
    while (depth)
        text_adds(&html, closes[open[--depth]]);
    return text_done(&html);
}

static char *without_white(struct arena *a, const char *text)
{
    struct text out = {.arena = a};

    for (; *text; text++)
        if (!strchr(" \t\n", *text))
            text_add(&out, text, 1);
    return text_done(&out);
}

static void split_keeps_limit_text_and_balance(void **state)
{
    struct arena *a = *state;

    srandom(5);
    for (int round = 0; round < 600; round++) {
        const char *html = random_html(a, (int)(random() % 300));
        size_t limit = 8 + (size_t)random() % 120;
        struct text plain = {.arena = a};
        const char *const *parts = split_text(a, html, SPLIT_HTML, limit);

        assert_null(html_check(a, html));
        for (; *parts; parts++) {
            assert_true(split_length(*parts, SPLIT_HTML) <= limit);
            assert_null(html_check(a, *parts));
            text_adds(&plain, html_to_plain(a, *parts));
        }
        assert_string_equal(without_white(a, text_done(&plain)),
                            without_white(a, html_to_plain(a, html)));
        arena_clear(a);
    }
}

static void split_of_plain_text_keeps_every_byte(void **state)
{
    struct arena *a = *state;

    srandom(6);
    for (int round = 0; round < 300; round++) {
        /* Ends in a letter and has no white run as long as the limit: no part is blank. */
        char *text = arena_printf(a, "%sx", html_to_plain(a, random_html(a, 200)));
        size_t limit = 60 + (size_t)random() % 100;
        struct text joined = {.arena = a};
        for (const char *const *p = split_text(a, text, SPLIT_PLAIN, limit); *p; p++) {
            assert_true(utf16_length(*p) <= limit);
            assert_true(utf8_is_valid(*p, strlen(*p)));
            text_adds(&joined, *p);
        }
        assert_string_equal(text_done(&joined), text);
        arena_clear(a);
    }
}

static void split_is_linear(void **state)
{
    size_t size = 1 << 20, count = 0;
    char *text = arena_alloc(*state, size + 1);

    memset(text, 'a', size);
    for (const char *const *p = split_text(*state, text, SPLIT_HTML, 4096); *p; p++)
        count++;
    assert_int_equal(count, 256);
}

static const struct aisha_json *parse(struct arena *a, const char *text)
{
    return json_parse(a, text, strlen(text));
}

static void json_is_read_by_path(void **state)
{
    const struct aisha_json *json =
        parse(*state, " {\"a\": [{\"b\": \"text\"}, 7, [1, [2]]], \"n\": -2.5, \"t\": true, "
                      "\"z\": null, \"big\": 5000000001, \"e\": {}, \"\": 1} \n");

    assert_non_null(json);
    assert_string_equal(aisha_json_text(json, "a[0].b"), "text");
    assert_int_equal(aisha_json_int(json, "a[1]"), 7);
    assert_int_equal(aisha_json_int(json, "a[2][1][0]"), 2);
    assert_true(aisha_json_real(json, "n") == -2.5);
    assert_int_equal(aisha_json_int(json, "n"), -2);
    assert_int_equal(aisha_json_int(json, "t"), 1);
    assert_int_equal(aisha_json_int(json, "big"), 5000000001);
    assert_int_equal(aisha_json_count(json, "a"), 3);
    assert_int_equal(aisha_json_count(json, ""), 7);
    assert_int_equal(aisha_json_count(json, "e"), 0);
    assert_ptr_equal(aisha_json_at(json, ""), json);
    assert_string_equal(aisha_json_text(aisha_json_at(json, "a[0]"), "b"), "text");
    assert_string_equal(aisha_json_text(parse(*state, "[\"x\"]"), "[0]"), "x");
}

static void json_gives_nothing_for_what_is_not_there(void **state)
{
    static const char *const paths[] = {
        "b",  "a.b",  "a[3]",     "a[-1]", "a[x]",
        "a[", "a[0",  "a]",       "a[0]b", ".a",
        "a.", "a..b", "n[0]",     "z.x",   "a[99999999999999999999]",
        "A",  "[0]",  "a[0].b.c", "a[]",   ".",
        " ",
    };
    const struct aisha_json *json =
        parse(*state, "{\"a\": [{\"b\": \"text\"}, 7], \"n\": 1, \"z\": null, \"h\": 1e300}");

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_null(aisha_json_text(json, paths[i]));
        assert_int_equal(aisha_json_int(json, paths[i]), 0);
        assert_null(aisha_json_at(json, paths[i]));
    }
    assert_null(aisha_json_text(json, "n"));
    assert_int_equal(aisha_json_int(json, "a"), 0);
    assert_int_equal(aisha_json_int(json, "h"), 0);
    assert_int_equal(aisha_json_count(json, "n"), 0);
    assert_null(aisha_json_text(NULL, "a"));
    assert_null(aisha_json_at(NULL, ""));
}

static void json_refuses_what_is_not_one_value(void **state)
{
    static const char *const bad[] = {
        "",    " ",   "{",    "[1,]",        "{\"a\"}",    "{\"a\":}",
        "tru", "1 2", "{} x", "[1]]",        "\"open",     "\"\\",
        "'a'", "nan", "]",    "\"\\ud800\"", "{\"a\":1,}", "\"\\q\"",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(*state, bad[i]))
            fail_msg("accepted: %s", bad[i]);
    assert_null(json_parse(*state, "1\0", 2));
    assert_null(json_parse(*state, "[1\0]", 4));
    assert_non_null(json_parse(*state, "12345", 2));
    assert_int_equal(aisha_json_int(json_parse(*state, "12345", 2), ""), 12);
}

static void json_refuses_deep_and_huge_input(void **state)
{
    struct arena *a = *state;
    struct text text = {.arena = a};

    for (int i = 0; i < 64; i++)
        text_adds(&text, "[");
    for (int i = 0; i < 64; i++)
        text_adds(&text, "]");
    assert_non_null(parse(a, text_done(&text)));
    assert_null(parse(a, arena_printf(a, "[%s]", text_done(&text))));

    size_t size = 3 << 20;
    char *many = arena_alloc(a, size);
    memset(many, '[', 100000);
    assert_null(json_parse(a, many, 100000));
    memset(many, ',', size);
    assert_null(json_parse(a, many, size));
    assert_null(json_parse(a, many, (16 << 20) + 1));
}

static void json_repairs_broken_utf8(void **state)
{
    assert_string_equal(aisha_json_text(json_parse(*state, "\"a\xff\"", 4), ""), "a\xef\xbf\xbd");
}

static void json_survives_truncation_and_noise(void **state)
{
    static const char text[] = "{\"a\": [1, \"\\u00e9\\n\", {\"b\": null}], \"c\": -1.5e3, "
                               "\"d\": true}";
    char copy[sizeof text];

    for (size_t size = 0; size < sizeof text - 1; size++) {
        char *exact = arena_memdup(*state, text, size);
        assert_null(json_parse(*state, exact, size));
    }
    srandom(9);
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, text, sizeof copy);
        for (int i = 0; i < 3; i++)
            copy[(size_t)random() % (sizeof text - 1)] = (char)random();
        const struct aisha_json *json = json_parse(*state, copy, sizeof text - 1);
        aisha_json_text(json, "a[1]");
        aisha_json_count(json, "a[2]");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)
    const struct CMUnitTest tests[] = {
        TEST(html_escape_leaves_nothing_that_is_markup),
        TEST(html_printf_escapes_what_is_inserted),
        TEST(html_printf_formats_like_printf),
        TEST(html_printf_never_returns_half_a_character),
        TEST(html_to_plain_takes_markup_out),
        TEST(html_check_accepts_telegrams_tags_only),
        TEST(html_check_bounds_the_depth),
        TEST(utf16_length_counts_surrogates),
        TEST(utf8_is_valid_knows_the_borders),
        TEST(utf8_repair_replaces_what_is_broken),
        TEST(utf8_repair_makes_any_bytes_valid),
        TEST(split_prefers_paragraphs_lines_sentences_words),
        TEST(split_leaves_out_blank_parts),
        TEST(split_reopens_tags),
        TEST(split_never_cuts_within_a_character),
        TEST(split_copes_with_broken_markup),
        TEST(split_keeps_limit_text_and_balance),
        TEST(split_of_plain_text_keeps_every_byte),
        TEST(split_is_linear),
        TEST(json_is_read_by_path),
        TEST(json_gives_nothing_for_what_is_not_there),
        TEST(json_refuses_what_is_not_one_value),
        TEST(json_refuses_deep_and_huge_input),
        TEST(json_repairs_broken_utf8),
        TEST(json_survives_truncation_and_noise),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}

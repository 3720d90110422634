/*
 * Catalogues: what is accepted, what is refused with file and line, and what users read.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/bot/i18n.h"
#include "tests/unit/files.h"

/* The host implements these where it has the database; here they stand for themselves. */
struct aisha_value aisha_value_int(int64_t integer)
{
    return (struct aisha_value){.type = AISHA_INT, .integer = integer};
}

struct aisha_value aisha_value_real(double real)
{
    return (struct aisha_value){.type = AISHA_REAL, .real = real};
}

struct aisha_value aisha_value_text(const char *text)
{
    return (struct aisha_value){.type = text ? AISHA_TEXT : AISHA_NULL, .text = text};
}

struct aisha_value aisha_value_self(struct aisha_value value)
{
    return value;
}

static int load(struct files *f, const char *ru, const char *en, const struct catalogue **ret)
{
    f->problems = (struct problems){.arena = &f->arena};
    files_write(f, "ru.json", ru, strlen(ru));
    files_write(f, "en.json", en, strlen(en));
    return i18n_load(&f->arena, f->directory, ret, &f->problems);
}

static const struct catalogue *load_good(struct files *f, const char *ru, const char *en)
{
    const struct catalogue *catalogue = NULL;

    if (load(f, ru, en, &catalogue) < 0)
        fail_msg("%s", files_report(f));
    return catalogue;
}

#define T(f, locale, key, ...)                                                                     \
    i18n_format(&(f)->arena, catalogue, locale, key, AISHA_ARGS(__VA_ARGS__), I18N_HTML)
#define PLAIN(f, locale, key, ...)                                                                 \
    i18n_format(&(f)->arena, catalogue, locale, key, AISHA_ARGS(__VA_ARGS__), I18N_PLAIN)

static void texts_are_found_by_key_in_either_language(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;

    catalogue = load_good(f, "{\"b\": \"Б\", \"a\": \"А\", \"c.d\": \"В\"}",
                          "{\"c.d\": \"C\", \"a\": \"A\", \"b\": \"B\"}");
    assert_string_equal(T(f, "ru", "a"), "А");
    assert_string_equal(T(f, "ru", "b"), "Б");
    assert_string_equal(T(f, "en", "a"), "A");
    assert_string_equal(T(f, "en", "c.d"), "C");
    assert_null(T(f, "en", "z"));
    assert_null(i18n_format(&f->arena, NULL, "en", "a", NULL, I18N_HTML));
    assert_string_equal(i18n_format(&f->arena, catalogue, "en", "a", NULL, I18N_HTML), "A");
    assert_true(i18n_has(catalogue, "a"));
    assert_false(i18n_has(catalogue, "aa"));
    assert_false(i18n_has(NULL, "a"));
}

static void values_are_inserted_and_escaped(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;
    const char *text = "{\"hi\": \"<b>{name}</b> &amp; {name}, {{x}}, {left} {\\u0061}\"}";

    catalogue = load_good(f, text, text);
    assert_string_equal(T(f, "en", "hi", AISHA_ARG("name", "<i>&{a}"), AISHA_ARG("a", 5)),
                        "<b>&lt;i&gt;&amp;{a}</b> &amp; &lt;i&gt;&amp;{a}, {x}}, {left} 5");
    assert_string_equal(
        PLAIN(f, "en", "hi", AISHA_ARG("name", "<i>&"), AISHA_ARG("left", (const char *)NULL)),
        "<i>& & <i>&, {x}},  {a}");
}

static void numbers_are_written_as_the_language_does(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;

    catalogue = load_good(f, "{\"v\": \"{v}\"}", "{\"v\": \"{v}\"}");
    assert_string_equal(T(f, "en", "v", AISHA_ARG("v", INT64_MIN)), "-9223372036854775808");
    assert_string_equal(T(f, "en", "v", AISHA_ARG("v", 1.5)), "1.5");
    assert_string_equal(T(f, "ru", "v", AISHA_ARG("v", 1.25)), "1,25");
    assert_string_equal(T(f, "ru", "v", AISHA_ARG("v", 100.0)), "100");
    assert_string_equal(T(f, "en", "v", AISHA_ARG("v", -0.001)), "0");
    assert_string_equal(T(f, "en", "v", AISHA_ARG("v", (double)INFINITY)), "inf");
    assert_int_equal(strlen(T(f, "en", "v", AISHA_ARG("v", 1e300))), 301);
}

static void plural_forms_follow_the_language(void **state)
{
    static const struct {
        int64_t n;
        const char *ru, *en;
    } rows[] = {
        {0, "0 фото-многих", "0 others"},       {1, "1 фото-одно", "1 one"},
        {2, "2 фото-мало", "2 others"},         {4, "4 фото-мало", "4 others"},
        {5, "5 фото-многих", "5 others"},       {11, "11 фото-многих", "11 others"},
        {12, "12 фото-многих", "12 others"},    {14, "14 фото-многих", "14 others"},
        {21, "21 фото-одно", "21 others"},      {22, "22 фото-мало", "22 others"},
        {25, "25 фото-многих", "25 others"},    {101, "101 фото-одно", "101 others"},
        {111, "111 фото-многих", "111 others"}, {112, "112 фото-многих", "112 others"},
        {-1, "-1 фото-одно", "-1 one"},         {-3, "-3 фото-мало", "-3 others"},
    };
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;

    catalogue = load_good(f,
                          "{\"p\": {\"one\": \"{n} фото-одно\", \"few\": \"{n} фото-мало\", "
                          "\"many\": \"{n} фото-многих\"}}",
                          "{\"p\": {\"one\": \"{n} one\", \"other\": \"{n} others\"}}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(T(f, "ru", "p", AISHA_ARG("n", rows[i].n)), rows[i].ru);
        assert_string_equal(T(f, "en", "p", AISHA_ARG("n", rows[i].n)), rows[i].en);
    }
    assert_string_equal(T(f, "ru", "p", AISHA_ARG("n", 1.5)), "1,5 фото-мало");
    assert_string_equal(T(f, "en", "p", AISHA_ARG("n", 1.5)), "1.5 others");
    assert_string_equal(T(f, "en", "p"), "{n} others");
    assert_string_equal(T(f, "ru", "p", AISHA_ARG("n", INT64_MIN)),
                        "-9223372036854775808 фото-многих");
}

static void one_language_may_need_no_plural_forms(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;

    catalogue = load_good(f, "{\"p\": \"{n} фото\"}",
                          "{\"p\": {\"one\": \"{n} photo\", \"other\": \"{n} photos\"}}");
    assert_string_equal(T(f, "ru", "p", AISHA_ARG("n", 5)), "5 фото");
    assert_string_equal(T(f, "en", "p", AISHA_ARG("n", 5)), "5 photos");
}

/* One thing wrong each. */
static const struct {
    const char *ru, *en, *report;
} refusals[] = {
    {"{\n\"a\": \"x\"}", "{}", "en.json: \"a\": the text is missing\n"},
    {"{}", "{\n\n\"a\": \"x\"}", "ru.json: \"a\": the text is missing\n"},
    {"{\n\"a\": \"{x}\"}", "{\n\"a\": \"{y}\"}",
     "en.json:2: \"a\": has the placeholders {y} here and {x} elsewhere\n"},
    {"{\"a\": \"{x}\"}", "{\"a\": \"x\"}",
     "en.json:1: \"a\": has the placeholders (none) here and {x} elsewhere\n"},
    {"{\"a\": {\"one\": \"{n}\", \"few\": \"{n}\", \"many\": \"n\"}}", "{\"a\": \"{n}\"}",
     "ru.json:1: \"a\": has the placeholders (none) here and {n} elsewhere\n"},
    {"{\"a\": {\"one\": \"x\", \"many\": \"x\"}}", "{\"a\": \"x\"}",
     "ru.json:1: \"a\": the plural form \"few\" is missing\n"},
    {"{\"a\": \"x\"}", "{\"a\": {\"one\": \"x\"}}",
     "en.json:1: \"a\": the plural form \"other\" is missing\n"},
    {"{\"a\": \"x\"}", "{\"a\": {\"one\": \"x\", \"few\": \"x\", \"other\": \"x\"}}",
     "en.json:1: \"a\": no plural form of this language is called \"few\"\n"},
    {"{\"a\": \"x\"}", "{\"a\": 5}", "en.json:1: \"a\": not a text\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"\"}", "en.json:1: \"a\": not a text\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"<b>x\"}", "en.json:1: \"a\": <b> is not closed\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"<p>x</p>\"}", "en.json:1: \"a\": Telegram has no <p>\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"{\"}", "en.json:1: \"a\": a broken placeholder\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"{x\"}", "en.json:1: \"a\": a broken placeholder\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"{X}\"}", "en.json:1: \"a\": a broken placeholder\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"x\",\n\"a\": \"y\"}", "en.json:1: \"a\": given twice\n"},
    {"{\"A b\": \"x\"}", "{\"A b\": \"x\"}", "en.json:1: \"A b\": not a key\n"},
    {"{\"a\": \"x\"}", "{\n\"a\": \n}", "en.json:3: this is not valid JSON\n"},
    {"{\"a\": \"x\"}", "[]", "en.json:1: this is not valid JSON\n"},
    {"{\"a\": \"x\"}", "", "en.json:1: this is not valid JSON\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"x\"} x", "en.json:1: this is not valid JSON\n"},
    {"{\"a\": \"x\"}", "{\"a\": \"\xff\"}", "en.json: this is not valid UTF-8\n"},
};

static void bad_catalogues_are_refused_with_file_and_line(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        assert_int_equal(load(f, refusals[i].ru, refusals[i].en, &catalogue), -AISHA_E_INVALID);
        if (!strstr(files_report(f), refusals[i].report))
            fail_msg("row %zu: \"%s\" is not in:\n%s", i, refusals[i].report, files_report(f));
    }
    assert_null(catalogue);
}

static void all_problems_are_reported_at_once(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;

    assert_int_equal(
        load(f, "{\"a\": \"<b>\", \"b\": 1, \"c\": \"{\"}", "{\"d\": \"x\"}", &catalogue),
        -AISHA_E_INVALID);
    assert_int_equal(f->problems.count, 7);
}

static void missing_and_huge_files_are_refused(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;
    size_t size = (1 << 20) + 1;
    char *text = malloc(size);

    f->problems = (struct problems){.arena = &f->arena};
    assert_int_equal(i18n_load(&f->arena, f->directory, &catalogue, &f->problems),
                     -AISHA_E_INVALID);
    assert_int_equal(f->problems.count, 2);
    memset(text, ' ', size);
    files_write(f, "ru.json", text, size);
    files_write(f, "en.json", "{}\0", 3);
    free(text);
    f->problems = (struct problems){.arena = &f->arena};
    assert_int_equal(i18n_load(&f->arena, f->directory, &catalogue, &f->problems),
                     -AISHA_E_INVALID);
    assert_string_equal(files_report(f),
                        "ru.json: cannot be read: over a limit\n"
                        "    every catalogue has en.json and ru.json, up to 1 MiB\n"
                        "en.json: this is not valid UTF-8\n"
                        "    save the file as plain UTF-8 text\n");
}

static void deep_json_is_refused(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;
    size_t size = 1 << 20;
    char *text = malloc(size);

    memset(text, '[', size);
    memcpy(text, "{\"a\":", 5);
    files_write(f, "ru.json", text, size);
    files_write(f, "en.json", text, size);
    free(text);
    assert_int_equal(i18n_load(&f->arena, f->directory, &catalogue, &f->problems),
                     -AISHA_E_INVALID);
}

static void language_codes_lead_to_a_language(void **state)
{
    (void)state;
    assert_string_equal(i18n_locale_for("ru"), "ru");
    assert_string_equal(i18n_locale_for("ru-RU"), "ru");
    assert_string_equal(i18n_locale_for("en-GB"), "en");
    assert_string_equal(i18n_locale_for("de"), "ru");
    assert_string_equal(i18n_locale_for("rum"), "ru");
    assert_string_equal(i18n_locale_for(""), "ru");
    assert_string_equal(i18n_locale_for(NULL), "ru");
    assert_true(i18n_is_locale("ru"));
    assert_false(i18n_is_locale("de"));
}

static void the_hosts_own_texts_are_good(void **state)
{
    struct files *f = *state;
    const struct catalogue *catalogue = NULL;
    const char *directory = getenv("AISHA_TEST_LOCALE");

    assert_non_null(directory);
    int r = i18n_load(&f->arena, directory, &catalogue, &f->problems);
    if (r < 0)
        fail_msg("%s", files_report(f));
    assert_non_null(strstr(T(f, "en", "unknown_command"), "/help"));
    assert_non_null(strstr(T(f, "ru", "file_too_big"), "20"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)
    const struct CMUnitTest tests[] = {
        TEST(texts_are_found_by_key_in_either_language),
        TEST(values_are_inserted_and_escaped),
        TEST(numbers_are_written_as_the_language_does),
        TEST(plural_forms_follow_the_language),
        TEST(one_language_may_need_no_plural_forms),
        TEST(bad_catalogues_are_refused_with_file_and_line),
        TEST(all_problems_are_reported_at_once),
        TEST(missing_and_huge_files_are_refused),
        TEST(deep_json_is_refused),
        TEST(language_codes_lead_to_a_language),
        TEST(the_hosts_own_texts_are_good),
    };
    return cmocka_run_group_tests_name("i18n", tests, NULL, NULL);
}

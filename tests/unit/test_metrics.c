/*
 * The text format of Prometheus: what is special in it is escaped, and what is equal looks equal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/bot/metrics.h"
#include "host/bot/metrics_text.h"
#include "host/bot/text.h"
#include "tests/unit/arena_fixture.h"

static const char *head_of(struct arena *arena, enum aisha_metric_type type, const char *help)
{
    struct text text = {.arena = arena};

    metrics_text_head(&text, "m", type, help);
    return text_done(&text);
}

static void help_is_one_line_whatever_it_says(void **state)
{
    assert_string_equal(head_of(*state, AISHA_METRIC_COUNTER, "Plain \"quotes\" stay."),
                        "# HELP m Plain \"quotes\" stay.\n# TYPE m counter\n");
    assert_string_equal(head_of(*state, AISHA_METRIC_GAUGE, "a\\b\nm 1\n"),
                        "# HELP m a\\\\b\\nm 1\\n\n# TYPE m gauge\n");
    assert_string_equal(head_of(*state, AISHA_METRIC_GAUGE, ""), "# HELP m \n# TYPE m gauge\n");
}

static const char *labels_of(struct arena *arena, const char *value)
{
    const struct aisha_metric_label label = {"l", value};

    return metrics_labels(arena, &label, 1);
}

static void a_label_stays_within_its_quotes(void **state)
{
    assert_string_equal(labels_of(*state, "Кошка {}, =#"), "{l=\"Кошка {}, =#\"}");
    assert_string_equal(labels_of(*state, "\"} 1\nm 2"), "{l=\"\\\"} 1\\nm 2\"}");
    assert_string_equal(labels_of(*state, "\\"), "{l=\"\\\\\"}");
    assert_string_equal(labels_of(*state, "\\n\\\""), "{l=\"\\\\n\\\\\\\"\"}");
    assert_string_equal(labels_of(*state, "\n"), "{l=\"\\n\"}");
    assert_string_equal(labels_of(*state, ""), "{l=\"\"}");
    assert_string_equal(labels_of(*state, NULL), "{l=\"\"}");
}

static void what_is_not_utf8_is_repaired(void **state)
{
    assert_string_equal(labels_of(*state, "a\xff\"\xe2\x82"),
                        "{l=\"a\xef\xbf\xbd\\\"\xef\xbf\xbd\"}");
    assert_string_equal(labels_of(*state, "a\x01z"), "{l=\"az\"}");
}

static void the_order_of_labels_does_not_matter(void **state)
{
    const struct aisha_metric_label one[] = {{"b", "1"}, {"a", "2"}, {"c", "3"}};
    const struct aisha_metric_label other[] = {{"c", "3"}, {"b", "1"}, {"a", "2"}};

    assert_string_equal(metrics_labels(*state, one, 3), "{a=\"2\",b=\"1\",c=\"3\"}");
    assert_string_equal(metrics_labels(*state, other, 3), metrics_labels(*state, one, 3));
    assert_string_equal(metrics_labels(*state, NULL, 0), "");
}

static void odd_names_of_labels_are_refused(void **state)
{
    static const char *const odd[] = {NULL,       "",    "A",   "1a", "_a",
                                      "__name__", "a b", "a\"", "a=", "é"};
    const struct aisha_metric_label twice[] = {{"a", "1"}, {"b", "1"}, {"a", "2"}};
    const struct aisha_metric_label many[] = {
        {"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}, {"e", ""}};

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const struct aisha_metric_label label = {odd[i], "x"};
        assert_null(metrics_labels(*state, &label, 1));
    }
    assert_null(metrics_labels(*state, twice, 3));
    assert_null(metrics_labels(*state, many, 5));
}

static const char *sample_of(struct arena *arena, double value)
{
    struct text text = {.arena = arena};

    metrics_text_sample(&text, "m", "{a=\"b\"}", value);
    return text_done(&text);
}

static void numbers_are_exact_and_short(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {2.5, "2.5"},
        {0.1, "0.1"},
        {-1, "-1"},
        {123456789012345, "123456789012345"},
        {9007199254740991, "9007199254740991"},
        {1234567890123.45, "1234567890123.45"},
        {1e300, "1e+300"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *sample = sample_of(*state, cases[i].value);
        assert_memory_equal(sample, "m{a=\"b\"} ", 9);
        assert_int_equal(strcspn(sample + 9, "\n"), strlen(cases[i].text));
        assert_memory_equal(sample + 9, cases[i].text, strlen(cases[i].text));
    }
}

static void only_loopback_is_this_machine(void **state)
{
    static const char *const here[] = {"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"};
    static const char *const elsewhere[] = {
        "0.0.0.0", "10.0.0.1",          "192.168.127.1", "128.0.0.1", "172.17.0.1", "::",  "::2",
        "fe80::1", "::ffff:10.0.0.127", "::127.0.0.1",   "",          "localhost",  "127",
    };

    (void)state;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        assert_true(metrics_is_this_machine(here[i]));
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        assert_false(metrics_is_this_machine(elsewhere[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(help_is_one_line_whatever_it_says, arena_setup,
                                        arena_teardown),
        cmocka_unit_test_setup_teardown(a_label_stays_within_its_quotes, arena_setup,
                                        arena_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_utf8_is_repaired, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(the_order_of_labels_does_not_matter, arena_setup,
                                        arena_teardown),
        cmocka_unit_test_setup_teardown(odd_names_of_labels_are_refused, arena_setup,
                                        arena_teardown),
        cmocka_unit_test(only_loopback_is_this_machine),
        cmocka_unit_test_setup_teardown(numbers_are_exact_and_short, arena_setup, arena_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

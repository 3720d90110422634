/*
 * When a schedule comes next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/bot/cron.h"

static int64_t at(const char *text)
{
    struct tm tm = {0};

    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return (int64_t)timegm(&tm);
}

static void the_next_time_is_found(void **state)
{
    static const struct {
        const char *cron, *after, *next;
    } cases[] = {
        {"* * * * *", "2026-11-26 14:21:24", "2026-11-26 14:22:00"},
        {"* * * * *", "2026-11-26 14:21:00", "2026-11-26 14:22:00"},
        {"30 3 * * *", "2026-11-26 03:29:59", "2026-11-26 03:30:00"},
        {"30 3 * * *", "2026-11-26 03:30:00", "2026-11-27 03:30:00"},
        {"*/15 9-17/4 * * *", "2026-11-26 09:46:00", "2026-11-26 13:00:00"},
        {"0 0 1 1 *", "2026-11-26 14:21:24", "2027-01-01 00:00:00"},
        {"0 0 29 2 *", "2026-11-26 14:21:24", "2028-02-29 00:00:00"},
        {"0 12 * * 0", "2026-11-26 14:21:24", "2026-11-29 12:00:00"},
        {"0 12 * * 7", "2026-11-26 14:21:24", "2026-11-29 12:00:00"},
        {"0 12 * * 1-5", "2026-11-27 14:00:00", "2026-11-30 12:00:00"},
        {"0 0 13 * 5", "2026-11-26 14:21:24", "2026-11-27 00:00:00"}, /* either is enough */
        {"5,50 23 31 12 *", "2026-12-31 23:05:00", "2026-12-31 23:50:00"},
        {"  0  6  *  *  *  ", "2026-11-26 05:00:00", "2026-11-26 06:00:00"},
    };

    int64_t next;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cron_next(cases[i].cron, at(cases[i].after), &next), 0);
        if (next != at(cases[i].next))
            fail_msg("%s after %s", cases[i].cron, cases[i].after);
    }
}

static void what_is_no_time_or_never_comes_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * *",
        "1,,2 * * * *",
        "a * * * *",
        "-1 * * * *",
        "1- * * * *",
        "* * 30 2 *",
        "99999999999999999999 * * * *",
        "*5 * * * *",
        "@daily",
    };
    int64_t next = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (cron_next(bad[i], 0, &next) != -AISHA_E_INVALID)
            fail_msg("%s is taken", bad[i]);
    assert_int_equal(next, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_time_is_found),
        cmocka_unit_test(what_is_no_time_or_never_comes_is_refused),
    };

    return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}

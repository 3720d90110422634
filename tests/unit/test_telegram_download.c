/* Downloads from Telegram: what arrives, what is too large, and what is never asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "tests/unit/telegram_fixture.h"

enum { BOT_API_LIMIT = 20 << 20 };

static int download(struct telegram_fixture *t, int64_t max_bytes, struct telegram_failure *failure)
{
    const char *path = arena_printf(&t->f->arena, "%s/file", t->dir);

    *failure = (struct telegram_failure){.error_code = -1};
    int r = telegram_download(t->telegram, &t->f->arena, "id-1", max_bytes, path, failure);
    CHECK(t->f, !failure->description || !strstr(failure->description, TEST_TOKEN));
    return r;
}

/* Whether the file holds that text, or is missing for NULL; it is removed. */
static bool file_is(struct telegram_fixture *t, const char *text)
{
    const char *path = arena_printf(&t->f->arena, "%s/file", t->dir);
    char bytes[256];
    FILE *file = fopen(path, "r");

    if (!file)
        return !text;
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    unlink(path);
    return text && size == strlen(text) && memcmp(bytes, text, size) == 0;
}

static const char *file_answer(struct telegram_fixture *t, int64_t size, const char *path)
{
    return answer_ok(t, arena_printf(&t->f->arena,
                                     "{\"file_id\":\"id-1\",\"file_unique_id\":\"u\","
                                     "\"file_size\":%lld,\"file_path\":\"%s\"}",
                                     (long long)size, path));
}

static void get_file(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram_failure failure;
    const char *line = "GET /file/bot" TEST_TOKEN "/voice/file_1.oga HTTP/1.1\r\n";

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, file_answer(&t, 8, "voice/file_1.oga"), answer(&t, 200, "contents"));
    CHECK(f, download(&t, 0, &failure) == 0 && file_is(&t, "contents"));
    script_end(&t);
    CHECK(f, asked_for(&t, 0, "getFile") && asked_with(&t, 0, "\"file_id\":\"id-1\""));
    CHECK(f, strncmp(t.asked[1].text, line, strlen(line)) == 0);
    SCRIPT(&t, answer_ok(&t, "{\"file_id\":\"id-1\",\"file_path\":\"a\"}"), /* of unknown size */
           answer(&t, 200, ""));
    CHECK(f, download(&t, 1, &failure) == 0 && file_is(&t, ""));
    script_end(&t);
    telegram_teardown(&t);
}

static void a_file_is_saved_where_it_was_wanted(void **state)
{
    (void)state;
    run_in_loop(get_file);
}

static void get_too_much(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram_failure failure;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, file_answer(&t, 9, "a"));
    CHECK(f, download(&t, 8, &failure) == -AISHA_E_LIMIT);
    script_end(&t);
    SCRIPT(&t, file_answer(&t, BOT_API_LIMIT + 1, "a"));
    CHECK(f, download(&t, (int64_t)BOT_API_LIMIT * 2, &failure) == -AISHA_E_LIMIT);
    script_end(&t);
    SCRIPT(&t, answer_error(&t, 400, "Bad Request: file is too big", NULL));
    CHECK(f, download(&t, 0, &failure) == -AISHA_E_LIMIT);
    script_end(&t);
    SCRIPT(&t, file_answer(&t, 1, "a"), answer(&t, 200, "contents")); /* more than it said */
    CHECK(f, download(&t, 7, &failure) == -AISHA_E_LIMIT && file_is(&t, NULL));
    script_end(&t);
    SCRIPT(&t, file_answer(&t, 1, "a"), answer(&t, 200, "contents"));
    CHECK(f, download(&t, 8, &failure) == 0 && file_is(&t, "contents"));
    script_end(&t);
    telegram_teardown(&t);
}

static void what_is_too_large_is_not_kept(void **state)
{
    (void)state;
    run_in_loop(get_too_much);
}

static void get_unsafe_paths(struct loop_fixture *f)
{
    static const char *const paths[] = {
        "",       "/etc/passwd", "../x",  "a/../../x", "..",       "a?b=c",  "a#b",
        "a\\\\b", "a b",         "a\\nb", "a\\tb",     "a\\u007f", "a/../b", "\\u0436",
    };
    struct telegram_fixture t;
    struct telegram_failure failure;
    char *long_path = arena_alloc(&f->arena, 1001);

    telegram_setup(&t, f, 0, 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        SCRIPT(&t, file_answer(&t, 1, paths[i]));
        int r = download(&t, 0, &failure);
        script_end(&t); /* nothing but getFile was asked */
        CHECK(f, r == -AISHA_E_UPSTREAM && file_is(&t, NULL));
        CHECK(f, failure.description && strstr(failure.description, "getFile gave no path"));
    }
    memset(long_path, 'a', 1000);
    SCRIPT(&t, file_answer(&t, 1, long_path), answer_ok(&t, "{\"file_id\":\"id-1\"}"),
           answer_ok(&t, "{\"file_id\":\"id-1\",\"file_path\":5}"), answer_ok(&t, "true"));
    for (int i = 0; i < 4; i++)
        CHECK(f, download(&t, 0, &failure) == -AISHA_E_UPSTREAM);
    script_end(&t);
    telegram_teardown(&t);
}

static void unsafe_paths_are_not_asked_for(void **state)
{
    (void)state;
    run_in_loop(get_unsafe_paths);
}

static void get_refused(struct loop_fixture *f)
{
    struct telegram_fixture t;
    struct telegram_failure failure;

    telegram_setup(&t, f, 0, 0);
    SCRIPT(&t, answer_error(&t, 400, "Bad Request: wrong file_id", NULL),
           answer_error(&t, 400, "Bad Request: wrong file_id", NULL)); /* it may be temporary */
    CHECK(f, download(&t, 0, &failure) == -AISHA_E_TELEGRAM);
    CHECK(f, failure.error_code == 400 && strstr(failure.description, "wrong file_id"));
    script_end(&t);
    static const int statuses[] = {302, 404, 204, 203};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        SCRIPT(&t, file_answer(&t, 1, "a"), answer(&t, statuses[i], ""));
        CHECK(f, download(&t, 0, &failure) == -AISHA_E_UPSTREAM && file_is(&t, NULL));
        CHECK(f, failure.error_code == statuses[i] && failure.description);
        script_end(&t);
    }
    telegram_teardown(&t);
}

static void a_refused_download_leaves_no_file(void **state)
{
    (void)state;
    run_in_loop(get_refused);
}

static void get_broken(struct loop_fixture *f)
{
    const char *cut = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ncont";
    struct telegram_fixture t;
    struct telegram_failure failure;

    telegram_setup(&t, f, 0, 0);
    const char *const breaks[] = {cut, answer_nothing, answer(&t, 502, "")};
    for (size_t i = 0; i < 3; i++) {
        SCRIPT(&t, file_answer(&t, 8, "a"), breaks[i], breaks[i], answer(&t, 200, "contents"));
        CHECK(f, download(&t, 0, &failure) == 0 && file_is(&t, "contents"));
        script_end(&t);
        SCRIPT(&t, file_answer(&t, 8, "a"), breaks[i], breaks[i], breaks[i]);
        CHECK(f, download(&t, 0, &failure) == -AISHA_E_UPSTREAM && file_is(&t, NULL));
        CHECK(f, failure.error_code == (i == 2 ? 502 : 0) && failure.description);
        script_end(&t);
    }
    telegram_teardown(&t);
}

static void a_broken_download_is_tried_three_times(void **state)
{
    (void)state;
    run_in_loop(get_broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_saved_where_it_was_wanted),
        cmocka_unit_test(what_is_too_large_is_not_kept),
        cmocka_unit_test(unsafe_paths_are_not_asked_for),
        cmocka_unit_test(a_refused_download_leaves_no_file),
        cmocka_unit_test(a_broken_download_is_tried_three_times),
    };

    aisha_ignore(log_setup("debug", "text"));
    return cmocka_run_group_tests_name("telegram_download", tests, NULL, NULL);
}

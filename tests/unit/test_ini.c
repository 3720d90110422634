/*
 * INI and .env files as operators write them. Every refusal names the line, the cause, the remedy.
 */
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

#include "host/bot/ini.h"
#include "tests/unit/files.h"

static int load(struct files *f, const char *text)
{
    files_write(f, "file.ini", text, strlen(text));
    return ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems);
}

static const char *get(struct files *f, const char *section, const char *key)
{
    const struct ini_section *s = ini_find(&f->ini, section);
    const struct ini_entry *entry = s ? ini_find_entry(s, key) : NULL;

    return entry ? ini_value(&f->arena, s, entry, 0, NULL, &f->problems) : NULL;
}

static void ini_keeps_sections_keys_values_and_lines(void **state)
{
    struct files *f = *state;

    assert_int_equal(load(f, "\xef\xbb\xbf; a comment\r\n[one]\r\nkey = some value ; comment\r\n"
                             "url=http://x/#y\n\n[two]\nother: 2\nempty =\n"),
                     0);
    assert_int_equal(f->ini.section_count, 2);
    assert_string_equal(f->ini.sections[0].name, "one");
    assert_int_equal(f->ini.sections[0].line, 2);
    assert_int_equal(f->ini.sections[0].entries[0].line, 3);
    assert_int_equal(f->ini.sections[1].entries[0].line, 7);
    assert_string_equal(get(f, "one", "key"), "some value");
    assert_string_equal(get(f, "one", "url"), "http://x/#y");
    assert_string_equal(get(f, "two", "other"), "2");
    assert_string_equal(get(f, "two", "empty"), "");
    assert_null(get(f, "two", "key"));
}

static void ini_joins_continuation_lines_with_one_space(void **state)
{
    struct files *f = *state;

    assert_int_equal(load(f, "[a]\nids = 1,\n   2, ; two\n\n  ; comment\n\t3\nnext = x\n"
                             "[b]\n  first = y\n"),
                     0);
    assert_string_equal(get(f, "a", "ids"), "1, 2, 3");
    assert_string_equal(get(f, "a", "next"), "x");
    assert_string_equal(get(f, "b", "first"), "y");
}

static void ini_grows_with_the_file(void **state)
{
    struct files *f = *state;
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    for (int i = 0; i < 100; i++) {
        fprintf(file, "[s%d]\n", i);
        for (int j = 0; j < 20; j++)
            fprintf(file, "k%d = %d\n", j, i * 100 + j);
    }
    fclose(file);
    assert_int_equal(load(f, text), 0);
    free(text);
    for (int i = 0; i < 100; i++)
        for (int j = 0; j < 20; j++)
            assert_int_equal(
                atoi(get(f, arena_printf(&f->arena, "s%d", i), arena_printf(&f->arena, "k%d", j))),
                i * 100 + j);
}

static void ini_reports_every_problem_with_its_line(void **state)
{
    struct files *f = *state;

    assert_int_equal(load(f, "early = 1\n"
                             "[a]\n"
                             "k = 1\n"
                             "nonsense\n"
                             "k = 2\n"
                             "[b\n"
                             "ignored = 1\n"
                             "[c] x\n"
                             "[a]\n"
                             "z = 1\n"
                             "  y = 2\n"
                             "  [d]\n"
                             "a b = 1\n"
                             "= 5\n"),
                     -AISHA_E_INVALID);
    const char *text = files_report(f);
    assert_contains(text,
                    "file.ini:1: a key outside a section\n    put a [section] line above it\n");
    assert_contains(text, "file.ini:4: neither a key with a value nor a [section]\n");
    assert_contains(text, "file.ini:5: key k was already given in line 3\n");
    assert_contains(text, "file.ini:6: this is not the name of a section\n");
    assert_contains(text, "file.ini:8: this is not the name of a section\n");
    assert_contains(text, "file.ini:9: section [a] was already given in line 2\n");
    assert_contains(text, "file.ini:11: an indented line continues the value above, but this is a "
                          "new key\n");
    assert_contains(text, "file.ini:12: an indented line continues the value above, but this is a "
                          "new section\n");
    assert_contains(text, "file.ini:13: this is not the name of a key\n");
    assert_contains(text, "file.ini:14: this is not the name of a key\n");
    assert_int_equal(f->problems.count, 10);
    assert_string_equal(get(f, "a", "k"), "1");
    assert_string_equal(get(f, "a", "z"), "1");
}

static void ini_refuses_lines_that_libinih_would_cut(void **state)
{
    struct files *f = *state;
    char text[1024];

    for (int size = 150; size < 260; size++) {
        snprintf(text, sizeof text, "[a]\nk = %0*d\nnext = 1\n", size - 4, 7);
        f->problems = (struct problems){.arena = &f->arena};
        int r = load(f, text);
        assert_int_equal(r, size <= 197 ? 0 : -AISHA_E_INVALID);
        if (r == 0)
            assert_int_equal(strlen(get(f, "a", "k")), size - 4);
        else
            assert_null(get(f, "a", "k"));
        assert_string_equal(get(f, "a", "next"), "1");
        assert_int_equal(f->problems.count, r == 0 ? 0 : 1);
    }
    assert_contains(files_report(f),
                    "file.ini:2: the line has 259 bytes, at most 197 can be read\n");
    snprintf(text, sizeof text, "[a]\nk = 1\n  %0300d\n", 7);
    assert_int_equal(load(f, text), -AISHA_E_INVALID);
    assert_null(get(f, "a", "k"));
}

static void ini_refuses_binary_files(void **state)
{
    static const char zero[] = "[a]\nk = 1\0002\n[b]\n\0\0\nx = 1\n";
    struct files *f = *state;

    files_write(f, "file.ini", zero, sizeof zero - 1);
    assert_int_equal(ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems), -AISHA_E_INVALID);
    assert_contains(files_report(f), "file.ini:2: the line contains a zero byte\n");
    assert_contains(files_report(f), "file.ini:4: the line contains a zero byte\n");
    assert_string_equal(get(f, "b", "x"), "1");
    assert_int_equal(load(f, "[a]\nk = \xc3\x28\n"), -AISHA_E_INVALID);
    assert_contains(files_report(f), "file.ini:2: the line is not valid UTF-8\n");
}

static void ini_survives_random_bytes(void **state)
{
    static const char alphabet[] = "[]==;#: \t\n\n\r\0a{}$\xc3\xa9\"";
    struct files *f = *state;
    char text[400];

    srandom(7);
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
        files_write(f, "file.ini", text, sizeof text);
        int r = ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems);
        assert_true(r == 0 || r == -AISHA_E_INVALID);
        for (size_t i = 0; i < f->ini.section_count; i++)
            for (size_t j = 0; j < f->ini.sections[i].entry_count; j++)
                ini_value(&f->arena, &f->ini.sections[i], &f->ini.sections[i].entries[j], 0, NULL,
                          &f->problems);
    }
}

static void ini_refuses_missing_and_huge_files(void **state)
{
    struct files *f = *state;
    size_t size = (1 << 20) + 1;
    char *text = malloc(size);

    assert_int_equal(ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems), -AISHA_E_INVALID);
    assert_contains(files_report(f), "file.ini: cannot be read: No such file or directory\n");
    memset(text, '\n', size);
    files_write(f, "file.ini", text, size);
    free(text);
    assert_int_equal(ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems), -AISHA_E_INVALID);
    assert_contains(files_report(f),
                    "file.ini: cannot be read: over a limit\n    a configuration has at "
                    "most 1 MiB\n");
    assert_int_equal(ini_load(&f->arena, NULL, f->directory, &f->ini, &f->problems),
                     -AISHA_E_INVALID);
}

static void values_refer_to_the_environment(void **state)
{
    struct files *f = *state;

    setenv("AISHA_TEST_SET", "v", 1);
    setenv("AISHA_TEST_EMPTY", "", 1);
    unsetenv("AISHA_TEST_UNSET");
    assert_int_equal(load(f, "[a]\nset = <${AISHA_TEST_SET}>\nempty = <${AISHA_TEST_EMPTY}>\n"
                             "default = <${AISHA_TEST_UNSET:-x y}${AISHA_TEST_EMPTY:-z}>\n"
                             "literal = $${HOME} $5 $\nunset = ${AISHA_TEST_UNSET}\n"
                             "open = ${AISHA_TEST_SET\nnested = ${A:-${B}}\nform = ${A:x}\n"),
                     0);
    assert_string_equal(get(f, "a", "set"), "<v>");
    assert_string_equal(get(f, "a", "empty"), "<>");
    assert_string_equal(get(f, "a", "default"), "<x yz>");
    assert_string_equal(get(f, "a", "literal"), "${HOME} $5 $");
    assert_int_equal(f->problems.count, 0);
    assert_null(get(f, "a", "unset"));
    assert_contains(files_report(f),
                    "file.ini:6: unset: AISHA_TEST_UNSET is not set\n    set it in the "
                    "environment or in .env\n");
    assert_null(get(f, "a", "open"));
    assert_null(get(f, "a", "nested"));
    assert_null(get(f, "a", "form"));
    assert_int_equal(f->problems.count, 4);
}

static void values_come_from_mounted_secrets(void **state)
{
    struct files *f = *state;
    char *secret = arena_printf(&f->arena, "%s/secret", f->directory);
    FILE *file = fopen(secret, "w");

    fputs("s3cret\r\n", file);
    fclose(file);
    assert_int_equal(load(f, arena_printf(&f->arena,
                                          "[a]\nkey = file:%s\nlost = file:/nowhere/at/all\n"
                                          "enc = enc:AAAA\ndirectory = file:/tmp\n",
                                          secret)),
                     0);
    assert_string_equal(get(f, "a", "key"), "s3cret");
    const struct ini_section *a = ini_find(&f->ini, "a");
    assert_string_equal(
        ini_value(&f->arena, a, ini_find_entry(a, "lost"), INI_KEEP_FILE_URL, NULL, &f->problems),
        "file:/nowhere/at/all");
    assert_int_equal(f->problems.count, 0);
    assert_null(get(f, "a", "lost"));
    assert_null(get(f, "a", "enc"));
    assert_null(get(f, "a", "directory"));
    assert_contains(files_report(f),
                    "lost: /nowhere/at/all cannot be read: No such file or directory\n");
    assert_contains(files_report(f), "enc: the value is encrypted, but there is no key\n");
    assert_int_equal(unlink(secret), 0);
}

static void env_file_gives_variables_unless_the_process_has_them(void **state)
{
    struct files *f = *state;
    const char *text = "# comment\nAISHA_T1=plain value # comment\nexport AISHA_T2='a \"b\" $c'\n"
                       "AISHA_T3=\"x\\ny \\\"q\\\" \\$z\"\r\nAISHA_T4=\nAISHA_T5=shadowed\n"
                       "AISHA_T6=a#b=c";

    setenv("AISHA_T5", "process", 1);
    files_write(f, "file.ini", text, strlen(text));
    const struct env *env = env_load(&f->arena, f->path, &f->problems);
    assert_int_equal(f->problems.count, 0);
    assert_string_equal(env_get(env, "AISHA_T1"), "plain value");
    assert_string_equal(env_get(env, "AISHA_T2"), "a \"b\" $c");
    assert_string_equal(env_get(env, "AISHA_T3"), "x\ny \"q\" $z");
    assert_string_equal(env_get(env, "AISHA_T4"), "");
    assert_string_equal(env_get(env, "AISHA_T5"), "process");
    assert_string_equal(env_get(env, "AISHA_T6"), "a#b=c");
    assert_null(env_get(env, "AISHA_T7"));
    assert_null(env_get(NULL, "AISHA_T1"));
}

static void env_file_errors_name_the_line_and_not_the_value(void **state)
{
    struct files *f = *state;
    const char *text = "no equals\n1A=hunter2\nA='hunter2\nB=\"hunter2\" x\nC=1\nC=hunter2\n";

    files_write(f, "file.ini", text, strlen(text));
    env_load(&f->arena, f->path, &f->problems);
    assert_int_equal(f->problems.count, 5);
    assert_contains(files_report(f), "file.ini:1: not of the form NAME=value\n");
    assert_contains(files_report(f), "file.ini:3: the quotes are not closed on this line\n");
    assert_contains(files_report(f), "file.ini:6: this variable was already given above\n");
    assert_null(strstr(files_report(f), "hunter2"));
    files_write(f, "file.ini", "A=1\0", 4);
    env_load(&f->arena, f->path, &f->problems);
    assert_int_equal(f->problems.count, 6);
    unlink(f->path);
    assert_non_null(env_load(&f->arena, f->path, &f->problems));
    assert_int_equal(f->problems.count, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)
    const struct CMUnitTest tests[] = {
        TEST(ini_keeps_sections_keys_values_and_lines),
        TEST(ini_joins_continuation_lines_with_one_space),
        TEST(ini_grows_with_the_file),
        TEST(ini_reports_every_problem_with_its_line),
        TEST(ini_refuses_lines_that_libinih_would_cut),
        TEST(ini_refuses_binary_files),
        TEST(ini_survives_random_bytes),
        TEST(ini_refuses_missing_and_huge_files),
        TEST(values_refer_to_the_environment),
        TEST(values_come_from_mounted_secrets),
        TEST(env_file_gives_variables_unless_the_process_has_them),
        TEST(env_file_errors_name_the_line_and_not_the_value),
    };
    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}

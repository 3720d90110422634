/*
 * The files an operator edits: INI, .env, the host's settings, plugins' options. Every refusal names
 * the line, the cause and the remedy.
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
#include <aisha/plugin.h>

#include "host/bot/config.h"
#include "host/bot/ini.h"
#include "host/bot/options.h"

/* A directory of its own with the file that the test is about. */
struct fixture {
    struct arena arena;
    struct problems problems;
    char directory[64];
    char path[96];
    struct ini ini;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);

    f->problems.arena = &f->arena;
    strcpy(f->directory, "/tmp/aisha-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/file.ini", f->directory);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    unlink(f->path);
    assert_int_equal(rmdir(f->directory), 0);
    arena_clear(&f->arena);
    test_free(f);
    return 0;
}

static void write_bytes(struct fixture *f, const char *data, size_t size)
{
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int load(struct fixture *f, const char *text)
{
    write_bytes(f, text, strlen(text));
    return ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems);
}

static const char *get(struct fixture *f, const char *section, const char *key)
{
    const struct ini_section *s = ini_find(&f->ini, section);
    const struct ini_entry *entry = s ? ini_find_entry(s, key) : NULL;

    return entry ? ini_value(&f->arena, s, entry, 0, NULL, &f->problems) : NULL;
}

/* The problems as the operator reads them, without the directory. */
static char *report(struct fixture *f)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    problems_print(&f->problems, file);
    assert_int_equal(fclose(file), 0);
    char *copy = arena_strdup(&f->arena, text);
    free(text);
    for (char *at; (at = strstr(copy, f->directory));)
        memmove(at, at + strlen(f->directory) + 1, strlen(at + strlen(f->directory) + 1) + 1);
    return copy;
}

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("\"%s\" is not in:\n%s", (part), (text));                                     \
    } while (0)

static void ini_keeps_sections_keys_values_and_lines(void **state)
{
    struct fixture *f = *state;

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
    struct fixture *f = *state;

    assert_int_equal(load(f, "[a]\nids = 1,\n   2, ; two\n\n  ; comment\n\t3\nnext = x\n"), 0);
    assert_string_equal(get(f, "a", "ids"), "1, 2, 3");
    assert_string_equal(get(f, "a", "next"), "x");
}

static void ini_grows_with_the_file(void **state)
{
    struct fixture *f = *state;
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
    struct fixture *f = *state;

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
    const char *text = report(f);
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
    struct fixture *f = *state;
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
    assert_contains(report(f), "file.ini:2: the line has 259 bytes, at most 197 can be read\n");
    snprintf(text, sizeof text, "[a]\nk = 1\n  %0300d\n", 7);
    assert_int_equal(load(f, text), -AISHA_E_INVALID);
    assert_null(get(f, "a", "k"));
}

static void ini_refuses_binary_files(void **state)
{
    static const char zero[] = "[a]\nk = 1\0002\n[b]\n\0\0\nx = 1\n";
    struct fixture *f = *state;

    write_bytes(f, zero, sizeof zero - 1);
    assert_int_equal(ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems), -AISHA_E_INVALID);
    assert_contains(report(f), "file.ini:2: the line contains a zero byte\n");
    assert_contains(report(f), "file.ini:4: the line contains a zero byte\n");
    assert_string_equal(get(f, "b", "x"), "1");
    assert_int_equal(load(f, "[a]\nk = \xc3\x28\n"), -AISHA_E_INVALID);
    assert_contains(report(f), "file.ini:2: the line is not valid UTF-8\n");
}

static void ini_survives_random_bytes(void **state)
{
    static const char alphabet[] = "[]==;#: \t\n\n\r\0a{}$\xc3\xa9\"";
    struct fixture *f = *state;
    char text[400];

    srandom(7);
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
        write_bytes(f, text, sizeof text);
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
    struct fixture *f = *state;
    size_t size = (1 << 20) + 1;
    char *text = malloc(size);

    assert_int_equal(ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems), -AISHA_E_INVALID);
    assert_contains(report(f), "file.ini: cannot be read: No such file or directory\n");
    memset(text, '\n', size);
    write_bytes(f, text, size);
    free(text);
    assert_int_equal(ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems), -AISHA_E_INVALID);
    assert_contains(report(f), "file.ini: cannot be read: over a limit\n    a configuration has at "
                               "most 1 MiB\n");
    assert_int_equal(ini_load(&f->arena, NULL, f->directory, &f->ini, &f->problems),
                     -AISHA_E_INVALID);
}

static void values_refer_to_the_environment(void **state)
{
    struct fixture *f = *state;

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
    assert_contains(report(f), "file.ini:6: unset: AISHA_TEST_UNSET is not set\n    set it in the "
                               "environment or in .env\n");
    assert_null(get(f, "a", "open"));
    assert_null(get(f, "a", "nested"));
    assert_null(get(f, "a", "form"));
    assert_int_equal(f->problems.count, 4);
}

static void values_come_from_mounted_secrets(void **state)
{
    struct fixture *f = *state;
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
    assert_contains(report(f), "lost: /nowhere/at/all cannot be read: No such file or directory\n");
    assert_contains(report(f), "enc: encrypted values are not supported by this build\n");
    assert_int_equal(unlink(secret), 0);
}

static void env_file_gives_variables_unless_the_process_has_them(void **state)
{
    struct fixture *f = *state;
    const char *text = "# comment\nAISHA_T1=plain value # comment\nexport AISHA_T2='a \"b\" $c'\n"
                       "AISHA_T3=\"x\\ny \\\"q\\\" \\$z\"\r\nAISHA_T4=\nAISHA_T5=shadowed\n"
                       "AISHA_T6=a#b=c";

    setenv("AISHA_T5", "process", 1);
    write_bytes(f, text, strlen(text));
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
    struct fixture *f = *state;
    const char *text = "no equals\n1A=hunter2\nA='hunter2\nB=\"hunter2\" x\nC=1\nC=hunter2\n";

    write_bytes(f, text, strlen(text));
    env_load(&f->arena, f->path, &f->problems);
    assert_int_equal(f->problems.count, 5);
    assert_contains(report(f), "file.ini:1: not of the form NAME=value\n");
    assert_contains(report(f), "file.ini:3: the quotes are not closed on this line\n");
    assert_contains(report(f), "file.ini:6: this variable was already given above\n");
    assert_null(strstr(report(f), "hunter2"));
    write_bytes(f, "A=1\0", 4);
    env_load(&f->arena, f->path, &f->problems);
    assert_int_equal(f->problems.count, 6);
    unlink(f->path);
    assert_non_null(env_load(&f->arena, f->path, &f->problems));
    assert_int_equal(f->problems.count, 6);
}

static int load_config(struct fixture *f, const char *text, struct config *ret)
{
    f->problems = (struct problems){.arena = &f->arena};
    write_bytes(f, text, strlen(text));
    return config_load(&f->arena, NULL, f->path, ret, &f->problems);
}

#define TOKEN "[telegram]\ntoken = 123:abc-DEF_1\n"

static void config_has_a_default_for_everything_but_the_token(void **state)
{
    struct fixture *f = *state;
    struct config config;

    assert_int_equal(load_config(f, TOKEN, &config), 0);
    assert_string_equal(config.telegram.token, "123:abc-DEF_1");
    assert_string_equal(config.telegram.api_url, "https://api.telegram.org");
    assert_string_equal(config.database.url, "sqlite:var/aisha.db");
    assert_string_equal(config.blob.url, "file:var/files");
    assert_int_equal(config.http.slots, 64);
    assert_int_equal(config.outbound.rate, 30);
    assert_int_equal(config.outbound.chat_rate, 1);
    assert_int_equal(config.limits.max_in_flight, 8192);
    assert_int_equal(config.admin.id_count, 0);
    assert_string_equal(config.log.level, "info");
    assert_string_equal(config.log.format, "text");
    assert_string_equal(config.plugins.directory, "");
}

static void config_takes_what_is_given(void **state)
{
    struct fixture *f = *state;
    struct config config;

    assert_int_equal(load_config(f,
                                 TOKEN "api_url = http://127.0.0.1:8090/\n"
                                       "[database]\nurl = sqlite:/x.db\n[blob]\nurl = file:/y\n"
                                       "[http]\nslots = 2\n[outbound]\nrate = 0\nchat_rate =\n"
                                       "[limits]\nmax_in_flight = 1\n"
                                       "[admin]\nids = 7, 5000000001,,\n  9\n"
                                       "[log]\nlevel = debug\nformat = json\n"
                                       "[plugins]\ndirectory = build/plugins\n",
                                 &config),
                     0);
    assert_string_equal(config.telegram.api_url, "http://127.0.0.1:8090");
    assert_string_equal(config.blob.url, "file:/y");
    assert_int_equal(config.outbound.rate, 0);
    assert_int_equal(config.outbound.chat_rate, 1);
    assert_int_equal(config.admin.id_count, 3);
    assert_int_equal(config.admin.ids[1], 5000000001);
    assert_int_equal(config.admin.ids[2], 9);
    assert_string_equal(config.plugins.directory, "build/plugins");
}

static void config_says_where_to_get_a_token(void **state)
{
    static const char remedy[] =
        "BOT_TOKEN is not set\n    get a token from @BotFather, or try ./dev demo\n";
    struct fixture *f = *state;
    struct config config;

    unsetenv("BOT_TOKEN");
    assert_int_equal(load_config(f, "[telegram]\ntoken = ${BOT_TOKEN}\n", &config),
                     -AISHA_E_INVALID);
    assert_contains(report(f), remedy);
    assert_int_equal(load_config(f, "[telegram]\ntoken = ${BOT_TOKEN:-}\n", &config),
                     -AISHA_E_INVALID);
    assert_contains(report(f), remedy);
    assert_int_equal(load_config(f, "[log]\nlevel = info\n", &config), -AISHA_E_INVALID);
    assert_contains(report(f), "section [telegram] has no token\n");
    assert_int_equal(f->problems.count, 1);
}

static void config_suggests_what_was_probably_meant(void **state)
{
    struct fixture *f = *state;
    struct config config;

    assert_int_equal(load_config(f,
                                 TOKEN "api_ulr = x\n[datbase]\nurl = y\n[http]\nwhatever = 1\n"
                                       "[zzzzzzzz]\n",
                                 &config),
                     -AISHA_E_INVALID);
    const char *text = report(f);
    assert_contains(text, "file.ini:3: [telegram] has no key \"api_ulr\"\n    did you mean "
                          "\"api_url\"?\n");
    assert_contains(text, "file.ini:4: there is no section [datbase]\n    did you mean "
                          "\"database\"?\n");
    assert_contains(text, "file.ini:7: [http] has no key \"whatever\"\n    known are slots\n");
    assert_contains(text, "file.ini:8: there is no section [zzzzzzzz]\n    known are telegram, ");
    assert_int_equal(f->problems.count, 4);
}

static void config_checks_every_value(void **state)
{
    static const char *const bad[] = {
        "[http]\nslots = 0\n",
        "[http]\nslots = 1025\n",
        "[http]\nslots = many\n",
        "[http]\nslots = 1x\n",
        "[http]\nslots = 99999999999999999999\n",
        "[outbound]\nrate = -1\n",
        "[limits]\nmax_in_flight = 1.5\n",
        "[database]\nurl = mysql:x\n",
        "[database]\nurl = sqlite:\n",
        "[database]\nurl = postgresql://u:hunter2@h/d\n",
        "[blob]\nurl = s3+https://k:hunter2@h/b\n",
        "[log]\nlevel = loud\n",
        "[log]\nformat = xml\n",
        "[admin]\nids = 1,x\n",
        "[admin]\nids = -5\n",
    };
    static const char *const bad_telegram[] = {
        "token = 123\n",
        "token = abc:def\n",
        "token = 123:\n",
        "token = 123:hunter2!\n",
        "token = 1:a\napi_url = ftp://x\n",
        "token = 1:a\napi_url = http://\n",
        "token = 1:a\napi_url = http:///x\n",
        "token = 1:a\napi_url = http://a b\n",
    };
    struct fixture *f = *state;
    struct config config;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *text = arena_printf(&f->arena, "%s%s", TOKEN, bad[i]);
        assert_int_equal(load_config(f, text, &config), -AISHA_E_INVALID);
        assert_int_equal(f->problems.count, 1);
        assert_contains(report(f), "file.ini:4: ");
        assert_null(strstr(report(f), "hunter2"));
    }
    for (size_t i = 0; i < sizeof bad_telegram / sizeof *bad_telegram; i++) {
        const char *text = arena_printf(&f->arena, "[telegram]\n%s", bad_telegram[i]);
        assert_int_equal(load_config(f, text, &config), -AISHA_E_INVALID);
        assert_int_equal(f->problems.count, 1);
        assert_null(strstr(report(f), "hunter2"));
    }
}

struct plugin_config {
    const char *key, *model;
    int64_t seconds;
    bool is_loud;
};

static const struct aisha_option options[] = {
    {.name = "key",
     .type = AISHA_OPTION_TEXT,
     .offset = offsetof(struct plugin_config, key),
     .summary = "the API key",
     .is_secret = true,
     .max = 20,
     .min = 3},
    {.name = "model",
     .type = AISHA_OPTION_TEXT,
     .offset = offsetof(struct plugin_config, model),
     .value = "small"},
    {.name = "seconds",
     .type = AISHA_OPTION_INT,
     .offset = offsetof(struct plugin_config, seconds),
     .value = "30",
     .min = 1,
     .max = 60},
    {.name = "loud",
     .type = AISHA_OPTION_BOOL,
     .offset = offsetof(struct plugin_config, is_loud),
     .value = "no"},
};

static int fill(struct fixture *f, const char *text, struct plugin_config *ret)
{
    f->problems = (struct problems){.arena = &f->arena};
    *ret = (struct plugin_config){0};
    assert_int_equal(load(f, text), 0);
    return options_fill(&f->arena, options, sizeof options / sizeof *options, sizeof *options,
                        &f->ini.sections[0], ret, &f->problems);
}

static void options_fill_the_struct(void **state)
{
    struct fixture *f = *state;
    struct plugin_config config;

    assert_int_equal(fill(f, "[p]\nenabled = yes\npath = x.so\nkey = abcdef\nloud = ON\n", &config),
                     0);
    assert_string_equal(config.key, "abcdef");
    assert_string_equal(config.model, "small");
    assert_int_equal(config.seconds, 30);
    assert_true(config.is_loud);
    assert_int_equal(fill(f, "[p]\nkey = abc\nmodel =\nseconds =\nloud =\n", &config), 0);
    assert_string_equal(config.model, "");
    assert_int_equal(config.seconds, 30);
    assert_false(config.is_loud);
}

static void options_refuse_bad_values_and_hide_secrets(void **state)
{
    struct fixture *f = *state;
    struct plugin_config config;

    assert_int_equal(fill(f, "[p]\nloud = maybe\nseconds = 61\nmodle = x\n", &config),
                     -AISHA_E_INVALID);
    const char *text = report(f);
    assert_contains(text, "file.ini:4: [p] has no key \"modle\"\n    did you mean \"model\"?\n");
    assert_contains(text, "file.ini:1: [p] needs a value for \"key\"\n    the API key\n");
    assert_contains(text, "file.ini:3: [p] seconds cannot be \"61\"\n    write a whole number from "
                          "1 to 60\n");
    assert_contains(text, "file.ini:2: [p] loud cannot be \"maybe\"\n    write true or false\n");
    assert_int_equal(f->problems.count, 4);
    assert_int_equal(fill(f, "[p]\nkey = hunter2-hunter2-hunter2\n", &config), -AISHA_E_INVALID);
    assert_null(strstr(report(f), "hunter2"));
    assert_int_equal(fill(f, "[p]\nkey =\n", &config), -AISHA_E_INVALID);
    assert_contains(report(f), "file.ini:2: [p] needs a value for \"key\"\n");
}

static void options_accept_rows_of_another_size(void **state)
{
    struct longer {
        struct aisha_option option;
        void *future[2];
    } longer[] = {{.option = options[1]}, {.option = options[2]}};

    struct shorter {
        char bytes[offsetof(struct aisha_option, min)];
    } shorter[2];
    struct fixture *f = *state;
    struct plugin_config config = {0};

    for (int i = 0; i < 2; i++)
        memcpy(&shorter[i], &options[i + 1], sizeof shorter[i]);
    assert_int_equal(load(f, "[p]\nmodel = big\nseconds = 59\n"), 0);
    assert_int_equal(options_fill(&f->arena, &longer[0].option, 2, sizeof *longer,
                                  &f->ini.sections[0], &config, &f->problems),
                     0);
    assert_string_equal(config.model, "big");
    assert_int_equal(config.seconds, 59);
    assert_int_equal(load(f, "[p]\nmodel = tiny\nseconds = 99\n"), 0);
    assert_int_equal(options_fill(&f->arena, (const struct aisha_option *)(const void *)shorter, 2,
                                  sizeof *shorter, &f->ini.sections[0], &config, &f->problems),
                     0);
    assert_string_equal(config.model, "tiny");
    assert_int_equal(config.seconds, 99);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        TEST(config_has_a_default_for_everything_but_the_token),
        TEST(config_takes_what_is_given),
        TEST(config_says_where_to_get_a_token),
        TEST(config_suggests_what_was_probably_meant),
        TEST(config_checks_every_value),
        TEST(options_fill_the_struct),
        TEST(options_refuse_bad_values_and_hide_secrets),
        TEST(options_accept_rows_of_another_size),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

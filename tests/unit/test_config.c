/*
 * The host's settings and plugins' options, as they come out of INI files.
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
#include "host/bot/options.h"
#include "tests/unit/files.h"

static int load(struct files *f, const char *text)
{
    files_write(f, "file.ini", text, strlen(text));
    return ini_load(&f->arena, NULL, f->path, &f->ini, &f->problems);
}

static int load_config(struct files *f, const char *text, struct config *ret)
{
    f->problems = (struct problems){.arena = &f->arena};
    files_write(f, "file.ini", text, strlen(text));
    return config_load(&f->arena, NULL, f->path, ret, &f->problems);
}

#define TOKEN "[telegram]\ntoken = 123:abc-DEF_1\n"

static void config_has_a_default_for_everything_but_the_token(void **state)
{
    struct files *f = *state;
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
    struct files *f = *state;
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
    struct files *f = *state;
    struct config config;

    unsetenv("BOT_TOKEN");
    assert_int_equal(load_config(f, "[telegram]\ntoken = ${BOT_TOKEN}\n", &config),
                     -AISHA_E_INVALID);
    assert_contains(files_report(f), remedy);
    assert_int_equal(load_config(f, "[telegram]\ntoken = ${BOT_TOKEN:-}\n", &config),
                     -AISHA_E_INVALID);
    assert_contains(files_report(f), remedy);
    assert_int_equal(load_config(f, "[log]\nlevel = info\n", &config), -AISHA_E_INVALID);
    assert_contains(files_report(f), "section [telegram] has no token\n");
    assert_int_equal(f->problems.count, 1);
}

static void config_suggests_what_was_probably_meant(void **state)
{
    struct files *f = *state;
    struct config config;

    assert_int_equal(load_config(f,
                                 TOKEN "api_ulr = x\n[datbase]\nurl = y\n[http]\nwhatever = 1\n"
                                       "[zzzzzzzz]\n",
                                 &config),
                     -AISHA_E_INVALID);
    const char *text = files_report(f);
    assert_contains(text, "file.ini:3: [telegram] has no key \"api_ulr\"\n    did you mean "
                          "\"api_url\"?\n");
    assert_contains(text, "file.ini:4: there is no section [datbase]\n    did you mean "
                          "\"database\"?\n");
    assert_contains(text, "file.ini:7: [http] has no key \"whatever\"\n    known are slots, ");
    assert_contains(text, "file.ini:8: there is no section [zzzzzzzz]\n    known are telegram, ");
    assert_int_equal(f->problems.count, 4);
}

static void config_checks_every_value(void **state)
{
    static const char *const bad[] = {
        "[http]\nslots = 0\n",
        "[http]\nslots = 65537\n",
        "[http]\nslots = many\n",
        "[http]\nslots = 1x\n",
        "[http]\nslots = 99999999999999999999\n",
        "[outbound]\nrate = -1\n",
        "[limits]\nmax_in_flight = 1.5\n",
        "[database]\nurl = mysql:x\n",
        "[database]\nurl = sqlite:\n",
        "[database]\nurl = postgresql:u:hunter2@h/d\n",
        "[blob]\nurl = s3+ftp://k:hunter2@h/b\n",
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
    struct files *f = *state;
    struct config config;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *text = arena_printf(&f->arena, "%s%s", TOKEN, bad[i]);
        assert_int_equal(load_config(f, text, &config), -AISHA_E_INVALID);
        assert_int_equal(f->problems.count, 1);
        assert_contains(files_report(f), "file.ini:4: ");
        assert_null(strstr(files_report(f), "hunter2"));
    }
    for (size_t i = 0; i < sizeof bad_telegram / sizeof *bad_telegram; i++) {
        const char *text = arena_printf(&f->arena, "[telegram]\n%s", bad_telegram[i]);
        assert_int_equal(load_config(f, text, &config), -AISHA_E_INVALID);
        assert_int_equal(f->problems.count, 1);
        assert_null(strstr(files_report(f), "hunter2"));
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

static int fill(struct files *f, const char *text, struct plugin_config *ret)
{
    f->problems = (struct problems){.arena = &f->arena};
    *ret = (struct plugin_config){0};
    assert_int_equal(load(f, text), 0);
    return options_fill(&f->arena, options, sizeof options / sizeof *options, sizeof *options,
                        &f->ini.sections[0], ret, &f->problems);
}

static void options_fill_the_struct(void **state)
{
    struct files *f = *state;
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
    struct files *f = *state;
    struct plugin_config config;

    assert_int_equal(fill(f, "[p]\nloud = maybe\nseconds = 61\nmodle = x\n", &config),
                     -AISHA_E_INVALID);
    const char *text = files_report(f);
    assert_contains(text, "file.ini:4: [p] has no key \"modle\"\n    did you mean \"model\"?\n");
    assert_contains(text, "file.ini:1: [p] needs a value for \"key\"\n    the API key\n");
    assert_contains(text, "file.ini:3: [p] seconds cannot be \"61\"\n    write a whole number from "
                          "1 to 60\n");
    assert_contains(text, "file.ini:2: [p] loud cannot be \"maybe\"\n    write true or false\n");
    assert_int_equal(f->problems.count, 4);
    assert_int_equal(fill(f, "[p]\nkey = hunter2-hunter2-hunter2\n", &config), -AISHA_E_INVALID);
    assert_null(strstr(files_report(f), "hunter2"));
    assert_int_equal(fill(f, "[p]\nkey =\n", &config), -AISHA_E_INVALID);
    assert_contains(files_report(f), "file.ini:2: [p] needs a value for \"key\"\n");
}

static void a_default_that_does_not_fit_is_its_authors_mistake(void **state)
{
    struct aisha_option bad[] = {options[1], options[2], options[3]};
    struct files *f = *state;
    struct plugin_config config = {0};

    bad[0].max = 4;
    bad[1].value = "61";
    bad[2].value = "maybe";
    assert_int_equal(load(f, "[p]\n\nseconds = 7\nloud = perhaps\n"), 0);
    assert_int_equal(
        options_fill(&f->arena, bad, 3, sizeof *bad, &f->ini.sections[0], &config, &f->problems),
        -AISHA_E_INVALID);
    const char *text = files_report(f);
    assert_contains(text, "file.ini:1: the plugin's own default does not fit: [p] model cannot be "
                          "\"small\"\n    this is for the plugin's author: it has 5 bytes; write 0 "
                          "to 4; switch it off with \"enabled = no\" until then\n");
    assert_contains(text,
                    "file.ini:1: the plugin's own default does not fit: [p] seconds cannot be "
                    "\"61\"\n    this is for the plugin's author: write a whole number from 1 "
                    "to 60; ");
    assert_contains(text, "file.ini:1: the plugin's own default does not fit: [p] loud cannot be "
                          "\"maybe\"\n");
    assert_contains(text, "file.ini:4: [p] loud cannot be \"perhaps\"\n    write true or false\n");
    assert_int_equal(f->problems.count, 4);
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
    struct files *f = *state;
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)
    const struct CMUnitTest tests[] = {
        TEST(config_has_a_default_for_everything_but_the_token),
        TEST(config_takes_what_is_given),
        TEST(config_says_where_to_get_a_token),
        TEST(config_suggests_what_was_probably_meant),
        TEST(config_checks_every_value),
        TEST(options_fill_the_struct),
        TEST(options_refuse_bad_values_and_hide_secrets),
        TEST(a_default_that_does_not_fit_is_its_authors_mistake),
        TEST(options_accept_rows_of_another_size),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

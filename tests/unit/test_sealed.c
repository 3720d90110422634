/*
 * Encrypted values, and the keys for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/bot/sealed.h"
#include "host/core/arena.h"
#include "tests/unit/files.h"

#define KEY_BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F"

static struct master_key key_of(struct files *f, const char *text)
{
    struct master_key key;

    const char *fault = master_key_parse(&f->arena, text, &key);
    if (fault)
        fail_msg("%s: %s", text, fault);
    return key;
}

static const char *open_at(struct files *f, const char *name, const char *text)
{
    struct master_key key = key_of(f, KEY_BASE64);
    const char *cause, *remedy;

    const char *value = unseal(&f->arena, &key, name, text, &cause, &remedy);
    return value ? value : cause;
}

static void a_key_is_base64_or_hexadecimal(void **state)
{
    struct files *f = *state;
    const char *const texts[] = {KEY_BASE64, KEY_HEX, KEY_BASE64 "\n",
                                 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct master_key key = key_of(f, texts[i]);
        for (size_t j = 0; j < MASTER_KEY_SIZE; j++)
            assert_int_equal(key.bytes[j], j);
    }
    assert_int_equal(strlen(master_key_new(&f->arena)), 44);
    assert_string_not_equal(master_key_new(&f->arena), master_key_new(&f->arena));
    key_of(f, master_key_new(&f->arena));
}

static void of_another_key_is_said_what_is_wrong(void **state)
{
    struct files *f = *state;

    static const struct {
        const char *text, *fault;
    } keys[] = {
        {"", "it is empty"},
        {" \n", "it is empty"},
        {"c2hvcnQ=", "it has 5 bytes instead of 32 (as base64, 8 characters)"},
        {KEY_BASE64 "AAAA", "its 48 characters are neither base64 nor hexadecimal"},
        {"not a key!", "its 10 characters are neither base64 nor hexadecimal"},
        {"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "not all are 0-9"},
    };
    struct master_key key;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *fault = master_key_parse(&f->arena, keys[i].text, &key);
        assert_non_null(fault);
        assert_contains(fault, keys[i].fault);
    }
}

static void a_value_comes_back(void **state)
{
    struct files *f = *state;
    struct master_key key = key_of(f, KEY_HEX);
    static const char *const values[] = {"!", "a value of several words", "с ключом: =+/"};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *sealed = seal(&f->arena, &key, NULL, values[i]);
        assert_true(is_sealed(sealed));
        assert_null(strstr(sealed, values[i]));
        assert_string_not_equal(sealed, seal(&f->arena, &key, NULL, values[i]));
        assert_string_equal(open_at(f, "any.thing", sealed), values[i]);
    }
}

static void values_that_were_made_long_ago_can_be_read(void **state)
{
    struct files *f = *state;

    assert_string_equal(
        open_at(f, NULL, "enc:v1:gnd5bTPxw6J4cTOPRVR0dEMj3gQkrQw52Xga0X1ffU2yxdxNMFEW"),
        "sk-a secret");
    assert_string_equal(open_at(f, "openai.api_key",
                                "enc:v1:openai.api_key:fZd15cflgAUHwkLBs1ZOEhqYobsVgdGJmicJ0ZFv"
                                " PDK1ymULRLuf"),
                        "sk-a secret");
}

static void a_value_stays_where_it_was_made_for(void **state)
{
    struct files *f = *state;
    struct master_key key = key_of(f, KEY_HEX);
    const char *sealed = seal(&f->arena, &key, "openai.api_key", "value");
    const char *rest = strrchr(sealed, ':');

    assert_string_equal(open_at(f, "openai.api_key", sealed), "value");
    assert_string_equal(open_at(f, "openai.api_ke", sealed),
                        "it was encrypted for openai.api_key, and this is openai.api_ke");
    assert_contains(
        open_at(f, "profile.texts", arena_printf(&f->arena, "enc:v1:profile.texts%s", rest)),
        "cannot be decrypted");
    assert_contains(open_at(f, "profile.texts", arena_printf(&f->arena, "enc:v1%s", rest)),
                    "cannot be decrypted");
}

static void a_changed_value_is_refused(void **state)
{
    struct files *f = *state;
    struct master_key key = key_of(f, KEY_HEX);
    char *sealed = arena_strdup(&f->arena, seal(&f->arena, &key, NULL, "valu"));

    for (size_t i = strlen("enc:v1:"); sealed[i]; i++) {
        char was = sealed[i];
        sealed[i] = was == 'A' ? 'E' : 'A'; /* both end in zeros, as the last one has to */
        assert_contains(open_at(f, NULL, sealed), "cannot be decrypted");
        sealed[i] = was;
    }
    sealed[strlen(sealed) - 4] = '\0';
    assert_contains(open_at(f, NULL, sealed), "cannot be decrypted");
    sealed[20] = '\0';
    assert_contains(open_at(f, NULL, sealed), "damaged");
    assert_contains(open_at(f, NULL, "enc:v1:*"), "damaged");
    assert_contains(open_at(f, NULL, "enc:v2:AAAA"), "this version does not know");
    assert_contains(open_at(f, NULL, "enc:"), "this version does not know");
}

static void another_key_does_not_open_it(void **state)
{
    struct files *f = *state;
    struct master_key key = key_of(f, master_key_new(&f->arena));

    assert_contains(open_at(f, NULL, seal(&f->arena, &key, NULL, "value")),
                    "made with another key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_base64_or_hexadecimal, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(of_another_key_is_said_what_is_wrong, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(a_value_comes_back, files_setup, files_teardown),
        cmocka_unit_test_setup_teardown(values_that_were_made_long_ago_can_be_read, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(a_value_stays_where_it_was_made_for, files_setup,
                                        files_teardown),
        cmocka_unit_test_setup_teardown(a_changed_value_is_refused, files_setup, files_teardown),
        cmocka_unit_test_setup_teardown(another_key_does_not_open_it, files_setup, files_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What is secret does not get into what is said, whole, encoded or cut.
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

#include "host/core/log.h"
#include "host/core/redact.h"

static void expect(const char *text, const char *wanted)
{
    char copy[512];

    assert_true(strlen(text) < sizeof copy);
    snprintf(copy, sizeof copy, "%s", text);
    assert_string_equal(redact(copy), wanted);
}

static void a_secret_is_taken_out_wherever_it_stands(void **state)
{
    (void)state;
    redact_add("hush-hush");
    redact_add("hush-hush");
    expect("hush-hush", "***");
    expect("a hush-hush, b=hush-hush; hush-hus", "a ***, b=***; hush-hus");
    expect("nothing of it", "nothing of it");
    expect("", "");
    assert_null(redact(NULL));
}

static void a_secret_is_known_percent_encoded_and_line_by_line(void **state)
{
    (void)state;
    redact_add("p+/ä word");
    expect("key=p%2B%2F%C3%A4%20word&x", "key=***&x");
    redact_add("first line\r\nsecond one\nend\n");
    expect("first line, second one, end", "***, ***, end");
}

static void what_follows_the_colon_of_a_token_is_secret_by_itself(void **state)
{
    (void)state;
    redact_add("1234567890:AAbbCCddEEff");
    expect("bot 1234567890 and AAbbCCddEEff", "bot 1234567890 and ***");
    expect("/bot1234567890:AAbbCCddEEff/getMe", "/bot***/getMe");
}

static void the_beginning_of_a_long_secret_is_secret(void **state)
{
    (void)state;
    redact_add("sk-long-0123456789abcdef");
    expect("wrong key sk-long-012345...", "wrong key ***...");
    expect("sk-long-012", "sk-long-012"); /* eleven bytes may be anything */
    char cut[] = "the text ends in sk-lon";
    assert_string_equal(redact_cut(cut), "the text ends in ***");
}

static void what_is_very_short_is_no_secret(void **state)
{
    (void)state;
    redact_add("abc");
    redact_add("");
    redact_add(NULL);
    expect("abc abcd", "abc abcd");
    redact_add("bottle");
    expect("bottle, my_bottle bottles 'bottle'", "***, my_bottle bottles '***'");
}

static void only_the_password_of_an_address_is_secret(void **state)
{
    (void)state;
    redact_add_url("postgresql://me:p%40ss-one@db.example:5432/aisha?sslmode=off");
    expect("me db.example 5432 p%40ss-one p@ss-one", "me db.example 5432 *** ***");
    redact_add_url("postgresql://db/aisha?user=me&password=pass-two&x=1");
    expect("user=me&password=pass-two", "user=me&password=***");
    redact_add_url("postgresql://me:pa/ss@three@db/aisha");
    expect("pa/ss@three", "***");
    redact_add_url("postgresql://me:wordy/word@db/aisha");
    expect("invalid port \"wordy\"", "invalid port \"***\"");
    redact_add_url("http://db.example:8080/files/me@home");
    redact_add_url("http://[::1]:8080/me@home");
    redact_add_url("sqlite:var/aisha.db");
    expect("http://db.example:8080/files/me@home", "http://db.example:8080/files/me@home");
}

static void of_many_secrets_none_is_forgotten(void **state)
{
    char secret[40];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(secret, sizeof secret, "number%dofmany", i);
        redact_add(secret);
    }
    expect("number0ofmany number999ofmany number1000ofmany", "*** *** number1000ofmany");
}

/* What log_line() writes to stderr. */
static const char *logged(const char *message)
{
    static char text[5000];
    int ends[2], before = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_error("test", "%s", message);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void assert_string_ends(const char *text, const char *end)
{
    size_t size = strlen(text), wanted = strlen(end);

    assert_true(size >= wanted);
    assert_string_equal(text + size - wanted, end);
}

static void the_log_has_no_secret_even_where_a_line_is_cut(void **state)
{
    char message[2100];

    (void)state;
    redact_add("never-to-be-seen-0123456789");
    assert_non_null(strstr(logged("it is never-to-be-seen-0123456789!"), "it is ***!"));
    for (size_t before = 2010; before < 2048; before++) {
        memset(message, '.', sizeof message);
        snprintf(message + before, sizeof message - before, "never-to-be-seen-0123456789");
        assert_null(strstr(logged(message), "neve"));
    }
}

/* Whatever is in the way, a cut line ends with a whole character. */
static void the_log_cuts_between_characters(void **state)
{
    static const char *const characters[] = {"\u044f", "\u20ac", "\U0001f600"};
    char message[2300], end[8];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(end, sizeof end, "%s\n", characters[i]);
        for (size_t before = 0; before < strlen(characters[i]); before++) {
            memset(message, '.', before);
            message[before] = '\0';
            for (size_t at = before; at < 2200; at += strlen(characters[i]))
                strcpy(message + at, characters[i]);
            assert_string_ends(logged(message), end);
        }
    }
    assert_string_ends(logged("cut by its caller: \xd0"), "caller: \n");
    assert_string_ends(logged("whole: \u044f"), "whole: \u044f\n");
}

/* There control characters take six bytes. */
static void so_does_the_log_in_json(void **state)
{
    char message[2000];

    (void)state;
    assert_int_equal(log_setup("info", "json"), 0);
    for (size_t before = 0; before < 8; before++) {
        memset(message, '.', before);
        for (size_t at = before; at + 3 < sizeof message; at += 3)
            memcpy(message + at, "\x01\u044f", 4);
        const char *text = logged(message), *end = strstr(text, "\"}\n");
        assert_non_null(end);
        assert_true(end - text > 2000);
        assert_int_not_equal((unsigned char)end[-1], 0xd1); /* the first half of U+044F */
    }
    assert_int_equal(log_setup("info", "text"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_taken_out_wherever_it_stands),
        cmocka_unit_test(a_secret_is_known_percent_encoded_and_line_by_line),
        cmocka_unit_test(what_follows_the_colon_of_a_token_is_secret_by_itself),
        cmocka_unit_test(the_beginning_of_a_long_secret_is_secret),
        cmocka_unit_test(what_is_very_short_is_no_secret),
        cmocka_unit_test(only_the_password_of_an_address_is_secret),
        cmocka_unit_test(of_many_secrets_none_is_forgotten),
        cmocka_unit_test(the_log_has_no_secret_even_where_a_line_is_cut),
        cmocka_unit_test(the_log_cuts_between_characters),
        cmocka_unit_test(so_does_the_log_in_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

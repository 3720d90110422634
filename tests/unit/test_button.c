/* Buttons: what is carried comes back, and nothing but what we made ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/bot/button.h"
#include "host/store/secrets.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const struct secret key = {.value = "the key of this test, 32 bytes."};
static const struct button_place place = {
    .bot_id = 7000000001, .chat_id = -1001234567890, .telegram_id = 42};

static struct button make(const void *payload, size_t size)
{
    struct button button = {.route = button_route("shop", "buy", 1), .payload_size = size};

    if (size)
        memcpy(button.payload, payload, size);
    return button;
}

static void encode(const void *payload, size_t size, char ret_text[BUTTON_TEXT_SIZE])
{
    const struct button button = make(payload, size);

    button_encode(&key, &place, &button, ret_text);
    assert_in_range(strlen(ret_text), 1, 64);
    assert_int_equal(strspn(ret_text, alphabet), strlen(ret_text));
}

static void assert_refused(const char *text)
{
    struct button button = {.route = 1};

    assert_int_equal(button_decode(&key, &place, text, &button), -AISHA_E_INVALID);
    assert_int_equal(button.route, 1); /* untouched */
}

static void assert_round_trip(const void *payload, size_t size)
{
    const struct button sent = make(payload, size);
    char text[BUTTON_TEXT_SIZE];
    struct button got;

    encode(payload, size, text);
    assert_int_equal(button_decode(&key, &place, text, &got), 0);
    assert_int_equal(got.route, sent.route);
    assert_int_equal(got.flags, 0);
    assert_in_range(got.payload_size, 0, size); /* zeros at the end are not sent */
    assert_memory_equal(got.payload, sent.payload, sizeof got.payload);
}

enum colour { RED = -3, BLUE = 70000 };

struct offer {
    int64_t id;
    double price;
    uint32_t count;
    int16_t discount;
    bool is_gift;
    char unit[4];
};

static void payloads_of_every_type_come_back(void **state)
{
    static const struct offer offer = {INT64_MIN + 1, -0.125, UINT32_MAX, -5, true, "kg"};
    static const struct offer zero_at_the_end = {.id = 1};

    const struct {
        const void *value;
        size_t size;
    } rows[] = {
        {NULL, 0},
        {&(const bool){true}, sizeof(bool)},
        {&(const bool){false}, sizeof(bool)},
        {&(const char){'x'}, 1},
        {&(const int8_t){INT8_MIN}, 1},
        {&(const uint8_t){UINT8_MAX}, 1},
        {&(const int16_t){INT16_MIN}, 2},
        {&(const uint16_t){256}, 2},
        {&(const int32_t){-1}, 4},
        {&(const uint32_t){UINT32_MAX}, 4},
        {&(const int64_t){INT64_MIN}, 8},
        {&(const int64_t){0}, 8},
        {&(const uint64_t){UINT64_MAX}, 8},
        {&(const float){1.5F}, sizeof(float)},
        {&(const double){-1e300}, sizeof(double)},
        {&(const enum colour){RED}, sizeof(enum colour)},
        {&(const enum colour){BLUE}, sizeof(enum colour)},
        {"text with its zero byte", 24},
        {(const int64_t[]){1, -2, 3, 0}, 32},
        {&offer, sizeof offer},
        {&zero_at_the_end, sizeof zero_at_the_end},
        {"thirty-five bytes, and not one more", 35},
        {"\0\0\0", 3},
        {"\0\0\1", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_round_trip(rows[i].value, rows[i].size);
}

static void payloads_of_every_length_come_back(void **state)
{
    uint8_t payload[AISHA_PAYLOAD_MAX];
    unsigned short seed[3] = {1, 2, 3};

    (void)state;
    for (size_t size = 0; size <= AISHA_PAYLOAD_MAX; size++)
        for (int round = 0; round < 50; round++) {
            for (size_t i = 0; i < size; i++)
                payload[i] = (uint8_t)nrand48(seed);
            assert_round_trip(payload, size);
        }
}

static void every_changed_character_is_refused(void **state)
{
    char text[BUTTON_TEXT_SIZE];

    (void)state;
    for (size_t size = 0; size <= AISHA_PAYLOAD_MAX; size++) {
        encode("thirty-five bytes, and not one more", size, text);
        for (char *at = text; *at; at++) {
            char right = *at;
            for (int c = 1; c < 256; c++) { /* so every single bit, too */
                *at = (char)c;
                if (*at != right)
                    assert_refused(text);
            }
            *at = right;
        }
    }
}

static void what_is_cut_or_longer_is_refused(void **state)
{
    char text[BUTTON_TEXT_SIZE], other[2 * BUTTON_TEXT_SIZE];

    (void)state;
    for (size_t size = 0; size <= AISHA_PAYLOAD_MAX; size++) {
        encode("thirty-five bytes, and not one more", size, text);
        size_t length = strlen(text);
        for (size_t cut = 0; cut < length; cut++) {
            memcpy(other, text, cut);
            other[cut] = '\0';
            assert_refused(other);
        }
        for (const char *c = alphabet; *c; c++) {
            memcpy(other, text, length);
            for (size_t more = 0; more < 6; more++) {
                other[length + more] = *c;
                other[length + more + 1] = '\0';
                assert_refused(other);
            }
        }
        memcpy(other, text, length);
        memcpy(other + length, "=", 2);
        assert_refused(other);
        memcpy(other + length, text, length + 1);
        assert_refused(other);
    }
}

static void a_payload_cannot_be_moved_to_another_button(void **state)
{
    char first[BUTTON_TEXT_SIZE], second[BUTTON_TEXT_SIZE], other[BUTTON_TEXT_SIZE];

    (void)state;
    encode("credits: 1", 10, first);
    encode("credits: 9", 10, second);
    memcpy(other, first, sizeof other);
    memcpy(other + 18, second + 18, strlen(second + 18)); /* 13 bytes of head are 17.3 characters */
    assert_string_not_equal(other, first);
    assert_refused(other);
}

static void a_button_is_for_its_place_and_person(void **state)
{
    const struct button_place others[] = {
        {place.bot_id + 1, place.chat_id, place.telegram_id},
        {place.bot_id, place.chat_id + 1, place.telegram_id},
        {place.bot_id, -place.chat_id, place.telegram_id},
        {place.bot_id, place.chat_id, place.telegram_id + 1},
        {place.bot_id, place.chat_id, 0},
        {place.bot_id, place.telegram_id, place.chat_id},
        {0, 0, 0},
    };
    char text[BUTTON_TEXT_SIZE];
    struct button got;

    (void)state;
    encode("x", 1, text);
    assert_int_equal(button_decode(&key, &place, text, &got), 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(button_decode(&key, &others[i], text, &got), -AISHA_E_INVALID);
}

static void a_button_for_anyone_serves_everybody_in_its_chat(void **state)
{
    struct button button = make("x", 1), got;
    struct button_place other = place;
    char text[BUTTON_TEXT_SIZE];

    (void)state;
    button.flags = BUTTON_FOR_ANYONE;
    button_encode(&key, &place, &button, text);
    other.telegram_id = 43;
    assert_int_equal(button_decode(&key, &other, text, &got), 0);
    assert_int_equal(got.flags, BUTTON_FOR_ANYONE);
    other.chat_id++;
    assert_int_equal(button_decode(&key, &other, text, &got), -AISHA_E_INVALID);
    other = (struct button_place){.bot_id = 1, .chat_id = place.chat_id};
    assert_int_equal(button_decode(&key, &other, text, &got), -AISHA_E_INVALID);
}

static void routes_differ_by_plugin_callback_and_version(void **state)
{
    const uint32_t routes[] = {
        button_route("shop", "buy", 1),  button_route("shop", "buy", 2),
        button_route("shop", "sell", 1), button_route("mall", "buy", 1),
        button_route("sho", "pbuy", 1),  button_route("shop", "buy", 11),
    };

    (void)state;
    assert_int_equal(routes[0], button_route("shop", "buy", 1));
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(routes[i], routes[j]);
}

static void the_key_and_the_one_before_it_are_accepted(void **state)
{
    const struct button button = make("x", 1);
    const struct secret zero = {.previous = {0}};
    struct secret renewed = {.value = "a new key"}, stranger = {.value = "nobody's key"};
    char text[BUTTON_TEXT_SIZE], zero_text[BUTTON_TEXT_SIZE];
    struct button got;

    (void)state;
    encode("x", 1, text);
    button_encode(&zero, &place, &button, zero_text);
    assert_int_equal(button_decode(&renewed, &place, text, &got), -AISHA_E_INVALID);
    memcpy(renewed.previous, key.value, sizeof renewed.previous);
    assert_int_equal(button_decode(&renewed, &place, text, &got), 0);
    button_encode(&renewed, &place, &button, text);
    assert_int_equal(button_decode(&renewed, &place, text, &got), 0);
    assert_refused(text); /* the old key alone knows nothing of the new one */
    assert_int_equal(button_decode(&stranger, &place, text, &got), -AISHA_E_INVALID);
    assert_int_equal(button_decode(&stranger, &place, zero_text, &got), -AISHA_E_INVALID);
}

static void random_data_is_refused(void **state)
{
    unsigned short seed[3] = {4, 5, 6};
    char text[100];

    (void)state;
    for (int round = 0; round < 100000; round++) {
        size_t length = (size_t)(nrand48(seed) % 80);
        for (size_t i = 0; i < length; i++)
            text[i] = round % 4 ? alphabet[nrand48(seed) % 64] : (char)(nrand48(seed) % 255 + 1);
        text[length] = '\0';
        assert_refused(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_of_every_type_come_back),
        cmocka_unit_test(payloads_of_every_length_come_back),
        cmocka_unit_test(every_changed_character_is_refused),
        cmocka_unit_test(what_is_cut_or_longer_is_refused),
        cmocka_unit_test(a_payload_cannot_be_moved_to_another_button),
        cmocka_unit_test(a_button_is_for_its_place_and_person),
        cmocka_unit_test(a_button_for_anyone_serves_everybody_in_its_chat),
        cmocka_unit_test(routes_differ_by_plugin_callback_and_version),
        cmocka_unit_test(the_key_and_the_one_before_it_are_accepted),
        cmocka_unit_test(random_data_is_refused),
    };

    return cmocka_run_group_tests_name("button", tests, NULL, NULL);
}

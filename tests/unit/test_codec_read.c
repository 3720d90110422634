/*
 * Reading JSON: updates as Telegram sends them, and as it never should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/telegram/codec.h"

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct arena));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    arena_clear(*state);
    free(*state);
    return 0;
}

static int try_update(struct arena *a, const char *text, const struct aisha_update **ret)
{
    const void *update = NULL;
    cJSON *json = NULL;

    int r = codec_parse(text, strlen(text), &json);
    if (r < 0)
        return r;
    r = codec_read(a, api_update_type, json, &update);
    cJSON_Delete(json);
    *ret = update;
    return r;
}

static const struct aisha_update *read_update(struct arena *a, const char *text)
{
    const struct aisha_update *update = NULL;

    assert_int_equal(try_update(a, text, &update), 0);
    assert_int_equal(update->size, sizeof(struct aisha_update));
    return update;
}

static void a_text_message_is_read(void **state)
{
    const struct aisha_update *update = read_update(
        *state, "{\"update_id\":881,\"message\":{\"message_id\":7,\"from\":{\"id\":5123456789,"
                "\"is_bot\":false,\"first_name\":\"Ай\\ud83d\\ude00ша\",\"language_code\":\"ru\","
                "\"is_premium\":true},\"chat\":{\"id\":-1001234567890,\"type\":\"supergroup\"},"
                "\"date\":1700000000,\"text\":\"/start x\",\"entities\":[{\"offset\":0,"
                "\"length\":6,\"type\":\"bot_command\"}]}}");
    const struct aisha_message *message = update->message;

    assert_string_equal(codec_update_kind(update), "message");
    assert_int_equal(update->update_id, 881);
    assert_int_equal(message->size, sizeof *message);
    assert_int_equal(message->from->id, 5123456789);
    assert_int_equal(message->from->is_bot, 0);
    assert_int_equal(message->from->is_premium, 1);
    assert_string_equal(message->from->first_name, "Ай😀ша");
    assert_int_equal(message->chat->id, -1001234567890);
    assert_string_equal(message->text, "/start x");
    assert_string_equal(message->entities[0]->type, "bot_command");
    assert_int_equal(message->entities[0]->length, 6);
    assert_null(message->entities[1]);
    assert_null(message->reply_to_message);
    assert_null(message->photo);
}

static void a_pressed_button_is_read_with_its_keyboard(void **state)
{
    const struct aisha_update *update = read_update(
        *state, "{\"update_id\":1,\"callback_query\":{\"id\":\"436\",\"from\":{\"id\":5,"
                "\"is_bot\":false,\"first_name\":\"A\"},\"chat_instance\":\"-3\",\"data\":\"r\","
                "\"message\":{\"message_id\":9,\"date\":1,\"chat\":{\"id\":5,\"type\":\"private\"},"
                "\"reply_markup\":{\"inline_keyboard\":[[{\"text\":\"a\",\"callback_data\":\"l\"},"
                "{\"text\":\"b\",\"callback_data\":\"r\"}],[]]}}}}");
    const struct aisha_callback_query *query = update->callback_query;

    assert_string_equal(codec_update_kind(update), "callback_query");
    assert_string_equal(query->data, "r");
    const struct aisha_reply_markup *markup = query->message->reply_markup;
    assert_string_equal(markup->inline_keyboard[0][1]->text, "b");
    assert_null(markup->inline_keyboard[0][2]);
    assert_null(markup->inline_keyboard[1][0]);
    assert_null(markup->inline_keyboard[2]);
}

static void an_inaccessible_message_is_one_of_date_zero(void **state)
{
    const struct aisha_update *update =
        read_update(*state, "{\"update_id\":1,\"callback_query\":{\"id\":\"4\",\"message\":"
                            "{\"message_id\":9,\"date\":0,\"chat\":{\"id\":5}}}}");

    assert_int_equal(update->callback_query->message->message_id, 9);
    assert_int_equal(update->callback_query->message->date, 0);
}

static void files_and_albums_are_read(void **state)
{
    const struct aisha_update *update = read_update(
        *state, "{\"update_id\":1,\"message\":{\"message_id\":1,\"media_group_id\":\"13\","
                "\"photo\":[{\"file_id\":\"s\",\"width\":90},{\"file_id\":\"l\",\"width\":1280,"
                "\"file_size\":3000000000}],\"voice\":{\"file_id\":\"v\",\"duration\":3}}}");
    const struct aisha_message *message = update->message;

    assert_string_equal(message->media_group_id, "13");
    assert_string_equal(message->photo[1]->file_id, "l");
    assert_int_equal(message->photo[1]->file_size, 3000000000);
    assert_null(message->photo[2]);
    assert_int_equal(message->voice->duration, 3);
}

static void unions_are_read_into_one_struct(void **state)
{
    const struct aisha_update *update =
        read_update(*state, "{\"update_id\":1,\"my_chat_member\":{\"chat\":{\"id\":5},\"date\":3,"
                            "\"old_chat_member\":{\"status\":\"member\",\"user\":{\"id\":1}},"
                            "\"new_chat_member\":{\"status\":\"kicked\",\"user\":{\"id\":1},"
                            "\"until_date\":17}}}");

    assert_string_equal(codec_update_kind(update), "my_chat_member");
    assert_string_equal(update->my_chat_member->new_chat_member->status, "kicked");
    assert_int_equal(update->my_chat_member->new_chat_member->until_date, 17);
}

static void integer_lists_floats_and_json_are_read(void **state)
{
    const struct aisha_update *update = read_update(
        *state, "{\"update_id\":1,\"poll_answer\":{\"poll_id\":\"p\","
                "\"option_ids\":[2,0,\"x\",3.5]},\"message\":{\"location\":{\"latitude\":-12.25,"
                "\"longitude\":0.5},\"rich_message\":{\"blocks\":[{\"type\":\"paragraph\","
                "\"text\":[\"a\",{\"type\":\"bold\",\"text\":\"b\"}]}]}}}");

    assert_int_equal(update->poll_answer->option_ids_count, 2);
    assert_int_equal(update->poll_answer->option_ids[0], 2);
    assert_int_equal(update->poll_answer->option_ids[1], 0);
    assert_int_equal((int)(update->message->location->latitude * 100), -1225);
    assert_string_equal(update->message->rich_message->blocks[0]->text,
                        "[\"a\",{\"type\":\"bold\",\"text\":\"b\"}]");
}

static void every_kind_of_update_is_recognized(void **state)
{
    struct arena *a = *state;

    for (size_t i = 0; api_update_kinds[i]; i++) {
        const char *text = arena_printf(a, "{\"update_id\":1,\"%s\":{}}", api_update_kinds[i]);
        assert_string_equal(codec_update_kind(read_update(a, text)), api_update_kinds[i]);
    }
}

static void what_is_unknown_is_skipped(void **state)
{
    const struct aisha_update *update =
        read_update(*state, "{\"update_id\":1,\"hologram\":{\"x\":[1,{}]},\"size\":3}");

    assert_null(codec_update_kind(update));
    assert_int_equal(update->update_id, 1);
}

static void wrong_types_are_left_unset(void **state)
{
    const struct aisha_update *update = read_update(
        *state, "{\"update_id\":\"8\",\"message\":{\"message_id\":[],\"from\":3,\"chat\":\"x\","
                "\"text\":{\"a\":1},\"entities\":{},\"photo\":[null,3,\"x\",[],{\"width\":{}}],"
                "\"date\":null,\"location\":{\"latitude\":\"north\"},\"is_topic_message\":1,"
                "\"new_chat_members\":null,\"rich_message\":{\"blocks\":[{\"text\":null}]}}}");
    const struct aisha_message *message = update->message;

    assert_int_equal(update->update_id, 0);
    assert_int_equal(message->message_id, 0);
    assert_null(message->from);
    assert_null(message->text);
    assert_null(message->entities);
    assert_null(message->new_chat_members);
    assert_null(message->rich_message->blocks[0]->text);
    assert_int_equal(message->is_topic_message, 0);
    assert_int_equal((int)message->location->latitude, 0);
    assert_int_equal(message->photo[0]->width, 0);
    assert_null(message->photo[1]);
}

static void what_is_required_is_never_null(void **state)
{
    const struct aisha_update *update = read_update(
        *state, "{\"update_id\":8,\"message\":{\"chat\":\"x\",\"voice\":{},\"photo\":[{}]},"
                "\"poll\":{},\"callback_query\":{}}");
    const struct aisha_message *message = update->message;
    size_t count = 0;

    assert_int_equal(message->chat->size, sizeof *message->chat);
    assert_int_equal(message->chat->id, 0);
    assert_string_equal(message->chat->type, "");
    assert_null(message->chat->title);
    assert_string_equal(message->voice->file_id, "");
    assert_string_equal(message->photo[0]->file_unique_id, "");
    assert_string_equal(update->poll->question, "");
    assert_null(update->poll->options[0]);
    assert_string_equal(update->callback_query->from->first_name, "");
    for (size_t i = 0; i < api_type_count; i++) {
        const void *object;
        cJSON *json = cJSON_CreateObject();
        count += codec_read(*state, &api_types[i], json, &object) == 0;
        cJSON_Delete(json);
    }
    assert_int_equal(count, api_type_count); /* no type requires itself */
}

static void integers_are_read_only_when_exact(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"4503599627370495", 4503599627370495},
        {"-9007199254740992", -9007199254740992},
        {"9007199254740994", 0},
        {"1e300", 0},
        {"-1e999", 0},
        {"1.5", 0},
        {"1e3", 1000},
        {"true", 0},
    };
    struct arena *a = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = arena_printf(a, "{\"update_id\":%s}", cases[i].text);
        assert_int_equal(read_update(a, text)->update_id, cases[i].value);
    }
}

static void nonsense_is_refused(void **state)
{
    static const char *const texts[] = {
        "",           "null",     "[]", "\"update_id\"", "3",      "{\"update_id\":1",
        "{",          "{\"a\":}", "}{", "{} {}",         "{\"a\\", "<html>502</html>",
        "{\"a\":1}x",
    };
    const struct aisha_update *update;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(try_update(*state, texts[i], &update), -AISHA_E_INVALID);
}

static void deep_nesting_is_refused(void **state)
{
    enum { LEVELS = 200000 };
    const struct aisha_update *update;
    char *text = calloc(1, LEVELS + 1);

    memset(text, '[', LEVELS);
    assert_int_equal(try_update(*state, text, &update), -AISHA_E_INVALID);
    free(text);
}

static void nesting_is_read_up_to_the_limit(void **state)
{
    const struct aisha_update *update;
    char text[2 * CODEC_MAX_DEPTH + 32];
    char opening[CODEC_MAX_DEPTH], closing[CODEC_MAX_DEPTH];

    memset(opening, '[', sizeof opening);
    memset(closing, ']', sizeof closing);
    for (int levels = CODEC_MAX_DEPTH - 1; levels <= CODEC_MAX_DEPTH; levels++) {
        snprintf(text, sizeof text, "{\"update_id\":1,\"x\":%.*s%.*s}", levels, opening, levels,
                 closing);
        int r = try_update(*state, text, &update);
        assert_int_equal(r, levels < CODEC_MAX_DEPTH ? 0 : -AISHA_E_INVALID);
    }
}

static void long_lists_are_read_in_full(void **state)
{
    char text[4096] = "{\"update_id\":1,\"message\":{\"new_chat_members\":[{\"id\":0}";
    char *end = text + strlen(text);

    for (int i = 1; i < 3 * CODEC_MAX_DEPTH; i++)
        end += snprintf(end, 16, ",{\"id\":%d}", i);
    stpcpy(end, "]}}");
    const struct aisha_user *const *users = read_update(*state, text)->message->new_chat_members;
    for (int i = 0; i < 3 * CODEC_MAX_DEPTH; i++)
        assert_int_equal(users[i]->id, i);
    assert_null(users[3 * CODEC_MAX_DEPTH]);
}

static void brackets_in_a_text_are_no_nesting(void **state)
{
    char text[] = "{\"update_id\":1,\"x\":\"\\\"                                                  "
                  "                                                                      \"}";

    for (char *space = text; *space; space++) {
        if (*space == ' ')
            *space = '[';
    }
    assert_int_equal(read_update(*state, text)->update_id, 1);
}

static void reading_takes_a_bounded_amount_of_memory(void **state)
{
    enum { COUNT = CODEC_MAX_READ_BYTES / sizeof(struct aisha_user) + 1 };

    const char *start = "{\"update_id\":1,\"message\":{\"new_chat_members\":[{}";
    char *text = calloc(1, strlen(start) + COUNT * strlen(",{}") + sizeof "]}}");
    char *end = stpcpy(text, start);
    const struct aisha_update *update;

    for (size_t i = 1; i < COUNT; i++)
        end = stpcpy(end, ",{}");
    stpcpy(end, "]}}");
    assert_int_equal(try_update(*state, text, &update), -AISHA_E_LIMIT);
    free(text);
}

static void every_type_reads_an_empty_object(void **state)
{
    cJSON *json = cJSON_CreateObject();

    for (size_t i = 0; i < api_type_count; i++) {
        const void *object = NULL;
        assert_ptr_equal(api_find_type(api_types[i].name), &api_types[i]);
        assert_int_equal(codec_read(*state, &api_types[i], json, &object), 0);
        assert_int_equal(*(const size_t *)object, api_types[i].size);
    }
    cJSON_Delete(json);
    assert_null(api_find_type("hologram"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_message_is_read),
        TEST(a_pressed_button_is_read_with_its_keyboard),
        TEST(an_inaccessible_message_is_one_of_date_zero),
        TEST(files_and_albums_are_read),
        TEST(unions_are_read_into_one_struct),
        TEST(integer_lists_floats_and_json_are_read),
        TEST(every_kind_of_update_is_recognized),
        TEST(what_is_unknown_is_skipped),
        TEST(wrong_types_are_left_unset),
        TEST(what_is_required_is_never_null),
        TEST(integers_are_read_only_when_exact),
        TEST(nonsense_is_refused),
        TEST(deep_nesting_is_refused),
        TEST(nesting_is_read_up_to_the_limit),
        TEST(long_lists_are_read_in_full),
        TEST(brackets_in_a_text_are_no_nesting),
        TEST(reading_takes_a_bounded_amount_of_memory),
        TEST(every_type_reads_an_empty_object),
    };

    return cmocka_run_group_tests_name("codec_read", tests, NULL, NULL);
}

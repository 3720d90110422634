/*
 * What the parameters of a call say about its turn, whether they are structs or JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/bot_api.h>

#include "host/core/arena.h"
#include "host/telegram/api.h"
#include "host/telegram/codec.h"
#include "host/telegram/outbound.h"
#include "host/telegram/target.h"

static struct outbound_call of_json(const char *method, const char *json)
{
    struct outbound_call turn = {0};
    cJSON *params = cJSON_Parse(json);

    assert_non_null(params);
    target_of_json(method, params, &turn);
    cJSON_Delete(params);
    return turn;
}

static struct outbound_call of_params(const char *method, const void *params)
{
    struct outbound_call turn = {0};

    target_of_params(method, api_find_method(method)->params, params, &turn);
    return turn;
}

static void each_method_has_its_price(void **state)
{
    static const struct {
        const char *method, *json;
        int64_t chat_id, edits_message;
        unsigned messages;
    } rows[] = {
        {"sendMessage", "{\"chat_id\":5}", 5, 0, 1},
        {"SENDMESSAGE", "{\"chat_id\":\"5\"}", 5, 0, 1},
        {"sendChatAction", "{\"chat_id\":5}", 5, 0, 0},
        {"deleteMessage", "{\"chat_id\":5,\"message_id\":6}", 5, 0, 0},
        {"editMessageText", "{\"chat_id\":5,\"message_id\":6}", 5, 6, 1},
        {"editForumTopic", "{\"chat_id\":5,\"message_id\":6}", 5, 0, 1},
        {"sendMediaGroup", "{\"chat_id\":5,\"media\":[{},{},{}]}", 5, 0, 3},
        {"editMessageMedia", "{\"chat_id\":5,\"message_id\":6,\"media\":{}}", 5, 6, 1},
        {"copyMessages", "{\"chat_id\":5,\"message_ids\":[1,2]}", 5, 0, 2},
        {"deleteMessages", "{\"chat_id\":5,\"message_ids\":[1,2]}", 5, 0, 0},
        {"getChat", "{\"chat_id\":5}", 0, 0, 0},
        {"answerCallbackQuery", "{\"callback_query_id\":\"5\"}", 0, 0, 0},
        {"sendMessage", "{\"chat_id\":[5]}", 0, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct outbound_call turn = of_json(rows[i].method, rows[i].json);
        assert_int_equal(turn.chat_id, rows[i].chat_id);
        assert_int_equal(turn.edits_message, rows[i].edits_message);
        assert_int_equal(turn.messages, rows[i].messages);
    }
}

static void structs_say_the_same(void **state)
{
    const struct aisha_copy_messages_params copy = {.size = sizeof copy,
                                                    .chat_id = 5,
                                                    .message_ids = (const int64_t[]){1, 2, 3},
                                                    .message_ids_count = 3};
    const struct aisha_edit_message_text_params edit = {
        .size = sizeof edit, .chat_id = 5, .message_id = 6, .text = "x"};
    const struct aisha_send_media_group_params album = {
        .size = sizeof album,
        .chat_id = 5,
        .media = AISHA_LIST(input_media, AISHA_OBJECT(input_media, .type = "photo"),
                            AISHA_OBJECT(input_media, .type = "photo"))};

    (void)state;
    assert_int_equal(of_params("copyMessages", &copy).messages, 3);
    assert_int_equal(of_params("sendMediaGroup", &album).messages, 2);
    assert_int_equal(of_params("sendMediaGroup", &album).chat_id, 5);
    struct outbound_call turn = of_params("editMessageText", &edit);
    assert_int_equal(turn.edits_message, 6);
    assert_int_equal(turn.edit_kind,
                     of_json("editmessagetext", "{\"chat_id\":5,\"message_id\":6}").edit_kind);
    assert_int_not_equal(turn.edit_kind,
                         of_json("editMessageCaption", "{\"message_id\":6}").edit_kind);
    assert_int_equal(of_params("getMe", NULL).chat_id, 0);
}

static void chats_with_a_name_have_a_lane(void **state)
{
    const struct aisha_send_message_params params = {
        .size = sizeof params, .chat_id_str = "@News", .text = "x"};
    struct outbound_call turn = of_params("sendMessage", &params);

    (void)state;
    assert_true(turn.chat_id < -(INT64_C(1) << 60)); /* a channel's, of none that there is */
    assert_int_equal(turn.chat_id, of_json("sendPhoto", "{\"chat_id\":\"@news\"}").chat_id);
    assert_int_not_equal(turn.chat_id, of_json("sendPhoto", "{\"chat_id\":\"@olds\"}").chat_id);
    assert_false(target_can_move(turn.chat_id));
    assert_true(target_can_move(-5) && !target_can_move(5) && !target_can_move(-1001234567890));
}

static void a_call_can_be_sent_to_another_chat(void **state)
{
    struct arena arena = {0};
    const struct codec_part parts[] = {{.name = "chat_id", .value = "-5"},
                                       {.name = "text", .value = "-5"}};
    struct codec_body json = {.json = "{\"chat_id\":-5,\"text\":\"-5\"}"};
    struct codec_body multipart = {.parts = parts, .part_count = 2};

    (void)state;
    target_move(&arena, &json, -1001234567890);
    assert_string_equal(json.json, "{\"text\":\"-5\",\"chat_id\":-1001234567890}");
    target_move(&arena, &multipart, -1001234567890);
    assert_string_equal(multipart.parts[0].value, "-1001234567890");
    assert_string_equal(multipart.parts[1].value, "-5");
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_has_its_price),
        cmocka_unit_test(structs_say_the_same),
        cmocka_unit_test(chats_with_a_name_have_a_lane),
        cmocka_unit_test(a_call_can_be_sent_to_another_chat),
    };

    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}

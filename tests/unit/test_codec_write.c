/*
 * Calls as plugins make them: what goes out, and how the result comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/telegram/codec.h"

/* What the macros of <aisha/bot_api.h> get: here it keeps what the last call was written to. */
struct aisha_ctx {
    struct arena arena;
    const char *result; /* JSON that Telegram answers, or NULL */
    struct codec_body body;
    const char *field;
};

int aisha_call_(struct aisha_ctx *ctx, const char *name, const void *params, void *ret)
{
    const struct api_method *method = api_find_method(name);
    cJSON *json;

    assert_non_null(method);
    int r = codec_write(&ctx->arena, method, params, &ctx->body, &ctx->field);
    if (r < 0 || !ctx->result)
        return r;
    assert_int_equal(codec_parse(ctx->result, strlen(ctx->result), &json), 0);
    r = codec_read_result(&ctx->arena, method, json, ret);
    cJSON_Delete(json);
    return r;
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct aisha_ctx));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct aisha_ctx *ctx = *state;

    arena_clear(&ctx->arena);
    free(ctx);
    return 0;
}

static void an_object_comes_back(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_message *message = NULL;

    ctx->result = "{\"message_id\":12}";
    assert_int_equal(aisha_send_message(ctx, &message, .chat_id = 1, .text = "x"), 0);
    assert_int_equal(message->message_id, 12);
    assert_int_equal(aisha_send_message(ctx, NULL, .chat_id = 1, .text = "x"), 0);
    ctx->result = "true";
    assert_int_equal(aisha_send_message(ctx, &message, .chat_id = 1, .text = "x"),
                     -AISHA_E_UPSTREAM);
}

static void true_in_place_of_a_message_is_null(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_message *message = (const void *)ctx;

    ctx->result = "true";
    assert_int_equal(aisha_edit_message_text(ctx, &message, .inline_message_id = "i", .text = "x"),
                     0);
    assert_null(message);
}

static void a_list_comes_back(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_bot_command *const *commands = NULL;

    ctx->result = "[{\"command\":\"a\"},{\"command\":\"b\"}]";
    assert_int_equal(aisha_get_my_commands(ctx, &commands), 0);
    assert_string_equal(commands[1]->command, "b");
    assert_null(commands[2]);
    ctx->result = "{}";
    assert_int_equal(aisha_get_my_commands(ctx, &commands), -AISHA_E_UPSTREAM);
}

static void plain_values_come_back(void **state)
{
    struct aisha_ctx *ctx = *state;
    const char *link = NULL;
    int64_t count = 0;
    bool is_done = false;

    ctx->result = "true";
    assert_int_equal(aisha_delete_message(ctx, &is_done, .chat_id = 1, .message_id = 2), 0);
    assert_true(is_done);
    ctx->result = "42";
    assert_int_equal(aisha_get_chat_member_count(ctx, &count, .chat_id_str = "@c"), 0);
    assert_int_equal(count, 42);
    assert_int_equal(aisha_delete_message(ctx, NULL, .chat_id = 1), -AISHA_E_UPSTREAM);
    ctx->result = "\"https://t.me/+x\"";
    assert_int_equal(aisha_export_chat_invite_link(ctx, &link, .chat_id = 1), 0);
    assert_string_equal(link, "https://t.me/+x");
    assert_int_equal(aisha_get_chat_member_count(ctx, &count, .chat_id = 1), -AISHA_E_UPSTREAM);
}

static void a_message_with_a_keyboard_is_written(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_inline_keyboard_button *const *first =
        AISHA_LIST(inline_keyboard_button,
                   AISHA_OBJECT(inline_keyboard_button, .text = "L", .callback_data = "l"),
                   AISHA_OBJECT(inline_keyboard_button, .text = "R", .callback_data = "r"));
    const struct aisha_inline_keyboard_button *const *second =
        AISHA_LIST(inline_keyboard_button, AISHA_OBJECT(inline_keyboard_button, .text = "U",
                                                        .url = "https://example.org/"));

    int r = aisha_send_message(
        ctx, NULL, .chat_id = -1001234567890, .text = "a \"b\"\\\n\x01 ю", .protect_content = true,
        .disable_notification = AISHA_FALSE,
        .reply_parameters =
            AISHA_OBJECT(reply_parameters, .message_id = 3, .quote_position = AISHA_ZERO),
        .reply_markup = AISHA_OBJECT(reply_markup, .inline_keyboard = AISHA_LIST_OF_LISTS(
                                                       inline_keyboard_button, first, second)));
    assert_int_equal(r, 0);
    assert_string_equal(ctx->body.json,
                        "{\"chat_id\":-1001234567890,\"text\":\"a \\\"b\\\"\\\\\\n\\u0001 ю\","
                        "\"disable_notification\":false,\"protect_content\":true,"
                        "\"reply_parameters\":{\"message_id\":3,\"quote_position\":0},"
                        "\"reply_markup\":{\"inline_keyboard\":["
                        "[{\"text\":\"L\",\"callback_data\":\"l\"},"
                        "{\"text\":\"R\",\"callback_data\":\"r\"}],"
                        "[{\"text\":\"U\",\"url\":\"https://example.org/\"}]]}}");
    assert_int_equal(ctx->body.part_count, 0);
}

static void numbers_are_written_without_loss(void **state)
{
    struct aisha_ctx *ctx = *state;
    const int64_t ids[] = {1000000000000000, 0, -7};

    assert_int_equal(aisha_delete_messages(ctx, NULL, .chat_id_str = "@c", .message_ids = ids,
                                           .message_ids_count = 3),
                     0);
    assert_string_equal(ctx->body.json,
                        "{\"chat_id\":\"@c\",\"message_ids\":[1000000000000000,0,-7]}");
    assert_int_equal(aisha_send_location(ctx, NULL, .chat_id = 1, .latitude = 1.0 / 3), 0);
    assert_string_equal(ctx->body.json,
                        "{\"chat_id\":1,\"latitude\":0.33333333333333331,\"longitude\":0}");
    assert_int_equal(aisha_send_location(ctx, NULL, .chat_id = 1, .latitude = 1e300 * 1e300),
                     -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "latitude");
}

static void a_zero_is_sent_when_asked_for(void **state)
{
    struct aisha_ctx *ctx = *state;

    assert_int_equal(aisha_send_location(ctx, NULL, .chat_id = 1, .latitude = 0.1,
                                         .longitude = AISHA_ZERO, .heading = AISHA_ZERO,
                                         .horizontal_accuracy = AISHA_ZERO),
                     0);
    assert_string_equal(ctx->body.json, "{\"chat_id\":1,\"latitude\":0.1,\"longitude\":0,"
                                        "\"horizontal_accuracy\":0,\"heading\":0}");
}

static void a_call_without_parameters_is_an_empty_object(void **state)
{
    struct aisha_ctx *ctx = *state;

    assert_int_equal(aisha_get_me(ctx, NULL), 0);
    assert_string_equal(ctx->body.json, "{}");
    assert_int_equal(aisha_get_my_commands(ctx, NULL), 0);
    assert_string_equal(ctx->body.json, "{}");
    assert_int_equal(aisha_call_(ctx, "getMe", NULL, NULL), 0);
    assert_string_equal(ctx->body.json, "{}");
}

static const struct codec_part *part(const struct aisha_ctx *ctx, const char *name)
{
    assert_null(ctx->body.json);
    for (size_t i = 0; i < ctx->body.part_count; i++) {
        if (strcmp(ctx->body.parts[i].name, name) == 0)
            return &ctx->body.parts[i];
    }
    fail_msg("no part %s", name);
    return NULL;
}

static void a_known_file_needs_no_upload(void **state)
{
    struct aisha_ctx *ctx = *state;

    assert_int_equal(
        aisha_send_photo(ctx, NULL, .chat_id = 1, .photo = AISHA_FILE(.id_or_url = "AgAC")), 0);
    assert_string_equal(ctx->body.json, "{\"chat_id\":1,\"photo\":\"AgAC\"}");
}

static void a_document_with_bytes_becomes_parts(void **state)
{
    struct aisha_ctx *ctx = *state;

    int r = aisha_send_document(
        ctx, NULL, .chat_id_str = "@c", .caption = "a \"b\"", .disable_notification = true,
        .document = AISHA_FILE(.bytes = "\0\1\2", .bytes_size = 3, .file_name = "x.bin"),
        .thumbnail = AISHA_FILE(.path = "t.jpg"),
        .reply_markup = AISHA_OBJECT(reply_markup, .remove_keyboard = true));
    assert_int_equal(r, 0);
    assert_int_equal(ctx->body.part_count, 6);
    assert_string_equal(part(ctx, "chat_id")->value, "@c");
    assert_string_equal(part(ctx, "caption")->value, "a \"b\"");
    assert_string_equal(part(ctx, "disable_notification")->value, "true");
    assert_string_equal(part(ctx, "reply_markup")->value, "{\"remove_keyboard\":true}");
    assert_null(part(ctx, "document")->value);
    assert_int_equal(part(ctx, "document")->file->bytes_size, 3);
    assert_string_equal(part(ctx, "document")->file->file_name, "x.bin");
    assert_string_equal(part(ctx, "thumbnail")->file->path, "t.jpg");
}

static void an_album_names_its_uploads(void **state)
{
    struct aisha_ctx *ctx = *state;

    int r = aisha_send_media_group(
        ctx, NULL, .chat_id = 5,
        .media = AISHA_LIST(
            input_media,
            AISHA_OBJECT(input_media, .type = "photo", .media = AISHA_FILE(.path = "a.jpg"),
                         .caption = "A"),
            AISHA_OBJECT(input_media, .type = "photo", .media = AISHA_FILE(.id_or_url = "AgAC")),
            AISHA_OBJECT(input_media, .type = "video", .media = AISHA_FILE(.path = "v.mp4"),
                         .thumbnail = AISHA_FILE(.bytes = "t", .bytes_size = 1))));
    assert_int_equal(r, 0);
    assert_int_equal(ctx->body.part_count, 5);
    assert_string_equal(part(ctx, "chat_id")->value, "5");
    const char *media = part(ctx, "media")->value;
    assert_non_null(
        strstr(media, "{\"type\":\"photo\",\"media\":\"attach://file0\",\"caption\":\"A\""));
    assert_non_null(strstr(media, "{\"type\":\"photo\",\"media\":\"AgAC\"}"));
    assert_non_null(strstr(media, "\"media\":\"attach://file1\",\"thumbnail\":\"attach://file2\""));
    assert_string_equal(part(ctx, "file0")->file->path, "a.jpg");
    assert_string_equal(part(ctx, "file1")->file->path, "v.mp4");
    assert_int_equal(part(ctx, "file2")->file->bytes_size, 1);
}

static void a_file_has_exactly_one_source(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_file unsized = {.path = "x"};

    assert_int_equal(aisha_send_photo(ctx, NULL, .chat_id = 1,
                                      .photo = AISHA_FILE(.path = "a", .id_or_url = "b")),
                     -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "photo");
    assert_int_equal(
        aisha_send_photo(ctx, NULL, .chat_id = 1, .photo = AISHA_FILE(.file_name = "b")),
        -AISHA_E_INVALID);
    assert_int_equal(aisha_send_photo(ctx, NULL, .chat_id = 1, .photo = &unsized),
                     -AISHA_E_INVALID);
}

static void a_missing_field_is_named_with_its_path(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_reply_markup unsized = {.remove_keyboard = true};
    const struct aisha_inline_keyboard_button *const *row = AISHA_LIST(
        inline_keyboard_button, AISHA_OBJECT(inline_keyboard_button, .callback_data = "l"));

    assert_int_equal(aisha_send_message(ctx, NULL, .chat_id = 1), -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "text");
    int r = aisha_send_message(
        ctx, NULL, .chat_id = 1, .text = "x",
        .reply_markup = AISHA_OBJECT(
            reply_markup, .inline_keyboard = AISHA_LIST_OF_LISTS(inline_keyboard_button, row)));
    assert_int_equal(r, -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "reply_markup.inline_keyboard.text");
    r = aisha_send_message(ctx, NULL, .chat_id = 1, .text = "x", .reply_markup = &unsized);
    assert_int_equal(r, -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "reply_markup.size");
    r = aisha_send_message(ctx, NULL, .chat_id = 1, .chat_id_str = "@c", .text = "x");
    assert_int_equal(r, -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "chat_id");
}

static int send_paragraph(struct aisha_ctx *ctx, const char *json)
{
    return aisha_send_rich_message(
        ctx, NULL, .chat_id = 1,
        .rich_message =
            AISHA_OBJECT(input_rich_message,
                         .blocks = AISHA_LIST(
                             input_rich_block,
                             AISHA_OBJECT(input_rich_block, .type = "paragraph", .text = json))));
}

static void json_in_a_field_is_checked(void **state)
{
    struct aisha_ctx *ctx = *state;

    assert_int_equal(send_paragraph(ctx, "[\"a\",{}]"), 0);
    assert_string_equal(ctx->body.json, "{\"chat_id\":1,\"rich_message\":{\"blocks\":["
                                        "{\"type\":\"paragraph\",\"text\":[\"a\",{}]}]}}");
    assert_int_equal(send_paragraph(ctx, "\"a\"},{"), -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "rich_message.blocks.text");
}

static void a_struct_that_contains_itself_is_refused(void **state)
{
    struct aisha_ctx *ctx = *state;
    struct aisha_input_rich_block block = {.size = sizeof block, .type = "details"};
    const struct aisha_input_rich_block *const blocks[] = {&block, NULL};

    block.blocks = blocks;
    int r =
        aisha_send_rich_message(ctx, NULL, .chat_id = 1,
                                .rich_message = AISHA_OBJECT(input_rich_message, .blocks = blocks));
    assert_int_equal(r, -AISHA_E_INVALID);
}

static void long_lists_are_written_in_full(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_bot_command command = {
        .size = sizeof command, .command = "c", .description = "d"};
    const struct aisha_bot_command *commands[3 * CODEC_MAX_DEPTH + 1] = {NULL};

    for (size_t i = 0; i < 3 * CODEC_MAX_DEPTH; i++)
        commands[i] = &command;
    assert_int_equal(aisha_set_my_commands(ctx, NULL, .commands = commands), 0);
    assert_int_equal(strlen(ctx->body.json),
                     strlen("{\"commands\":[]}") - 1 +
                         3 * CODEC_MAX_DEPTH *
                             strlen(",{\"command\":\"c\",\"description\":\"d\"}"));
}

static void fields_beyond_an_older_struct_are_unset(void **state)
{
    struct aisha_ctx *ctx = *state;
    const struct aisha_send_message_params params = {
        .size = offsetof(struct aisha_send_message_params, parse_mode),
        .chat_id = 1,
        .text = "x",
        .parse_mode = "HTML",
    };
    const size_t without_names = offsetof(struct aisha_send_message_params, chat_id_str);
    void *older = malloc(params.size);

    memcpy(older, &params, params.size);
    assert_int_equal(aisha_call_(ctx, "sendMessage", older, NULL), 0);
    assert_string_equal(ctx->body.json, "{\"chat_id\":1,\"text\":\"x\"}");
    memcpy(older, &without_names, sizeof without_names);
    assert_int_equal(aisha_call_(ctx, "sendMessage", older, NULL), -AISHA_E_INVALID);
    assert_string_equal(ctx->field, "chat_id");
    free(older);
}

static bool has_zero(const struct api_value *value)
{
    return !value->depth &&
           (value->kind == API_INTEGER || value->kind == API_FLOAT || value->kind == API_BOOLEAN);
}

static const char *first_missing(const struct api_type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].is_required && !has_zero(&type->fields[i].value))
            return type->fields[i].name;
    }
    return NULL;
}

static void every_method_names_its_first_missing_parameter(void **state)
{
    struct aisha_ctx *ctx = *state;

    assert_true(api_method_count > 180);
    for (size_t i = 0; i < api_method_count; i++) {
        const struct api_method *method = &api_methods[i];
        const char *missing = first_missing(method->params);
        void *params = arena_alloc(&ctx->arena, method->params->size);
        memcpy(params, &method->params->size, sizeof(size_t));
        assert_ptr_equal(api_find_method(method->name), method);
        ctx->field = NULL;
        int r = codec_write(&ctx->arena, method, params, &ctx->body, &ctx->field);
        assert_int_equal(r, missing ? -AISHA_E_INVALID : 0);
        if (missing)
            assert_string_equal(ctx->field, missing);
        else
            assert_int_equal(ctx->body.json[0], '{');
    }
    assert_null(api_find_method("sendHologram"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_object_comes_back),
        TEST(true_in_place_of_a_message_is_null),
        TEST(a_list_comes_back),
        TEST(plain_values_come_back),
        TEST(a_message_with_a_keyboard_is_written),
        TEST(numbers_are_written_without_loss),
        TEST(a_zero_is_sent_when_asked_for),
        TEST(a_call_without_parameters_is_an_empty_object),
        TEST(a_known_file_needs_no_upload),
        TEST(a_document_with_bytes_becomes_parts),
        TEST(an_album_names_its_uploads),
        TEST(a_file_has_exactly_one_source),
        TEST(a_missing_field_is_named_with_its_path),
        TEST(json_in_a_field_is_checked),
        TEST(a_struct_that_contains_itself_is_refused),
        TEST(long_lists_are_written_in_full),
        TEST(fields_beyond_an_older_struct_are_unset),
        TEST(every_method_names_its_first_missing_parameter),
    };

    return cmocka_run_group_tests_name("codec_write", tests, NULL, NULL);
}

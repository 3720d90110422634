/*
 * Every kind of update that the Bot API has: its lane, its chat, its person, and that it is asked
 * for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/bot/registry.h"
#include "host/bot/update_kind.h"
#include "host/core/arena.h"
#include "host/telegram/api.h"

enum { UPDATE_ID = 900, CHAT = -7, FROM = 5, USER = 6, USER_CHAT = 8, THREAD = 11 };

/* Says everything that any kind may say; what a kind does not have is not read. */
static const char payload[] =
    "{\"chat\":{\"id\":-7,\"type\":\"supergroup\",\"title\":\"x\"},"
    "\"from\":{\"id\":5,\"is_bot\":false,\"first_name\":\"Five\"},"
    "\"user\":{\"id\":6,\"is_bot\":false,\"first_name\":\"Six\"},"
    "\"user_chat_id\":8,\"message_id\":3,\"date\":1,\"is_topic_message\":true,"
    "\"message_thread_id\":11,\"id\":\"77\",\"text\":\"hello\","
    "\"message\":{\"message_id\":4,\"date\":1,\"chat\":{\"id\":-7,\"type\":\"supergroup\"},"
    "\"is_topic_message\":true,\"message_thread_id\":11}}";

static const struct expected {
    const char *kind;
    enum lane_kind lane;
    int64_t lane_id, chat_id, person_id;
    int64_t life_s;
} all_kinds[] = {
    {"message", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"edited_message", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"channel_post", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"edited_channel_post", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"business_connection", LANE_USER, USER, USER_CHAT, USER, 0},
    {"business_message", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"edited_business_message", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"deleted_business_messages", LANE_CHAT, CHAT, CHAT, 0, 0},
    {"guest_message", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"message_reaction", LANE_CHAT, CHAT, CHAT, USER, 0},
    {"message_reaction_count", LANE_CHAT, CHAT, CHAT, 0, 0},
    {"inline_query", LANE_USER, FROM, 0, FROM, 30},
    {"chosen_inline_result", LANE_USER, FROM, 0, FROM, 0},
    {"callback_query", LANE_CHAT, CHAT, CHAT, FROM, 150},
    {"shipping_query", LANE_ALONE, UPDATE_ID, 0, FROM, 150},
    {"pre_checkout_query", LANE_ALONE, UPDATE_ID, 0, FROM, 10},
    {"purchased_paid_media", LANE_USER, FROM, 0, FROM, 0},
    {"poll", LANE_OTHER, 0, 0, 0, 0},
    {"poll_answer", LANE_USER, USER, 0, USER, 0},
    {"my_chat_member", LANE_USER, FROM, CHAT, FROM, 0},
    {"chat_member", LANE_CHAT, CHAT, CHAT, FROM, 0},
    {"chat_join_request", LANE_USER, FROM, CHAT, FROM, 0},
    {"chat_boost", LANE_CHAT, CHAT, CHAT, 0, 0},
    {"removed_chat_boost", LANE_CHAT, CHAT, CHAT, 0, 0},
    {"managed_bot", LANE_USER, USER, 0, USER, 0},
    {"subscription", LANE_USER, USER, 0, USER, 0},
    {"stopped_message_generation", LANE_OTHER, CHAT, CHAT, 0, 0},
};

enum { ALL_COUNT = sizeof all_kinds / sizeof *all_kinds };

static cJSON *parse(const char *kind, const char *json)
{
    cJSON *update = cJSON_CreateObject(), *body = cJSON_Parse(json);

    assert_non_null(body);
    cJSON_AddNumberToObject(update, "update_id", UPDATE_ID);
    cJSON_AddItemToObject(update, kind, body);
    return update;
}

static void the_table_has_the_kinds_of_the_bot_api(void **state)
{
    size_t count = 0;

    (void)state;
    for (; api_update_kinds[count]; count++)
        if (!update_kind_find(api_update_kinds[count]))
            fail_msg("no row for %s", api_update_kinds[count]);
    assert_int_equal(count, update_kind_count);
    assert_int_equal(count, ALL_COUNT);
    assert_in_range(count, 1, UPDATE_KINDS_MAX);
    assert_null(update_kind_find("nonsense"));
    assert_null(update_kind_find(NULL));
}

static void each_kind_has_its_lane(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_COUNT; i++) {
        const struct expected *e = &all_kinds[i];
        cJSON *update = parse(e->kind, payload);
        struct lane_key key = update_lane(update, UPDATE_ID);
        if (key.kind != e->lane || (e->lane_id && key.id != e->lane_id))
            fail_msg("%s: lane %d %lld", e->kind, (int)key.kind, (long long)key.id);
        assert_int_equal(key.thread_id,
                         e->lane == LANE_CHAT && update_kind_find(e->kind)->message ? THREAD : 0);
        cJSON_Delete(update);
    }
}

static void each_kind_says_who_and_where(void **state)
{
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < ALL_COUNT; i++) {
        const struct expected *e = &all_kinds[i];
        cJSON *update = parse(e->kind, payload);
        struct update_view view;
        assert_int_equal(update_read(&arena, update, &view), 0);
        assert_string_equal(view.kind->name, e->kind);
        int64_t person_id = view.from ? view.from->id : 0;
        if (view.chat_id != e->chat_id || person_id != e->person_id)
            fail_msg("%s: chat %lld person %lld", e->kind, (long long)view.chat_id,
                     (long long)person_id);
        assert_int_equal(view.kind->life_s, e->life_s);
        assert_int_equal(view.is_private, strcmp(e->kind, "business_connection") == 0);
        cJSON_Delete(update);
        arena_clear(&arena);
    }
}

static bool has_member(const struct api_type *type, const char *name, const char *of_type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct api_field *field = &type->fields[i];
        if (strcmp(field->name, name) == 0)
            return field->value.kind == API_OBJECT && field->value.depth == 0 &&
                   strcmp(field->value.type->name, of_type) == 0;
    }
    return false;
}

/* A name with a typing mistake would be read as "nobody"; a person nobody reads would be lost. */
static void the_names_in_the_table_are_members_of_the_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_update_type->field_count; i++) {
        const struct api_field *field = &api_update_type->fields[i];
        const struct update_kind *kind = update_kind_find(field->name);
        if (!kind)
            continue;
        const struct api_type *type = field->value.type;
        if (kind->message)
            assert_true(*kind->message ? has_member(type, kind->message, "message")
                                       : strcmp(type->name, "message") == 0);
        assert_true(!kind->chat || has_member(type, kind->chat, "chat"));
        assert_true(!kind->person || has_member(type, kind->person, "user"));
        if (!kind->message && !kind->chat && has_member(type, "chat", "chat"))
            fail_msg("nobody reads the chat of %s", kind->name);
        if (!kind->person && (has_member(type, "from", "user") || has_member(type, "user", "user")))
            fail_msg("nobody reads the person of %s", kind->name);
        if (kind->answer && !api_find_method(kind->answer))
            fail_msg("there is no method %s", kind->answer);
    }
}

static void each_kind_with_a_row_is_asked_for_and_no_other(void **state)
{
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < ALL_COUNT; i++) {
        const struct aisha_update_route rows[] = {{.field = all_kinds[i].kind},
                                                  {.field = all_kinds[i].kind}};
        struct plugin plugin = {.d.updates = AISHA_TABLE(rows)};
        const struct registry registry = {.plugins = &plugin, .count = 1};
        const char *const *list = registry_allowed_updates(&registry, &arena);
        size_t count = 0, found = 0;
        for (; list[count]; count++)
            found += strcmp(list[count], all_kinds[i].kind) == 0;
        assert_int_equal(found, 1);
        const struct update_kind *kind = update_kind_find(all_kinds[i].kind);
        assert_int_equal(count, kind->is_ours || kind->is_watched ? 3 : 4);
    }
    arena_clear(&arena);
}

static void check_lane(const char *kind, const char *json, struct lane_key wanted)
{
    cJSON *update = parse(kind, json);
    struct lane_key key = update_lane(update, UPDATE_ID);

    assert_int_equal(key.kind, wanted.kind);
    assert_int_equal(key.id, wanted.id);
    assert_int_equal(key.thread_id, wanted.thread_id);
    cJSON_Delete(update);
}

static void lanes_of_special_cases(void **state)
{
    (void)state;
    /* a button under an inline message: no chat */
    check_lane("callback_query", "{\"id\":\"1\",\"from\":{\"id\":5},\"inline_message_id\":\"x\"}",
               (struct lane_key){.kind = LANE_USER, .id = 5});
    /* a reply in an ordinary group carries a thread id that is no topic */
    check_lane("message", "{\"chat\":{\"id\":-7},\"message_thread_id\":11}",
               (struct lane_key){.kind = LANE_CHAT, .id = -7});
    /* the same person with the bot and with a business */
    check_lane("business_message", "{\"chat\":{\"id\":5},\"business_connection_id\":\"b\"}",
               (struct lane_key){.kind = LANE_BUSINESS, .id = 5});
    check_lane("callback_query",
               "{\"from\":{\"id\":5},\"message\":{\"chat\":{\"id\":5},"
               "\"business_connection_id\":\"b\"}}",
               (struct lane_key){.kind = LANE_BUSINESS, .id = 5});
    check_lane("deleted_business_messages",
               "{\"chat\":{\"id\":5},\"business_connection_id\":\"b\"}",
               (struct lane_key){.kind = LANE_BUSINESS, .id = 5});
    /* nothing that could be relied on */
    check_lane("message", "{}", (struct lane_key){.kind = LANE_USER});
    check_lane("poll_answer", "{\"user\":\"nobody\"}", (struct lane_key){.kind = LANE_USER});
    check_lane("nonsense", "{\"chat\":{\"id\":5}}", (struct lane_key){.kind = LANE_OTHER});
}

static struct lane_key poll_lane(const char *id)
{
    char json[64];

    snprintf(json, sizeof json, "{\"id\":\"%s\"}", id);
    cJSON *update = parse("poll", json);
    struct lane_key key = update_lane(update, UPDATE_ID);
    cJSON_Delete(update);
    return key;
}

static void the_states_of_one_poll_share_a_lane(void **state)
{
    const struct lane_key first = poll_lane("5123"), again = poll_lane("5123"),
                          other = poll_lane("5124");

    (void)state;
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_not_equal(first.id, other.id);
}

static struct update_view view_of(struct arena *arena, const char *kind, const char *json)
{
    cJSON *update = parse(kind, json);
    struct update_view view;

    assert_int_equal(update_read(arena, update, &view), 0);
    cJSON_Delete(update);
    return view;
}

static void views_of_special_cases(void **state)
{
    struct arena arena = {0};
    struct update_view view;

    (void)state;
    view = view_of(&arena, "business_message",
                   "{\"chat\":{\"id\":5,\"type\":\"private\"},\"business_connection_id\":\"b1\"}");
    assert_string_equal(view.business_connection_id, "b1");
    assert_false(view.is_private);
    view = view_of(&arena, "deleted_business_messages",
                   "{\"chat\":{\"id\":5,\"type\":\"private\"},\"business_connection_id\":\"b2\"}");
    assert_string_equal(view.business_connection_id, "b2");
    view = view_of(&arena, "guest_message",
                   "{\"chat\":{\"id\":5,\"type\":\"private\"},\"guest_query_id\":\"g\"}");
    assert_false(view.is_private);
    view = view_of(&arena, "message",
                   "{\"chat\":{\"id\":-5,\"type\":\"supergroup\"},"
                   "\"direct_messages_topic\":{\"topic_id\":9},\"message_thread_id\":11}");
    assert_int_equal(view.direct_topic_id, 9);
    assert_int_equal(view.thread_id, 0);
    view = view_of(&arena, "stopped_message_generation",
                   "{\"chat\":{\"id\":5,\"type\":\"private\"},\"message_thread_id\":3}");
    assert_int_equal(view.thread_id, 3);
    view = view_of(&arena, "nonsense", "{\"chat\":{\"id\":5}}");
    assert_null(view.kind);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_the_kinds_of_the_bot_api),
        cmocka_unit_test(each_kind_has_its_lane),
        cmocka_unit_test(each_kind_says_who_and_where),
        cmocka_unit_test(the_names_in_the_table_are_members_of_the_types),
        cmocka_unit_test(each_kind_with_a_row_is_asked_for_and_no_other),
        cmocka_unit_test(lanes_of_special_cases),
        cmocka_unit_test(the_states_of_one_poll_share_a_lane),
        cmocka_unit_test(views_of_special_cases),
    };

    return cmocka_run_group_tests_name("update_kind", tests, NULL, NULL);
}

/* The sandbox's world: what outlives a restart, what is forgotten, and that there is an end to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/world.h"

enum { ALICE = 1001, BORIS = 1002 };

struct fixture {
    struct arena arena;
    struct loop *loop;
    struct clock *clock;
    struct world *world;
    char directory[64], database[96];
};

static void open_world(struct fixture *f)
{
    assert_int_equal(0, world_open(&f->world, f->loop, f->directory, f->clock));
}

static void restart(struct fixture *f)
{
    world_close(f->world);
    open_world(f);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    strcpy(f->directory, "/tmp/test-world-XXXXXX");
    if (!mkdtemp(f->directory) || loop_new(&f->loop, &(struct loop_options){0}) < 0 ||
        clock_new(&f->clock, f->loop) < 0)
        return -1;
    snprintf(f->database, sizeof f->database, "%s/world.db", f->directory);
    open_world(f);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    world_close(f->world);
    clock_free(f->clock);
    loop_free(f->loop);
    arena_clear(&f->arena);
    unlink(f->database);
    rmdir(f->directory);
    free(f);
    return 0;
}

static cJSON *parsed(struct fixture *f, const char *text)
{
    cJSON *value = json_parse(&f->arena, text, strlen(text));

    assert_non_null(value);
    return value;
}

static int64_t say(struct fixture *f, int64_t chat_id, const char *text)
{
    cJSON *message = json_keep(&f->arena, cJSON_CreateObject());
    int64_t id = world_next_message_id(f->world);

    json_set_int(message, "message_id", id);
    json_set(message, "chat", world_chat(f->world, NULL, chat_id));
    json_set_text(message, "text", text);
    world_save_message(f->world, &f->arena, message);
    return id;
}

static void edit(struct fixture *f, int64_t chat_id, int64_t id, const char *text)
{
    cJSON *message = world_message(f->world, &f->arena, chat_id, id);

    json_set_text(message, "text", text);
    world_save_message(f->world, &f->arena, message);
}

static int64_t push(struct fixture *f, const char *payload)
{
    return world_push_update(f->world, &f->arena, "message", parsed(f, payload), 0);
}

/* All there is to know, as text. */
static const char *everything(struct fixture *f, const char *file_id)
{
    cJSON *all = json_keep(&f->arena, cJSON_CreateObject());
    struct world *world = f->world;
    struct arena *arena = &f->arena;
    size_t size = 0;

    json_set_copy(all, "bot", world_bot(world, arena));
    json_set_copy(all, "users", world_users(world, arena));
    json_set_copy(all, "groups", world_groups(world, arena));
    json_set_int(all, "alice", (int64_t)world_standing(world, ALICE));
    json_set_int(all, "boris", (int64_t)world_standing(world, BORIS));
    json_set_copy(all, "markup", world_reply_markup(world, arena, ALICE));
    json_set_copy(all, "messages", world_messages(world, arena, ALICE));
    json_set_copy(all, "updates", world_updates(world, arena, 100));
    json_set_copy(all, "queues", world_update_queues(world, arena, 100));
    json_set_copy(all, "allowed", world_allowed_updates(world, arena));
    json_set_copy(all, "commands", world_commands(world, arena, "default", "ru"));
    json_set_copy(all, "polls", world_records(world, arena, "poll"));
    json_set_copy(all, "file", world_file(world, arena, file_id));
    const void *bytes =
        world_linked_bytes(world, &f->arena, json_get_text(json_get(all, "file"), "path"), &size);
    assert_non_null(bytes);
    assert_int_equal(6, size);
    assert_memory_equal("\0bytes", bytes, size);
    return json_text(&f->arena, all);
}

static void everything_is_there_again_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct world *world = f->world;
    struct arena *arena = &f->arena;
    cJSON *file = parsed(f, "{\"file_name\":\"a.txt\"}");

    world_set_bot_id(world, 4242);
    world_set_text(world, "name", "", "The bot");
    world_add_user(world, 0, "Carol", NULL);
    world_add_chat(world, arena, parsed(f, "{\"type\":\"supergroup\",\"title\":\"All\"}"));
    world_set_standing(world, ALICE, CHAT_OPEN);
    world_set_standing(world, BORIS, CHAT_BLOCKED);
    world_set_reply_markup(world, arena, ALICE, parsed(f, "{\"keyboard\":[]}"));
    int64_t first = say(f, ALICE, "first");
    int64_t second = say(f, ALICE, "second");
    say(f, ALICE, "third");
    edit(f, ALICE, first, "first, edited");
    world_delete_message(world, second);
    world_allow_updates(world, arena, parsed(f, "[\"message\"]"));
    push(f, "{\"chat\":{\"id\":1001}}");
    world_forget_update(world, push(f, "{\"chat\":{\"id\":1001}}"));
    push(f, "{\"chat\":{\"id\":1002}}");
    world_add_query(world, "query", ALICE, 60);
    world_set_commands(world, arena, "default", "ru", parsed(f, "[{\"command\":\"start\"}]"));
    world_put_record(world, arena, "poll", "1", parsed(f, "{\"question\":\"?\"}"));
    world_put_record(world, arena, "poll", "2", parsed(f, "{\"question\":\"gone\"}"));
    world_put_record(world, arena, "poll", "3", parsed(f, "{\"question\":\"!\"}"));
    world_put_record(world, arena, "poll", "1", parsed(f, "{\"question\":\"which?\"}"));
    world_remove_record(world, "poll", "2");
    world_add_file(world, arena, "document", file, "\0bytes", 6);
    world_link_file(world, json_get_text(file, "file_id"));

    const char *before = everything(f, json_get_text(file, "file_id"));
    restart(f);
    assert_string_equal(before, everything(f, json_get_text(file, "file_id")));
    assert_int_equal(ALICE, world_take_callback(f->world, "query"));
    assert_int_equal(0, world_take_callback(f->world, "query"));
    assert_int_equal(first + 3, world_next_message_id(f->world));
}

static void what_is_put_again_after_its_removal_comes_last(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < 2; round++) {
        world_put_record(f->world, &f->arena, "poll", "1", parsed(f, "[1]"));
        world_put_record(f->world, &f->arena, "poll", "2", parsed(f, "[2]"));
        world_remove_record(f->world, "poll", "1");
        world_put_record(f->world, &f->arena, "poll", "1", parsed(f, "[3]"));
        restart(f);
        assert_string_equal("[[2],[3]]",
                            json_text(&f->arena, world_records(f->world, &f->arena, "poll")));
        world_remove_record(f->world, "poll", "2");
    }
}

static void a_reset_forgets_all_but_the_numbers(void **state)
{
    struct fixture *f = *state;

    world_set_bot_id(f->world, 4242);
    world_set_text(f->world, "name", "", "The bot");
    world_add_user(f->world, 77, "Carol", NULL);
    world_put_record(f->world, &f->arena, "poll", "1", parsed(f, "[1]"));
    int64_t message_id = say(f, 77, "hello");
    int64_t update_id = push(f, "{}");
    for (int round = 0; round < 2; round++) {
        world_reset(f->world);
        if (round == 1)
            restart(f);
        assert_int_equal(2, cJSON_GetArraySize(world_users(f->world, &f->arena)));
        assert_null(world_message(f->world, &f->arena, 77, message_id));
        assert_null(world_record(f->world, &f->arena, "poll", "1"));
        assert_int_equal(0, world_update_count(f->world));
        assert_string_equal("{\"id\":4242,\"is_bot\":true,\"first_name\":\"Aisha\","
                            "\"username\":\"aisha_sandbox_bot\"}",
                            json_text(&f->arena, world_bot(f->world, &f->arena)));
        assert_int_equal(update_id + round + 1, push(f, "{}"));
        assert_int_equal(message_id + round + 1, world_next_message_id(f->world));
    }
}

static void a_disk_that_fails_is_told_and_tried_again(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other;

    restart(f);
    assert_false(world_take_failure(f->world));
    assert_int_equal(SQLITE_OK, sqlite3_open(f->database, &other));
    assert_int_equal(SQLITE_OK, sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    char *large = malloc(33 * 1024 * 1024); /* more than may wait: it is written at once */
    memset(large, 'x', 33 * 1024 * 1024 - 1);
    large[33 * 1024 * 1024 - 1] = '\0';
    world_set_text(f->world, "large", "", large);
    assert_true(world_take_failure(f->world));
    assert_int_equal(SQLITE_OK, sqlite3_exec(other, "COMMIT", NULL, NULL, NULL));
    sqlite3_close(other);
    restart(f);
    assert_string_equal(large, world_text(f->world, &f->arena, "large", ""));
    free(large);
}

static void updates_that_find_no_room_are_lost(void **state)
{
    struct fixture *f = *state;
    const cJSON *payload = parsed(f, "{\"chat\":{\"id\":1001}}");
    int64_t first = 0, id;

    for (int i = 0; i < 100000; i++) {
        id = world_push_update(f->world, &f->arena, "message", payload, 0);
        first = first ? first : id;
        assert_int_equal(first + i, id);
    }
    assert_int_equal(0, push(f, "{}"));
    assert_int_equal(100000, world_update_count(f->world));
    world_confirm_updates(f->world, first + 1);
    assert_true(push(f, "{}"));
    world_confirm_updates(f->world, -3);
    assert_int_equal(3, world_update_count(f->world));
    world_drop_updates(f->world);
    assert_int_equal(0, world_update_count(f->world));
}

static void the_oldest_of_too_many_go(void **state)
{
    struct fixture *f = *state;
    int64_t other = say(f, BORIS, "of another chat"), first = 0, last = 0;
    char id[16];

    for (int i = 0; i < 50001; i++) {
        last = say(f, ALICE, "one of many");
        first = first ? first : last;
        snprintf(id, sizeof id, "%d", 2 * i);
        world_put_record(f->world, &f->arena, "poll", id, parsed(f, "{}"));
        snprintf(id, sizeof id, "%d", 2 * i + 1);
        world_put_record(f->world, &f->arena, "poll", id, parsed(f, "{}"));
    }
    assert_null(world_message(f->world, &f->arena, ALICE, first));
    assert_non_null(world_message(f->world, &f->arena, ALICE, first + 1));
    assert_non_null(world_message(f->world, &f->arena, ALICE, last));
    assert_non_null(world_message(f->world, &f->arena, BORIS, other));
    assert_int_equal(500, cJSON_GetArraySize(world_messages(f->world, &f->arena, ALICE)));
    assert_null(world_record(f->world, &f->arena, "poll", "1"));
    assert_non_null(world_record(f->world, &f->arena, "poll", "2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(everything_is_there_again_after_a_restart),
        TEST(what_is_put_again_after_its_removal_comes_last),
        TEST(a_reset_forgets_all_but_the_numbers),
        TEST(a_disk_that_fails_is_told_and_tried_again),
        TEST(updates_that_find_no_room_are_lost),
        TEST(the_oldest_of_too_many_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

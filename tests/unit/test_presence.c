/*
 * What the host keeps about where messages go: who left, where groups moved, what Telegram has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/store/chats.h"
#include "host/store/sent_files.h"
#include "host/store/users.h"
#include "tests/unit/db_fixture.h"

static bool is_away(struct fixture *f)
{
    const struct user_profile ann = {.telegram_id = 42, .first_name = "Ann"};
    struct user user = {.is_away = true};

    CHECK(f, users_meet(f->db, f->users, &f->arena, &ann, &user) == 0);
    return user.is_away;
}

static void leave(struct fixture *f)
{
    static const enum user_absence all[] = {USER_BLOCKED, USER_GONE};

    CHECK(f, !is_away(f));
    for (size_t i = 0; i < 2; i++) {
        CHECK(f, users_set_absence(f->db, f->users, &f->arena, 42, all[i]) == 0);
        CHECK(f, is_away(f));
        CHECK(f, users_set_absence(f->db, f->users, &f->arena, 42, USER_HERE) == 0);
        CHECK(f, !is_away(f));
    }
    CHECK(f, users_set_absence(f->db, f->users, &f->arena, 42, USER_BLOCKED) == 0);
    change(f, "UPDATE users SET blocked_at = 5");
    CHECK(f, users_set_absence(f->db, f->users, &f->arena, 42, USER_BLOCKED) == 0);
    CHECK_INT(f, look(f, "SELECT blocked_at = 5 AND gone_at IS NULL FROM users"),
              1); /* since when */
    CHECK(f, users_set_absence(f->db, f->users, &f->arena, 43, USER_BLOCKED) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM users"), 1);
}

static void who_left_is_known_until_they_are_back(void **state)
{
    run_with_db(*state, leave);
}

static int64_t now(struct fixture *f, int64_t chat_id)
{
    int64_t id = 0;

    CHECK(f, chats_now(f->db, &f->arena, chat_id, &id) == 0);
    return id;
}

static void move(struct fixture *f)
{
    CHECK_INT(f, now(f, -5), -5);
    CHECK(f, chats_set_gone(f->db, &f->arena, -5, false) == 0); /* of which nothing is known */
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM chats"), 0);
    CHECK(f, chats_set_gone(f->db, &f->arena, -5, true) == 0);
    CHECK_INT(f, now(f, -5), -5);
    change(f, "UPDATE chats SET gone_at = 7");
    CHECK(f, chats_set_gone(f->db, &f->arena, -5, true) == 0);
    CHECK_INT(f, look(f, "SELECT gone_at FROM chats"), 7);
    CHECK(f, chats_set_moved(f->db, &f->arena, -5, -1005) == 0);
    CHECK(f, chats_set_moved(f->db, &f->arena, -6, -1006) == 0);
    CHECK(f, chats_set_moved(f->db, &f->arena, -6, -1007) == 0);
    CHECK(f, chats_set_gone(f->db, &f->arena, -5, false) == 0);
    CHECK_INT(f, now(f, -5), -1005);
    CHECK_INT(f, now(f, -6), -1007);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM chats WHERE gone_at IS NULL"), 2);
}

static void groups_are_found_where_they_moved(void **state)
{
    run_with_db(*state, move);
}

static const char *find(struct fixture *f, struct sent_file file)
{
    const char *id = "none";

    int r = sent_files_find(f->db, &f->arena, &file, &id);
    CHECK(f, r == 0 || r == -AISHA_E_NOT_FOUND);
    return id;
}

static void keep(struct fixture *f)
{
    struct sent_file a = {.bot_id = 1, .blob_key = "p/a", .kind = "photo", .stamp = "s"};
    struct sent_file other_bot = a, other_kind = a, newer = a;

    other_bot.bot_id = 2;
    other_kind.kind = "document";
    newer.stamp = "t";
    CHECK(f, strcmp(find(f, a), "none") == 0);
    CHECK(f, sent_files_put(f->db, &f->arena, &a, "A") == 0);
    CHECK(f, sent_files_put(f->db, &f->arena, &other_bot, "B") == 0);
    CHECK(f, strcmp(find(f, a), "A") == 0 && strcmp(find(f, other_bot), "B") == 0);
    CHECK(f, strcmp(find(f, other_kind), "none") == 0 && strcmp(find(f, newer), "none") == 0);
    CHECK(f, sent_files_put(f->db, &f->arena, &newer, "C") == 0);
    CHECK(f, strcmp(find(f, a), "none") == 0 && strcmp(find(f, newer), "C") == 0);
    CHECK(f, sent_files_delete(f->db, &f->arena, &newer) == 0);
    CHECK(f, strcmp(find(f, newer), "none") == 0 && strcmp(find(f, other_bot), "B") == 0);
    CHECK(f, sent_files_delete_blob(f->db, &f->arena, "p/a") == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM sent_files"), 0);
}

static void file_ids_are_good_for_one_bot_kind_and_content(void **state)
{
    run_with_db(*state, keep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_left_is_known_until_they_are_back, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(groups_are_found_where_they_moved, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(file_ids_are_good_for_one_bot_kind_and_content,
                                        fixture_setup, fixture_teardown),
    };

    return RUN_ON_DATABASES("presence", tests, 0);
}

/*
 * Copies of people's rows: what is kept is found, what may have changed is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/store/user_copies.h"
#include "host/store/users.h"
#include "tests/unit/db_fixture.h"

enum { MANY = 10000 };

static const struct user_profile ann = {.telegram_id = 42, .first_name = "Ann", .username = "ann"};

static bool finds(struct fixture *f, const struct user_profile *profile)
{
    struct user user = {0};

    return user_copies_find(f->users, &f->arena, profile, &user) &&
           user.telegram_id == profile->telegram_id;
}

static void keep(struct fixture *f, int64_t telegram_id)
{
    struct user_profile profile = ann;
    const struct user user = {.id = "an id", .telegram_id = telegram_id};

    profile.telegram_id = telegram_id;
    user_copies_keep(f->users, &profile, &user);
}

static void keep_and_find(struct fixture *f)
{
    char name[] = "Ann", locale[] = "ru";
    struct user_profile profile = ann;
    struct user user = {
        .id = "an id", .locale = locale, .language_code = "en", .telegram_id = 42, .is_away = true};

    profile.first_name = name;
    profile.language_code = "en";
    CHECK(f, !finds(f, &profile));
    user_copies_keep(f->users, &profile, &user);
    strcpy(locale, "??");
    user = (struct user){0};
    CHECK(f, user_copies_find(f->users, &f->arena, &profile, &user));
    CHECK(f, strcmp(user.id, "an id") == 0 && strcmp(user.locale, "ru") == 0);
    CHECK(f, strcmp(user.language_code, "en") == 0 && user.is_away && user.telegram_id == 42);
    strcpy(name, "Bob"); /* the copy has a name of its own */
    CHECK(f, !finds(f, &profile));
    strcpy(name, "Ann");
    CHECK(f, finds(f, &profile));
    profile.username = NULL;
    CHECK(f, !finds(f, &profile));
    profile.username = "ann";
    profile.last_name = "";
    CHECK(f, !finds(f, &profile));
}

static void what_is_kept_is_found_under_the_same_profile(void **state)
{
    run_with_db(*state, keep_and_find);
}

static void forget(struct fixture *f)
{
    keep(f, 42);
    CHECK(f, finds(f, &ann));
    user_copies_forget(f->users, 42);
    CHECK(f, !finds(f, &ann));
    keep(f, 42); /* read before the change took effect */
    CHECK(f, !finds(f, &ann));
}

static void what_was_forgotten_is_not_kept_by_who_read_before(void **state)
{
    run_with_db(*state, forget);
}

static void drop(struct fixture *f)
{
    keep(f, 42);
    user_copies_drop(f->users, 42);
    CHECK(f, !finds(f, &ann));
    keep(f, 42);
    CHECK(f, finds(f, &ann));
    user_copies_forget(f->users, 42);
    user_copies_drop(f->users, 42);
    keep(f, 42);
    CHECK(f, !finds(f, &ann)); /* the doubt is still there */
}

static void what_was_dropped_may_be_kept_at_once(void **state)
{
    run_with_db(*state, drop);
}

static void keep_many(struct fixture *f)
{
    struct user_profile profile = ann;
    size_t found = 0;

    user_copies_forget(f->users, 42);
    for (int64_t id = 100; id < 100 + MANY; id++)
        keep(f, id);
    for (profile.telegram_id = 100; profile.telegram_id < 100 + MANY; profile.telegram_id++)
        found += finds(f, &profile);
    CHECK_INT(f, (int64_t)found, 4095); /* and the one in doubt */
    profile.telegram_id = 100 + MANY - 1;
    CHECK(f, finds(f, &profile));
    keep(f, 42);
    CHECK(f, !finds(f, &ann)); /* still in doubt */
}

static void the_oldest_make_room_but_not_what_is_in_doubt(void **state)
{
    run_with_db(*state, keep_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_is_kept_is_found_under_the_same_profile),
        WITH_FIXTURE(what_was_forgotten_is_not_kept_by_who_read_before),
        WITH_FIXTURE(what_was_dropped_may_be_kept_at_once),
        WITH_FIXTURE(the_oldest_make_room_but_not_what_is_in_doubt),
    };

    return cmocka_run_group_tests_name("user copies", tests, NULL, NULL);
}

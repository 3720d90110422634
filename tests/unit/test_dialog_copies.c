/*
 * Copies of dialogues: they are used, and never when they might be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/cache.h"
#include "host/store/dialog_copies.h"
#include "host/store/dialog_memory.h"
#include "tests/unit/db_fixture.h"

static const struct dialog_key key = {.chat_id = -100, .telegram_id = 7, .thread_id = 3};

struct scene {
    struct fixture *f;
    struct cache *cache;
    struct dialog_copies *copies;
};

static struct scene scene_open(struct fixture *f)
{
    struct scene s = {.f = f};
    const char *error;

    CHECK(f, cache_open(&s.cache, f->loop, "", "1", &f->arena, &error) == 0);
    CHECK(f, dialog_copies_new(&s.copies, f->loop, f->db, s.cache) == 0);
    return s;
}

static void scene_close(struct scene *s)
{
    dialog_copies_free(s->copies);
    cache_close(s->cache);
}

static struct dialog dialog_in(const char *state, int64_t ttl_s)
{
    return (struct dialog){.plugin = "shop",
                           .state = state,
                           .data = "a\0b",
                           .data_size = 3,
                           .expires_at = (int64_t)time(NULL) + ttl_s};
}

/* Changes what is in the database, behind the copies' back; NULL = nothing is pending. */
static void put(struct scene *s, const char *state, int64_t ttl_s)
{
    const struct dialog dialog = dialog_in(state, ttl_s);
    const struct aisha_statement statement =
        dialog_statement(&s->f->arena, &key, state ? &dialog : NULL);

    CHECK(s->f, db_query(s->f->db, &s->f->arena, &statement, NULL) == 0);
}

static void change_to(struct scene *s, const char *state, bool is_known)
{
    const struct dialog dialog = dialog_in(state, 1000);

    dialog_copies_change_begins(s->copies, &key);
    put(s, state, 1000);
    dialog_copies_change_ends(s->copies, &key, is_known, state ? &dialog : NULL);
}

static bool finds_in(struct dialog_copies *copies, struct fixture *f, const char *state)
{
    struct dialog dialog = {0};

    int r = dialog_copies_find(copies, &f->arena, &key, &dialog);
    return !state
               ? r == -AISHA_E_NOT_FOUND
               : r == 0 && strcmp(dialog.plugin, "shop") == 0 && strcmp(dialog.state, state) == 0 &&
                     dialog.data_size == 3 && memcmp(dialog.data, "a\0b", 3) == 0 &&
                     dialog.expires_at > (int64_t)time(NULL);
}

#define FINDS(s, state) finds_in((s)->copies, (s)->f, (state))

static void copy(struct fixture *f)
{
    struct scene s = scene_open(f);

    CHECK(f, FINDS(&s, NULL));
    put(&s, "size", 1000);
    CHECK(f, FINDS(&s, NULL)); /* the database is not asked again */
    change_to(&s, "colour", true);
    CHECK(f, FINDS(&s, "colour"));
    put(&s, NULL, 0);
    CHECK(f, FINDS(&s, "colour"));
    change_to(&s, NULL, true);
    CHECK(f, FINDS(&s, NULL));
    scene_close(&s);
}

static void what_was_read_is_not_read_again_until_it_is_changed(void **state)
{
    run_with_db(*state, copy);
}

static void change_slowly(struct fixture *f)
{
    struct scene s = scene_open(f);
    const struct dialog dialog = dialog_in("size", 1000);

    CHECK(f, FINDS(&s, NULL));
    dialog_copies_change_begins(s.copies, &key);
    CHECK(f, FINDS(&s, NULL)); /* it is not committed, but who knows */
    put(&s, "size", 1000);
    CHECK(f, FINDS(&s, "size"));
    dialog_copies_change_begins(s.copies, &key); /* a second one at the same time */
    dialog_copies_change_ends(s.copies, &key, true, &dialog);
    put(&s, "colour", 1000);
    CHECK(f, FINDS(&s, "colour"));
    dialog_copies_change_ends(s.copies, &key, true, &dialog);
    put(&s, NULL, 0);
    CHECK(f, FINDS(&s, NULL)); /* nothing was copied meanwhile, nor what ended last */
    scene_close(&s);
}

static void while_a_change_is_under_way_the_database_is_asked(void **state)
{
    run_with_db(*state, change_slowly);
}

static void change_without_knowing(struct fixture *f)
{
    struct scene s = scene_open(f);

    CHECK(f, FINDS(&s, NULL));
    change_to(&s, "size", false);
    CHECK(f, FINDS(&s, "size"));
    put(&s, "colour", 1000); /* the server had it in its hands until now */
    CHECK(f, FINDS(&s, "colour"));
    change_to(&s, NULL, true);
    put(&s, "size", 1000);
    CHECK(f, FINDS(&s, "size")); /* another change does not end the doubt */
    scene_close(&s);
}

static void after_a_change_of_unknown_outcome_the_database_is_asked(void **state)
{
    run_with_db(*state, change_without_knowing);
}

static void begin_again(struct fixture *f)
{
    struct scene s = scene_open(f);
    struct dialog_copies *next = NULL;

    CHECK(f, FINDS(&s, NULL));
    put(&s, "size", 1000);
    CHECK(f, dialog_copies_new(&next, f->loop, f->db, s.cache) == 0);
    CHECK(f, finds_in(next, f, "size"));
    dialog_copies_free(next);
    scene_close(&s);
}

static void another_process_uses_no_copies_of_this_one(void **state)
{
    run_with_db(*state, begin_again);
}

static void let_expire(struct fixture *f)
{
    struct scene s = scene_open(f);
    const struct dialog short_one = dialog_in("size", 1);
    struct dialog dialog;

    dialog_copies_change_begins(s.copies, &key);
    put(&s, "size", 1);
    dialog_copies_change_ends(s.copies, &key, true, &short_one);
    int64_t until_ms = loop_now_ms(f->loop) + 10000;
    while (dialog_copies_find(s.copies, &f->arena, &key, &dialog) == 0 &&
           loop_now_ms(f->loop) < until_ms)
        CHECK(f, wait_sleep(f->loop, 20) == 0);
    CHECK(f, FINDS(&s, NULL));
    scene_close(&s);
}

static void a_copy_ends_with_its_dialogue(void **state)
{
    run_with_db(*state, let_expire);
}

static void remember(struct fixture *f)
{
    enum { MANY = 200, LARGE = 60000, TOO_LARGE = 70000 };
    struct dialog_memory *memory = NULL;
    struct dialog_key each = {.chat_id = 1}, small = {.chat_id = -1};
    struct dialog dialog = {
        .plugin = "shop", .state = "size", .data = arena_alloc(&f->arena, TOO_LARGE)};
    int found = 0;

    dialog.expires_at = (int64_t)time(NULL) + 1000;
    CHECK(f, dialog_memory_new(&memory, f->loop) == 0);
    dialog_memory_put(memory, &small, 1, NULL);
    CHECK_INT(f, dialog_memory_get(memory, &f->arena, &small, 1, &dialog), -AISHA_E_NOT_FOUND);
    CHECK_INT(f, dialog_memory_get(memory, &f->arena, &small, 2, &dialog), DIALOG_NOT_REMEMBERED);
    dialog.data_size = TOO_LARGE;
    dialog_memory_put(memory, &small, 2, &dialog);
    CHECK_INT(f, dialog_memory_get(memory, &f->arena, &small, 2, &dialog), DIALOG_NOT_REMEMBERED);
    CHECK_INT(f, dialog_memory_get(memory, &f->arena, &small, 1, &dialog), DIALOG_NOT_REMEMBERED);
    dialog.data_size = LARGE;
    for (each.chat_id = 1; each.chat_id <= MANY; each.chat_id++)
        dialog_memory_put(memory, &each, 7, &dialog);
    for (each.chat_id = 1; each.chat_id <= MANY; each.chat_id++)
        found += dialog_memory_get(memory, &f->arena, &each, 7, &dialog) == 0;
    CHECK(f, found > 50 && found < 100); /* 4 MiB, the newest */
    each.chat_id = MANY;
    CHECK_INT(f, dialog_memory_get(memory, &f->arena, &each, 7, &dialog), 0);
    CHECK(f, dialog.data_size == LARGE && strcmp(dialog.state, "size") == 0);
    dialog_memory_free(memory);
}

static void the_memory_of_dialogues_is_bounded(void **state)
{
    run_with_db(*state, remember);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_was_read_is_not_read_again_until_it_is_changed),
        WITH_FIXTURE(while_a_change_is_under_way_the_database_is_asked),
        WITH_FIXTURE(after_a_change_of_unknown_outcome_the_database_is_asked),
        WITH_FIXTURE(another_process_uses_no_copies_of_this_one),
        WITH_FIXTURE(a_copy_ends_with_its_dialogue),
        WITH_FIXTURE(the_memory_of_dialogues_is_bounded),
    };

    return RUN_ON_DATABASES("dialog copies", tests, 0);
}

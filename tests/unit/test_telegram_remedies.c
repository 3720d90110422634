/*
 * Calls that Telegram refuses in ways that can be mended, and what is remembered of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/core/log.h"
#include "host/telegram/codec.h"
#include "host/telegram/memory.h"
#include "tests/unit/telegram_fixture.h"

enum { OLD_GROUP = -4711, MAX_KEPT = 8 };

#define NEW_GROUP INT64_C(-1001234567890)
#define MESSAGE "{\"message_id\":5,\"date\":1,\"chat\":{\"id\":1,\"type\":\"private\"}}"
#define PHOTO(id)                                                                                  \
    "{\"message_id\":5,\"date\":1,\"chat\":{\"id\":1,\"type\":\"private\"},\"photo\":["            \
    "{\"file_id\":\"small\"},{\"file_id\":\"" id "\"}]}"

/* A memory that is one. */
struct memory {
    struct telegram_fixture t;
    int64_t moved_from, moved_to, gone;
    enum telegram_remedy why;
    const char *refused;
    int stamp;

    struct {
        struct telegram_blob blob;
        const char *file_id;
    } kept[MAX_KEPT];

    size_t kept_count;
    char path[128]; /* of the only blob there is */
};

static int64_t chat_now(void *user, struct arena *arena, int64_t chat_id)
{
    const struct memory *m = user;

    (void)arena;
    return chat_id == m->moved_from ? m->moved_to : chat_id;
}

static void chat_moved(void *user, struct arena *arena, int64_t chat_id, int64_t new_id)
{
    struct memory *m = user;

    (void)arena;
    m->moved_from = chat_id;
    m->moved_to = new_id;
}

static void chat_gone(void *user, struct arena *arena, int64_t chat_id, enum telegram_remedy why)
{
    struct memory *m = user;

    (void)arena;
    m->gone = chat_id;
    m->why = why;
}

static int blob_stamp(void *user, struct arena *arena, const char *key, const char **ret_stamp)
{
    const struct memory *m = user;

    *ret_stamp = arena_printf(arena, "%d", m->stamp);
    return strstr(key, "missing") ? -AISHA_E_NOT_FOUND : 0;
}

static int blob_file(void *user, struct arena *arena, const char *key, const char **ret_path)
{
    struct memory *m = user;

    (void)arena;
    (void)key;
    *ret_path = m->path;
    return 0;
}

static size_t place_of(const struct memory *m, const struct telegram_blob *blob)
{
    for (size_t i = 0; i < m->kept_count; i++)
        if (strcmp(m->kept[i].blob.key, blob->key) == 0 &&
            strcmp(m->kept[i].blob.kind, blob->kind) == 0 &&
            strcmp(m->kept[i].blob.stamp, blob->stamp) == 0)
            return i;
    return MAX_KEPT;
}

static const char *file_id(void *user, struct arena *arena, const struct telegram_blob *blob)
{
    const struct memory *m = user;
    size_t place = place_of(m, blob);

    (void)arena;
    return place < MAX_KEPT ? m->kept[place].file_id : NULL;
}

static void keep_file_id(void *user, struct arena *arena, const struct telegram_blob *blob,
                         const char *id)
{
    struct memory *m = user;

    m->kept[m->kept_count].blob = *blob;
    m->kept[m->kept_count++].file_id = arena_strdup(arena, id);
}

static void forget_file_id(void *user, struct arena *arena, const struct telegram_blob *blob)
{
    struct memory *m = user;
    size_t place = place_of(m, blob);

    (void)arena;
    CHECK(m->t.f, place < MAX_KEPT);
    m->kept[place] = m->kept[--m->kept_count];
}

static void token_refused(void *user, const char *why)
{
    struct memory *m = user;

    m->refused = why;
}

static const struct telegram_memory memory = {
    .chat_now = chat_now,
    .chat_moved = chat_moved,
    .chat_gone = chat_gone,
    .blob_stamp = blob_stamp,
    .blob_file = blob_file,
    .file_id = file_id,
    .keep_file_id = keep_file_id,
    .forget_file_id = forget_file_id,
    .token_refused = token_refused,
};

static void setup(struct memory *m, struct loop_fixture *f)
{
    *m = (struct memory){0};
    telegram_setup(&m->t, f, 0, 0);
    telegram_set_memory(m->t.telegram, &memory, m);
    snprintf(m->path, sizeof m->path, "%s/blob", m->t.dir);
    FILE *file = fopen(m->path, "w");
    CHECK(f, file && fputs("the bytes", file) >= 0 && fclose(file) == 0);
}

static void teardown(struct memory *m)
{
    CHECK(m->t.f, remove(m->path) == 0);
    telegram_teardown(&m->t);
}

static int send_message(struct memory *m, int64_t chat_id)
{
    const struct aisha_send_message_params params = {
        .size = sizeof params, .chat_id = chat_id, .text = "x"};
    struct telegram_failure failure;

    return telegram_call(m->t.telegram, &m->t.f->arena, "sendMessage", &params, NULL, &failure);
}

/* ---- chats ---- */

static void move(struct loop_fixture *f)
{
    static const char what[] = "Bad Request: group chat was upgraded to a supergroup chat";
    struct memory m;
    struct telegram_failure failure;
    const struct aisha_send_document_params upload = {
        .size = sizeof upload,
        .chat_id = OLD_GROUP,
        .document = AISHA_FILE(.bytes = "some", .bytes_size = 4)};

    setup(&m, f);
    SCRIPT(&m.t, answer_error(&m.t, 400, what, "{\"migrate_to_chat_id\":-1001234567890}"),
           answer_ok(&m.t, MESSAGE));
    CHECK(f, send_message(&m, OLD_GROUP) == 0);
    script_end(&m.t);
    CHECK(f, asked_with(&m.t, 0, "-4711") && asked_with(&m.t, 1, "-1001234567890"));
    CHECK(f, m.moved_from == OLD_GROUP && m.moved_to == NEW_GROUP);
    SCRIPT(&m.t, answer_ok(&m.t, MESSAGE), answer_ok(&m.t, MESSAGE));
    CHECK(f, telegram_call(m.t.telegram, &f->arena, "sendDocument", &upload, NULL, &failure) == 0);
    CHECK(f, telegram_call_json(m.t.telegram, &f->arena, "sendMessage", "{\"chat_id\":\"-4711\"}",
                                NULL, &failure) == 0);
    script_end(&m.t);
    CHECK(f, asked_with(&m.t, 2, "-1001234567890") && asked_with(&m.t, 3, "-1001234567890"));
    SCRIPT(&m.t, answer_error(&m.t, 400, what, NULL)); /* and does not say to where */
    CHECK(f, send_message(&m, -5) == -AISHA_E_TELEGRAM);
    script_end(&m.t);
    teardown(&m);
}

static void a_group_that_moved_is_followed_for_ever(void **state)
{
    (void)state;
    run_in_loop(move);
}

static void move_in_circles(struct loop_fixture *f)
{
    static const char what[] = "Bad Request: group chat was upgraded to a supergroup chat";
    struct memory m;

    setup(&m, f);
    SCRIPT(&m.t, answer_error(&m.t, 400, what, "{\"migrate_to_chat_id\":-12}"),
           answer_error(&m.t, 400, what, "{\"migrate_to_chat_id\":-11}"),
           answer_error(&m.t, 400, what, "{\"migrate_to_chat_id\":-12}"));
    CHECK(f, send_message(&m, -11) == -AISHA_E_TELEGRAM);
    script_end(&m.t);
    teardown(&m);
}

static void groups_do_not_move_in_circles(void **state)
{
    (void)state;
    run_in_loop(move_in_circles);
}

static void refuse(struct loop_fixture *f)
{
    struct memory m;

    setup(&m, f);
    SCRIPT(&m.t, answer_error(&m.t, 403, "Forbidden: bot was blocked by the user", NULL),
           answer_error(&m.t, 401, "Unauthorized", NULL));
    CHECK(f, send_message(&m, 77) == -AISHA_E_TELEGRAM);
    CHECK(f, m.gone == 77 && m.why == REMEDY_BLOCKED && !m.refused);
    CHECK(f, send_message(&m, 78) == -AISHA_E_TELEGRAM);
    CHECK(f, m.gone == 77 && m.refused && strcmp(m.refused, "Unauthorized") == 0);
    script_end(&m.t);
    teardown(&m);
}

static void who_blocks_us_and_what_ends_us_is_told(void **state)
{
    (void)state;
    run_in_loop(refuse);
}

/* ---- blobs ---- */

static int send_photo(struct memory *m, const char *blob, struct telegram_failure *failure)
{
    const struct telegram_sender sender = {.blob_owner = "owner"};
    const struct aisha_send_photo_params params = {
        .size = sizeof params, .chat_id = 1, .photo = AISHA_FILE(.blob = blob)};

    return telegram_call_as(m->t.telegram, &m->t.f->arena, &sender, "sendPhoto", &params, NULL,
                            failure);
}

static void send_photos(struct loop_fixture *f)
{
    struct memory m;
    struct telegram_failure failure;

    setup(&m, f);
    SCRIPT(&m.t, answer_ok(&m.t, PHOTO("large")), answer_ok(&m.t, PHOTO("large")),
           answer_ok(&m.t, PHOTO("other")));
    CHECK(f, send_photo(&m, "a.jpg", &failure) == 0 && send_photo(&m, "a.jpg", &failure) == 0);
    m.stamp++;
    CHECK(f, send_photo(&m, "a.jpg", &failure) == 0);
    script_end(&m.t);
    CHECK(f, asked_with(&m.t, 0, "the bytes") && asked_with(&m.t, 2, "the bytes"));
    CHECK(f, !asked_with(&m.t, 1, "the bytes") && asked_with(&m.t, 1, "\r\n\r\nlarge\r\n"));
    CHECK(f, strcmp(m.kept[0].blob.key, "owner/a.jpg") == 0);
    CHECK(f, strcmp(m.kept[0].blob.kind, "photo") == 0);
    SCRIPT(&m.t, NULL);
    CHECK(f, send_photo(&m, "missing.jpg", &failure) == -AISHA_E_NOT_FOUND);
    CHECK(f, strstr(failure.description, "owner/missing.jpg"));
    script_end(&m.t);
    SCRIPT(&m.t, answer_error(&m.t, 400, "Bad Request: wrong remote file identifier", NULL),
           answer_ok(&m.t, PHOTO("newest")));
    CHECK(f, send_photo(&m, "a.jpg", &failure) == 0);
    script_end(&m.t);
    CHECK(f, asked_with(&m.t, 3, "other") && asked_with(&m.t, 4, "the bytes"));
    CHECK(f, strcmp(m.kept[m.kept_count - 1].file_id, "newest") == 0);
    teardown(&m);
}

static void a_blob_is_uploaded_until_telegram_has_it(void **state)
{
    (void)state;
    run_in_loop(send_photos);
}

static void send_album(struct loop_fixture *f)
{
    const struct telegram_sender sender = {.blob_owner = "owner"};
    const struct aisha_send_media_group_params params = {
        .size = sizeof params,
        .chat_id = 1,
        .media = AISHA_LIST(
            input_media,
            AISHA_OBJECT(input_media, .type = "photo", .media = AISHA_FILE(.blob = "a.jpg"),
                         .caption = "\"first\""),
            AISHA_OBJECT(input_media, .type = "photo", .media = AISHA_FILE(.blob = "b.jpg")))};
    struct memory m;
    struct telegram_failure failure;

    setup(&m, f);
    SCRIPT(&m.t, answer_ok(&m.t, PHOTO("A")), answer_ok(&m.t, "[" PHOTO("A") "," PHOTO("B") "]"),
           answer_ok(&m.t, "[" PHOTO("A") "," PHOTO("B") "]"));
    CHECK(f, send_photo(&m, "a.jpg", &failure) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(f, telegram_call_as(m.t.telegram, &f->arena, &sender, "sendMediaGroup", &params, NULL,
                                  &failure) == 0);
    script_end(&m.t);
    CHECK(f, m.kept_count == 2 && strcmp(m.kept[1].file_id, "B") == 0);
    CHECK(f, asked_with(&m.t, 1, "\"media\":\"A\"") && asked_with(&m.t, 1, "attach://file1"));
    CHECK(f, asked_with(&m.t, 1, "\\\"first\\\"") && !asked_with(&m.t, 1, "name=\"file0\""));
    CHECK(f, asked_with(&m.t, 2, "\"media\":\"A\"") && asked_with(&m.t, 2, "\"media\":\"B\""));
    CHECK(f, !asked_with(&m.t, 2, "the bytes"));
    teardown(&m);
}

static void items_of_an_album_are_known_again(void **state)
{
    (void)state;
    run_in_loop(send_album);
}

static void send_without_owner(struct loop_fixture *f)
{
    const struct aisha_send_photo_params params = {
        .size = sizeof params, .chat_id = 1, .photo = AISHA_FILE(.blob = "a.jpg")};
    struct memory m;
    struct telegram_failure failure;

    setup(&m, f);
    SCRIPT(&m.t, NULL);
    CHECK(f, telegram_call(m.t.telegram, &f->arena, "sendPhoto", &params, NULL, &failure) ==
                 -AISHA_E_INVALID);
    script_end(&m.t);
    teardown(&m);
}

static void blobs_have_an_owner(void **state)
{
    (void)state;
    run_in_loop(send_without_owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_that_moved_is_followed_for_ever),
        cmocka_unit_test(groups_do_not_move_in_circles),
        cmocka_unit_test(who_blocks_us_and_what_ends_us_is_told),
        cmocka_unit_test(a_blob_is_uploaded_until_telegram_has_it),
        cmocka_unit_test(items_of_an_album_are_known_again),
        cmocka_unit_test(blobs_have_an_owner),
    };

    aisha_ignore(log_setup("debug", "text"));
    return cmocka_run_group_tests_name("telegram_remedies", tests, NULL, NULL);
}

/*
 * What the host keeps about people: users, dialogues, secrets; and the database's front door.
 */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/dialog.h"
#include "host/store/hex.h"
#include "host/store/secrets.h"
#include "host/store/users.h"
#include "host/store/uuid.h"
#include "tests/unit/db_fixture.h"

typedef const struct aisha_rows rows;

/* ---- the front door ---- */

static void open_urls(struct fixture *f)
{
    static const char *const urls[] = {"",          "sqlite",       "sqlite:",  "SQLITE:x.db",
                                       " sqlite:x", "postgresql:x", "mysql://", "var/aisha.db",
                                       "file:x.db"};
    struct db *db = NULL;
    const char *error = NULL;

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++, error = NULL) {
        CHECK(f, db_open(&db, f->loop, urls[i], &f->arena, &error) == -AISHA_E_INVALID);
        CHECK(f, error && strstr(error, "sqlite:PATH"));
    }
    const char *directory = path_of(f, "directory");
    CHECK(f, mkdir(directory, 0700) == 0);
    const char *bad = arena_printf(&f->arena, "sqlite:%s", directory);
    CHECK(f, db_open(&db, f->loop, bad, &f->arena, &error) < 0 && strstr(error, directory));
    CHECK(f, db == NULL);
    db_close(NULL);
}

static void urls_it_does_not_know_are_refused_with_a_remedy(void **state)
{
    run_scenario(*state, open_urls);
}

static void query_all_kinds(struct fixture *f)
{
    const struct aisha_statement both[] = {AISHA_SQL("INSERT INTO v VALUES ($1)", 2),
                                           AISHA_SQL("INSERT INTO v VALUES ($1)", 1)};
    struct db_tx *tx = NULL;
    rows *r = NULL;

    CHECK(f, QUERY(f, NULL, "CREATE TABLE v (x BIGINT UNIQUE)") == 0);
    CHECK(f, QUERY(f, &r, "INSERT INTO v VALUES ($1) RETURNING x AS y", 1) == 0);
    CHECK(f, aisha_cell_int(r, 0, "y") == 1 && r->changed_count == 1);
    CHECK(f, QUERY(f, &r, "SELECT x FROM v") == 0 && r->row_count == 1);
    CHECK(f, db_batch(f->db, &f->arena, both, 2, NULL) == -AISHA_E_CONFLICT);
    CHECK(f, db_is_read_only(f->db, "SELECT 1") && !db_is_read_only(f->db, "DELETE FROM v"));
    CHECK(f, db_begin(f->db, &tx) == 0);
    CHECK(f, db_tx_query(tx, &f->arena, &both[0], NULL) == 0);
    CHECK(f, db_commit(tx) == 0);
    CHECK(f, db_begin(f->db, &tx) == 0);
    CHECK(f, db_tx_query(tx, &f->arena, &AISHA_SQL("DELETE FROM v"), NULL) == 0);
    db_rollback(tx);
    CHECK_INT(f, look(f, "SELECT COUNT(*) = 2 AND SUM(x) = 3 FROM v"), 1);
}

static void statements_find_their_way(void **state)
{
    run_with_db(*state, query_all_kinds);
}

static void cells_are_read_for_what_they_are(void **state)
{
    const char *const columns[] = {"a", "b", "c", "d", "e", "f", "a"};
    const struct aisha_value values[] = {
        aisha_value(INT64_MIN),   aisha_value(2.9),           aisha_value("12"), aisha_value(1e300),
        aisha_value((double)NAN), aisha_value_bytes("12", 2), aisha_value(1)};
    const struct aisha_rows r = {.row_count = 1, .column_count = 7, columns, .values = values};

    (void)state;
    assert_true(aisha_cell_int(&r, 0, "a") == INT64_MIN);
    assert_int_equal(aisha_cell_int(&r, 0, "b"), 2);
    for (const char *name = "c\0d\0e\0f\0none\0"; *name; name += strlen(name) + 1)
        assert_int_equal(aisha_cell_int(&r, 0, name), 0);
    assert_string_equal(aisha_cell_text(&r, 0, "c"), "12");
    assert_null(aisha_cell_text(&r, 0, "a"));
    assert_null(aisha_cell_text(&r, 0, "f"));
    assert_int_equal(aisha_cell(&r, 1, "a")->type, AISHA_NULL);
}

/* ---- users ---- */

static struct user meet(struct fixture *f, struct user_profile profile)
{
    struct user user = {.id = ""};

    CHECK_INT(f, users_meet(f->db, f->users, &f->arena, &profile, &user), 0);
    return user;
}

static const struct user_profile ann = {.telegram_id = 42,
                                        .first_name = "Ann",
                                        .last_name = "Lee",
                                        .username = "ann",
                                        .language_code = "en"};

static void meet_again(struct fixture *f)
{
    struct user_profile renamed = ann;
    sqlite3 *outside = NULL;

    const char *id = meet(f, ann).id;
    CHECK_INT(f, (int64_t)strlen(id), 36);
    CHECK(f, meet(f, ann).locale == NULL);
    CHECK_INT(f,
              look(f, "SELECT COUNT(*) FROM users WHERE telegram_id = 42 AND first_name = 'Ann'"
                      " AND last_name = 'Lee' AND username = 'ann' AND language_code = 'en'"),
              1);
    change(f, "UPDATE users SET locale = 'ru', created_at = 5, updated_at = 6");
    CHECK(f, sqlite3_open(f->path, &outside) == SQLITE_OK); /* nobody can write now */
    CHECK(f, sqlite3_exec(outside, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(f, strcmp(meet(f, ann).id, id) == 0);
    CHECK(f, sqlite3_close(outside) == SQLITE_OK);
    renamed.first_name = "Анна '; DROP TABLE users; --";
    renamed.last_name = renamed.username = NULL;
    struct user user = meet(f, renamed);
    CHECK(f, strcmp(user.id, id) == 0 && strcmp(user.locale, "ru") == 0);
    CHECK_INT(f,
              look(f, "SELECT COUNT(*) FROM users WHERE last_name IS NULL AND username IS NULL"
                      " AND first_name LIKE 'Анна%--' AND created_at = 5 AND updated_at > 6"),
              1);
    CHECK(f, strcmp(meet(f, (struct user_profile){.telegram_id = 42}).id, id) == 0);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM users WHERE first_name = ''"), 1);
}

static void a_person_is_registered_once_and_kept_up_to_date(void **state)
{
    run_with_db(*state, meet_again);
}

static char first_id[40];

static void meet_at_once(struct fixture *f, int64_t n)
{
    struct user_profile profile = ann;
    struct arena own = {0};
    struct user user = {.id = ""};

    profile.telegram_id = n % 3;
    profile.first_name = n % 2 ? "Ann" : "Anna";
    CHECK(f, users_meet(f->db, f->users, &own, &profile, &user) == 0);
    if (n % 3 == 0 && !*first_id)
        strcpy(first_id, user.id);
    if (n % 3 == 0)
        CHECK(f, strcmp(user.id, first_id) == 0);
    arena_clear(&own);
}

static void meet_many(struct fixture *f)
{
    const int64_t ids[] = {INT64_MIN, -1, INT64_MAX, (INT64_C(1) << 52) - 1};
    char *name = arena_alloc(&f->arena, 300000);

    *first_id = '\0';
    run_many(f, 60, meet_at_once);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM users"), 3);
    memset(name, 'x', 299999);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct user_profile profile = {.telegram_id = ids[i], .first_name = name};
        CHECK(f, strcmp(meet(f, profile).id, meet(f, profile).id) == 0);
    }
    CHECK_INT(f, look(f, "SELECT COUNT(DISTINCT id) FROM users"), 7);
}

static void a_person_who_comes_many_times_at_once_is_one(void **state)
{
    run_with_db(*state, meet_many);
}

static void keys_are_unique_and_sort_by_time(void **state)
{
    struct arena arena = {0};
    const char *before = "";

    (void)state;
    for (int i = 0; i < 2000; i++) {
        const char *id = uuid_new(&arena);
        assert_int_equal(strlen(id), 36);
        assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
        assert_true(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-');
        assert_true(id[14] == '7' && strchr("89ab", id[19]));
        assert_true(strncmp(before, id, 13) <= 0); /* milliseconds */
        assert_string_not_equal(before, id);
        before = id;
    }
    arena_clear(&arena);
}

/* ---- dialogues ---- */

static int store(struct fixture *f, struct dialog_key key, const struct dialog *dialog)
{
    const struct aisha_statement statement = dialog_statement(&f->arena, &key, dialog);

    return db_query(f->db, &f->arena, &statement, NULL);
}

static struct dialog asked(const void *data, size_t size)
{
    return (struct dialog){.plugin = "counter",
                           .state = "number",
                           .data = data,
                           .data_size = size,
                           .expires_at = (int64_t)time(NULL) + 600};
}

static void check_dialog(struct fixture *f, struct dialog_key key, const char *data, size_t size)
{
    struct dialog found = {.plugin = "", .state = ""};

    CHECK_INT(f, dialog_find(f->db, &f->arena, &key, &found), 0);
    CHECK(f, strcmp(found.plugin, "counter") == 0 && strcmp(found.state, "number") == 0);
    CHECK_INT(f, (int64_t)found.data_size, (int64_t)size);
    CHECK(f, size == 0 || (found.data && memcmp(found.data, data, size) == 0));
    CHECK(f, found.expires_at > (int64_t)time(NULL) + 500);
}

static void keep_dialogs(struct fixture *f)
{
    const struct dialog_key keys[] = {
        {1, 1, 0}, {1, 2, 0}, {1, 1, 5}, {2, 1, 0}, {-1001234567890, INT64_MAX, INT64_MIN}};
    char bytes[1024];
    struct dialog found;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (size_t i = 0; i < 5; i++) {
        struct dialog dialog = asked(bytes + i, i * 255);
        CHECK(f, dialog_find(f->db, &f->arena, &keys[i], &found) == -AISHA_E_NOT_FOUND);
        CHECK(f, store(f, keys[i], &dialog) == 0);
    }
    for (size_t i = 0; i < 5; i++)
        check_dialog(f, keys[i], bytes + i, i * 255);
    struct dialog other = asked("new", 3); /* a new question takes the place of the old one */
    CHECK(f, store(f, keys[1], &other) == 0);
    check_dialog(f, keys[1], "new", 3);
    CHECK(f, store(f, keys[0], NULL) == 0);
    CHECK(f, store(f, keys[0], NULL) == 0);
    CHECK(f, dialog_find(f->db, &f->arena, &keys[0], &found) == -AISHA_E_NOT_FOUND);
    check_dialog(f, keys[2], bytes + 2, 2 * 255);
}

static void find_kept(struct fixture *f)
{
    check_dialog(f, (struct dialog_key){1, 2, 0}, "new", 3);
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM dialog_state"), 4);
}

static void a_question_waits_in_its_place_even_for_a_restart(void **state)
{
    run_with_db(*state, keep_dialogs);
    run_with_db(*state, find_kept);
}

static void expire(struct fixture *f)
{
    const int64_t times[] = {INT64_MIN, 0, (int64_t)time(NULL) - 1, (int64_t)time(NULL)};
    const struct dialog_key key = {1, 1, 0};
    struct dialog dialog = asked("x", 1), found = {.plugin = "untouched"};

    for (size_t i = 0; i < 4; i++) {
        dialog.expires_at = times[i];
        CHECK(f, store(f, key, &dialog) == 0);
        CHECK(f, dialog_find(f->db, &f->arena, &key, &found) == -AISHA_E_NOT_FOUND);
    }
    CHECK(f, strcmp(found.plugin, "untouched") == 0);
    dialog.expires_at = INT64_MAX;
    CHECK(f, store(f, key, &dialog) == 0);
    CHECK(f, dialog_find(f->db, &f->arena, &key, &found) == 0 && found.expires_at == INT64_MAX);
}

static void an_expired_question_waits_no_more(void **state)
{
    run_with_db(*state, expire);
}

static void fail_with_dialog(struct fixture *f)
{
    const struct dialog_key key = {1, 1, 0};
    struct dialog first = asked("first", 5), second = asked("second", 6);
    struct aisha_statement batch[2];

    CHECK(f, store(f, key, &first) == 0);
    batch[0] = dialog_statement(&f->arena, &key, &second);
    batch[1] = AISHA_SQL("INSERT INTO users (id) VALUES (NULL)");
    CHECK(f, db_batch(f->db, &f->arena, batch, 2, NULL) == -AISHA_E_CONFLICT);
    check_dialog(f, key, "first", 5);
    batch[0] = dialog_statement(&f->arena, &key, NULL);
    CHECK(f, db_batch(f->db, &f->arena, batch, 2, NULL) == -AISHA_E_CONFLICT);
    check_dialog(f, key, "first", 5);
}

static void a_question_changes_only_with_what_it_belongs_to(void **state)
{
    run_with_db(*state, fail_with_dialog);
}

static void only_hexadecimal_is_decoded(void **state)
{
    static const char *const bad[] = {"1", "0g", "AB", "0x12", " 12", "12 ", "1\n", "é"};
    struct arena arena = {0};
    size_t size = 99;
    char bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    const char *text = hex_encode(&arena, bytes, sizeof bytes);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102", 6);
    assert_memory_equal(hex_decode(&arena, text, &size), bytes, sizeof bytes);
    assert_int_equal(size, sizeof bytes);
    assert_string_equal(hex_encode(&arena, NULL, 0), "");
    assert_non_null(hex_decode(&arena, "", &size));
    assert_int_equal(size, 0);
    assert_null(hex_decode(&arena, NULL, &size));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++, size = 99) {
        assert_null(hex_decode(&arena, bad[i], &size));
        assert_int_equal(size, 0);
    }
    arena_clear(&arena);
}

/* ---- secrets ---- */

static struct secret kept;
static const uint8_t nothing[SECRET_SIZE];

static void read_at_once(struct fixture *f, int64_t n)
{
    struct secret secret;

    (void)n;
    CHECK(f, secret_get(f->db, "buttons", &secret) == 0);
    if (memcmp(kept.value, nothing, SECRET_SIZE) == 0)
        kept = secret;
    CHECK(f, memcmp(&secret, &kept, sizeof kept) == 0);
}

static void make_secrets(struct fixture *f)
{
    struct secret other;

    begin_log(f);
    run_many(f, 30, read_at_once);
    CHECK(f, secret_get(f->db, "other", &other) == 0);
    const char *log = end_log(f);
    CHECK(f, memcmp(kept.value, nothing, SECRET_SIZE) != 0);
    CHECK(f, memcmp(kept.previous, nothing, SECRET_SIZE) == 0);
    CHECK(f, memcmp(kept.value, other.value, SECRET_SIZE) != 0);
    CHECK(f, !strstr(log, hex_encode(&f->arena, kept.value, SECRET_SIZE)));
}

static void read_secrets(struct fixture *f)
{
    struct secret secret, untouched = {.value = "x"};

    CHECK(f, secret_get(f->db, "buttons", &secret) == 0);
    CHECK(f, memcmp(&secret, &kept, sizeof kept) == 0);
    change(f, "UPDATE secrets SET previous = value, value = '" /* the operator has changed it */
              "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'"
              " WHERE name = 'buttons'");
    CHECK(f, secret_get(f->db, "buttons", &secret) == 0);
    CHECK(f, memcmp(secret.previous, kept.value, SECRET_SIZE) == 0 && secret.value[1] == 0x11);
    change(f, "UPDATE secrets SET previous = 'ff' WHERE name = 'buttons'");
    CHECK(f, secret_get(f->db, "buttons", &secret) == 0);
    CHECK(f, memcmp(secret.previous, nothing, SECRET_SIZE) == 0);
    change(f, "UPDATE secrets SET value = 'ff' WHERE name = 'buttons'"); /* too short to be one */
    CHECK(f, secret_get(f->db, "buttons", &untouched) == -AISHA_E_INVALID);
    CHECK(f, untouched.value[0] == 'x');
    CHECK_INT(f, look(f, "SELECT COUNT(*) FROM secrets WHERE value = 'ff'"), 1);
}

static void a_secret_is_made_once_and_stays(void **state)
{
    run_with_db(*state, make_secrets);
    run_with_db(*state, read_secrets);
}

/* ---- a store that is down ---- */

static void fail_everywhere(struct fixture *f)
{
    const struct dialog_key key = {1, 1, 0};
    const char *const tables[] = {"users", "dialog_state", "secrets"};
    struct user user = {.id = "untouched"};
    struct dialog dialog;
    struct secret secret;

    for (size_t i = 0; i < 3; i++)
        change(f, arena_printf(&f->arena, "DROP TABLE %s", tables[i]));
    CHECK(f, users_meet(f->db, f->users, &f->arena, &ann, &user) == -AISHA_E_INVALID);
    CHECK(f, strcmp(user.id, "untouched") == 0);
    CHECK(f, dialog_find(f->db, &f->arena, &key, &dialog) == -AISHA_E_INVALID);
    CHECK(f, secret_get(f->db, "buttons", &secret) == -AISHA_E_INVALID);
}

static void lock_everything(struct fixture *f)
{
    sqlite3 *outside = NULL;
    struct user user = {.id = "untouched"};
    struct secret secret;
    struct db_tx *tx = NULL;

    CHECK(f, sqlite3_open(f->path, &outside) == SQLITE_OK);
    CHECK(f, sqlite3_exec(outside, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(f, users_meet(f->db, f->users, &f->arena, &ann, &user) == -AISHA_E_UNAVAILABLE);
    CHECK(f, secret_get(f->db, "new", &secret) == -AISHA_E_UNAVAILABLE);
    CHECK(f, db_begin(f->db, &tx) == -AISHA_E_UNAVAILABLE);
    CHECK(f, sqlite3_close(outside) == SQLITE_OK);
    CHECK(f, strcmp(meet(f, ann).id, "untouched") != 0);
    CHECK(f, secret_get(f->db, "new", &secret) == 0);
    CHECK_INT(f, look(f, "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM secrets)"),
              2);
}

static void a_store_that_fails_is_told_and_recovers(void **state)
{
    run_with_db(*state, lock_everything);
    run_with_db(*state, fail_everywhere);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(urls_it_does_not_know_are_refused_with_a_remedy),
        WITH_FIXTURE(statements_find_their_way),
        cmocka_unit_test(cells_are_read_for_what_they_are),
        WITH_FIXTURE(a_person_who_comes_many_times_at_once_is_one),
        cmocka_unit_test(keys_are_unique_and_sort_by_time),
        WITH_FIXTURE(a_question_waits_in_its_place_even_for_a_restart),
        WITH_FIXTURE(an_expired_question_waits_no_more),
        WITH_FIXTURE(a_question_changes_only_with_what_it_belongs_to),
        cmocka_unit_test(only_hexadecimal_is_decoded),
        WITH_FIXTURE(a_secret_is_made_once_and_stays),
        /* only on SQLite: */
        WITH_FIXTURE(a_person_is_registered_once_and_kept_up_to_date),
        WITH_FIXTURE(a_store_that_fails_is_told_and_recovers),
    };

    return RUN_ON_DATABASES("store", tests, 2);
}

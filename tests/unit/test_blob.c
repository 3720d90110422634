/*
 * Blobs: what goes in comes out, under its own key and nowhere else, whole or not at all.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "tests/unit/blob_fixture.h"

/* ---- keys ---- */

static const char *long_key(struct fixture *f, size_t length)
{
    char *key = arena_alloc(&f->arena, length + 1);

    memset(key, 'x', length);
    return key;
}

static void use_hostile_keys(struct fixture *f)
{
    static const char *const keys[] = {
        "",
        "/",
        "/etc/passwd",
        "//",
        "a//b",
        "a/",
        "/a",
        ".",
        "..",
        "../secret",
        "a/../../secret",
        "a/..",
        "./a",
        "a/./b",
        "a/b/.",
        "a b",
        "a\\b",
        "a\nb",
        "a\x01",
        "a:b",
        "a%2e%2e",
        "~",
        "*",
        "ключ",
        "\xff",
        "\xc0\xae\xc0\xae/secret", /* ".." to a careless decoder */
        ".writing-0000000000000000",
        "a/.writing-x",
        ".writing-x/a",
        "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q",
    };
    const char *path = path_of(f, "out"), *too_long = long_key(f, 221);
    const void *bytes;
    struct blob_info info;
    size_t size;

    for (size_t i = 0; i <= sizeof keys / sizeof *keys; i++) {
        const char *key = i < sizeof keys / sizeof *keys ? keys[i] : too_long;
        int r = put_text(key, "x");
        if (r != -AISHA_E_INVALID)
            check_int(f, r, -AISHA_E_INVALID, key, __FILE__, __LINE__);
        CHECK(f, blob_put_file(blobs, key, NULL, "/dev/null") == -AISHA_E_INVALID);
        CHECK(f, blob_get(blobs, &f->arena, key, 10, &bytes, &size) == -AISHA_E_INVALID);
        CHECK(f, blob_get_file(blobs, key, path) == -AISHA_E_INVALID);
        CHECK(f, blob_head(blobs, &f->arena, key, &info) == -AISHA_E_INVALID);
        CHECK(f, blob_delete(blobs, key) == -AISHA_E_INVALID);
    }
    CHECK_INT(f, count_blobs(f), 0);
    CHECK(f, access(path, F_OK) < 0 && access(path_of(f, "secret"), F_OK) < 0);
}

static void keys_that_lead_elsewhere_are_refused(void **state)
{
    run_with_blobs(*state, use_hostile_keys);
}

static void use_odd_keys(struct fixture *f)
{
    const char *const keys[] = {
        "a",
        "A",
        "...",
        "..a",
        ".hidden",
        ".dir/.x",
        "-rf",
        "0",
        "B.b_c-d/E.F_G-H",
        "b/c/d.e",
        "b/c/d",
        "con",
        ".writing",
        long_key(f, 220),
        "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16",
    };
    const size_t count = sizeof keys / sizeof *keys;

    for (size_t i = 0; i < count; i++)
        CHECK_INT(f, put_text(keys[i], keys[i]), 0);
    for (size_t i = 0; i < count; i++)
        CHECK_BLOB(f, keys[i], keys[i]);
    CHECK_INT(f, count_blobs(f), (int64_t)count);
}

static void odd_keys_are_keys(void **state)
{
    run_with_blobs(*state, use_odd_keys);
}

static void keep_error(struct fixture *f)
{
    static const char error[] = "<Error><Code>SlowDown</Code></Error>";

    CHECK(f, put_text("a.xml", error) == 0);
    CHECK_BLOB(f, "a.xml", error);
}

static void what_looks_like_an_error_of_the_store_is_a_blob(void **state)
{
    run_with_blobs(*state, keep_error);
}

static void use_clashing_keys(struct fixture *f)
{
    CHECK(f, put_text("a", "file") == 0 && put_text("b/c", "file") == 0);
    CHECK(f, put_text("a/x", "below a file") == -AISHA_E_CONFLICT);
    CHECK(f, put_text("a/x/y", "below a file") == -AISHA_E_CONFLICT);
    CHECK(f, put_text("b", "a directory") == -AISHA_E_CONFLICT);
    CHECK_NO_BLOB(f, "a/x");
    CHECK_NO_BLOB(f, "b");
    CHECK(f, blob_delete(blobs, "b") == 0 && blob_delete(blobs, "a/x") == 0);
    CHECK_BLOB(f, "a", "file");
    CHECK_BLOB(f, "b/c", "file");
    CHECK_INT(f, count_blobs(f), 2);
}

static void a_blob_is_no_directory(void **state)
{
    run_with_blobs(*state, use_clashing_keys);
}

static void meet_links(struct fixture *f)
{
    const char *outside = path_of(f, "outside"), *secret = path_of(f, "outside/secret");
    const void *bytes;
    size_t size;

    CHECK(f, mkdir(outside, 0700) == 0 && mkfifo(path_of(f, "files/fifo"), 0600) == 0);
    FILE *file = fopen(secret, "w");
    CHECK(f, file && fputs("secret", file) > 0 && fclose(file) == 0);
    CHECK(f, symlink(outside, path_of(f, "files/dir")) == 0);
    CHECK(f, symlink(secret, path_of(f, "files/link")) == 0);
    CHECK_NO_BLOB(f, "dir/secret");
    CHECK_NO_BLOB(f, "link");
    CHECK_NO_BLOB(f, "fifo"); /* nor does anybody wait for its other end */
    CHECK(f, blob_get(blobs, &f->arena, "link", 100, &bytes, &size) == -AISHA_E_NOT_FOUND);
    CHECK(f, put_text("dir/secret", "new") == -AISHA_E_CONFLICT);
    CHECK(f, blob_delete(blobs, "dir/secret") == 0);
    CHECK(f, put_text("link", "new") == 0); /* in its place, not through it */
    CHECK_BLOB(f, "link", "new");
    struct stat info;
    CHECK(f, stat(secret, &info) == 0 && info.st_size == 6);
}

static void links_lead_nowhere(void **state)
{
    run_with_blobs(*state, meet_links);
}

/* ---- bytes ---- */

static void replace_and_delete(struct fixture *f)
{
    struct blob_info info;

    CHECK_NO_BLOB(f, "a/b");
    CHECK_NO_BLOB(f, "a");
    CHECK(f, strcmp(get_text(f, "a/b"), aisha_error_text(-AISHA_E_NOT_FOUND)) == 0);
    CHECK(f, blob_delete(blobs, "a/b") == 0); /* done, not an error */
    CHECK(f, put_text("a/b", "the first") == 0);
    CHECK(f, put_text("a/c", "another") == 0);
    CHECK(f, put_text("a/b", "2nd") == 0); /* what was there is replaced */
    CHECK(f, blob_head(blobs, &f->arena, "a/b", &info) == 0 && info.size == 3);
    CHECK_BLOB(f, "a/b", "2nd");
    CHECK(f, blob_delete(blobs, "a/b") == 0);
    CHECK_NO_BLOB(f, "a/b");
    CHECK_BLOB(f, "a/c", "another");
    CHECK_INT(f, count_blobs(f), 1);
}

static void find_after_restart(struct fixture *f)
{
    CHECK_BLOB(f, "a/c", "another");
    CHECK_INT(f, count_blobs(f), 1);
}

static void a_blob_stays_until_it_is_replaced_or_deleted(void **state)
{
    run_with_blobs(*state, replace_and_delete);
    run_with_blobs(*state, find_after_restart);
}

static void use_sizes(struct fixture *f)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, MIB, MIB + 1, 20 * MIB + 3};
    const char *out = path_of(f, "out");
    const void *bytes = NULL;
    size_t size = 77;
    struct blob_info info;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *sent = pattern(f, sizes[i] + 1, (unsigned)i);
        CHECK(f, blob_put(blobs, "a", NULL, sent, sizes[i]) == 0);
        CHECK(f, blob_head(blobs, &f->arena, "a", &info) == 0 && info.size == (int64_t)sizes[i]);
        CHECK(f, blob_get(blobs, &f->arena, "a", sizes[i], &bytes, &size) == 0);
        CHECK(f, bytes && size == sizes[i] && memcmp(bytes, sent, size) == 0);
        if (sizes[i])
            CHECK(f,
                  blob_get(blobs, &f->arena, "a", sizes[i] - 1, &bytes, &size) == -AISHA_E_LIMIT);
        CHECK(f, blob_get_file(blobs, "a", out) == 0);
        CHECK(f, blob_put_file(blobs, "copy/a", NULL, out) == 0);
        CHECK(f, blob_get(blobs, &f->arena, "copy/a", 64 * MIB, &bytes, &size) == 0);
        CHECK(f, size == sizes[i] && memcmp(bytes, sent, size) == 0);
        CHECK(f, unlink(out) == 0);
    }
    CHECK_INT(f, count_blobs(f), 2);
}

static void bytes_of_any_size_come_back_as_they_were(void **state)
{
    run_with_blobs(*state, use_sizes);
}

static void use_files(struct fixture *f)
{
    const char *out = path_of(f, "out"), *nowhere = path_of(f, "no/such/place");
    struct stat info;

    CHECK(f, put_text("a", "text") == 0);
    CHECK(f, blob_get_file(blobs, "none", out) == -AISHA_E_NOT_FOUND);
    CHECK(f, access(out, F_OK) < 0);
    CHECK(f, blob_get_file(blobs, "a", out) == 0);
    CHECK(f, stat(out, &info) == 0 && info.st_size == 4 && (info.st_mode & 077) == 0);
    CHECK(f, put_text("a", "longer text") == 0);
    CHECK(f,
          blob_get_file(blobs, "a", out) == -AISHA_E_CONFLICT); /* a new file, never over another */
    CHECK(f, stat(out, &info) == 0 && info.st_size == 4);
    CHECK(f, blob_get_file(blobs, "a", nowhere) == -AISHA_E_INVALID); /* the blob is there */
    CHECK(f, blob_put_file(blobs, "a", NULL, nowhere) == -AISHA_E_NOT_FOUND);
    CHECK(f, blob_put_file(blobs, "new/a", NULL, nowhere) == -AISHA_E_NOT_FOUND);
    CHECK(f, blob_put_file(blobs, "a", NULL, f->dir) < 0);
    CHECK_BLOB(f, "a", "longer text");
    CHECK_NO_BLOB(f, "new/a");
    CHECK_INT(f, count_blobs(f), 1);
}

static void files_go_in_and_out(void **state)
{
    run_with_blobs(*state, use_files);
}

/* ---- many at once ---- */

static unsigned rounds(void)
{
    return is_on_s3() ? 2 : 8; /* it takes its time */
}

static void write_or_read_one(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    const void *bytes;
    size_t size;

    for (unsigned i = 0; i < rounds(); i++) {
        char *sent = arena_alloc(&own, 70000);
        memset(sent, (int)('a' + n), 70000);
        if (n % 2)
            CHECK(f, blob_put(blobs, "hot/one", NULL, sent, 10000 + 1000 * (size_t)n) == 0);
        int r = blob_get(blobs, &own, "hot/one", MIB, &bytes, &size);
        CHECK(f, r == 0 || (n % 2 == 0 && r == -AISHA_E_NOT_FOUND)); /* not written yet */
        if (r < 0)
            continue;
        const char *text = bytes;
        CHECK_INT(f, (int64_t)size, 10000 + 1000 * (*text - 'a'));
        for (size_t at = 0; at < size; at++)
            if (text[at] != text[0])
                check_int(f, text[at], text[0], "a mixed blob", __FILE__, __LINE__);
        CHECK(f,
              blob_put(blobs, arena_printf(&own, "own/%d/%u", (int)n, i), NULL, text, size) == 0);
    }
    arena_clear(&own);
}

static void write_and_read_one(struct fixture *f)
{
    run_many(f, 20, write_or_read_one);
    CHECK(f, count_blobs(f) > 10 * rounds());
}

static void readers_see_one_whole_version(void **state)
{
    run_with_blobs(*state, write_and_read_one);
}

static struct wait finished;

static void cancel_and_put(void *arg)
{
    struct fixture *f = arg;

    task_cancel(task_current(f->loop));
    CHECK(f, put_text("late", "x") == -AISHA_E_CANCELED);
    CHECK(f, blob_delete(blobs, "early") == -AISHA_E_CANCELED);
    wait_wake(&finished, 0);
}

static void use_cancelled(struct fixture *f)
{
    CHECK(f, put_text("early", "x") == 0);
    wait_init(&finished, f->loop);
    CHECK(f, task_start(f->loop, "cancelled", cancel_and_put, f, NULL) == 0);
    CHECK(f, wait_for(&finished, WAIT_FOREVER) == 0);
    CHECK_NO_BLOB(f, "late");
    CHECK_BLOB(f, "early", "x");
}

static void a_cancelled_task_changes_nothing_more(void **state)
{
    run_with_blobs(*state, use_cancelled);
}

/* ---- piece by piece ---- */

enum { LARGE = 40 * MIB + 12345 }; /* three parts in S3 */

static AISHA_ASYNC int write_pieces(struct blob_writer *writer, const char *bytes, size_t size,
                                    size_t piece)
{
    int r = 0;

    for (size_t at = 0; r == 0 && at < size; at += piece)
        r = blob_write(writer, bytes + at, size - at < piece ? size - at : piece);
    return r;
}

static void check_range(struct fixture *f, struct blob_reader *reader, const char *bytes,
                        int64_t offset, size_t count)
{
    char *got = pattern(f, count, 99);

    CHECK(f, blob_read(reader, offset, got, count) == 0);
    CHECK(f, memcmp(got, bytes + offset, count) == 0);
}

static void use_pieces(struct fixture *f)
{
    static const size_t sizes[] = {0, 1, 5 * MIB, 16 * MIB, 16 * MIB + 1, LARGE};
    struct blob_writer *writer;
    struct blob_reader *reader;
    char *bytes = pattern(f, LARGE, 5);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        CHECK(f, blob_create(blobs, "p/a", NULL, &writer) == 0);
        CHECK(f, write_pieces(writer, bytes, size, 3 * MIB + 7) == 0);
        if (i == 0)
            CHECK_NO_BLOB(f, "p/a"); /* not before its end */
        CHECK(f, blob_finish(writer) == 0);
        CHECK(f, blob_open(blobs, "p/a", &reader) == 0);
        CHECK_INT(f, blob_reader_info(reader)->size, (int64_t)size);
        if (blob_reader_info(reader)->size == (int64_t)size)
            for (size_t at = 0; at < size; at += 7 * MIB)
                check_range(f, reader, bytes, (int64_t)at,
                            size - at < 7 * MIB ? size - at : 7 * MIB);
        CHECK(f, blob_read(reader, (int64_t)size, bytes, 1) == -AISHA_E_INVALID);
        CHECK(f, blob_read(reader, -1, bytes, 1) == -AISHA_E_INVALID);
        blob_close(reader);
    }
    CHECK(f, blob_create(blobs, "../x", NULL, &writer) == -AISHA_E_INVALID);
    CHECK(f, blob_open(blobs, "p/b", &reader) == -AISHA_E_NOT_FOUND);
    CHECK_INT(f, count_blobs(f), 1);
}

static void what_is_written_in_pieces_is_read_in_pieces(void **state)
{
    run_with_blobs(*state, use_pieces);
}

static void leave_writers(struct fixture *f)
{
    struct blob_writer *writer;
    char *bytes = pattern(f, LARGE, 5);

    CHECK(f, put_text("w/a", "old") == 0);
    for (size_t size = 0; size <= LARGE; size += LARGE / 2) {
        CHECK(f, blob_create(blobs, "w/a", NULL, &writer) == 0);
        CHECK(f, write_pieces(writer, bytes, size, MIB) == 0);
        blob_discard(writer);
    }
    blob_discard(NULL);
    CHECK_BLOB(f, "w/a", "old");
    CHECK_INT(f, count_blobs(f), 1);
}

static void what_is_not_finished_changes_nothing(void **state)
{
    run_with_blobs(*state, leave_writers);
}

static void jump_about(struct fixture *f)
{
    char *bytes = pattern(f, 9 * MIB, 7);
    struct blob_reader *reader;

    CHECK(f, blob_put(blobs, "j", NULL, bytes, 9 * MIB) == 0);
    CHECK(f, blob_open(blobs, "j", &reader) == 0);
    for (unsigned i = 0; i < 40; i++) {
        size_t offset = i * 7919UL * 131 % (9 * MIB), left = 9 * MIB - offset;
        check_range(f, reader, bytes, (int64_t)offset, left < i * 9999 + 1 ? left : i * 9999 + 1);
    }
    check_range(f, reader, bytes, 0, 9 * MIB);
    check_range(f, reader, bytes, 9 * MIB - 1, 1);
    blob_close(reader);
}

static void any_range_can_be_read(void **state)
{
    run_with_blobs(*state, jump_about);
}

static void replace_while_reading(struct fixture *f)
{
    char *old = pattern(f, 3 * MIB, 1), *got = pattern(f, MIB, 2);
    struct blob_reader *reader;

    CHECK(f, blob_put(blobs, "r", NULL, old, 3 * MIB) == 0);
    CHECK(f, blob_open(blobs, "r", &reader) == 0);
    check_range(f, reader, old, 0, 10);
    CHECK(f, blob_put(blobs, "r", NULL, pattern(f, 3 * MIB, 3), 3 * MIB) == 0);
    int r = blob_read(reader, 2 * MIB, got, MIB);
    CHECK(f, is_on_s3() ? r == -AISHA_E_CONFLICT : r == 0 && memcmp(got, old + 2 * MIB, MIB) == 0);
    CHECK(f, blob_delete(blobs, "r") == 0);
    r = blob_read(reader, 2 * MIB, got, MIB);
    CHECK(f, is_on_s3() ? r == -AISHA_E_CONFLICT : r == 0);
    blob_close(reader);
}

static void a_reader_never_gets_some_of_both(void **state)
{
    run_with_blobs(*state, replace_while_reading);
}

/* ---- what is known of them ---- */

static void look_at_infos(struct fixture *f)
{
    struct blob_info first, second;

    CHECK(f, put_text("i/a.png", "1") == 0);
    CHECK(f, blob_head(blobs, &f->arena, "i/a.png", &first) == 0);
    CHECK(f, strcmp(first.content_type, "image/png") == 0 && *first.etag);
    CHECK(f, llabs(first.modified_at - (int64_t)time(NULL)) < 60);
    CHECK(f, put_text("i/a.png", "2") == 0);
    CHECK(f, blob_head(blobs, &f->arena, "i/a.png", &second) == 0);
    CHECK(f, strcmp(first.etag, second.etag) != 0);
    CHECK(f, blob_put(blobs, "i/a.png", "text/css", "3", 1) == 0);
    CHECK(f, blob_head(blobs, &f->arena, "i/a.png", &second) == 0);
    CHECK(f, strcmp(second.content_type, "text/css") == 0);
    CHECK(f, blob_put(blobs, "i/b", "bad\r\ntype", "3", 1) == -AISHA_E_INVALID);
    CHECK(f, blob_put(blobs, "i/none", NULL, "3", 1) == 0);
    CHECK(f, blob_head(blobs, &f->arena, "i/none", &second) == 0);
    CHECK(f, strcmp(second.content_type, "application/octet-stream") == 0);
}

static void a_blob_has_a_type_a_time_and_a_mark(void **state)
{
    run_with_blobs(*state, look_at_infos);
}

/* The keys of a page, with a space behind each, and "+" when there are more. */
static const char *list(struct fixture *f, const char *prefix, const char *after, size_t max)
{
    struct blob_page page = {0};
    const char *text = "";

    CHECK(f, blob_list(blobs, &f->arena, prefix, after, max, &page) == 0);
    for (size_t i = 0; i < page.count; i++)
        text = arena_printf(&f->arena, "%s%s ", text, page.items[i].key);
    return arena_printf(&f->arena, "%s%s", text, page.has_more ? "+" : "");
}

#define CHECK_LIST(f, text, ...)                                                                   \
    check((f), strcmp(list((f), __VA_ARGS__), (text)) == 0, text, __FILE__, __LINE__)

static void list_them(struct fixture *f)
{
    static const char *const keys[] = {"b/1", "a", "b.c", "b/2/x", "b0", "b-", "B", "b/2.x"};

    CHECK_LIST(f, "", "", "", 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        CHECK(f, put_text(keys[i], keys[i]) == 0);
    CHECK_LIST(f, "B a b- b.c b/1 b/2.x b/2/x b0 ", "", "", 0);
    CHECK_LIST(f, "B a b- +", "", "", 3);
    CHECK_LIST(f, "b.c b/1 b/2.x +", "", "b-", 3);
    CHECK_LIST(f, "b/2/x b0 ", "", "b/2.x", 2);
    CHECK_LIST(f, "b/1 b/2.x b/2/x ", "b/", "", 0);
    CHECK_LIST(f, "b/2.x b/2/x ", "b/2", "", 0);
    CHECK_LIST(f, "b/2/x ", "b/2/", "", 0);
    CHECK_LIST(f, "b/2.x +", "b/", "b/1", 1);
    CHECK_LIST(f, "", "b/", "b/3", 0);
    CHECK_LIST(f, "", "c", "", 0);
    CHECK_LIST(f, "b/1 b/2.x b/2/x b0 ", "", "b.d", 0); /* behind one that is not there */
    CHECK(f, blob_delete(blobs, "b/1") == 0);
    CHECK_LIST(f, "b/2.x b/2/x ", "b/", "", 0);
    struct blob_page page;
    CHECK(f, blob_list(blobs, &f->arena, "b/2/", "", 0, &page) == 0 && page.items[0].size == 5);
    struct blob_info info;
    CHECK(f, blob_head(blobs, &f->arena, "b/2/x", &info) == 0);
    CHECK(f, strcmp(info.etag, page.items[0].etag) == 0);
    CHECK(f, llabs(page.items[0].modified_at - info.modified_at) < 2);
}

static void lists_are_in_the_order_of_keys(void **state)
{
    run_with_blobs(*state, list_them);
}

static void check_them(struct fixture *f)
{
    const struct timespec yesterday = {.tv_sec = time(NULL) - 86400};
    const char *text = NULL, *advice = NULL;

    if (!is_on_s3()) { /* there nobody can make a blob old */
        CHECK(f, put_text("host/health-1", "good") == 0);
        CHECK(f, utimensat(AT_FDCWD, path_of(f, "files/host/health-1"),
                           (const struct timespec[]){yesterday, yesterday}, 0) == 0);
    }
    CHECK(f, blob_check(blobs, &f->arena, &text, &advice) == 0 && !text);
    CHECK_INT(f, count_blobs(f), 0);
    CHECK(f, blob_tidy(blobs) == 0);
}

static void a_check_leaves_nothing(void **state)
{
    run_with_blobs(*state, check_them);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(keys_that_lead_elsewhere_are_refused),
        WITH_FIXTURE(odd_keys_are_keys),
        WITH_FIXTURE(what_looks_like_an_error_of_the_store_is_a_blob),
        WITH_FIXTURE(a_blob_stays_until_it_is_replaced_or_deleted),
        WITH_FIXTURE(bytes_of_any_size_come_back_as_they_were),
        WITH_FIXTURE(files_go_in_and_out),
        WITH_FIXTURE(readers_see_one_whole_version),
        WITH_FIXTURE(a_cancelled_task_changes_nothing_more),
        WITH_FIXTURE(what_is_written_in_pieces_is_read_in_pieces),
        WITH_FIXTURE(what_is_not_finished_changes_nothing),
        WITH_FIXTURE(any_range_can_be_read),
        WITH_FIXTURE(a_reader_never_gets_some_of_both),
        WITH_FIXTURE(a_blob_has_a_type_a_time_and_a_mark),
        WITH_FIXTURE(lists_are_in_the_order_of_keys),
        WITH_FIXTURE(a_check_leaves_nothing),
        /* the last two know directories only */
        WITH_FIXTURE(a_blob_is_no_directory),
        WITH_FIXTURE(links_lead_nowhere),
    };
    const size_t count = sizeof tests / sizeof *tests - (is_on_s3() ? 2 : 0);

    return _cmocka_run_group_tests("blob", tests, count, NULL, NULL);
}

/*
 * Blobs: what goes in comes out, under its own key and nowhere else, whole or not at all.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/blob.h"
#include "tests/unit/store_fixture.h"

enum { MIB = 1024 * 1024 };

static struct blob_store *blobs;
static scenario *opened_scenario;

static void open_blobs(struct fixture *f)
{
    const char *error = NULL;

    blobs = NULL;
    const struct blob_options options = {
        .loop = f->loop,
        .workers = f->workers,
        .url = arena_printf(&f->arena, "file:%s/files", f->dir),
        .temp_directory = f->dir,
    };
    if (blob_store_open(&blobs, &options, &f->arena, &error) < 0)
        check(f, false, error, __FILE__, __LINE__);
}

static void open_and_run(struct fixture *f)
{
    open_blobs(f);
    if (blobs)
        opened_scenario(f);
    blob_store_close(blobs);
}

static void run_with_blobs(struct fixture *f, scenario *run)
{
    opened_scenario = run;
    run_scenario(f, open_and_run);
}

static int put(const char *key, const char *text)
{
    return blob_put(blobs, key, NULL, text, strlen(text));
}

/* The text under key, or the error's. */
static const char *get(struct fixture *f, const char *key)
{
    const void *bytes;
    size_t size;

    int r = blob_get(blobs, &f->arena, key, MIB, &bytes, &size);
    return r == 0 && strlen(bytes) == size ? bytes : aisha_error_text(r);
}

#define CHECK_BLOB(f, key, text)                                                                   \
    check((f), strcmp(get((f), (key)), (text)) == 0, key, __FILE__, __LINE__)
#define CHECK_NO_BLOB(f, key)                                                                      \
    CHECK_INT((f), blob_head(blobs, &(f)->arena, (key), &(struct blob_info){0}), -AISHA_E_NOT_FOUND)

static unsigned file_count;

static int count_file(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)path, (void)where;
    file_count += type != FTW_D && type != FTW_DNR;
    return info->st_mode & 077; /* for nobody else */
}

/* Files of any name; those that others could read fail the test. */
static unsigned count_files(struct fixture *f)
{
    file_count = 0;
    CHECK_INT(f, nftw(path_of(f, "files"), count_file, 16, FTW_PHYS), 0);
    return file_count;
}

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
        int r = put(key, "x");
        if (r != -AISHA_E_INVALID)
            check_int(f, r, -AISHA_E_INVALID, key, __FILE__, __LINE__);
        CHECK(f, blob_put_file(blobs, key, NULL, "/dev/null") == -AISHA_E_INVALID);
        CHECK(f, blob_get(blobs, &f->arena, key, 10, &bytes, &size) == -AISHA_E_INVALID);
        CHECK(f, blob_get_file(blobs, key, path) == -AISHA_E_INVALID);
        CHECK(f, blob_head(blobs, &f->arena, key, &info) == -AISHA_E_INVALID);
        CHECK(f, blob_delete(blobs, key) == -AISHA_E_INVALID);
    }
    CHECK_INT(f, count_files(f), 0);
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
        CHECK_INT(f, put(keys[i], keys[i]), 0);
    for (size_t i = 0; i < count; i++)
        CHECK_BLOB(f, keys[i], keys[i]);
    CHECK_INT(f, count_files(f), (int64_t)count);
}

static void odd_keys_are_keys(void **state)
{
    run_with_blobs(*state, use_odd_keys);
}

static void use_clashing_keys(struct fixture *f)
{
    CHECK(f, put("a", "file") == 0 && put("b/c", "file") == 0);
    CHECK(f, put("a/x", "below a file") == -AISHA_E_CONFLICT);
    CHECK(f, put("a/x/y", "below a file") == -AISHA_E_CONFLICT);
    CHECK(f, put("b", "a directory") == -AISHA_E_CONFLICT);
    CHECK_NO_BLOB(f, "a/x");
    CHECK_NO_BLOB(f, "b");
    CHECK(f, blob_delete(blobs, "b") == 0 && blob_delete(blobs, "a/x") == 0);
    CHECK_BLOB(f, "a", "file");
    CHECK_BLOB(f, "b/c", "file");
    CHECK_INT(f, count_files(f), 2);
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
    CHECK(f, put("dir/secret", "new") == -AISHA_E_CONFLICT);
    CHECK(f, blob_delete(blobs, "dir/secret") == 0);
    CHECK(f, put("link", "new") == 0); /* in its place, not through it */
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
    CHECK(f, strcmp(get(f, "a/b"), aisha_error_text(-AISHA_E_NOT_FOUND)) == 0);
    CHECK(f, blob_delete(blobs, "a/b") == 0); /* done, not an error */
    CHECK(f, put("a/b", "the first") == 0);
    CHECK(f, put("a/c", "another") == 0);
    CHECK(f, put("a/b", "2nd") == 0); /* what was there is replaced */
    CHECK(f, blob_head(blobs, &f->arena, "a/b", &info) == 0 && info.size == 3);
    CHECK_BLOB(f, "a/b", "2nd");
    CHECK(f, blob_delete(blobs, "a/b") == 0);
    CHECK_NO_BLOB(f, "a/b");
    CHECK_BLOB(f, "a/c", "another");
    CHECK_INT(f, count_files(f), 1);
}

static void find_after_restart(struct fixture *f)
{
    CHECK_BLOB(f, "a/c", "another");
    CHECK_INT(f, count_files(f), 1);
}

static void a_blob_stays_until_it_is_replaced_or_deleted(void **state)
{
    run_with_blobs(*state, replace_and_delete);
    run_with_blobs(*state, find_after_restart);
}

static char *pattern(struct fixture *f, size_t size, unsigned seed)
{
    char *bytes = arena_alloc(&f->arena, size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)((i + seed) * 2654435761U >> 24);
    return bytes;
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
    CHECK_INT(f, count_files(f), 2);
}

static void bytes_of_any_size_come_back_as_they_were(void **state)
{
    run_with_blobs(*state, use_sizes);
}

static void use_files(struct fixture *f)
{
    const char *out = path_of(f, "out"), *nowhere = path_of(f, "no/such/place");
    struct stat info;

    CHECK(f, put("a", "text") == 0);
    CHECK(f, blob_get_file(blobs, "none", out) == -AISHA_E_NOT_FOUND);
    CHECK(f, access(out, F_OK) < 0);
    CHECK(f, blob_get_file(blobs, "a", out) == 0);
    CHECK(f, stat(out, &info) == 0 && info.st_size == 4 && (info.st_mode & 077) == 0);
    CHECK(f, put("a", "longer text") == 0);
    CHECK(f, blob_get_file(blobs, "a", out) == -EEXIST); /* a new file, never over another */
    CHECK(f, stat(out, &info) == 0 && info.st_size == 4);
    CHECK(f, blob_get_file(blobs, "a", nowhere) == -AISHA_E_INVALID); /* the blob is there */
    CHECK(f, blob_put_file(blobs, "a", NULL, nowhere) == -AISHA_E_NOT_FOUND);
    CHECK(f, blob_put_file(blobs, "new/a", NULL, nowhere) == -AISHA_E_NOT_FOUND);
    CHECK(f, blob_put_file(blobs, "a", NULL, f->dir) < 0);
    CHECK_BLOB(f, "a", "longer text");
    CHECK_NO_BLOB(f, "new/a");
    CHECK_INT(f, count_files(f), 1);
}

static void files_go_in_and_out(void **state)
{
    run_with_blobs(*state, use_files);
}

/* ---- many at once ---- */

static void write_or_read_one(struct fixture *f, int64_t n)
{
    struct arena own = {0};
    const void *bytes;
    size_t size;

    for (unsigned i = 0; i < 8; i++) {
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
    CHECK(f, count_files(f) > 80);
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
    CHECK(f, put("late", "x") == -AISHA_E_CANCELED);
    CHECK(f, blob_delete(blobs, "early") == -AISHA_E_CANCELED);
    wait_wake(&finished, 0);
}

static void use_cancelled(struct fixture *f)
{
    CHECK(f, put("early", "x") == 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(keys_that_lead_elsewhere_are_refused),
        WITH_FIXTURE(odd_keys_are_keys),
        WITH_FIXTURE(a_blob_is_no_directory),
        WITH_FIXTURE(links_lead_nowhere),
        WITH_FIXTURE(a_blob_stays_until_it_is_replaced_or_deleted),
        WITH_FIXTURE(bytes_of_any_size_come_back_as_they_were),
        WITH_FIXTURE(files_go_in_and_out),
        WITH_FIXTURE(readers_see_one_whole_version),
        WITH_FIXTURE(a_cancelled_task_changes_nothing_more),
    };

    return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}

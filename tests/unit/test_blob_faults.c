/*
 * Blobs when something goes wrong: directories that are missing or read-only, a full disk, leftovers
 * of a crash, kill -9. What was reported as stored is complete, nothing is half there.
 */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <aisha/error.h>

#include "host/store/blob.h"
#include "tests/unit/store_fixture.h"

enum { MIB = 1024 * 1024 };

static struct blob_store *blobs;

static int open_url(struct fixture *f, const char *url, const char **ret_error)
{
    const struct blob_options options = {
        .loop = f->loop, .workers = f->workers, .url = url, .temp_directory = f->dir};

    return blob_store_open(&blobs, &options, &f->arena, ret_error);
}

static int open_at(struct fixture *f, const char *path, const char **ret_error)
{
    *ret_error = NULL;
    return open_url(f, arena_printf(&f->arena, "file:%s", path), ret_error);
}

static void open_blobs(struct fixture *f)
{
    const char *error;

    if (open_at(f, path_of(f, "files"), &error) < 0)
        check(f, false, error, __FILE__, __LINE__);
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
    FILE *file = fopen(path_of(f, name), "w");

    CHECK(f, file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* ---- files ---- */

enum { MAX_BLOB = 200008, WRITERS = 6 };

/* The bytes of blob n begin with n and follow from it, so that any file can be checked by itself. */
static size_t make_blob(int64_t n, char *bytes)
{
    size_t size = sizeof n + (size_t)(n * 7919 % 200000);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)((i + (size_t)n) * 31 >> 3);
    memcpy(bytes, &n, sizeof n);
    return size;
}

static unsigned file_count, temporaries, broken;

static int64_t read_number(const char *path)
{
    static char found[MAX_BLOB + 1], wanted[MAX_BLOB];
    int64_t n = -1;
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(found, 1, sizeof found, file) : 0;

    if (file)
        fclose(file);
    if (size < sizeof n)
        return -1;
    memcpy(&n, found, sizeof n);
    if (n < 0 || n > INT32_MAX || make_blob(n, wanted) != size || memcmp(found, wanted, size) != 0)
        return -1;
    return n;
}

static int count_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    if (type == FTW_D)
        return 0;
    file_count++;
    if (strncmp(path + where->base, ".writing-", 9) == 0)
        temporaries++;
    else if (type == FTW_F && read_number(path) < 0)
        broken++;
    return 0;
}

static unsigned count_files(struct fixture *f)
{
    file_count = temporaries = broken = 0;
    CHECK_INT(f, nftw(path_of(f, "files"), count_one, 20, FTW_PHYS), 0);
    CHECK_INT(f, temporaries, 0);
    return file_count;
}

/* ---- opening ---- */

static void open_urls(struct fixture *f)
{
    static const char *const urls[] = {
        "",
        "file:",
        "files",
        "FILE:x",
        "s3:x",
        "s3+https://",
        "s3+https://key@host/bucket",
        "s3+https://:hunter2@host/bucket",
        "s3+https://key:@host/bucket",
        "s3+https://key:hunter2@host",
        "s3+https://key:hunter2@host/",
        "s3+https://key:hunter2@host/x",
        "s3+https://key:hunter2@host/Bucket",
        "s3+https://key:hunter2@host/bucket/below",
        "s3+https://key:hunter2@/bucket",
        "s3+https://key:hunter2@ho st/bucket",
        "s3+https://key:hunter2@host/bucket?region=",
        "s3+https://key:hunter2@host/bucket?other=x",
    };
    const char *error = NULL;
    struct stat info;

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++, error = NULL) {
        CHECK(f, open_url(f, urls[i], &error) == -AISHA_E_INVALID);
        CHECK(f, error && strstr(error, "s3+https://KEY:SECRET@HOST[:PORT]/BUCKET"));
        CHECK(f, error && !strstr(error, "hunter2"));
    }
    write_file(f, "file", "text");
    CHECK(f, open_at(f, path_of(f, "file"), &error) == -AISHA_E_UNAVAILABLE);
    CHECK(f, error && strstr(error, path_of(f, "file")) && strstr(error, "directory"));
    CHECK(f, open_at(f, path_of(f, "file/below"), &error) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blobs == NULL);
    for (int i = 0; i < 2; i++) { /* made when missing, taken when there */
        CHECK(f, open_at(f, path_of(f, "a//b/c/"), &error) == 0);
        blob_store_close(blobs);
    }
    CHECK(f, stat(path_of(f, "a"), &info) == 0 && (info.st_mode & 077) == 0);
    blobs = NULL;
    blob_store_close(NULL);
}

static void a_place_that_is_none_is_refused_with_a_remedy(void **state)
{
    run_scenario(*state, open_urls);
}

/* ---- places that cannot be written ---- */

static void use_read_only(struct fixture *f)
{
    const char *files = path_of(f, "files"), *error;
    const void *bytes;
    size_t size;

    CHECK(f, mkdir(path_of(f, "locked"), 0500) == 0);
    CHECK(f, open_at(f, path_of(f, "locked/below"), &error) == -AISHA_E_UNAVAILABLE);
    open_blobs(f);
    CHECK(f, blob_put(blobs, "a", NULL, "old", 3) == 0);
    CHECK(f, chmod(files, 0500) == 0);
    begin_log(f);
    CHECK(f, blob_put(blobs, "a", NULL, "new", 3) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blob_put(blobs, "b/c", NULL, "new", 3) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blob_delete(blobs, "a") == -AISHA_E_UNAVAILABLE);
    const char *log = end_log(f);
    CHECK(f, strstr(log, "error blob: "));                             /* a person has to act */
    CHECK(f, blob_get(blobs, &f->arena, "a", 10, &bytes, &size) == 0); /* reading goes on */
    CHECK(f, size == 3 && memcmp(bytes, "old", 3) == 0);
    CHECK(f, chmod(files, 0700) == 0);
    CHECK(f, blob_put(blobs, "a", NULL, "new", 3) == 0);
    blob_store_close(blobs);
}

static void a_read_only_place_is_told_and_changes_nothing(void **state)
{
    run_unprivileged(*state, use_read_only);
}

static void lose_directory(struct fixture *f)
{
    struct blob_info info;

    open_blobs(f);
    CHECK(f, rmdir(path_of(f, "files")) == 0);
    CHECK(f, blob_put(blobs, "a", NULL, "x", 1) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blob_put(blobs, "a/b", NULL, "x", 1) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blob_head(blobs, &f->arena, "a", &info) == -AISHA_E_NOT_FOUND);
    CHECK(f, blob_delete(blobs, "a") == 0);
    blob_store_close(blobs);
    open_blobs(f); /* a restart makes it anew */
    CHECK(f, blob_put(blobs, "a", NULL, "x", 1) == 0);
    blob_store_close(blobs);
}

static void a_missing_directory_is_no_missing_blob(void **state)
{
    run_scenario(*state, lose_directory);
}

static void limit_files(struct fixture *f, rlim_t size)
{
    struct rlimit limit;

    CHECK(f, getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = size;
    CHECK(f, setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void fail_to_write(struct fixture *f)
{
    char *large = arena_alloc(&f->arena, 3 * MIB);
    const char *source = path_of(f, "source"), *copy = path_of(f, "copy");
    const void *bytes;
    size_t size;

    signal(SIGXFSZ, SIG_IGN);
    memset(large, 'x', 3 * MIB - 1);
    write_file(f, "source", large);
    open_blobs(f);
    CHECK(f, blob_put(blobs, "a", NULL, "old", 3) == 0);
    CHECK(f, blob_put(blobs, "large", NULL, large, 3 * MIB) == 0);
    limit_files(f, 2 * MIB);
    CHECK(f, blob_put(blobs, "a", NULL, large, 3 * MIB) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blob_put_file(blobs, "a", NULL, source) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blob_put(blobs, "new/b", NULL, large, 3 * MIB) == -AISHA_E_UNAVAILABLE);
    CHECK(f, blob_get_file(blobs, "large", copy) == -AISHA_E_UNAVAILABLE);
    CHECK(f, access(copy, F_OK) < 0);
    CHECK(f, blob_put(blobs, "small", NULL, large, MIB) == 0);
    limit_files(f, RLIM_INFINITY);
    CHECK(f, blob_get(blobs, &f->arena, "a", 10, &bytes, &size) == 0);
    CHECK(f, size == 3 && memcmp(bytes, "old", 3) == 0);
    CHECK_INT(f, count_files(f), 3); /* and nothing half-written */
    blob_store_close(blobs);
}

static void a_full_disk_leaves_the_old_and_nothing_half(void **state)
{
    run_scenario(*state, fail_to_write);
}

/* ---- leftovers ---- */

static void leave_over(struct fixture *f)
{
    static const char *const leftovers[] = {
        "files/.writing-0123456789abcdef",
        "files/a/.writing-0123456789abcdef",
        "files/.dir/.writing-0123456789ab",
        "files/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/.writing-x",
        "files/a/.writing-",
    };

    open_blobs(f);
    CHECK(f, blob_put(blobs, "a/b", NULL, "x", 1) == 0 &&
                 blob_put(blobs, ".dir/.x", NULL, "x", 1) == 0);
    CHECK(f, blob_put(blobs, "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", NULL, "x", 1) == 0);
    CHECK(f, blob_put(blobs, "writing-x", NULL, "x", 1) == 0);
    blob_store_close(blobs);
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        write_file(f, leftovers[i], "half a pic");
    CHECK(f, mkdir(path_of(f, "outside"), 0700) == 0);
    write_file(f, "outside/.writing-x", "not ours");
    CHECK(f, symlink(path_of(f, "outside"), path_of(f, "files/link")) == 0);
    open_blobs(f);
    CHECK_INT(f, count_files(f), 4 + 1); /* with the link */
    CHECK(f, access(path_of(f, "outside/.writing-x"), F_OK) == 0);
    blob_store_close(blobs);
}

static void what_a_crash_left_is_removed_at_the_start(void **state)
{
    run_scenario(*state, leave_over);
}

/* ---- kill -9 ---- */

static int64_t next_number;

static const char *key_of(struct arena *arena, int64_t n)
{
    return n % 4 ? arena_printf(arena, "d%d/%lld.bin", (int)(n % 50), (long long)n)
                 : arena_printf(arena, "hot/%d", (int)(n % WRITERS)); /* replaced again and again */
}

static void put_forever(struct fixture *f, int64_t writer)
{
    char *bytes = malloc(MAX_BLOB);

    if (!bytes)
        abort();
    (void)writer;
    for (;;) {
        struct arena own = {0};
        const int64_t n = next_number++;
        size_t size = make_blob(n, bytes);
        if (blob_put(blobs, key_of(&own, n), NULL, bytes, size) < 0)
            abort();
        tell(f, n);
        arena_clear(&own);
    }
}

static void put_many(struct fixture *f)
{
    open_blobs(f);
    run_many(f, WRITERS, put_forever);
}

static void reopen(struct fixture *f)
{
    open_blobs(f);
    CHECK(f, count_files(f) > 10);
    CHECK_INT(f, broken, 0);
    blob_store_close(blobs);
}

static void kill_9_leaves_every_blob_whole(void **state)
{
    struct fixture *f = *state;
    const int64_t *told;

    next_number = 1;
    for (size_t round = 0; round < 4; round++) {
        size_t count = run_killed(f, put_many, 30 + 30 * round, &told);
        run_scenario(f, reopen);
        for (size_t i = 0; i < count; i++) {
            struct arena arena = {0};
            int64_t found =
                read_number(path_of(f, arena_printf(&arena, "files/%s", key_of(&arena, told[i]))));
            /* Another one that was put at the same time may have replaced it. */
            assert_true(found == told[i] || (told[i] % 4 == 0 && found > 0));
            arena_clear(&arena);
            if (told[i] >= next_number)
                next_number = told[i] + 1;
        }
        next_number += WRITERS; /* of those not reported */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_place_that_is_none_is_refused_with_a_remedy),
        WITH_FIXTURE(a_read_only_place_is_told_and_changes_nothing),
        WITH_FIXTURE(a_missing_directory_is_no_missing_blob),
        WITH_FIXTURE(a_full_disk_leaves_the_old_and_nothing_half),
        WITH_FIXTURE(what_a_crash_left_is_removed_at_the_start),
        WITH_FIXTURE(kill_9_leaves_every_blob_whole),
    };

    return cmocka_run_group_tests_name("blob_faults", tests, NULL, NULL);
}

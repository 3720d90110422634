#include "tests/unit/blob_fixture.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/http_client.h"

struct blob_store *blobs;
struct http_client *blob_http;

static scenario *opened_scenario;
static const char *opened_url;
static char emptied_for[64]; /* the directory of the test that has found it empty */

bool is_on_s3(void)
{
    return getenv("AISHA_TEST_S3") != NULL;
}

static AISHA_ASYNC void empty(struct fixture *f)
{
    struct blob_page page = {.has_more = true};

    while (page.has_more) {
        CHECK(f, blob_list(blobs, &f->arena, "", "", 0, &page) == 0);
        for (size_t i = 0; i < page.count; i++)
            CHECK(f, blob_delete(blobs, page.items[i].key) == 0);
    }
    strcpy(emptied_for, f->dir);
}

/* What was left to other tasks, such as aborting an upload, needs the store. */
static AISHA_ASYNC void wait_for_others(struct fixture *f)
{
    while (loop_tasks_alive(f->loop) > 1)
        if (wait_sleep(f->loop, 5) < 0)
            return;
}

static AISHA_ASYNC void open_and_run(struct fixture *f)
{
    const struct blob_options options = {
        .loop = f->loop,
        .workers = f->workers,
        .http = blob_http,
        .url = opened_url,
        .temp_directory = f->dir,
    };
    const char *error = NULL;

    blobs = NULL;
    if (blob_store_open(&blobs, &options, &f->arena, &error) < 0) {
        check(f, false, error, __FILE__, __LINE__);
        return;
    }
    opened_scenario(f);
    wait_for_others(f);
    blob_store_close(blobs);
}

static AISHA_ASYNC void run_with_client(struct fixture *f)
{
    CHECK(f, http_client_new(&blob_http, f->loop, &(struct http_client_options){0}) == 0);
    if (is_on_s3() && strcmp(emptied_for, f->dir) != 0) {
        scenario *wanted = opened_scenario;
        const char *url = opened_url;
        opened_scenario = empty;
        opened_url = getenv("AISHA_TEST_S3");
        open_and_run(f);
        opened_scenario = wanted;
        opened_url = url;
    }
    open_and_run(f);
    http_client_free(blob_http);
}

void run_with_blobs_at(struct fixture *f, const char *url, scenario *run)
{
    opened_scenario = run;
    opened_url = url;
    run_scenario(f, run_with_client);
}

void run_with_blobs(struct fixture *f, scenario *run)
{
    const char *url = getenv("AISHA_TEST_S3");

    run_with_blobs_at(f, url ? url : arena_printf(&f->arena, "file:%s/files", f->dir), run);
}

int put_text(const char *key, const char *text)
{
    return blob_put(blobs, key, NULL, text, strlen(text));
}

const char *get_text(struct fixture *f, const char *key)
{
    const void *bytes;
    size_t size;

    int r = blob_get(blobs, &f->arena, key, MIB, &bytes, &size);
    return r == 0 && strlen(bytes) == size ? bytes : aisha_error_text(r);
}

static unsigned file_count;

static int count_file(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)path, (void)where;
    file_count += type != FTW_D && type != FTW_DNR;
    return info->st_mode & 077; /* for nobody else */
}

unsigned count_blobs(struct fixture *f)
{
    struct blob_page page = {0};

    file_count = 0;
    if (is_on_s3()) {
        CHECK(f, blob_list(blobs, &f->arena, "", "", 0, &page) == 0);
        return (unsigned)page.count;
    }
    CHECK_INT(f, nftw(path_of(f, "files"), count_file, 16, FTW_PHYS), 0);
    return file_count;
}

char *pattern(struct fixture *f, size_t size, unsigned seed)
{
    char *bytes = arena_alloc(&f->arena, size + 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)((i + seed) * 2654435761U >> 24);
    return bytes;
}

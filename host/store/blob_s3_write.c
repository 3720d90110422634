/*
 * Uploads. What fits into one part goes at once, what is larger in parts, each of which is repeated
 * by itself when it fails. A writer keeps the part it is at in a file: there is never more than a
 * buffer in memory, and a part can be sent again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/worker.h"
#include "host/io/xml.h"
#include "host/store/blob_s3.h"

enum { UNFINISHED_S = 24 * 3600 };

static struct s3 *s3_of(struct blob_store *store)
{
    return (struct s3 *)store; /* its first member */
}

/* ---- uploads in parts ---- */

struct upload {
    struct s3 *s3;
    struct arena arena;
    const char *key, *type;
    const char *id; /* NULL = none has begun */
    const char **etags;
    size_t part_count, etag_room;
    int64_t size;
};

static AISHA_ASYNC int upload_begin(struct upload *upload)
{
    const struct aisha_http_response *response;
    const struct s3_call call = {
        .method = "POST",
        .key = upload->key,
        .queries = &(const struct s3_field){"uploads", ""},
        .query_count = 1,
        .headers = &(const struct s3_field){"content-type", upload->type},
        .header_count = 1,
    };

    int r = s3_call(upload->s3, &upload->arena, &call, &response);
    if (r < 0)
        return r;
    upload->id = s3_find(&upload->arena, response, "InitiateMultipartUploadResult/UploadId");
    return upload->id && *upload->id ? 0 : -AISHA_E_UPSTREAM;
}

static void keep_etag(struct upload *upload, const char *etag)
{
    if (upload->part_count == upload->etag_room) {
        upload->etag_room = upload->etag_room ? 2 * upload->etag_room : 16;
        const char **more = arena_alloc(&upload->arena, upload->etag_room * sizeof *more);
        if (upload->part_count > 0)
            memcpy(more, upload->etags, upload->part_count * sizeof *more);
        upload->etags = more;
    }
    upload->etags[upload->part_count++] = arena_strdup(&upload->arena, etag);
}

/* The next part: bytes, or a piece of a file. */
static AISHA_ASYNC int upload_part(struct upload *upload, const void *bytes, const char *path,
                                   int64_t offset, size_t size)
{
    struct arena arena = {0};
    const struct aisha_http_response *response;
    const struct s3_field queries[] = {
        {"partNumber", arena_printf(&arena, "%zu", upload->part_count + 1)},
        {"uploadId", upload->id},
    };
    const struct s3_call call = {
        .method = "PUT",
        .key = upload->key,
        .queries = queries,
        .query_count = 2,
        .body = bytes,
        .path = path,
        .offset = offset,
        .size = size,
    };

    int r = upload->part_count == S3_MAX_PARTS ? -AISHA_E_LIMIT : 0;
    if (r == 0)
        r = s3_call(upload->s3, &arena, &call, &response);
    const char *etag = r == 0 ? aisha_http_header(response, "etag") : NULL;
    if (r == 0 && !etag)
        r = -AISHA_E_UPSTREAM;
    if (r == 0) {
        keep_etag(upload, etag);
        upload->size += (int64_t)size;
    }
    arena_clear(&arena);
    return r == -AISHA_E_NOT_FOUND ? -AISHA_E_UNAVAILABLE : r; /* the upload, not a blob */
}

static const char *list_of_parts(const struct upload *upload, struct arena *arena, size_t *ret_size)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, ret_size);

    if (!file)
        abort();
    fprintf(file, "<CompleteMultipartUpload>");
    for (size_t i = 0; i < upload->part_count; i++) {
        fprintf(file, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        for (const char *c = upload->etags[i]; *c; c++)
            if (!strchr("<>&\r\n", *c)) /* none has them */
                fputc(*c, file);
        fprintf(file, "</ETag></Part>");
    }
    fprintf(file, "</CompleteMultipartUpload>");
    if (fclose(file) != 0)
        abort();
    arena_defer(arena, free, text);
    return text;
}

static AISHA_ASYNC int upload_complete(struct upload *upload)
{
    struct blob_info info;
    struct s3_call call = {
        .method = "POST",
        .key = upload->key,
        .queries = &(const struct s3_field){"uploadId", upload->id},
        .query_count = 1,
    };

    call.body = list_of_parts(upload, &upload->arena, &call.size);
    int r = s3_call(upload->s3, &upload->arena, &call, NULL);
    if (r != -AISHA_E_NOT_FOUND)
        return r;
    /* There is no such upload: it may be complete, when only the answer to that was lost. */
    r = s3_head(&upload->s3->store, &upload->arena, upload->key, &info);
    return r == 0 && info.size == upload->size ? 0 : -AISHA_E_UNAVAILABLE;
}

static AISHA_ASYNC void abort_upload(struct s3 *s3, const char *key, const char *id)
{
    struct arena arena = {0};
    const struct s3_call call = {
        .method = "DELETE",
        .key = key,
        .queries = &(const struct s3_field){"uploadId", id},
        .query_count = 1,
    };

    int r = s3_call(s3, &arena, &call, NULL);
    if (r < 0 && r != -AISHA_E_NOT_FOUND)
        log_warn("blob", "an unfinished upload could not be aborted: %s; that is done in a day",
                 aisha_error_text(r));
    arena_clear(&arena);
}

struct abortion {
    struct s3 *s3;
    char *key, *id;
};

static AISHA_ASYNC void abort_task(void *arg)
{
    struct abortion *abortion = arg;

    abort_upload(abortion->s3, abortion->key, abortion->id);
    free(abortion->key);
    free(abortion->id);
    free(abortion);
}

/* Whoever uploaded may not be able to wait any more: another task sees to the parts. */
static void upload_end(struct upload *upload, bool is_complete)
{
    if (upload->id && !is_complete) {
        struct abortion *abortion = calloc(1, sizeof *abortion);
        if (!abortion)
            abort();
        *abortion = (struct abortion){
            .s3 = upload->s3, .key = strdup(upload->key), .id = strdup(upload->id)};
        if (!abortion->key || !abortion->id)
            abort();
        if (task_start(upload->s3->loop, "abort upload", abort_task, abortion, NULL) < 0) {
            free(abortion->key);
            free(abortion->id);
            free(abortion); /* s3_tidy() finds it */
        }
    }
    arena_clear(&upload->arena);
}

/* ---- whole files ---- */

static AISHA_ASYNC int put_at_once(struct s3 *s3, const struct blob_content *content, size_t size)
{
    struct arena arena = {0};
    const struct s3_call call = {
        .method = "PUT",
        .key = content->key,
        .headers = &(const struct s3_field){"content-type", content->type},
        .header_count = 1,
        .body = content->bytes ? content->bytes : "",
        .path = content->path,
        .size = size,
    };

    int r = s3_call(s3, &arena, &call, NULL);
    arena_clear(&arena);
    return r;
}

static AISHA_ASYNC int put_in_parts(struct s3 *s3, const struct blob_content *content, int64_t size)
{
    struct upload upload = {.s3 = s3, .key = content->key, .type = content->type};
    int64_t part = S3_PART_BYTES;

    while (part * S3_MAX_PARTS < size)
        part *= 2;
    int r = upload_begin(&upload);
    for (int64_t at = 0; r == 0 && at < size; at += part)
        r = upload_part(&upload, content->path ? NULL : (const char *)content->bytes + at,
                        content->path, at, (size_t)(size - at < part ? size - at : part));
    if (r == 0)
        r = upload_complete(&upload);
    upload_end(&upload, r == 0);
    return r;
}

int s3_put(struct blob_store *store, const struct blob_content *content)
{
    struct stat info = {.st_size = (off_t)content->size, .st_mode = S_IFREG};

    if (content->path && stat(content->path, &info) < 0)
        return errno == ENOENT ? -AISHA_E_NOT_FOUND : -AISHA_E_UNAVAILABLE;
    if (!S_ISREG(info.st_mode))
        return -AISHA_E_INVALID;
    int r = info.st_size <= S3_PART_BYTES ? put_at_once(s3_of(store), content, (size_t)info.st_size)
                                          : put_in_parts(s3_of(store), content, info.st_size);
    return r == -AISHA_E_NOT_FOUND ? -AISHA_E_UNAVAILABLE : r;
}

/* ---- in pieces ---- */

struct s3_writer {
    struct blob_writer writer;
    struct upload upload;
    char *path; /* of the part that is being filled */
    int fd;
    size_t size; /* of it */
    bool is_complete;
};

struct piece {
    int fd;
    const char *bytes;
    size_t size;
};

static int append_now(void *arg)
{
    const struct piece *piece = arg;

    return blob_write_all(piece->fd, piece->bytes, piece->size);
}

static int empty_now(void *arg)
{
    const struct piece *piece = arg;

    return ftruncate(piece->fd, 0) < 0 || lseek(piece->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static AISHA_ASYNC int on_disk(struct s3_writer *writer, int (*fn)(void *arg), const char *bytes,
                               size_t size)
{
    struct piece piece = {.fd = writer->fd, .bytes = bytes, .size = size};

    int r = workers_run(writer->upload.s3->store.workers, fn, &piece);
    if (r >= 0 || r <= -AISHA_E_TIMEOUT)
        return r;
    log_error("blob", "a file on its way to S3 cannot be written: %s", strerror(-r));
    return -AISHA_E_UNAVAILABLE;
}

int s3_create(struct blob_store *store, const char *key, const char *type,
              struct blob_writer **ret_writer)
{
    struct s3_writer *writer = calloc(1, sizeof *writer);
    struct s3 *s3 = s3_of(store);

    if (!writer ||
        asprintf(&writer->path, "%s/s3-%" PRIu64, s3->temp_directory, ++s3->temp_count) < 0)
        abort();
    writer->writer.store = store;
    writer->upload.s3 = s3;
    writer->upload.key = arena_strdup(&writer->upload.arena, key);
    writer->upload.type = arena_strdup(&writer->upload.arena, type);
    writer->fd = open(writer->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        log_error("blob", "%s: %s", writer->path, strerror(errno));
        s3_discard(&writer->writer);
        return -AISHA_E_UNAVAILABLE;
    }
    *ret_writer = &writer->writer;
    return 0;
}

static AISHA_ASYNC int send_part(struct s3_writer *writer)
{
    int r = writer->upload.id ? 0 : upload_begin(&writer->upload);

    if (r == 0)
        r = upload_part(&writer->upload, NULL, writer->path, 0, writer->size);
    if (r == 0)
        r = on_disk(writer, empty_now, NULL, 0);
    if (r == 0)
        writer->size = 0;
    return r;
}

int s3_write(struct blob_writer *base, const void *bytes, size_t size)
{
    struct s3_writer *writer = (struct s3_writer *)base;
    const char *next = bytes;
    int r = 0;

    while (r == 0 && size > 0) {
        size_t room = S3_PART_BYTES - writer->size, count = size < room ? size : room;
        if (room == 0) {
            r = send_part(writer);
            continue;
        }
        r = on_disk(writer, append_now, next, count);
        writer->size += count;
        next += count;
        size -= count;
    }
    return r;
}

int s3_finish(struct blob_writer *base)
{
    struct s3_writer *writer = (struct s3_writer *)base;
    struct upload *upload = &writer->upload;
    int r;

    if (!upload->id) {
        const struct blob_content content = {
            .key = upload->key, .type = upload->type, .path = writer->path};
        r = put_at_once(upload->s3, &content, writer->size);
    } else {
        r = writer->size > 0 ? send_part(writer) : 0;
        if (r == 0)
            r = upload_complete(upload);
        writer->is_complete = r == 0;
    }
    return r == -AISHA_E_NOT_FOUND ? -AISHA_E_UNAVAILABLE : r;
}

void s3_discard(struct blob_writer *base)
{
    struct s3_writer *writer = (struct s3_writer *)base;

    if (writer->fd >= 0) {
        close(writer->fd);
        unlink(writer->path);
    }
    free(writer->path);
    upload_end(&writer->upload, writer->is_complete);
    free(writer);
}

/* ---- what was left ---- */

struct leftovers {
    struct s3 *s3;
    struct arena arena;
    const char *key, *id, *began; /* of the one that is being read */

    struct {
        const char *key, *id;
    } found[BLOB_PAGE_MAX];

    size_t count;
};

static bool is_old(const char *began)
{
    struct tm utc = {0};

    return strptime(began, "%Y-%m-%dT%H:%M:%S", &utc) &&
           (int64_t)timegm(&utc) < (int64_t)time(NULL) - UNFINISHED_S;
}

static void on_upload(const char *path, const char *text, void *user)
{
    static const char prefix[] = "ListMultipartUploadsResult/Upload";
    struct leftovers *left = user;

    if (strncmp(path, prefix, strlen(prefix)) != 0)
        return;
    path += strlen(prefix);
    if (strcmp(path, "/Key") == 0) {
        left->key = arena_strdup(&left->arena, text);
    } else if (strcmp(path, "/UploadId") == 0) {
        left->id = arena_strdup(&left->arena, text);
    } else if (strcmp(path, "/Initiated") == 0) {
        left->began = arena_strdup(&left->arena, text);
    } else if (!*path) { /* its end */
        if (left->key && left->id && left->began && is_old(left->began) && blob_is_key(left->key) &&
            left->count < BLOB_PAGE_MAX) {
            left->found[left->count].key = left->key;
            left->found[left->count++].id = left->id;
        }
        left->key = left->id = left->began = NULL;
    }
}

int s3_tidy(struct blob_store *store)
{
    struct leftovers *left = calloc(1, sizeof *left);
    const struct aisha_http_response *response;
    const struct s3_call call = {
        .method = "GET",
        .queries = &(const struct s3_field){"uploads", ""},
        .query_count = 1,
    };

    if (!left)
        return -ENOMEM;
    left->s3 = s3_of(store);
    int r = s3_call(left->s3, &left->arena, &call, &response);
    if (r == 0)
        r = xml_scan(response->body, response->body_size, on_upload, left);
    for (size_t i = 0; r == 0 && i < left->count; i++)
        abort_upload(left->s3, left->found[i].key, left->found[i].id);
    arena_clear(&left->arena);
    free(left);
    return r;
}

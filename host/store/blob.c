/*
 * What both kinds of store have in common: keys, content types, and whole files made of pieces.
 */
#include "host/store/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "host/store/blob_backend.h"
#include "host/store/uuid.h"

#define CHECK_PREFIX "host/health-"

enum { COPY_BYTES = 1024 * 1024, READ_TRIES = 5, OLD_CHECK_S = 3600 };

/* ---- keys and types ---- */

bool blob_is_part(const char *part, size_t length)
{
    return length > 0 &&
           strspn(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._-") >= length &&
           !(length == 1 && part[0] == '.') && !(length == 2 && part[0] == '.' && part[1] == '.') &&
           strncmp(part, BLOB_TEMPORARY, strlen(BLOB_TEMPORARY)) != 0;
}

bool blob_is_key(const char *key)
{
    int depth = 0;

    if (strlen(key) > BLOB_MAX_KEY)
        return false;
    for (;;) {
        size_t length = strcspn(key, "/");
        if (!blob_is_part(key, length) || ++depth > BLOB_MAX_DEPTH)
            return false;
        if (key[length] == '\0')
            return true;
        key += length + 1;
    }
}

const char *blob_type_of(const char *key)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".png", "image/png"},
        {".webp", "image/webp"},
        {".gif", "image/gif"},
        {".mp3", "audio/mpeg"},
        {".ogg", "audio/ogg"},
        {".wav", "audio/wav"},
        {".m4a", "audio/mp4"},
        {".mp4", "video/mp4"},
        {".webm", "video/webm"},
        {".zip", "application/zip"},
        {".pdf", "application/pdf"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
    };

    const char *dot = strrchr(key, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

static const char *type_or_standard(const char *type, const char *key)
{
    return type && *type ? type : blob_type_of(key);
}

/* It becomes a header. */
static bool is_type(const char *type)
{
    size_t length = type ? strlen(type) : 0;

    if (length > 100)
        return false;
    for (size_t i = 0; i < length; i++)
        if (type[i] < ' ' || type[i] > '~')
            return false;
    return true;
}

/* ---- whole files ---- */

static AISHA_ASYNC int put(struct blob_store *store, struct blob_content content)
{
    if (!blob_is_key(content.key) || !is_type(content.type))
        return -AISHA_E_INVALID;
    content.type = type_or_standard(content.type, content.key);
    return store->backend->put(store, &content);
}

int blob_put(struct blob_store *store, const char *key, const char *type, const void *bytes,
             size_t size)
{
    return put(store, (struct blob_content){
                          .key = key, .type = type, .bytes = bytes ? bytes : "", .size = size});
}

int blob_put_file(struct blob_store *store, const char *key, const char *type, const char *path)
{
    return put(store, (struct blob_content){.key = key, .type = type, .path = path});
}

/* It is malloc'ed. */
static AISHA_ASYNC int get_once(struct blob_store *store, const char *key, size_t max_size,
                                char **ret_bytes, size_t *ret_size)
{
    struct blob_reader *reader;
    char *bytes = NULL;

    int r = blob_open(store, key, &reader);
    if (r < 0)
        return r;
    size_t size = (size_t)reader->info.size;
    if (size > max_size)
        r = -AISHA_E_LIMIT;
    else if (!(bytes = malloc(size + 1)))
        r = -ENOMEM;
    if (r == 0)
        r = blob_read(reader, 0, bytes, size);
    blob_close(reader);
    if (r < 0) {
        free(bytes);
        return r;
    }
    bytes[size] = '\0';
    *ret_bytes = bytes;
    *ret_size = size;
    return 0;
}

int blob_get(struct blob_store *store, struct arena *arena, const char *key, size_t max_size,
             const void **ret_bytes, size_t *ret_size)
{
    char *bytes;
    int r = -AISHA_E_CONFLICT;

    for (int i = 0; i < READ_TRIES && r == -AISHA_E_CONFLICT; i++) /* it is being replaced */
        r = get_once(store, key, max_size, &bytes, ret_size);
    if (r < 0)
        return r;
    arena_defer(arena, free, bytes);
    *ret_bytes = bytes;
    return 0;
}

int blob_write_all(int fd, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t done = write(fd, (const char *)bytes + at, size - at);
        if (done < 0 && errno != EINTR)
            return -errno;
        at += done > 0 ? (size_t)done : 0;
    }
    return 0;
}

struct piece {
    int fd;
    char *bytes;
    size_t size;
};

static int append_piece(void *arg)
{
    const struct piece *piece = arg;

    return blob_write_all(piece->fd, piece->bytes, piece->size);
}

static AISHA_ASYNC int copy_out(struct blob_reader *reader, int fd)
{
    struct piece piece = {.fd = fd, .bytes = malloc(COPY_BYTES)};
    int r = piece.bytes ? 0 : -ENOMEM;

    for (int64_t at = 0; r == 0 && at < reader->info.size; at += (int64_t)piece.size) {
        int64_t left = reader->info.size - at;
        piece.size = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        r = blob_read(reader, at, piece.bytes, piece.size);
        if (r == 0)
            r = workers_run(reader->store->workers, append_piece, &piece);
    }
    free(piece.bytes);
    return r > -AISHA_E_TIMEOUT && r < 0 ? -AISHA_E_UNAVAILABLE : r;
}

static int create_file(const char *path, int *ret_fd)
{
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*ret_fd >= 0)
        return 0;
    return errno == ENOENT   ? -AISHA_E_INVALID
           : errno == EEXIST ? -AISHA_E_CONFLICT
                             : -AISHA_E_UNAVAILABLE;
}

static AISHA_ASYNC int get_file_once(struct blob_store *store, const char *key, const char *path)
{
    struct blob_reader *reader;
    int fd;

    int r = blob_open(store, key, &reader);
    if (r < 0)
        return r;
    r = create_file(path, &fd);
    if (r == 0)
        r = copy_out(reader, fd);
    blob_close(reader);
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -AISHA_E_UNAVAILABLE;
    if (r < 0 && fd >= 0)
        unlink(path);
    return r;
}

int blob_get_file(struct blob_store *store, const char *key, const char *path)
{
    int r = -AISHA_E_CONFLICT;

    for (int i = 0; i < READ_TRIES && r == -AISHA_E_CONFLICT; i++)
        r = get_file_once(store, key, path);
    return r;
}

int blob_head(struct blob_store *store, struct arena *arena, const char *key,
              struct blob_info *ret_info)
{
    return blob_is_key(key) ? store->backend->head(store, arena, key, ret_info) : -AISHA_E_INVALID;
}

int blob_delete(struct blob_store *store, const char *key)
{
    return blob_is_key(key) ? store->backend->delete (store, key) : -AISHA_E_INVALID;
}

/* ---- in pieces ---- */

int blob_create(struct blob_store *store, const char *key, const char *type,
                struct blob_writer **ret_writer)
{
    if (!blob_is_key(key) || !is_type(type))
        return -AISHA_E_INVALID;
    return store->backend->create(store, key, type_or_standard(type, key), ret_writer);
}

int blob_write(struct blob_writer *writer, const void *bytes, size_t size)
{
    if (writer->failure == 0)
        writer->failure = writer->store->backend->write(writer, bytes, size);
    return writer->failure;
}

int blob_finish(struct blob_writer *writer)
{
    int r = writer->failure < 0 ? writer->failure : writer->store->backend->finish(writer);

    blob_discard(writer);
    return r;
}

void blob_discard(struct blob_writer *writer)
{
    if (writer)
        writer->store->backend->discard(writer);
}

int blob_open(struct blob_store *store, const char *key, struct blob_reader **ret_reader)
{
    return blob_is_key(key) ? store->backend->open(store, key, ret_reader) : -AISHA_E_INVALID;
}

const struct blob_info *blob_reader_info(const struct blob_reader *reader)
{
    return &reader->info;
}

int blob_read(struct blob_reader *reader, int64_t offset, void *bytes, size_t count)
{
    if (offset < 0 || offset > reader->info.size ||
        (uint64_t)count > (uint64_t)(reader->info.size - offset))
        return -AISHA_E_INVALID;
    return count > 0 ? reader->store->backend->read(reader, offset, bytes, count) : 0;
}

void blob_close(struct blob_reader *reader)
{
    if (reader)
        reader->store->backend->close(reader);
}

/* ---- many, and for the outside ---- */

int blob_list(struct blob_store *store, struct arena *arena, const char *prefix, const char *after,
              size_t max, struct blob_page *ret_page)
{
    const struct blob_listing listing = {
        .prefix = prefix,
        .after = after,
        .max = max > 0 && max < BLOB_PAGE_MAX ? max : BLOB_PAGE_MAX,
    };

    if (strlen(prefix) > BLOB_MAX_KEY || strlen(after) > BLOB_MAX_KEY)
        return -AISHA_E_INVALID;
    return store->backend->list(store, arena, &listing, ret_page);
}

const char *blob_url(struct blob_store *store, struct arena *arena, const char *key, int64_t ttl_s)
{
    return store->backend->url && blob_is_key(key)
               ? store->backend->url(store, arena, "GET", key, ttl_s)
               : NULL;
}

const char *blob_upload_url(struct blob_store *store, struct arena *arena, const char *key,
                            int64_t ttl_s)
{
    return store->backend->url && blob_is_key(key)
               ? store->backend->url(store, arena, "PUT", key, ttl_s)
               : NULL;
}

int blob_tidy(struct blob_store *store)
{
    return store->backend->tidy ? store->backend->tidy(store) : 0;
}

/* ---- life ---- */

bool blob_is_remote(const struct blob_store *store)
{
    return store->backend->is_remote;
}

/* What a process left that ended, or lost its connection, in the middle of a check. */
static AISHA_ASYNC int delete_old_checks(struct blob_store *store, struct arena *arena)
{
    int64_t old_s = (int64_t)time(NULL) - OLD_CHECK_S;
    struct blob_page page;

    int r = blob_list(store, arena, CHECK_PREFIX, "", 0, &page);
    for (size_t i = 0; r == 0 && i < page.count; i++)
        if (page.items[i].modified_at < old_s)
            r = blob_delete(store, page.items[i].key);
    return r;
}

int blob_check(struct blob_store *store, struct arena *arena, const char **ret_text,
               const char **ret_advice)
{
    /* others may look, too, from other machines */
    const char *key = arena_printf(arena, CHECK_PREFIX "%s", uuid_new(arena));
    static const char text[] = "good";
    const void *bytes;
    size_t size;

    int r = blob_put(store, key, NULL, text, sizeof text);
    if (r == 0)
        r = blob_get(store, arena, key, sizeof text, &bytes, &size);
    if (r == 0)
        r = blob_delete(store, key);
    if (r == 0)
        r = delete_old_checks(store, arena);
    if (r < 0)
        store->backend->explain(store, arena, r, ret_text, ret_advice);
    return r;
}

int blob_store_open(struct blob_store **ret_store, const struct blob_options *options,
                    struct arena *arena, const char **ret_error)
{
    static const char file[] = "file:";
    const char *url = options->url, *path = url + strlen(file);

    if (strncmp(url, "s3+http://", 10) == 0 || strncmp(url, "s3+https://", 11) == 0)
        return blob_s3_open(ret_store, options, arena, ret_error);
    if (strncmp(url, file, strlen(file)) == 0 && *path)
        return blob_file_open(ret_store, options, path, arena, ret_error);
    *ret_error = "it has to be file:DIRECTORY (for example file:var/files) or " BLOB_S3_FORM;
    return -AISHA_E_INVALID;
}

void blob_store_close(struct blob_store *store)
{
    if (store)
        store->backend->close_store(store);
}

/*
 * Files the bot keeps: pictures, voice notes, results. A key such as "audio/3f2a….mp3" is what a
 * plugin stores in its tables; where the bytes live (a directory, an S3 bucket) is the operator's
 * choice, and nothing here depends on it.
 *
 * A key is 1 to 200 characters of a-z A-Z 0-9 . _ - /, without empty, "." or ".." parts; the host
 * puts the plugin's name in front. Writing is atomic: readers see the old file or the new one. What
 * is larger than memory should hold goes by path, by a writer, a reader or aisha_blob_fetch().
 *
 * Everything that waits fails with -AISHA_E_INVALID for a key of another form, and with
 * -AISHA_E_UNAVAILABLE when the store cannot be used now: hand it on, and a handler or job that waits
 * for an S3 to come back is repeated.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;
struct aisha_blob_reader;
struct aisha_blob_writer;

/* The key by the name under which other plugins know it: "/", this plugin's name, "/", the key. To
 * be given to a service of another plugin; all functions here take such names, too. */
AISHA_PUBLIC const char *aisha_blob_name(struct aisha_ctx *ctx, const char *key);

struct aisha_blob_info {
    size_t size;
    int64_t bytes;
    int64_t modified_at;      /* UTC seconds */
    const char *etag;         /* changes whenever the content does */
    const char *content_type; /* NULL in lists */
    const char *key;
};

/* ---- whole files ---- */

/* Stores bytes, or the file at path, under key for good; what was there is replaced.
 * -AISHA_E_CONFLICT when the key leads through another blob or is where others lie: in a directory
 * "a" and "a/b" cannot both be. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_put(struct aisha_ctx *ctx, const char *key,
                                                          const void *bytes, size_t size);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_put_file(struct aisha_ctx *ctx,
                                                               const char *key, const char *path);

/* The same with more to say: aisha_blob_save(ctx, .key = "a.zip", .path = path, .expires_in_s = 60) */
struct aisha_blob_source {
    size_t size;
    const char *key;
    const void *bytes; /* or path */
    size_t bytes_size;
    const char *path;
    const char *content_type; /* NULL = by the key's ending */
    /* Over 0: the host deletes it after that time, also when the process is killed before it is
     * written. Give such things keys of their own (aisha_uuid()): one that is used again about the
     * time of its end may be deleted. 0 = it stays until it is deleted. */
    int64_t expires_in_s;
};

#define aisha_blob_save(ctx, ...)                                                                  \
    aisha_blob_save_((ctx), &(const struct aisha_blob_source){                                     \
                                .size = sizeof(struct aisha_blob_source), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_save_(struct aisha_ctx *ctx,
                                                            const struct aisha_blob_source *source);

/* Sets or, with 0, lifts the time after which the host deletes what is or will be under key. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_expire(struct aisha_ctx *ctx, const char *key,
                                                             int64_t in_s);

/* Reads it into memory that lives as long as ctx. -AISHA_E_NOT_FOUND; -AISHA_E_LIMIT when it is
 * larger than max_size. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_get(struct aisha_ctx *ctx, const char *key,
                                                          size_t max_size, const void **ret_bytes,
                                                          size_t *ret_size);

/* Copies it to a new file at path. -AISHA_E_NOT_FOUND, -AISHA_E_CONFLICT when there is a file,
 * -AISHA_E_INVALID when there is no directory for it. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_get_file(struct aisha_ctx *ctx,
                                                               const char *key, const char *path);

/* -AISHA_E_NOT_FOUND. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_head(struct aisha_ctx *ctx, const char *key,
                                                           const struct aisha_blob_info **ret_info);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_size(struct aisha_ctx *ctx, const char *key,
                                                           int64_t *ret_size);

/* Deleting what is not there is done, not an error. All of a folder: its name ends in "/". */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_delete(struct aisha_ctx *ctx,
                                                             const char *key);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_delete_folder(struct aisha_ctx *ctx,
                                                                    const char *folder);

/* ---- in pieces ---- */

/*
 * Writes piece by piece: aisha_blob_create(ctx, &writer, .key = …, .content_type = …,
 * .expires_in_s = …), aisha_blob_write() and aisha_blob_finish(), which makes the file appear. A
 * writer that was not finished leaves nothing behind. finish and discard free it, whatever they
 * return; so does the handler's return.
 */
#define aisha_blob_create(ctx, ret_writer, ...)                                                    \
    aisha_blob_create_(                                                                            \
        (ctx), (ret_writer),                                                                       \
        &(const struct aisha_blob_source){.size = sizeof(struct aisha_blob_source), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_blob_create_(struct aisha_ctx *ctx, struct aisha_blob_writer **ret_writer,
                   const struct aisha_blob_source *source);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_write(struct aisha_blob_writer *writer,
                                                            const void *bytes, size_t size);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_finish(struct aisha_blob_writer *writer);
AISHA_PUBLIC void aisha_blob_discard(struct aisha_blob_writer *writer);

/* Opens it for reading; freed by close or the handler's return. -AISHA_E_NOT_FOUND. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_blob_open(struct aisha_ctx *ctx, struct aisha_blob_reader **ret_reader, const char *key);
AISHA_PUBLIC const struct aisha_blob_info *aisha_blob_info(const struct aisha_blob_reader *reader);

/* At most size bytes from offset on; *ret_size is less only at the end. -AISHA_E_CONFLICT when it
 * was replaced meanwhile: never some of both. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_read(struct aisha_blob_reader *reader,
                                                           int64_t offset, void *bytes, size_t size,
                                                           size_t *ret_size);
AISHA_PUBLIC void aisha_blob_close(struct aisha_blob_reader *reader);

/* ---- many ---- */

struct aisha_blob_query {
    size_t size;
    const char *prefix; /* the plugin's keys that begin so; NULL = all */
    const char *after;  /* those behind this one: .next of the page before */
    size_t max;         /* of one page; 0 = 100, at most 1000 */
};

struct aisha_blob_page {
    size_t size;
    const struct aisha_blob_info *items; /* ordered by the bytes of their keys */
    size_t count;
    const char *next; /* NULL = there are no more */
};

#define aisha_blob_list(ctx, ret_page, ...)                                                        \
    aisha_blob_list_(                                                                              \
        (ctx), (ret_page),                                                                         \
        &(const struct aisha_blob_query){.size = sizeof(struct aisha_blob_query), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_list_(struct aisha_ctx *ctx,
                                                            const struct aisha_blob_page **ret_page,
                                                            const struct aisha_blob_query *query);

/* ---- from and for the outside ---- */

struct aisha_blob_fetch {
    size_t size;
    const char *key;
    const char *url;
    const char *const *headers; /* as in <aisha/http.h> */
    int64_t max_bytes;          /* needed; a longer answer is -AISHA_E_LIMIT */
    int64_t timeout_ms;         /* 0 = 5 minutes */
    const char *content_type;   /* as in aisha_blob_save(), and so is the next */
    int64_t expires_in_s;
};

struct aisha_blob_fetched {
    size_t size;
    int status;               /* what the service answered */
    int64_t bytes;            /* stored */
    const char *content_type; /* what the service said; may be NULL */
};

enum {
    /* The service answered with something else than 200: see .status; nothing was stored. */
    AISHA_BLOB_NOT_FETCHED = 1
};

/* Downloads what is at url and stores it, however large, with little memory. 0,
 * AISHA_BLOB_NOT_FETCHED, or as aisha_http() fails. */
#define aisha_blob_fetch(ctx, ret_fetched, ...)                                                    \
    aisha_blob_fetch_(                                                                             \
        (ctx), (ret_fetched),                                                                      \
        &(const struct aisha_blob_fetch){.size = sizeof(struct aisha_blob_fetch), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_blob_fetch_(struct aisha_ctx *ctx, const struct aisha_blob_fetched **ret_fetched,
                  const struct aisha_blob_fetch *fetch);

/* A URL at which whoever has it can fetch the blob for the next ttl_s seconds (at most 7 days): for
 * services that download what they work on. NULL when nobody outside can reach the store: the host
 * has no PUBLIC_URL. Store keys, not URLs. */
AISHA_PUBLIC const char *aisha_blob_url(struct aisha_ctx *ctx, const char *key, int64_t ttl_s);

/* Where the operator shows the store to everybody (CDN_URL): for pictures without a secret. NULL
 * when they do not. */
AISHA_PUBLIC const char *aisha_blob_public_url(struct aisha_ctx *ctx, const char *key);

struct aisha_blob_upload {
    size_t size;
    const char *key;
    int64_t ttl_s;     /* the link is good for that time, at most 7 days */
    int64_t max_bytes; /* 0 = what the store takes: 1 GiB in a directory */
};

/* A URL to which whoever has it can PUT the blob, as often as they like until it expires. NULL when
 * nobody outside can reach the store. See aisha_blob_expire() for what is perhaps never used. */
#define aisha_blob_upload_url(ctx, ...)                                                            \
    aisha_blob_upload_url_((ctx), &(const struct aisha_blob_upload){                               \
                                      .size = sizeof(struct aisha_blob_upload), __VA_ARGS__})

AISHA_PUBLIC const char *aisha_blob_upload_url_(struct aisha_ctx *ctx,
                                                const struct aisha_blob_upload *upload);

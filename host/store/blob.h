/*
 * The files the bot keeps, chosen by BLOB_URL: file:DIRECTORY or s3+https://KEY:SECRET@HOST/BUCKET.
 * Keys as in aisha/blob.h, with the owner's name already in front; nothing above this file knows
 * where they are. However large a file is, no more than a buffer of it is in memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct blob_reader;
struct blob_store;
struct blob_writer;
struct http_client;
struct loop;
struct workers;

struct blob_options {
    struct loop *loop;
    struct workers *workers;
    struct http_client *http;
    const char *url;
    const char *public_url;     /* of S3: how others reach it; NULL or "" = as we do */
    const char *temp_directory; /* for what is on its way */
};

/*
 * Makes the directory when it is missing. ret_error says what is wrong with the URL or with it. An
 * S3 that cannot be reached is no error here: what is asked of it fails with -AISHA_E_UNAVAILABLE
 * until it can.
 */
int blob_store_open(struct blob_store **ret_store, const struct blob_options *options,
                    struct arena *arena, const char **ret_error);
void blob_store_close(struct blob_store *store);

/* It is another machine's, which may come back when it fails. */
bool blob_is_remote(const struct blob_store *store);

/* Writes, reads, lists and deletes a small file. The texts, in arena, say what failed and what to do. */
AISHA_ASYNC AISHA_CHECKED int blob_check(struct blob_store *store, struct arena *arena,
                                         const char **ret_text, const char **ret_advice);

/* ---- whole files ---- */

/* Bytes, or the file at path. type is its content type, NULL = by the key's ending. What is read goes to
 * a new file: -AISHA_E_CONFLICT when there is one, -AISHA_E_INVALID without its directory. */
AISHA_ASYNC AISHA_CHECKED int blob_put(struct blob_store *store, const char *key, const char *type,
                                       const void *bytes, size_t size);
AISHA_ASYNC AISHA_CHECKED int blob_put_file(struct blob_store *store, const char *key,
                                            const char *type, const char *path);
AISHA_ASYNC AISHA_CHECKED int blob_get(struct blob_store *store, struct arena *arena,
                                       const char *key, size_t max_size, const void **ret_bytes,
                                       size_t *ret_size);
AISHA_ASYNC AISHA_CHECKED int blob_get_file(struct blob_store *store, const char *key,
                                            const char *path);

struct blob_info {
    int64_t size, modified_at; /* UTC seconds */
    const char *etag;          /* without quotes; changes whenever the content is replaced */
    const char *content_type;
};

AISHA_ASYNC AISHA_CHECKED int blob_head(struct blob_store *store, struct arena *arena,
                                        const char *key, struct blob_info *ret_info);
AISHA_ASYNC AISHA_CHECKED int blob_delete(struct blob_store *store, const char *key);

/* What a browser is told about a file of that name. */
const char *blob_type_of(const char *key);

/* ---- in pieces ---- */

AISHA_ASYNC AISHA_CHECKED int blob_create(struct blob_store *store, const char *key,
                                          const char *type, struct blob_writer **ret_writer);
AISHA_ASYNC AISHA_CHECKED int blob_write(struct blob_writer *writer, const void *bytes,
                                         size_t size);
/* Both free the writer, whatever they return. */
AISHA_ASYNC AISHA_CHECKED int blob_finish(struct blob_writer *writer);
void blob_discard(struct blob_writer *writer);

AISHA_ASYNC AISHA_CHECKED int blob_open(struct blob_store *store, const char *key,
                                        struct blob_reader **ret_reader);
const struct blob_info *blob_reader_info(const struct blob_reader *reader);

/* Exactly count bytes from offset on, which must be there. -AISHA_E_CONFLICT when the blob was
 * replaced or deleted meanwhile, unless the store keeps what is being read. */
AISHA_ASYNC AISHA_CHECKED int blob_read(struct blob_reader *reader, int64_t offset, void *bytes,
                                        size_t count);
void blob_close(struct blob_reader *reader);

/* ---- many ---- */

struct blob_item {
    const char *key;
    int64_t size, modified_at;
    const char *etag;
};

struct blob_page {
    const struct blob_item *items; /* ordered by the bytes of their keys */
    size_t count;
    bool has_more; /* behind the last one */
};

enum { BLOB_PAGE_MAX = 1000 };

/* Those whose keys begin with prefix and are behind after; both may be "". */
AISHA_ASYNC AISHA_CHECKED int blob_list(struct blob_store *store, struct arena *arena,
                                        const char *prefix, const char *after, size_t max,
                                        struct blob_page *ret_page);

/* Removes what killed processes have left unfinished in a store that others share; once in a while. */
AISHA_ASYNC AISHA_CHECKED int blob_tidy(struct blob_store *store);

/* ---- for the outside ---- */

/* Where the store itself lets whoever has the URL read, or write, for that many seconds; NULL when
 * it is a directory. */
const char *blob_url(struct blob_store *store, struct arena *arena, const char *key, int64_t ttl_s);
const char *blob_upload_url(struct blob_store *store, struct arena *arena, const char *key,
                            int64_t ttl_s);

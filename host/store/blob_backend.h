/*
 * What blob.c and the two kinds of store agree on. Keys have been checked; what is named as in
 * blob.h does the same as there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

#include "host/core/arena.h"
#include "host/store/blob.h"

enum { BLOB_MAX_KEY = 220, BLOB_MAX_DEPTH = 16 };

/* A file of the store's own that is not finished yet; no key has such a part. */
#define BLOB_TEMPORARY ".writing-"

struct blob_content {
    const char *key, *type;
    const void *bytes; /* or path */
    size_t size;
    const char *path;
};

struct blob_listing {
    const char *prefix, *after;
    size_t max;
};

struct blob_backend {
    bool is_remote;
    AISHA_ASYNC int (*put)(struct blob_store *store, const struct blob_content *content);
    AISHA_ASYNC int (*head)(struct blob_store *store, struct arena *arena, const char *key,
                            struct blob_info *ret_info);
    AISHA_ASYNC int (*delete)(struct blob_store *store, const char *key);
    AISHA_ASYNC int (*list)(struct blob_store *store, struct arena *arena,
                            const struct blob_listing *listing, struct blob_page *ret_page);
    AISHA_ASYNC int (*create)(struct blob_store *store, const char *key, const char *type,
                              struct blob_writer **ret_writer);
    AISHA_ASYNC int (*write)(struct blob_writer *writer, const void *bytes, size_t size);
    AISHA_ASYNC int (*finish)(struct blob_writer *writer);
    void (*discard)(struct blob_writer *writer);
    AISHA_ASYNC int (*open)(struct blob_store *store, const char *key,
                            struct blob_reader **ret_reader);
    AISHA_ASYNC int (*read)(struct blob_reader *reader, int64_t offset, void *bytes, size_t count);
    void (*close)(struct blob_reader *reader);
    const char *(*url)(struct blob_store *store, struct arena *arena, const char *method,
                       const char *key, int64_t ttl_s); /* NULL = it has none */
    AISHA_ASYNC int (*tidy)(struct blob_store *store);  /* NULL = needs none */
    void (*explain)(struct blob_store *store, struct arena *arena, int r, const char **ret_text,
                    const char **ret_advice); /* of a failed check */
    void (*close_store)(struct blob_store *store);
};

/* The first member of what the back ends make. */
struct blob_store {
    const struct blob_backend *backend;
    struct workers *workers;
};

struct blob_reader {
    struct blob_store *store;
    struct arena arena; /* of info */
    struct blob_info info;
};

struct blob_writer {
    struct blob_store *store;
    int failure; /* of a piece: what follows it is not wanted any more */
};

/* Whether it is a key, and none of the store's own names. */
bool blob_is_key(const char *key);
bool blob_is_part(const char *part, size_t length);

/* A whole buffer into a file, on any thread. */
int blob_write_all(int fd, const void *bytes, size_t size);

int blob_file_open(struct blob_store **ret_store, const struct blob_options *options,
                   const char *path, struct arena *arena, const char **ret_error);

#define BLOB_S3_FORM "s3+https://KEY:SECRET@HOST[:PORT]/BUCKET?region=REGION"
int blob_s3_open(struct blob_store **ret_store, const struct blob_options *options,
                 struct arena *arena, const char **ret_error);

/* ---- within blob_file*.c ---- */

struct stat;
const char *blob_file_etag(struct arena *arena, const struct stat *info);

/* On a worker thread, with an arena of its own: what is below the directory. */
int blob_file_walk(int root_fd, const struct blob_listing *listing, struct arena *arena,
                   struct blob_page *ret_page);

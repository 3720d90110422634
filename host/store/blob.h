/*
 * The files the bot keeps, chosen by BLOB_URL: file:DIRECTORY. Keys as in aisha/blob.h, with the
 * owner's name already in front. All work on the disk is done by worker threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct blob_store;
struct workers;

/* Makes the directory when it is missing. ret_error says what is wrong with the URL or with it. */
int blob_store_open(struct blob_store **ret_store, struct workers *workers, const char *url,
                    struct arena *arena, const char **ret_error);
void blob_store_close(struct blob_store *store);

AISHA_ASYNC AISHA_CHECKED int blob_put(struct blob_store *store, const char *key, const void *bytes,
                                       size_t size);
AISHA_ASYNC AISHA_CHECKED int blob_put_file(struct blob_store *store, const char *key,
                                            const char *path);
AISHA_ASYNC AISHA_CHECKED int blob_get(struct blob_store *store, struct arena *arena,
                                       const char *key, size_t max_size, const void **ret_bytes,
                                       size_t *ret_size);
AISHA_ASYNC AISHA_CHECKED int blob_get_file(struct blob_store *store, const char *key,
                                            const char *path);
AISHA_ASYNC AISHA_CHECKED int blob_size(struct blob_store *store, const char *key,
                                        int64_t *ret_size);
/* A text that changes whenever the content is replaced. */
AISHA_ASYNC AISHA_CHECKED int blob_stamp(struct blob_store *store, struct arena *arena,
                                         const char *key, const char **ret_stamp);

/* A blob as it is now; replacing or deleting it later does not change what is read. */
struct blob_file {
    int fd; /* to be closed */
    int64_t size, modified_at_ns;
};

AISHA_ASYNC AISHA_CHECKED int blob_open(struct blob_store *store, const char *key,
                                        struct blob_file *ret_file);

/* Exactly count bytes from offset on. */
AISHA_ASYNC AISHA_CHECKED int blob_read(struct blob_store *store, const struct blob_file *file,
                                        int64_t offset, void *bytes, size_t count);

AISHA_ASYNC AISHA_CHECKED int blob_delete(struct blob_store *store, const char *key);

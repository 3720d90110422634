/*
 * Files the bot keeps: pictures, voice notes, results. A key such as "audio/3f2a….mp3" is what a
 * plugin stores in its tables; where the bytes live (a directory, an S3 bucket) is the operator's
 * choice.
 *
 * A key is 1 to 200 characters of a-z A-Z 0-9 . _ - /, without empty, "." or ".." parts; the host
 * puts the plugin's name in front. Writing is atomic: readers see the old file or the new one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

/* The key by the name under which other plugins know it: "/", this plugin's name, "/", the key. To
 * be given to a service of another plugin; all functions here take such names, too. */
AISHA_PUBLIC const char *aisha_blob_name(struct aisha_ctx *ctx, const char *key);

/* Stores bytes, or the file at path, under key; what was there is replaced. -AISHA_E_CONFLICT when
 * the key leads through another blob or is where others lie ("a" and "a/b" cannot both be). */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_put(struct aisha_ctx *ctx, const char *key,
                                                          const void *bytes, size_t size);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_put_file(struct aisha_ctx *ctx,
                                                               const char *key, const char *path);

/* Reads it into memory that lives as long as ctx. -AISHA_E_NOT_FOUND; -AISHA_E_LIMIT when it is
 * larger than max_size. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_get(struct aisha_ctx *ctx, const char *key,
                                                          size_t max_size, const void **ret_bytes,
                                                          size_t *ret_size);

/* Copies it to a new file at path. -AISHA_E_NOT_FOUND. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_get_file(struct aisha_ctx *ctx,
                                                               const char *key, const char *path);

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_size(struct aisha_ctx *ctx, const char *key,
                                                           int64_t *ret_size);

/* A URL at which whoever has it can fetch the blob for the next ttl_s seconds (at most 7 days): for
 * services that download what they work on. NULL when the host has no PUBLIC_URL. */
AISHA_PUBLIC const char *aisha_blob_url(struct aisha_ctx *ctx, const char *key, int64_t ttl_s);

/* Deleting what is not there is done, not an error. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_blob_delete(struct aisha_ctx *ctx,
                                                             const char *key);

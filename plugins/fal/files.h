/*
 * Files on the way to the provider and from it, looked at by a worker thread: nothing of them is
 * decoded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

#include "image_header.h"

struct aisha_ctx;

/* The picture in the file at path. -AISHA_E_INVALID when it is none. */
AISHA_ASYNC AISHA_CHECKED int file_picture(struct aisha_ctx *ctx, const char *path,
                                           struct image_header *ret);

/* Weights: their hash and size. -AISHA_E_INVALID when the file is not whole, or not safetensors. */
struct file_weights {
    char sha256[65];
    int64_t bytes;
};

AISHA_ASYNC AISHA_CHECKED int file_weights(struct aisha_ctx *ctx, const char *path,
                                           struct file_weights *ret);

/* Packs the files, uncompressed, into a new archive at path. */
struct file_to_pack {
    const char *path, *name;
};

AISHA_ASYNC AISHA_CHECKED int file_pack(struct aisha_ctx *ctx, const char *path,
                                        const struct file_to_pack *files, size_t count);

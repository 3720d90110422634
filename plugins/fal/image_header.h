/*
 * What kind of picture a file is, how large, and whether its end is there: from its first and last
 * bytes, without decoding anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_header {
    const char *content_type; /* image/jpeg, image/png or image/webp */
    const char *ending;       /* "jpg", "png", "webp" */
    int64_t width, height;
    bool is_whole; /* the file ends as its kind has to */
};

/* false when it is none of them, or its size is nowhere within the bytes. */
bool image_header_read(const void *bytes, size_t size, struct image_header *ret);

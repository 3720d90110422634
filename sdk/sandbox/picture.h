/*
 * Pictures that came from others: JPEG, PNG, WebP, GIF.
 */
#pragma once

#include <stddef.h>

enum picture_result {
    PICTURE_FINE,
    PICTURE_UNKNOWN,   /* no format that is known */
    PICTURE_TOO_LARGE, /* more pixels than are decoded */
    PICTURE_BROKEN,
};

struct picture {
    const char *format; /* "jpeg", "png", "webp", "gif" */
    int width, height;
    /* Parts of it, from 0 to 1, in colours that ordinary pictures do not have: see README.md. */
    double magenta, cyan;
    void *thumbnail; /* PNG, when asked for; free() it */
    size_t thumbnail_size;
};

/* Once, before the others: what the library has to say goes nowhere. */
void pictures_start(void);

/* Decodes it all, on a worker thread. thumbnail_side 0 = none. */
enum picture_result picture_read(const void *bytes, size_t size, int thumbnail_side,
                                 struct picture *ret_picture);

/*
 * The pictures that generators make: they say and show what they were made from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something that went in: weights, or a picture. */
struct draw_part {
    const char *label;
    const void *picture; /* PNG of picture_read(), or NULL */
    size_t picture_size;
};

enum { DRAW_PARTS = 4 };

struct draw_scene {
    int width, height;
    const char *format; /* "jpeg", "png", "webp" */
    const char *title, *prompt, *numbers;
    uint64_t seed; /* of colours and shapes */
    bool is_black; /* nothing to be seen */
    struct draw_part parts[DRAW_PARTS];
    int part_count;
    void *bytes; /* the result, free() it; NULL when there is none */
    size_t size;
};

/* On a worker thread; arg is the scene. Always 0. */
int draw(void *arg);

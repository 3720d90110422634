/*
 * A growing text in an arena, and reading a small file into one.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

#include "host/core/arena.h"

/* Starts as {.arena = …}. */
struct text {
    struct arena *arena;
    char *data; /* ended by zero; NULL until something was added */
    size_t size, capacity;
};

void text_add(struct text *text, const char *data, size_t size);
void text_adds(struct text *text, const char *data);

/* The text so far, never NULL; the arena owns it. */
char *text_done(struct text *text);

/* Reads a whole file, ended by zero; ret_size may be NULL. -AISHA_E_LIMIT when it is larger than
 * max_bytes. */
AISHA_CHECKED int text_read_file(struct arena *arena, const char *path, size_t max_bytes,
                                 char **ret, size_t *ret_size);

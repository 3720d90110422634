/*
 * Files that are part of the program, made by embed.py at build time.
 */
#pragma once

#include <stddef.h>

struct embedded_file {
    const char *name;
    const unsigned char *bytes;
    size_t size;
};

/* Each ends with a row without a name. */
extern const struct embedded_file spec_files[], page_files[];

/* NULL when there is none of that name. */
const struct embedded_file *embedded_find(const struct embedded_file *files, const char *name);

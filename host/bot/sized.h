/*
 * Structs that a plugin hands over start with their size, which tells how much of them it knew when
 * it was built.
 */
#pragma once

#include <stddef.h>
#include <string.h>

/* Copies what there is of *from into *to, which is of this host's size; the rest is zero. */
static inline void sized_copy(void *to, size_t to_size, const void *from)
{
    size_t from_size = *(const size_t *)from;

    memset(to, 0, to_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}

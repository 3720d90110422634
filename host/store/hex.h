/* Bytes as hexadecimal text. */
#pragma once

#include <stddef.h>

struct arena;

const char *hex_encode(struct arena *arena, const void *bytes, size_t size);

/* The bytes, followed by a zero that is not counted; NULL, size 0, when text is NULL or no such text. */
void *hex_decode(struct arena *arena, const char *text, size_t *ret_size);

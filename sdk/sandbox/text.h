/*
 * Text that grows at its end, for what is put together from parts. A zeroed struct is an empty text.
 * Running out of memory aborts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes; /* not ended by a zero byte until text_take() */
    size_t size, room;
};

/* Makes room for that many more bytes. */
void text_reserve(struct text *text, size_t size);

void text_add(struct text *text, const void *bytes, size_t size);
void text_add_string(struct text *text, const char *string);
void text_add_int(struct text *text, int64_t number);

static inline void text_add_char(struct text *text, char c)
{
    if (text->size == text->room)
        text_reserve(text, 1);
    text->bytes[text->size++] = c;
}

/* The text as a string of its own, in malloc's memory; text is empty again. */
char *text_take(struct text *text);

void text_free(struct text *text);

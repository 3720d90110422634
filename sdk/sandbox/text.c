#include "sdk/sandbox/text.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

void text_reserve(struct text *text, size_t size)
{
    size_t room = text->room ? text->room : FIRST_ROOM;

    if (text->room - text->size >= size)
        return;
    while (room - text->size < size)
        room *= 2;
    text->bytes = realloc(text->bytes, room);
    if (!text->bytes)
        abort();
    text->room = room;
}

void text_add(struct text *text, const void *bytes, size_t size)
{
    if (text->room - text->size < size)
        text_reserve(text, size);
    if (size)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_add_int(struct text *text, int64_t number)
{
    char digits[20], *end = digits + sizeof digits, *first = end;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        *--first = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0)
        text_add_char(text, '-');
    text_add(text, first, (size_t)(end - first));
}

char *text_take(struct text *text)
{
    text_add_char(text, '\0');
    char *bytes = realloc(text->bytes, text->size);
    if (!bytes)
        abort();
    *text = (struct text){0};
    return bytes;
}

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

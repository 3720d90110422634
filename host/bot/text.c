/*
 * Doubling leaves the smaller copies to the arena: at most as much again as the text itself.
 */
#include "host/bot/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

enum { FIRST_CAPACITY = 64 };

void text_add(struct text *text, const char *data, size_t size)
{
    if (!size)
        return;
    if (text->capacity - text->size <= size) {
        size_t capacity = text->capacity ? text->capacity : FIRST_CAPACITY;
        while (capacity - text->size <= size)
            capacity *= 2;
        char *larger = arena_alloc(text->arena, capacity);
        if (text->size)
            memcpy(larger, text->data, text->size);
        text->data = larger;
        text->capacity = capacity;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_adds(struct text *text, const char *data)
{
    text_add(text, data, strlen(data));
}

char *text_done(struct text *text)
{
    return text->data ? text->data : arena_strdup(text->arena, "");
}

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

int text_read_file(struct arena *arena, const char *path, size_t max_bytes, char **ret,
                   size_t *ret_size)
{
    AISHA_CLEANUP(close_file) FILE *file = fopen(path, "re");
    struct text text = {.arena = arena};
    char block[4096];
    size_t got;

    if (!file)
        return -errno;
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        if (text.size + got > max_bytes)
            return -AISHA_E_LIMIT;
        text_add(&text, block, got);
    }
    if (ferror(file))
        return errno ? -errno : -EIO;
    *ret = text_done(&text);
    if (ret_size)
        *ret_size = text.size;
    return 0;
}

/*
 * Bump allocation in chunks that double up to 64 KiB; what is larger gets a chunk of its own.
 */
#include "host/core/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/sanitizer.h"

enum { FIRST_CHUNK = 4 * 1024 - 64, LARGEST_CHUNK = 65536 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    max_align_t data[];
};

struct arena_defer {
    struct arena_defer *next;
    void (*fn)(void *data);
    void *data;
};

enum { ONE_CHUNK_EACH = AISHA_ASAN };

static struct arena_chunk *chunk_new(size_t size)
{
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk) {
        fprintf(stderr, "out of memory: %zu bytes\n", size);
        abort();
    }
    *chunk = (struct arena_chunk){.size = size};
    return chunk;
}

static size_t next_chunk_size(const struct arena *a, size_t wanted)
{
    size_t size = a->chunk ? a->chunk->size * 2 : FIRST_CHUNK;

    if (ONE_CHUNK_EACH)
        return wanted;
    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    return wanted > size ? wanted : size;
}

/* Memory with whatever is in it. */
static void *take(struct arena *a, size_t size_bytes)
{
    const size_t align = _Alignof(max_align_t);

    assert(size_bytes <= SIZE_MAX / 4);
    if (!ONE_CHUNK_EACH)
        size_bytes = (size_bytes + align - 1) / align * align;
    if (ONE_CHUNK_EACH || !a->chunk || a->chunk->size - a->chunk->used < size_bytes) {
        struct arena_chunk *chunk = chunk_new(next_chunk_size(a, size_bytes));
        chunk->next = a->chunk;
        a->chunk = chunk;
    }
    void *memory = (char *)a->chunk->data + a->chunk->used;
    a->chunk->used += size_bytes;
    a->used_bytes += size_bytes;
    return memory;
}

void *arena_alloc(struct arena *a, size_t size_bytes)
{
    void *memory = take(a, size_bytes);

    memset(memory, 0, size_bytes);
    return memory;
}

void *arena_memdup(struct arena *a, const void *data, size_t size_bytes)
{
    void *copy = take(a, size_bytes);

    if (size_bytes)
        memcpy(copy, data, size_bytes);
    return copy;
}

char *arena_strndup(struct arena *a, const char *text, size_t max_bytes)
{
    if (!text)
        return NULL;
    size_t length = strnlen(text, max_bytes);
    char *copy = take(a, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return text ? arena_memdup(a, text, strlen(text) + 1) : NULL;
}

char *arena_vprintf(struct arena *a, const char *format, va_list args)
{
    char buffer[256];
    va_list again;

    va_copy(again, args);
    int length = vsnprintf(buffer, sizeof buffer, format, again);
    va_end(again);
    if (length < 0)
        return arena_strdup(a, "");
    if ((size_t)length < sizeof buffer)
        return arena_memdup(a, buffer, (size_t)length + 1);
    char *text = take(a, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = arena_vprintf(a, format, args);
    va_end(args);
    return text;
}

void arena_defer(struct arena *a, void (*fn)(void *data), void *data)
{
    struct arena_defer *defer = arena_alloc(a, sizeof *defer);

    *defer = (struct arena_defer){.next = a->defers, .fn = fn, .data = data};
    a->defers = defer;
}

void arena_clear(struct arena *a)
{
    while (a->defers) {
        struct arena_defer *defer = a->defers;
        a->defers = defer->next;
        defer->fn(defer->data);
    }
    while (a->chunk) {
        struct arena_chunk *chunk = a->chunk;
        a->chunk = chunk->next;
        free(chunk);
    }
    a->used_bytes = 0;
}

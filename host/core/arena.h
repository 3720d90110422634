/*
 * Memory that lives as long as one unit of work: allocate freely, free once.
 *
 * Allocation never returns NULL: running out of memory aborts the process, so a size that came from
 * outside is capped before it reaches the arena. Under AddressSanitizer every allocation is a
 * malloc of its own, so that an overflow cannot hide in its neighbour.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include <aisha/base.h>

struct arena_chunk;
struct arena_defer;

struct arena {
    struct arena_chunk *chunk; /* newest first; zeroed struct = empty arena */
    struct arena_defer *defers;
    size_t used_bytes;
};

/* Zeroed memory, aligned for any type. Owned by the arena. */
void *arena_alloc(struct arena *a, size_t size_bytes);
void *arena_memdup(struct arena *a, const void *data, size_t size_bytes);

/* Copies of text; NULL stays NULL. */
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t max_bytes);
char *arena_printf(struct arena *a, const char *format, ...) AISHA_PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *format, va_list args) AISHA_PRINTF(2, 0);

/* Calls fn(data) when the arena is cleared, the newest first. */
void arena_defer(struct arena *a, void (*fn)(void *data), void *data);

/* Runs the deferred calls and frees all memory; the arena is empty and usable again. */
void arena_clear(struct arena *a);

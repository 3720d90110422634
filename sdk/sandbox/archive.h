/*
 * Archives that came from others. To be called on a worker thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum archive_result { ARCHIVE_FINE, ARCHIVE_BROKEN, ARCHIVE_TOO_MANY, ARCHIVE_TOO_LARGE };

/* Calls fn for each file in it, with the bytes for as long as the call takes; false ends it.
 * What unpacks to more than the limits is refused before it is unpacked. */
typedef bool archive_fn(void *user, const char *name, const void *bytes, size_t size);

struct archive_limits {
    size_t files, file_bytes, all_bytes;
};

enum archive_result archive_each(const void *bytes, size_t size,
                                 const struct archive_limits *limits, archive_fn *fn, void *user);

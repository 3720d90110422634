#include "sdk/sandbox/archive.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

/* The directory's word on the sizes: nothing is unpacked yet. */
static enum archive_result measure(zip_t *archive, const struct archive_limits *limits)
{
    zip_int64_t count = zip_get_num_entries(archive, 0);
    uint64_t sum = 0;

    if (count < 0 || (uint64_t)count > limits->files)
        return ARCHIVE_TOO_MANY;
    for (zip_int64_t i = 0; i < count; i++) {
        zip_stat_t stat;
        if (zip_stat_index(archive, (zip_uint64_t)i, 0, &stat) < 0 ||
            !(stat.valid & ZIP_STAT_SIZE) || !(stat.valid & ZIP_STAT_NAME))
            return ARCHIVE_BROKEN;
        if (stat.size > limits->file_bytes || (sum += stat.size) > limits->all_bytes)
            return ARCHIVE_TOO_LARGE;
    }
    return ARCHIVE_FINE;
}

/* Exactly as much as the directory says, and no more: it may lie. */
static enum archive_result unpack(zip_t *archive, zip_uint64_t index, archive_fn *fn, void *user,
                                  bool *ret_go_on)
{
    zip_stat_t stat;

    if (zip_stat_index(archive, index, 0, &stat) < 0)
        return ARCHIVE_BROKEN;
    if (!stat.size || stat.name[strlen(stat.name) - 1] == '/')
        return ARCHIVE_FINE;
    zip_file_t *file = zip_fopen_index(archive, index, 0);
    char *bytes = file ? malloc(stat.size) : NULL;
    zip_int64_t got = bytes ? zip_fread(file, bytes, stat.size) : -1;
    char more;
    bool is_whole = got == (zip_int64_t)stat.size && zip_fread(file, &more, 1) == 0;
    if (file)
        is_whole = zip_fclose(file) == 0 && is_whole;
    if (is_whole)
        *ret_go_on = fn(user, stat.name, bytes, stat.size);
    free(bytes);
    return is_whole ? ARCHIVE_FINE : ARCHIVE_BROKEN;
}

enum archive_result archive_each(const void *bytes, size_t size,
                                 const struct archive_limits *limits, archive_fn *fn, void *user)
{
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, NULL);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY, NULL) : NULL;
    bool goes_on = true;

    if (!archive) {
        zip_source_free(source);
        return ARCHIVE_BROKEN;
    }
    enum archive_result result = measure(archive, limits);
    zip_int64_t count = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; result == ARCHIVE_FINE && goes_on && i < count; i++)
        result = unpack(archive, (zip_uint64_t)i, fn, user, &goes_on);
    zip_discard(archive);
    return result;
}

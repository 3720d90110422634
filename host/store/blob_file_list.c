/*
 * The files below a directory in the order of their keys' bytes, which is also S3's: within a
 * directory by name, where a directory's name ends in the slash that its keys have there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/store/blob_backend.h"

struct names {
    char **names;
    size_t count, capacity;
};

struct walk {
    const struct blob_listing *listing;
    struct arena *arena;
    struct blob_item *items;
    size_t count; /* one more than the page takes: then there are more */
};

static void names_add(struct names *names, const char *name, bool is_directory)
{
    size_t length = strlen(name);

    if (names->count == names->capacity) {
        names->capacity = names->capacity ? names->capacity * 2 : 64;
        names->names = reallocarray(names->names, names->capacity, sizeof *names->names);
    }
    char *copy = malloc(length + 2);
    if (!names->names || !copy)
        abort();
    memcpy(copy, name, length + 1);
    if (is_directory)
        memcpy(copy + length, "/", 2);
    names->names[names->count++] = copy;
}

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether a key that is full, or begins with it when that is a directory, can be on the page. */
static bool is_wanted(const struct blob_listing *listing, const char *full, bool is_directory)
{
    size_t length = strlen(full), prefix = strlen(listing->prefix);

    if (!is_directory)
        return strncmp(full, listing->prefix, prefix) == 0 && strcmp(full, listing->after) > 0;
    return strncmp(full, listing->prefix, length < prefix ? length : prefix) == 0 &&
           strncmp(listing->after, full, length) <= 0;
}

static bool is_kind(int directory_fd, const struct dirent *entry, bool *ret_is_directory)
{
    struct stat info;
    bool is_file = entry->d_type == DT_REG;

    *ret_is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN &&
        fstatat(directory_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        is_file = S_ISREG(info.st_mode);
        *ret_is_directory = S_ISDIR(info.st_mode);
    }
    return is_file || *ret_is_directory;
}

/* path ends at length, where a name has room. */
static void collect(struct walk *walk, DIR *directory, char *path, size_t length,
                    struct names *names)
{
    const struct dirent *entry;
    bool is_directory;

    while ((entry = readdir(directory))) {
        size_t size = strlen(entry->d_name);
        if (!blob_is_part(entry->d_name, size) || length + size > BLOB_MAX_KEY ||
            !is_kind(dirfd(directory), entry, &is_directory))
            continue;
        snprintf(path + length, BLOB_MAX_KEY + 2 - length, "%s%s", entry->d_name,
                 is_directory ? "/" : "");
        if (is_wanted(walk->listing, path, is_directory))
            names_add(names, entry->d_name, is_directory);
    }
    path[length] = '\0';
    if (names->count > 0)
        qsort(names->names, names->count, sizeof *names->names, compare);
}

static void take(struct walk *walk, int directory_fd, const char *name, const char *path)
{
    struct stat info;

    if (fstatat(directory_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return; /* deleted meanwhile */
    if (walk->count < walk->listing->max)
        walk->items[walk->count] = (struct blob_item){
            .key = arena_strdup(walk->arena, path),
            .size = info.st_size,
            .modified_at = info.st_mtim.tv_sec,
            .etag = blob_file_etag(walk->arena, &info),
        };
    walk->count++;
}

/* Takes fd. path is a buffer of BLOB_MAX_KEY + 2 bytes. */
static int walk_directory(struct walk *walk, int fd, char *path, size_t length, int depth)
{
    struct names names = {0};
    DIR *directory = fdopendir(fd);
    int r = 0;

    if (!directory) {
        close(fd);
        return -ENOMEM;
    }
    collect(walk, directory, path, length, &names);
    for (size_t i = 0; r == 0 && i < names.count && walk->count <= walk->listing->max; i++) {
        size_t size = strlen(names.names[i]);
        memcpy(path + length, names.names[i], size + 1);
        if (path[length + size - 1] != '/') {
            take(walk, dirfd(directory), names.names[i], path);
            continue;
        }
        int child = openat(dirfd(directory), names.names[i],
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child >= 0 && depth < BLOB_MAX_DEPTH)
            r = walk_directory(walk, child, path, length + size, depth + 1);
        else if (child >= 0)
            close(child);
        else if (errno != ENOENT)
            r = -errno;
    }
    closedir(directory);
    names_free(&names);
    return r;
}

/* Each writing makes a new file, with a number that no other file has now. */
const char *blob_file_etag(struct arena *arena, const struct stat *info)
{
    return arena_printf(
        arena, "%" PRIx64 "-%" PRIx64 "-%" PRIx64, (uint64_t)info->st_size, (uint64_t)info->st_ino,
        (uint64_t)info->st_mtim.tv_sec * 1000000000 + (uint64_t)info->st_mtim.tv_nsec);
}

int blob_file_walk(int root_fd, const struct blob_listing *listing, struct arena *arena,
                   struct blob_page *ret_page)
{
    struct walk walk = {.listing = listing, .arena = arena};
    char path[BLOB_MAX_KEY + 2] = "";

    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    walk.items = arena_alloc(arena, listing->max * sizeof *walk.items);
    int r = walk_directory(&walk, fd, path, 0, 0);
    bool has_more = walk.count > listing->max;
    *ret_page = (struct blob_page){
        .items = walk.items, .count = has_more ? listing->max : walk.count, .has_more = has_more};
    return r;
}

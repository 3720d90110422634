/*
 * Files in a directory. Each is written beside its place under a temporary name, made durable, and
 * renamed: readers never see half of it, and what a crash leaves is found by its name at the start.
 */
#include "host/store/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/worker.h"

enum { MAX_KEY = 220, COPY_BYTES = 1024 * 1024, MAX_DEPTH = 16 };

#define TEMPORARY ".writing-"

struct blob_store {
    struct workers *workers;
    int root_fd;
};

/* What a worker thread does; on the task's stack. */
struct job {
    struct blob_file *file;
    const struct blob_store *store;
    const char *key, *path;
    const void *bytes;
    size_t size, max_size;
    int64_t ret_size;
    void *ret_bytes; /* malloc'ed */
    char ret_stamp[80];
};

/* ---- keys ---- */

static bool is_part(const char *part, size_t length)
{
    return length > 0 &&
           strspn(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._-") >= length &&
           !(length == 1 && part[0] == '.') && !(length == 2 && part[0] == '.' && part[1] == '.') &&
           strncmp(part, TEMPORARY, strlen(TEMPORARY)) != 0;
}

static bool is_key(const char *key)
{
    int depth = 0;

    if (strlen(key) > MAX_KEY)
        return false;
    for (;;) {
        size_t length = strcspn(key, "/");
        if (!is_part(key, length) || ++depth > MAX_DEPTH)
            return false;
        if (key[length] == '\0')
            return true;
        key += length + 1;
    }
}

/* Opens the directory that the key lies in, and points ret_name to the last part. */
static int open_parent(const struct blob_store *store, const char *key, bool make,
                       const char **ret_name)
{
    int fd = fcntl(store->root_fd, F_DUPFD_CLOEXEC, 0);
    char part[MAX_KEY + 1];

    for (const char *slash; fd >= 0 && (slash = strchr(key, '/')); key = slash + 1) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - key), key);
        if (make && (mkdirat(fd, part, 0700) < 0 ? errno != EEXIST : fsync(fd) < 0)) {
            int error = errno;
            close(fd);
            return -error;
        }
        int next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int error = errno;
        close(fd);
        errno = error;
        fd = next;
    }
    *ret_name = key;
    return fd < 0 ? -errno : fd;
}

static int open_blob(const struct blob_store *store, const char *key, struct stat *ret_info)
{
    const char *name;
    int parent = open_parent(store, key, false, &name);

    if (parent < 0)
        return parent;
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int r = fd < 0 ? -errno : 0;
    close(parent);
    if (r == 0 && (fstat(fd, ret_info) < 0 || !S_ISREG(ret_info->st_mode))) {
        close(fd);
        r = -ENOENT;
    }
    return r < 0 ? r : fd;
}

/* ---- bytes ---- */

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno != EINTR)
            return -errno;
        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        }
    }
    return 0;
}

static int copy_all(int from, int to)
{
    char *buffer = malloc(COPY_BYTES);
    int r = buffer ? 0 : -ENOMEM;

    while (r == 0) {
        ssize_t got = read(from, buffer, COPY_BYTES);
        if (got == 0)
            break;
        if (got < 0)
            r = errno == EINTR ? 0 : -errno;
        else
            r = write_all(to, buffer, (size_t)got);
    }
    free(buffer);
    return r;
}

/* ---- the work of the threads ---- */

static int fill(int fd, const struct job *job)
{
    if (!job->path)
        return write_all(fd, job->bytes, job->size);
    int from = open(job->path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return errno == ENOENT ? -AISHA_E_NOT_FOUND : -errno;
    int r = copy_all(from, fd);
    close(from);
    return r;
}

static int write_blob(const struct job *job)
{
    char temporary[64];
    const char *name = NULL;
    uint64_t random;

    int parent = open_parent(job->store, job->key, true, &name);
    if (parent < 0)
        return parent;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uintptr_t)&random;
    snprintf(temporary, sizeof temporary, TEMPORARY "%016llx", (unsigned long long)random);
    int fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : fill(fd, job);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (fd >= 0)
        close(fd);
    if (r == 0 && renameat(parent, temporary, parent, name) < 0)
        r = -errno;
    if (r == 0 && fsync(parent) < 0)
        r = -errno;
    if (r < 0 && fd >= 0)
        unlinkat(parent, temporary, 0);
    close(parent);
    return r;
}

static int put(void *arg)
{
    int r = write_blob(arg);

    switch (-r) {
    case ENOTDIR: /* the key leads through a file, or names a directory of other keys */
    case EISDIR:
    case ELOOP:
        return -AISHA_E_CONFLICT;
    case ENOENT: /* somebody has removed the whole directory */
        return -ESTALE;
    default:
        return r;
    }
}

static int get(void *arg)
{
    struct job *job = arg;
    struct stat info;

    int fd = open_blob(job->store, job->key, &info);
    if (fd < 0)
        return fd;
    size_t size = (size_t)info.st_size, done = 0;
    int r = size > job->max_size ? -AISHA_E_LIMIT : 0;
    char *bytes = r == 0 ? malloc(size + 1) : NULL;
    if (r == 0 && !bytes)
        r = -ENOMEM;
    while (r == 0 && done < size) {
        ssize_t got = read(fd, bytes + done, size - done);
        if (got <= 0)
            r = got < 0 && errno == EINTR ? 0 : -EIO;
        else
            done += (size_t)got;
    }
    close(fd);
    if (r < 0) {
        free(bytes);
        return r;
    }
    bytes[size] = '\0';
    job->ret_bytes = bytes;
    job->ret_size = info.st_size;
    return 0;
}

static int get_file(void *arg)
{
    const struct job *job = arg;
    struct stat info;

    int from = open_blob(job->store, job->key, &info);
    if (from < 0)
        return from;
    int to = open(job->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = to >= 0 ? copy_all(from, to) : errno == ENOENT ? -AISHA_E_INVALID : -errno;
    close(from);
    if (to >= 0)
        close(to);
    if (r < 0 && to >= 0)
        unlink(job->path);
    return r;
}

static int measure(void *arg)
{
    struct job *job = arg;
    struct stat info;

    int fd = open_blob(job->store, job->key, &info);
    if (fd < 0)
        return fd;
    close(fd);
    job->ret_size = info.st_size;
    /* each writing makes a new file, with a number that no other file has now */
    snprintf(job->ret_stamp, sizeof job->ret_stamp, "%lld-%llu-%lld.%09ld", (long long)info.st_size,
             (unsigned long long)info.st_ino, (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    return 0;
}

static int delete (void *arg)
{
    const struct job *job = arg;
    const char *name;

    int parent = open_parent(job->store, job->key, false, &name);
    int r = parent;
    if (parent >= 0) {
        r = unlinkat(parent, name, 0) < 0 || fsync(parent) < 0 ? -errno : 0;
        close(parent);
    }
    switch (-r) {
    case ENOENT: /* no such blob */
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
        return 0;
    default:
        return r;
    }
}

/* ---- for tasks ---- */

static AISHA_ASYNC int run(struct blob_store *store, int (*fn)(void *arg), struct job *job)
{
    if (!is_key(job->key))
        return -AISHA_E_INVALID;
    job->store = store;
    int r = workers_run(store->workers, fn, job);
    if (r >= 0 || r <= -AISHA_E_TIMEOUT)
        return r;
    switch (-r) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
        return -AISHA_E_NOT_FOUND;
    case EEXIST: /* where a copy should go */
        return r;
    default:
        log_error("blob", "the files cannot be written or read: %s", strerror(-r));
        return -AISHA_E_UNAVAILABLE;
    }
}

int blob_put(struct blob_store *store, const char *key, const void *bytes, size_t size)
{
    struct job job = {.key = key, .bytes = bytes, .size = size};

    return run(store, put, &job);
}

int blob_put_file(struct blob_store *store, const char *key, const char *path)
{
    struct job job = {.key = key, .path = path};

    return run(store, put, &job);
}

int blob_get(struct blob_store *store, struct arena *arena, const char *key, size_t max_size,
             const void **ret_bytes, size_t *ret_size)
{
    struct job job = {.key = key, .max_size = max_size};

    int r = run(store, get, &job);
    if (r < 0)
        return r;
    arena_defer(arena, free, job.ret_bytes);
    *ret_bytes = job.ret_bytes;
    *ret_size = (size_t)job.ret_size;
    return 0;
}

int blob_get_file(struct blob_store *store, const char *key, const char *path)
{
    struct job job = {.key = key, .path = path};

    return run(store, get_file, &job);
}

int blob_size(struct blob_store *store, const char *key, int64_t *ret_size)
{
    struct job job = {.key = key};

    int r = run(store, measure, &job);
    if (r == 0)
        *ret_size = job.ret_size;
    return r;
}

int blob_stamp(struct blob_store *store, struct arena *arena, const char *key,
               const char **ret_stamp)
{
    struct job job = {.key = key};

    int r = run(store, measure, &job);
    if (r == 0)
        *ret_stamp = arena_strdup(arena, job.ret_stamp);
    return r;
}

static int open_file(void *arg)
{
    const struct job *job = arg;
    struct stat info;

    int fd = open_blob(job->store, job->key, &info);
    if (fd < 0)
        return fd;
    *job->file = (struct blob_file){.fd = fd,
                                    .size = info.st_size,
                                    .modified_at_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 +
                                                      info.st_mtim.tv_nsec};
    return 0;
}

int blob_open(struct blob_store *store, const char *key, struct blob_file *ret_file)
{
    struct job job = {.key = key, .file = ret_file};

    return run(store, open_file, &job);
}

struct piece {
    int fd;
    off_t offset;
    char *bytes;
    size_t count;
};

static int read_piece(void *arg)
{
    struct piece *piece = arg;

    for (size_t done = 0; done < piece->count;) {
        ssize_t got =
            pread(piece->fd, piece->bytes + done, piece->count - done, piece->offset + (off_t)done);
        if (got == 0)
            return -EIO; /* it has become shorter */
        if (got < 0 && errno != EINTR)
            return -errno;
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

int blob_read(struct blob_store *store, const struct blob_file *file, int64_t offset, void *bytes,
              size_t count)
{
    struct piece piece = {.fd = file->fd, .offset = offset, .bytes = bytes, .count = count};

    return workers_run(store->workers, read_piece, &piece);
}

int blob_delete(struct blob_store *store, const char *key)
{
    struct job job = {.key = key};

    return run(store, delete, &job);
}

/* ---- life ---- */

/* Removes what a killed process was writing. Takes fd. */
static void remove_temporary(int fd, int depth)
{
    DIR *directory = fdopendir(fd);
    const struct dirent *entry;

    if (!directory) {
        close(fd);
        return;
    }
    while ((entry = readdir(directory))) {
        if (strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) == 0)
            unlinkat(fd, entry->d_name, 0);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            depth == MAX_DEPTH)
            continue;
        int child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child >= 0)
            remove_temporary(child, depth + 1);
    }
    closedir(directory);
}

static int make_directory(struct arena *arena, const char *path)
{
    char *copy = arena_strdup(arena, path);

    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return -errno;
        if (!slash)
            return 0;
        *slash = '/';
    }
}

int blob_store_open(struct blob_store **ret_store, struct workers *workers, const char *url,
                    struct arena *arena, const char **ret_error)
{
    static const char scheme[] = "file:";
    const char *path = url + strlen(scheme);

    if (strncmp(url, scheme, strlen(scheme)) != 0 || !*path) {
        *ret_error = "only file:DIRECTORY is supported; for example file:var/files";
        return -AISHA_E_INVALID;
    }
    int r = make_directory(arena, path);
    int fd = r < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        *ret_error = arena_printf(arena, "%s: %s", path, strerror(r < 0 ? -r : errno));
        return -AISHA_E_UNAVAILABLE;
    }
    struct blob_store *store = calloc(1, sizeof *store);
    if (!store) {
        close(fd);
        return -ENOMEM;
    }
    *store = (struct blob_store){.workers = workers, .root_fd = fd};
    int walk = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walk >= 0)
        remove_temporary(walk, 0);
    *ret_store = store;
    return 0;
}

void blob_store_close(struct blob_store *store)
{
    if (!store)
        return;
    close(store->root_fd);
    free(store);
}

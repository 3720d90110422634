/*
 * Files in a directory. Each is written beside its place under a temporary name, made durable, and
 * renamed: readers never see half of it, and what a crash leaves is found by its name at the start.
 * All work on the disk is done by worker threads.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/core/worker.h"
#include "host/store/blob_backend.h"

enum { COPY_BYTES = 1024 * 1024, MAX_TYPE = 100, MAX_ETAG = 64 };

/* Where a type is kept that the key's ending does not tell; the name is that of freedesktop.org. */
#define TYPE_ATTRIBUTE "user.mime_type"

struct directory {
    struct blob_store store;
    int root_fd;
};

struct file_reader {
    struct blob_reader reader;
    int fd;
};

/* A file under its temporary name. */
struct writing {
    int parent_fd, fd;
    char temporary[32];
    const char *name; /* within key */
};

struct file_writer {
    struct blob_writer writer;
    struct writing writing;
    char key[BLOB_MAX_KEY + 1];
};

/* What a worker thread does; on the task's stack. */
struct job {
    const struct directory *directory;
    const struct blob_content *content;
    const char *key;
    struct writing *writing;
    const void *bytes;
    size_t size;
    int fd; /* of what was opened */
    struct stat info;
    char type[MAX_TYPE + 1];
};

static struct directory *directory_of(struct blob_store *store)
{
    return (struct directory *)store; /* its first member */
}

/* Opens the directory that the key lies in, and points ret_name to the last part. */
static int open_parent(const struct directory *directory, const char *key, bool make,
                       const char **ret_name)
{
    int fd = fcntl(directory->root_fd, F_DUPFD_CLOEXEC, 0);
    char part[BLOB_MAX_KEY + 1];

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

/* ---- writing ---- */

static int writing_end(struct writing *w, int r)
{
    if (w->fd >= 0 && r < 0)
        unlinkat(w->parent_fd, w->temporary, 0);
    if (w->fd >= 0)
        close(w->fd);
    if (w->parent_fd >= 0)
        close(w->parent_fd);
    w->fd = w->parent_fd = -1;
    return r;
}

/* Not every file system has attributes: there the key's ending has to do. */
static void note_type(int fd, const char *key, const char *type)
{
    if (strcmp(type, blob_type_of(key)) != 0)
        (void)!fsetxattr(fd, TYPE_ATTRIBUTE, type, strlen(type), 0);
}

static int writing_begin(struct writing *w, const struct directory *directory, const char *key,
                         const char *type)
{
    uint64_t random;

    *w = (struct writing){.fd = -1};
    w->parent_fd = open_parent(directory, key, true, &w->name);
    if (w->parent_fd < 0)
        return w->parent_fd;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uintptr_t)w;
    snprintf(w->temporary, sizeof w->temporary, BLOB_TEMPORARY "%016" PRIx64, random);
    w->fd = openat(w->parent_fd, w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (w->fd < 0)
        return writing_end(w, -errno);
    note_type(w->fd, key, type);
    return 0;
}

static int writing_commit(struct writing *w)
{
    int r = fsync(w->fd) < 0 ? -errno : 0;

    if (r == 0 && renameat(w->parent_fd, w->temporary, w->parent_fd, w->name) < 0)
        r = -errno;
    if (r == 0 && fsync(w->parent_fd) < 0)
        r = -errno;
    return writing_end(w, r);
}

/* What the system says about a place that a key should have. */
static int place_error(int r)
{
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
            r = blob_write_all(to, buffer, (size_t)got);
    }
    free(buffer);
    return r;
}

static int fill(int fd, const struct blob_content *content)
{
    if (!content->path)
        return blob_write_all(fd, content->bytes, content->size);
    int from = open(content->path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return errno == ENOENT ? -AISHA_E_NOT_FOUND : -errno;
    int r = copy_all(from, fd);
    close(from);
    return r;
}

static int put_now(void *arg)
{
    const struct job *job = arg;
    struct writing w;

    int r = writing_begin(&w, job->directory, job->key, job->content->type);
    if (r < 0)
        return place_error(r);
    r = fill(w.fd, job->content);
    return r < 0 ? writing_end(&w, r) : place_error(writing_commit(&w));
}

static int begin_now(void *arg)
{
    const struct job *job = arg;

    return place_error(writing_begin(job->writing, job->directory, job->key, job->content->type));
}

static int append_now(void *arg)
{
    const struct job *job = arg;

    return blob_write_all(job->writing->fd, job->bytes, job->size);
}

static int commit_now(void *arg)
{
    const struct job *job = arg;

    return place_error(writing_commit(job->writing));
}

/* ---- reading and deleting ---- */

static void read_type(struct job *job)
{
    ssize_t size = fgetxattr(job->fd, TYPE_ATTRIBUTE, job->type, MAX_TYPE);

    job->type[size > 0 ? size : 0] = '\0';
    if (size <= 0)
        snprintf(job->type, sizeof job->type, "%s", blob_type_of(job->key));
}

static int open_now(void *arg)
{
    struct job *job = arg;
    const char *name;

    int parent = open_parent(job->directory, job->key, false, &name);
    if (parent < 0)
        return parent;
    job->fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int r = job->fd < 0 ? -errno : 0;
    close(parent);
    if (r == 0 && (fstat(job->fd, &job->info) < 0 || !S_ISREG(job->info.st_mode))) {
        close(job->fd);
        r = -ENOENT;
    }
    if (r == 0)
        read_type(job);
    return r;
}

static int head_now(void *arg)
{
    struct job *job = arg;

    int r = open_now(job);
    if (r == 0)
        close(job->fd);
    return r;
}

struct piece {
    int fd;
    off_t offset;
    char *bytes;
    size_t count;
};

static int read_now(void *arg)
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

static int delete_now(void *arg)
{
    const struct job *job = arg;
    const char *name;

    int parent = open_parent(job->directory, job->key, false, &name);
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

static int note(int r)
{
    if (r >= 0 || r <= -AISHA_E_TIMEOUT)
        return r;
    switch (-r) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
        return -AISHA_E_NOT_FOUND;
    default:
        log_error("blob", "the files cannot be written or read: %s", strerror(-r));
        return -AISHA_E_UNAVAILABLE;
    }
}

static AISHA_ASYNC int run(struct blob_store *store, int (*fn)(void *arg), struct job *job)
{
    job->directory = directory_of(store);
    return note(workers_run(store->workers, fn, job));
}

static AISHA_ASYNC int file_put(struct blob_store *store, const struct blob_content *content)
{
    struct job job = {.key = content->key, .content = content};

    return run(store, put_now, &job);
}

static void fill_info(const struct job *job, struct arena *arena, struct blob_info *ret)
{
    const struct stat *info = &job->info;

    *ret = (struct blob_info){
        .size = info->st_size,
        .modified_at = info->st_mtim.tv_sec,
        .etag = blob_file_etag(arena, info),
        .content_type = arena_strdup(arena, job->type),
    };
}

static AISHA_ASYNC int file_head(struct blob_store *store, struct arena *arena, const char *key,
                                 struct blob_info *ret_info)
{
    struct job job = {.key = key};

    int r = run(store, head_now, &job);
    if (r == 0)
        fill_info(&job, arena, ret_info);
    return r;
}

static AISHA_ASYNC int file_delete(struct blob_store *store, const char *key)
{
    struct job job = {.key = key};

    return run(store, delete_now, &job);
}

static AISHA_ASYNC int file_create(struct blob_store *store, const char *key, const char *type,
                                   struct blob_writer **ret_writer)
{
    struct file_writer *writer = calloc(1, sizeof *writer);
    const struct blob_content content = {.type = type};

    if (!writer)
        return -ENOMEM;
    writer->writer.store = store;
    snprintf(writer->key, sizeof writer->key, "%s", key);
    struct job job = {.key = writer->key, .content = &content, .writing = &writer->writing};
    int r = run(store, begin_now, &job);
    if (r < 0) {
        free(writer);
        return r;
    }
    *ret_writer = &writer->writer;
    return 0;
}

static AISHA_ASYNC int file_write(struct blob_writer *writer, const void *bytes, size_t size)
{
    struct file_writer *own = (struct file_writer *)writer;
    struct job job = {.writing = &own->writing, .bytes = bytes, .size = size};

    return run(writer->store, append_now, &job);
}

static AISHA_ASYNC int file_finish(struct blob_writer *writer)
{
    struct file_writer *own = (struct file_writer *)writer;
    struct job job = {.writing = &own->writing};

    return run(writer->store, commit_now, &job);
}

/* At once: it also happens when the task that wrote may not wait any more. */
static void file_discard(struct blob_writer *writer)
{
    struct file_writer *own = (struct file_writer *)writer;

    aisha_ignore(writing_end(&own->writing, -ECANCELED));
    free(own);
}

static AISHA_ASYNC int file_open(struct blob_store *store, const char *key,
                                 struct blob_reader **ret_reader)
{
    struct job job = {.key = key};

    int r = run(store, open_now, &job);
    if (r < 0)
        return r;
    struct file_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        abort();
    reader->reader.store = store;
    reader->fd = job.fd;
    fill_info(&job, &reader->reader.arena, &reader->reader.info);
    *ret_reader = &reader->reader;
    return 0;
}

static AISHA_ASYNC int file_read(struct blob_reader *reader, int64_t offset, void *bytes,
                                 size_t count)
{
    struct piece piece = {
        .fd = ((struct file_reader *)reader)->fd, .offset = offset, .bytes = bytes, .count = count};

    return note(workers_run(reader->store->workers, read_now, &piece));
}

static void file_close(struct blob_reader *reader)
{
    close(((struct file_reader *)reader)->fd);
    arena_clear(&reader->arena);
    free(reader);
}

struct walk {
    int root_fd;
    const struct blob_listing *listing;
    struct arena *arena;
    struct blob_page *page;
};

static int walk_now(void *arg)
{
    const struct walk *walk = arg;

    return blob_file_walk(walk->root_fd, walk->listing, walk->arena, walk->page);
}

static void free_arena(void *arena)
{
    arena_clear(arena);
    free(arena);
}

static AISHA_ASYNC int file_list(struct blob_store *store, struct arena *arena,
                                 const struct blob_listing *listing, struct blob_page *ret_page)
{
    struct arena *own = calloc(1, sizeof *own); /* for the other thread */
    struct walk walk = {
        .root_fd = directory_of(store)->root_fd,
        .listing = listing,
        .arena = own,
        .page = ret_page,
    };

    if (!own)
        return -ENOMEM;
    arena_defer(arena, free_arena, own);
    return note(workers_run(store->workers, walk_now, &walk));
}

static void file_explain(struct blob_store *store, struct arena *arena, int r,
                         const char **ret_text, const char **ret_advice)
{
    (void)store;
    *ret_text = arena_printf(arena, "cannot be written and read: %s", aisha_error_text(r));
    *ret_advice = "look at BLOB_URL, at the rights there and at the room left; the log says more";
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
        if (strncmp(entry->d_name, BLOB_TEMPORARY, strlen(BLOB_TEMPORARY)) == 0)
            unlinkat(fd, entry->d_name, 0);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            depth == BLOB_MAX_DEPTH)
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

static void file_close_store(struct blob_store *store)
{
    close(directory_of(store)->root_fd);
    free(store);
}

int blob_file_open(struct blob_store **ret_store, const struct blob_options *options,
                   const char *path, struct arena *arena, const char **ret_error)
{
    static const struct blob_backend backend = {
        .put = file_put,
        .head = file_head,
        .delete = file_delete,
        .list = file_list,
        .create = file_create,
        .write = file_write,
        .finish = file_finish,
        .discard = file_discard,
        .open = file_open,
        .read = file_read,
        .close = file_close,
        .explain = file_explain,
        .close_store = file_close_store,
    };

    int r = make_directory(arena, path);
    int fd = r < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        *ret_error = arena_printf(arena, "%s: %s", path, strerror(r < 0 ? -r : errno));
        return -AISHA_E_UNAVAILABLE;
    }
    struct directory *directory = calloc(1, sizeof *directory);
    if (!directory) {
        close(fd);
        return -ENOMEM;
    }
    *directory = (struct directory){
        .store = {.backend = &backend, .workers = options->workers},
        .root_fd = fd,
    };
    int walk = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walk >= 0)
        remove_temporary(walk, 0);
    *ret_store = &directory->store;
    return 0;
}

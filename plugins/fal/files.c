#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <zip.h>

#include <aisha/aisha.h>

#include "weights.h"

/* ---- looking at a file ---- */

struct look {
    const char *path;
    int (*at)(struct look *look, const uint8_t *bytes, size_t size);
    void *ret;
};

static int look(void *arg)
{
    struct look *look = arg;
    struct stat info;
    int fd = open(look->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int r = fstat(fd, &info) < 0 ? -errno : 0;
    if (r == 0 && info.st_size == 0)
        r = -AISHA_E_INVALID;
    if (r < 0) {
        close(fd);
        return r;
    }
    size_t size = (size_t)info.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    r = bytes == MAP_FAILED ? -errno : look->at(look, bytes, size);
    if (bytes != MAP_FAILED)
        munmap(bytes, size);
    close(fd);
    return r;
}

static int at_picture(struct look *look, const uint8_t *bytes, size_t size)
{
    return image_header_read(bytes, size, look->ret) ? 0 : -AISHA_E_INVALID;
}

int file_picture(struct aisha_ctx *ctx, const char *path, struct image_header *ret)
{
    struct look task = {.path = path, .at = at_picture, .ret = ret};

    return aisha_run_on_worker(ctx, look, &task);
}

/* ---- weights ---- */

static int at_weights(struct look *look, const uint8_t *bytes, size_t size)
{
    struct file_weights *ret = look->ret;
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (!weights_are_whole(bytes, size))
        return -AISHA_E_INVALID;
    if (EVP_Digest(bytes, size, hash, &length, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    for (unsigned i = 0; i < length && i < 32; i++) {
        ret->sha256[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        ret->sha256[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    ret->sha256[64] = '\0';
    ret->bytes = (int64_t)size;
    return 0;
}

int file_weights(struct aisha_ctx *ctx, const char *path, struct file_weights *ret)
{
    struct look task = {.path = path, .at = at_weights, .ret = ret};

    return aisha_run_on_worker(ctx, look, &task);
}

/* ---- archives ---- */

struct packing {
    const char *path;
    const struct file_to_pack *files;
    size_t count;
};

static int add_file(zip_t *archive, const struct file_to_pack *file)
{
    zip_source_t *source = zip_source_file(archive, file->path, 0, -1);
    zip_int64_t index = source ? zip_file_add(archive, file->name, source, ZIP_FL_ENC_UTF_8) : -1;

    if (index < 0) {
        zip_source_free(source);
        return -EIO;
    }
    /* Pictures are compressed already. */
    return zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) < 0 ? -EIO : 0;
}

static int pack(void *arg)
{
    const struct packing *packing = arg;
    int error = 0, r = 0;
    zip_t *archive = zip_open(packing->path, ZIP_CREATE | ZIP_EXCL, &error);

    if (!archive)
        return -EIO;
    for (size_t i = 0; r == 0 && i < packing->count; i++)
        r = add_file(archive, &packing->files[i]);
    if (r == 0 && zip_close(archive) == 0)
        return 0;
    zip_discard(archive);
    return -EIO;
}

int file_pack(struct aisha_ctx *ctx, const char *path, const struct file_to_pack *files,
              size_t count)
{
    struct packing task = {.path = path, .files = files, .count = count};

    return aisha_run_on_worker(ctx, pack, &task);
}

#include "files.h"

#include <ctype.h>
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

/* The largest end of a tensor: [begin,end] behind each "data_offsets". -1 when one cannot be read. */
static int64_t data_end(const char *head, size_t size)
{
    static const char key[] = "\"data_offsets\"";
    const char *at = head, *end = head + size;
    int64_t most = 0;

    while ((at = memmem(at, (size_t)(end - at), key, strlen(key)))) {
        int64_t numbers[2] = {0};
        size_t n = 0;
        at += strlen(key);
        for (; at < end && n < 2 && *at != '}'; at++) {
            if (isdigit((unsigned char)*at)) {
                if (numbers[n] > INT64_MAX / 20)
                    return -1;
                numbers[n] = numbers[n] * 10 + (*at - '0');
            } else if (*at == ',' || *at == ']') {
                n++;
            }
        }
        if (n != 2 || numbers[0] > numbers[1])
            return -1;
        most = numbers[1] > most ? numbers[1] : most;
    }
    return most;
}

bool weights_are_whole(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t head = 0;

    if (size < 16)
        return false;
    for (int i = 7; i >= 0; i--)
        head = head << 8 | at[i];
    if (head < 2 || head > size - 8 || at[8] != '{')
        return false;
    int64_t data = data_end((const char *)at + 8, (size_t)head);
    return data > 0 && (uint64_t)data == size - 8 - head;
}

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

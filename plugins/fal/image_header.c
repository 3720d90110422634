#include "image_header.h"

#include <string.h>

static uint32_t big_endian(const uint8_t *bytes, int count)
{
    uint32_t value = 0;

    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static uint32_t little_endian(const uint8_t *bytes, int count)
{
    uint32_t value = 0;

    for (int i = count; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

static bool read_png(const uint8_t *bytes, size_t size, struct image_header *ret)
{
    static const uint8_t end[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

    if (size < 33 || memcmp(bytes, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16) != 0)
        return false;
    *ret = (struct image_header){
        .content_type = "image/png",
        .ending = "png",
        .width = big_endian(bytes + 16, 4),
        .height = big_endian(bytes + 20, 4),
        .is_whole = memcmp(bytes + size - sizeof end, end, sizeof end) == 0,
    };
    return true;
}

/* A start of frame; c4, c8 and cc are in between them and something else. */
static bool has_size(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool read_jpeg(const uint8_t *bytes, size_t size, struct image_header *ret)
{
    size_t at = 2;

    if (size < 4 || bytes[0] != 0xff || bytes[1] != 0xd8)
        return false;
    while (at + 4 <= size && bytes[at] == 0xff) {
        uint8_t marker = bytes[at + 1];
        if (marker == 0xff) { /* a byte to fill up with */
            at++;
            continue;
        }
        size_t length = big_endian(bytes + at + 2, 2);
        if (has_size(marker) && at + 9 <= size) {
            *ret = (struct image_header){
                .content_type = "image/jpeg",
                .ending = "jpg",
                .width = big_endian(bytes + at + 7, 2),
                .height = big_endian(bytes + at + 5, 2),
                .is_whole = bytes[size - 2] == 0xff && bytes[size - 1] == 0xd9,
            };
            return true;
        }
        if (length < 2 || marker == 0xda || marker == 0xd9)
            return false;
        at += 2 + length;
    }
    return false;
}

/* Three ways to say the size: lossy, lossless, extended. */
static bool read_webp(const uint8_t *bytes, size_t size, struct image_header *ret)
{
    if (size < 30 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WEBP", 4) != 0)
        return false;
    *ret = (struct image_header){.content_type = "image/webp", .ending = "webp"};
    if (memcmp(bytes + 12, "VP8 ", 4) == 0 && memcmp(bytes + 23, "\x9d\x01\x2a", 3) == 0) {
        ret->width = little_endian(bytes + 26, 2) & 0x3fff;
        ret->height = little_endian(bytes + 28, 2) & 0x3fff;
    } else if (memcmp(bytes + 12, "VP8L", 4) == 0 && bytes[20] == 0x2f) {
        uint32_t packed = little_endian(bytes + 21, 4);
        ret->width = (packed & 0x3fff) + 1;
        ret->height = (packed >> 14 & 0x3fff) + 1;
    } else if (memcmp(bytes + 12, "VP8X", 4) == 0) {
        ret->width = (int64_t)little_endian(bytes + 24, 3) + 1;
        ret->height = (int64_t)little_endian(bytes + 27, 3) + 1;
    }
    ret->is_whole = (uint64_t)little_endian(bytes + 4, 4) + 8 <= size;
    return true;
}

bool image_header_read(const void *bytes, size_t size, struct image_header *ret)
{
    struct image_header header;

    if (!read_png(bytes, size, &header) && !read_jpeg(bytes, size, &header) &&
        !read_webp(bytes, size, &header))
        return false;
    if (header.width < 1 || header.height < 1)
        return false;
    *ret = header;
    return true;
}

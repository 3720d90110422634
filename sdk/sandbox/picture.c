#include "sdk/sandbox/picture.h"

#include <gd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Memory for the decoded picture: four bytes for each. */
enum { MOST_PIXELS = 50000000 };

static uint32_t big(const unsigned char *bytes, int count)
{
    uint32_t value = 0;

    while (count--)
        value = value << 8 | *bytes++;
    return value;
}

static uint32_t little(const unsigned char *bytes, int count)
{
    uint32_t value = 0;

    while (count--)
        value = value << 8 | bytes[count];
    return value;
}

/* The frame header says it; segments before it are skipped. */
static bool jpeg_size(const unsigned char *bytes, size_t size, struct picture *picture)
{
    size_t at = 2;

    while (at + 9 < size && bytes[at] == 0xff) {
        unsigned char marker = bytes[at + 1];
        if (marker == 0xff) {
            at++;
            continue;
        }
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            picture->height = (int)big(bytes + at + 5, 2);
            picture->width = (int)big(bytes + at + 7, 2);
            return true;
        }
        at += 2 + big(bytes + at + 2, 2);
    }
    return false;
}

static bool webp_size(const unsigned char *bytes, size_t size, struct picture *picture)
{
    if (size < 30)
        return false;
    if (memcmp(bytes + 12, "VP8X", 4) == 0) {
        picture->width = (int)little(bytes + 24, 3) + 1;
        picture->height = (int)little(bytes + 27, 3) + 1;
    } else if (memcmp(bytes + 12, "VP8L", 4) == 0) {
        uint32_t bits = little(bytes + 21, 4);
        picture->width = (int)(bits & 0x3fff) + 1;
        picture->height = (int)(bits >> 14 & 0x3fff) + 1;
    } else {
        picture->width = (int)(little(bytes + 26, 2) & 0x3fff);
        picture->height = (int)(little(bytes + 28, 2) & 0x3fff);
    }
    return true;
}

/* Format and size without decoding: what is too large must not be. */
static bool read_head(const unsigned char *bytes, size_t size, struct picture *picture)
{
    if (size > 24 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0) {
        picture->format = "png";
        picture->width = (int)(big(bytes + 16, 4) & INT32_MAX);
        picture->height = (int)(big(bytes + 20, 4) & INT32_MAX);
        return true;
    }
    if (size > 10 && memcmp(bytes, "GIF8", 4) == 0) {
        picture->format = "gif";
        picture->width = (int)little(bytes + 6, 2);
        picture->height = (int)little(bytes + 8, 2);
        return true;
    }
    if (size > 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0) {
        picture->format = "webp";
        return webp_size(bytes, size, picture);
    }
    if (size > 4 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) {
        picture->format = "jpeg";
        return jpeg_size(bytes, size, picture);
    }
    return false;
}

static gdImagePtr decode(const char *format, void *bytes, int size)
{
    if (strcmp(format, "png") == 0)
        return gdImageCreateFromPngPtr(size, bytes);
    if (strcmp(format, "gif") == 0)
        return gdImageCreateFromGifPtr(size, bytes);
    if (strcmp(format, "webp") == 0)
        return gdImageCreateFromWebpPtr(size, bytes);
    return gdImageCreateFromJpegPtrEx(size, bytes, 0);
}

/* Every so many pixels are looked at: a share needs no more. */
static void look(gdImagePtr image, struct picture *picture)
{
    int step = 1 + (image->sx > image->sy ? image->sx : image->sy) / 256;
    double count = 0, magenta = 0, cyan = 0;

    for (int y = 0; y < image->sy; y += step) {
        for (int x = 0; x < image->sx; x += step) {
            int colour = gdImageGetTrueColorPixel(image, x, y);
            int red = gdTrueColorGetRed(colour), green = gdTrueColorGetGreen(colour);
            int blue = gdTrueColorGetBlue(colour);
            magenta += red > 200 && green < 70 && blue > 200;
            cyan += red < 70 && green > 200 && blue > 200;
            count++;
        }
    }
    picture->magenta = magenta / count;
    picture->cyan = cyan / count;
}

/* The middle of it, square. */
static void shrink(gdImagePtr image, int side, struct picture *picture)
{
    int shorter = image->sx < image->sy ? image->sx : image->sy, size;
    gdImagePtr small = gdImageCreateTrueColor(side, side);

    if (!small)
        return;
    gdImageCopyResampled(small, image, 0, 0, (image->sx - shorter) / 2, (image->sy - shorter) / 2,
                         side, side, shorter, shorter);
    void *bytes = gdImagePngPtr(small, &size);
    gdImageDestroy(small);
    picture->thumbnail = bytes ? malloc((size_t)size) : NULL;
    if (picture->thumbnail) {
        memcpy(picture->thumbnail, bytes, (size_t)size);
        picture->thumbnail_size = (size_t)size;
    }
    gdFree(bytes);
}

static void be_silent(int priority, const char *format, va_list args)
{
    (void)priority;
    (void)format;
    (void)args;
}

void pictures_start(void)
{
    gdSetErrorMethod(be_silent);
}

enum picture_result picture_read(const void *bytes, size_t size, int thumbnail_side,
                                 struct picture *ret_picture)
{
    *ret_picture = (struct picture){0};
    if (!read_head(bytes, size, ret_picture) || size > INT32_MAX)
        return PICTURE_UNKNOWN;
    if (ret_picture->width <= 0 || ret_picture->height <= 0)
        return PICTURE_BROKEN;
    if (ret_picture->width > MOST_PIXELS / ret_picture->height)
        return PICTURE_TOO_LARGE;
    void *copy = malloc(size); /* the library wants memory that may be written */
    if (!copy)
        return PICTURE_BROKEN;
    memcpy(copy, bytes, size);
    gdImagePtr image = decode(ret_picture->format, copy, (int)size);
    free(copy);
    if (!image)
        return PICTURE_BROKEN;
    ret_picture->width = image->sx;
    ret_picture->height = image->sy;
    look(image, ret_picture);
    if (thumbnail_side)
        shrink(image, thumbnail_side, ret_picture);
    gdImageDestroy(image);
    return PICTURE_FINE;
}

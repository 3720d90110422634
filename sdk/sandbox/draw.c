#include "sdk/sandbox/draw.h"

#include <gd.h>
#include <gdfonts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LINE = 512, MOST_LINES = 12, SHAPES = 14, JPEG_QUALITY = 88 };

/* Debian's fonts-dejavu-core; without it, a small font of the library, which knows no Cyrillic. */
static char font[] = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int below(uint64_t *state, int limit)
{
    return limit > 0 ? (int)(next_random(state) % (uint64_t)limit) : 0;
}

/* Muted, so that white text can be read on it; never one that picture_read() takes for a sign. */
static int colour(uint64_t *state, int alpha)
{
    int red = 30 + below(state, 130), green = 40 + below(state, 110), blue = 50 + below(state, 120);

    return gdTrueColorAlpha(red, green, blue, alpha);
}

static int mix(int first, int second, int at, int of)
{
    int red =
        gdTrueColorGetRed(first) + (gdTrueColorGetRed(second) - gdTrueColorGetRed(first)) * at / of;
    int green = gdTrueColorGetGreen(first) +
                (gdTrueColorGetGreen(second) - gdTrueColorGetGreen(first)) * at / of;
    int blue = gdTrueColorGetBlue(first) +
               (gdTrueColorGetBlue(second) - gdTrueColorGetBlue(first)) * at / of;

    return gdTrueColor(red, green, blue);
}

static void draw_background(gdImagePtr image, uint64_t *state)
{
    int top = colour(state, 0), bottom = colour(state, 0);

    for (int y = 0; y < image->sy; y++)
        gdImageLine(image, 0, y, image->sx - 1, y, mix(top, bottom, y, image->sy));
    for (int i = 0; i < SHAPES; i++) {
        int size = (image->sx + image->sy) / 16 + below(state, (image->sx + image->sy) / 5);
        int x = below(state, image->sx), y = below(state, image->sy);
        gdImageFilledEllipse(image, x, y, size, size, colour(state, 80));
    }
}

/* ---- text ---- */

struct writer {
    gdImagePtr image;
    double points;
    int left, width, y, bottom; /* y is the top of the next line */
};

static int text_width(const struct writer *writer, char *text)
{
    int corners[8];

    if (gdImageStringFT(NULL, corners, 0, font, writer->points, 0, 0, 0, text))
        return (int)strlen(text) * gdFontGetSmall()->w;
    return corners[2] - corners[0];
}

static int line_height(const struct writer *writer)
{
    return (int)(writer->points * 1.7) + 1;
}

static void write_line(struct writer *writer, char *text)
{
    int corners[8], white = gdTrueColor(255, 255, 255);
    int base = writer->y + (int)(writer->points * 1.3);

    if (gdImageStringFT(writer->image, corners, white, font, writer->points, 0, writer->left, base,
                        text))
        gdImageString(writer->image, gdFontGetSmall(), writer->left, writer->y,
                      (unsigned char *)text, white);
    writer->y += line_height(writer);
}

/* The length of the character at text. */
static size_t character(const char *text)
{
    size_t length = 1;

    while (((unsigned char)text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* As much of text as fits into a line: whole words, unless the first is too long. */
static size_t fitting(const struct writer *writer, const char *text)
{
    size_t end = 0, word_end = 0;
    char line[LONGEST_LINE];

    while (text[end] && text[end] != '\n') {
        size_t next = end + character(text + end);
        if (next >= sizeof line)
            break;
        memcpy(line, text, next);
        line[next] = '\0';
        if (text_width(writer, line) > writer->width)
            break;
        if (text[end] == ' ')
            word_end = end;
        end = next;
    }
    if (!text[end] || text[end] == '\n' || !word_end)
        return end ? end : *text ? character(text) : 0;
    return word_end;
}

static void write_text(struct writer *writer, const char *text)
{
    for (int lines = 0; text && *text && lines < MOST_LINES; lines++) {
        char line[LONGEST_LINE];
        size_t size = fitting(writer, text);
        if (size >= sizeof line || writer->y + line_height(writer) > writer->bottom)
            return;
        memcpy(line, text, size);
        line[size] = '\0';
        write_line(writer, line);
        text += size;
        text += *text == ' ' || *text == '\n';
    }
}

/* ---- the scene ---- */

static void draw_parts(gdImagePtr image, const struct draw_scene *scene, double points)
{
    int shorter = image->sx < image->sy ? image->sx : image->sy;
    int side = shorter / 3, step = image->sx / (scene->part_count + 1);

    for (int i = 0; i < scene->part_count; i++) {
        const struct draw_part *part = &scene->parts[i];
        int left = step * (i + 1) - side / 2, top = image->sy / 2 - side * 3 / 4;
        gdImagePtr small = part->picture ? gdImageCreateFromPngPtr((int)part->picture_size,
                                                                   (void *)(uintptr_t)part->picture)
                                         : NULL;
        gdImageFilledRectangle(image, left - 3, top - 3, left + side + 2, top + side + 2,
                               gdTrueColor(240, 240, 240));
        if (small) {
            gdImageCopyResampled(image, small, left, top, 0, 0, side, side, small->sx, small->sy);
            gdImageDestroy(small);
        }
        struct writer writer = {image, points * 0.8, left, side * 5 / 4, top + side + 4, image->sy};
        write_text(&writer, part->label);
    }
}

static void draw_words(gdImagePtr image, const struct draw_scene *scene, double points)
{
    int margin = (int)points, panel = image->sy * 7 / 10;
    struct writer head = {image, points * 0.8, margin, image->sx - 2 * margin, margin / 2, panel};
    struct writer body = {image,    points, margin, image->sx - 2 * margin, panel + margin / 2,
                          image->sy};

    write_text(&head, scene->title);
    write_text(&head, scene->numbers);
    gdImageFilledRectangle(image, 0, panel, image->sx - 1, image->sy - 1,
                           gdTrueColorAlpha(0, 0, 0, 50));
    write_text(&body, scene->prompt);
}

static void *encode(gdImagePtr image, const char *format, int *ret_size)
{
    if (strcmp(format, "png") == 0)
        return gdImagePngPtrEx(image, ret_size, 3);
    if (strcmp(format, "webp") == 0)
        return gdImageWebpPtrEx(image, ret_size, JPEG_QUALITY);
    return gdImageJpegPtr(image, ret_size, JPEG_QUALITY);
}

int draw(void *arg)
{
    struct draw_scene *scene = arg;
    gdImagePtr image = gdImageCreateTrueColor(scene->width, scene->height);
    uint64_t state = scene->seed;
    int size = 0;

    if (!image)
        return 0;
    double points = (double)(image->sx < image->sy ? image->sx : image->sy) / 36;
    if (!scene->is_black) {
        draw_background(image, &state);
        draw_parts(image, scene, points);
        draw_words(image, scene, points);
    }
    void *bytes = encode(image, scene->format, &size);
    gdImageDestroy(image);
    scene->bytes = bytes ? malloc((size_t)size) : NULL;
    if (scene->bytes) {
        memcpy(scene->bytes, bytes, (size_t)size);
        scene->size = (size_t)size;
    }
    gdFree(bytes);
    return 0;
}

#include "sdk/sandbox/media.h"

#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/world.h"

enum {
    HAS_NAME = 1,
    HAS_MIME = 2,
    HAS_DURATION = 4,
    HAS_SIZE = 8,
    HAS_LENGTH = 16,
    HAS_TITLE = 32
};

static const struct kind {
    const char *name;
    unsigned has;
    const char *mime_type;
    const char *type_name;
} kinds[] = {
    {"voice", HAS_MIME | HAS_DURATION, "audio/ogg", "VoiceNote"},
    {"audio", HAS_NAME | HAS_MIME | HAS_DURATION | HAS_TITLE, "audio/mpeg", "Audio"},
    {"video_note", HAS_DURATION | HAS_LENGTH, "video/mp4", "VideoNote"},
    {"video", HAS_NAME | HAS_MIME | HAS_DURATION | HAS_SIZE, "video/mp4", "Video"},
    {"animation", HAS_NAME | HAS_MIME | HAS_DURATION | HAS_SIZE, "video/mp4", "Animation"},
    {"live_photo", HAS_MIME | HAS_DURATION | HAS_SIZE, "video/mp4", "Video"},
    {"photo", HAS_SIZE, "image/jpeg", "Photo"},
    {"sticker", HAS_SIZE, "image/webp", "Sticker"},
    {"thumbnail", HAS_SIZE, "image/jpeg", "Thumbnail"},
    {"document", HAS_NAME | HAS_MIME, "application/octet-stream", "Document"},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool media_is_kind(const char *kind)
{
    return find_kind(kind) && strcmp(kind, "thumbnail") != 0 && strcmp(kind, "live_photo") != 0;
}

const char *media_type_name(const char *kind)
{
    return find_kind(kind) ? find_kind(kind)->type_name : "Document";
}

static const char *mime_of(const struct media *media, const struct kind *kind)
{
    static const char *const types[][2] = {
        {"txt", "text/plain"},      {"pdf", "application/pdf"}, {"json", "application/json"},
        {"zip", "application/zip"}, {"png", "image/png"},       {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},     {"mp3", "audio/mpeg"},      {"wav", "audio/x-wav"},
        {"ogg", "audio/ogg"},       {"oga", "audio/ogg"},       {"opus", "audio/ogg"},
        {"flac", "audio/flac"},     {"m4a", "audio/mp4"},       {"mp4", "video/mp4"},
        {"webm", "video/webm"},     {"gif", "image/gif"},       {"webp", "image/webp"},
    };
    const char *dot = media->file_name ? strrchr(media->file_name, '.') : NULL;

    if (media->mime_type && *media->mime_type)
        return media->mime_type;
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i][0]) == 0)
            return types[i][1];
    return kind->mime_type;
}

/* ---- images ---- */

static int64_t big_endian(const unsigned char *p, int size)
{
    int64_t value = 0;

    while (size--)
        value = value << 8 | *p++;
    return value;
}

static int64_t little_endian(const unsigned char *p, int size)
{
    int64_t value = 0;

    while (size--)
        value = value << 8 | p[size];
    return value;
}

static void read_jpeg(const unsigned char *p, size_t size, int64_t *ret_width, int64_t *ret_height)
{
    for (size_t i = 2; i + 9 < size && p[i] == 0xFF; i += 2 + (size_t)big_endian(p + i + 2, 2)) {
        unsigned char marker = p[i + 1];
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
            marker != 0xCC) {
            *ret_height = big_endian(p + i + 5, 2);
            *ret_width = big_endian(p + i + 7, 2);
            return;
        }
    }
}

static void read_webp(const unsigned char *p, int64_t *ret_width, int64_t *ret_height)
{
    if (memcmp(p + 12, "VP8X", 4) == 0) {
        *ret_width = little_endian(p + 24, 3) + 1;
        *ret_height = little_endian(p + 27, 3) + 1;
    } else if (memcmp(p + 12, "VP8L", 4) == 0) {
        *ret_width = (little_endian(p + 21, 2) & 0x3FFF) + 1;
        *ret_height = (little_endian(p + 22, 3) >> 6 & 0x3FFF) + 1;
    } else {
        *ret_width = little_endian(p + 26, 2) & 0x3FFF;
        *ret_height = little_endian(p + 28, 2) & 0x3FFF;
    }
}

bool media_image_size(const void *bytes, size_t size, int64_t *ret_width, int64_t *ret_height)
{
    const unsigned char *p = bytes;

    *ret_width = *ret_height = 0;
    if (size > 24 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0) {
        *ret_width = big_endian(p + 16, 4);
        *ret_height = big_endian(p + 20, 4);
    } else if (size > 10 && memcmp(p, "GIF8", 4) == 0) {
        *ret_width = little_endian(p + 6, 2);
        *ret_height = little_endian(p + 8, 2);
    } else if (size > 30 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0) {
        read_webp(p, ret_width, ret_height);
    } else if (size > 26 && memcmp(p, "BM", 2) == 0) {
        *ret_width = little_endian(p + 18, 4);
        *ret_height = little_endian(p + 22, 4);
    } else if (size > 4 && p[0] == 0xFF && p[1] == 0xD8) {
        read_jpeg(p, size, ret_width, ret_height);
    }
    return *ret_width > 0 && *ret_height > 0;
}

/* ---- objects ---- */

/* The kinds of stickers differ in what their file is. */
static void describe_sticker(cJSON *object, const struct media *media)
{
    const unsigned char *p = media->bytes;
    bool is_animated = media->size > 2 && p[0] == 0x1F && p[1] == 0x8B;
    bool is_video = media->size > 4 && memcmp(p, "\x1A\x45\xDF\xA3", 4) == 0;

    json_set_text(object, "type", "regular");
    json_set_bool(object, "is_animated", is_animated);
    json_set_bool(object, "is_video", is_video);
    if (media->emoji && *media->emoji)
        json_set_text(object, "emoji", media->emoji);
}

/* The name without its folders. */
static const char *base_name(const char *file_name)
{
    const char *slash = file_name ? strrchr(file_name, '/') : NULL;
    const char *backslash = file_name ? strrchr(file_name, '\\') : NULL;
    const char *last = backslash > slash ? backslash : slash;

    return last ? last + 1 : file_name;
}

static void describe(cJSON *object, const struct media *media, const struct kind *kind)
{
    const char *name = base_name(media->file_name);

    if (kind->has & HAS_NAME)
        json_set_text(object, "file_name", name && *name ? name : "file");
    if (kind->has & HAS_MIME)
        json_set_text(object, "mime_type", mime_of(media, kind));
    if (kind->has & HAS_DURATION)
        json_set_int(object, "duration", media->duration);
    if (kind->has & HAS_LENGTH)
        json_set_int(object, "length", media->width ? media->width : 384);
    if (kind->has & HAS_TITLE && media->performer && *media->performer)
        json_set_text(object, "performer", media->performer);
    if (kind->has & HAS_TITLE && media->title && *media->title)
        json_set_text(object, "title", media->title);
    if (media->told_size)
        json_set_int(object, "file_size", media->told_size);
    json_set_copy(object, "thumbnail", media->thumbnail);
}

cJSON *media_store(struct world *world, struct arena *arena, const struct media *media)
{
    const struct kind *kind = find_kind(media->kind);
    cJSON *object = json_keep(arena, cJSON_CreateObject());
    int64_t width, height;
    bool is_image = media_image_size(media->bytes, media->size, &width, &height);

    if ((strcmp(kind->name, "photo") == 0 || strcmp(kind->name, "thumbnail") == 0) && !is_image)
        return NULL;
    if (!is_image) {
        bool is_sticker = strcmp(kind->name, "sticker") == 0;
        width = media->width ? media->width : is_sticker ? 512 : 1280;
        height = media->height ? media->height : is_sticker ? 512 : 720;
    }
    describe(object, media, kind);
    if (kind->has & HAS_SIZE) {
        json_set_int(object, "width", width);
        json_set_int(object, "height", height);
    }
    if (strcmp(kind->name, "sticker") == 0)
        describe_sticker(object, media);
    world_add_file(world, arena, kind->name, object, media->bytes, media->size);
    return object;
}

/* An animation is also a document, for bots that know no animations. */
static void attach_document(cJSON *message, const cJSON *animation)
{
    static const char *const names[] = {"file_id",   "file_unique_id", "thumbnail",
                                        "file_name", "mime_type",      "file_size"};
    cJSON *document = cJSON_AddObjectToObject(message, "document");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_set_copy(document, names[i], json_get(animation, names[i]));
}

void media_attach(cJSON *message, const char *kind, const cJSON *object)
{
    if (strcmp(kind, "animation") == 0)
        attach_document(message, object);
    if (strcmp(kind, "live_photo") == 0)
        json_set_copy(message, "photo", json_get(object, "photo"));
    if (strcmp(kind, "photo") == 0)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(message, kind), cJSON_Duplicate(object, true));
    else
        json_set_copy(message, kind, object);
}

#include "sdk/sandbox/media.h"

#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/world.h"

enum { HAS_NAME = 1, HAS_MIME = 2, HAS_DURATION = 4, HAS_SIZE = 8, HAS_LENGTH = 16 };

static const struct kind {
    const char *name;
    unsigned has;
    const char *mime_type;
} kinds[] = {
    {"voice", HAS_MIME | HAS_DURATION, "audio/ogg"},
    {"audio", HAS_NAME | HAS_MIME | HAS_DURATION, "audio/mpeg"},
    {"video_note", HAS_DURATION | HAS_LENGTH, "video/mp4"},
    {"video", HAS_NAME | HAS_MIME | HAS_DURATION | HAS_SIZE, "video/mp4"},
    {"animation", HAS_NAME | HAS_MIME | HAS_DURATION | HAS_SIZE, "video/mp4"},
    {"photo", HAS_SIZE, "image/jpeg"},
    {"document", HAS_NAME | HAS_MIME, "application/octet-stream"},
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
    return find_kind(kind);
}

static const char *mime_of(const struct media *media, const struct kind *kind)
{
    static const char *const types[][2] = {
        {"txt", "text/plain"},      {"pdf", "application/pdf"}, {"json", "application/json"},
        {"zip", "application/zip"}, {"png", "image/png"},       {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},     {"mp3", "audio/mpeg"},      {"wav", "audio/x-wav"},
        {"ogg", "audio/ogg"},       {"oga", "audio/ogg"},       {"opus", "audio/ogg"},
        {"flac", "audio/flac"},     {"m4a", "audio/mp4"},       {"mp4", "video/mp4"},
        {"webm", "video/webm"},
    };
    const char *dot = media->file_name ? strrchr(media->file_name, '.') : NULL;

    if (media->mime_type && *media->mime_type)
        return media->mime_type;
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i][0]) == 0)
            return types[i][1];
    return kind->mime_type;
}

static int64_t big_endian(const unsigned char *p, int size)
{
    int64_t value = 0;

    while (size--)
        value = value << 8 | *p++;
    return value;
}

/* Width and height of a PNG or JPEG, from its headers. */
static bool image_size(const unsigned char *p, size_t size, int64_t *ret_width, int64_t *ret_height)
{
    if (size > 24 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0) {
        *ret_width = big_endian(p + 16, 4);
        *ret_height = big_endian(p + 20, 4);
        return *ret_width > 0 && *ret_height > 0;
    }
    if (size < 4 || p[0] != 0xFF || p[1] != 0xD8)
        return false;
    for (size_t i = 2; i + 9 < size && p[i] == 0xFF; i += 2 + (size_t)big_endian(p + i + 2, 2)) {
        unsigned char marker = p[i + 1];
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
            marker != 0xCC) {
            *ret_height = big_endian(p + i + 5, 2);
            *ret_width = big_endian(p + i + 7, 2);
            return *ret_width > 0 && *ret_height > 0;
        }
    }
    return false;
}

cJSON *media_store(struct world *world, struct arena *arena, const struct media *media)
{
    const struct kind *kind = find_kind(media->kind);
    cJSON *object = json_keep(arena, cJSON_CreateObject());
    int64_t width = 1280, height = 720;

    if (strcmp(kind->name, "photo") == 0 && !image_size(media->bytes, media->size, &width, &height))
        return NULL;
    if (kind->has & HAS_NAME)
        json_set_text(object, "file_name", media->file_name ? media->file_name : "file");
    if (kind->has & HAS_MIME)
        json_set_text(object, "mime_type", mime_of(media, kind));
    if (kind->has & HAS_DURATION)
        json_set_int(object, "duration", media->duration);
    if (kind->has & HAS_LENGTH)
        json_set_int(object, "length", 384);
    if (kind->has & HAS_SIZE) {
        json_set_int(object, "width", width);
        json_set_int(object, "height", height);
    }
    if (media->told_size)
        json_set_int(object, "file_size", media->told_size);
    world_add_file(world, arena, kind->name, object, media->bytes, media->size);
    return object;
}

/* An animation is also a document, for bots that know no animations. */
static void attach_document(cJSON *message, const cJSON *animation)
{
    static const char *const names[] = {"file_id", "file_unique_id", "file_name", "mime_type",
                                        "file_size"};
    cJSON *document = cJSON_AddObjectToObject(message, "document");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_set_copy(document, names[i], json_get(animation, names[i]));
}

void media_attach(cJSON *message, const char *kind, const cJSON *object)
{
    if (strcmp(kind, "animation") == 0)
        attach_document(message, object);
    if (strcmp(kind, "photo") == 0)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(message, kind), cJSON_Duplicate(object, true));
    else
        json_set_copy(message, kind, object);
}

void media_detach(cJSON *message)
{
    static const char *const texts[] = {"text", "entities", "caption", "caption_entities"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(message, texts[i]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(message, kinds[i].name);
}

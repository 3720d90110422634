/*
 * Sending files: uploaded, attached by name, by an address, or by a file_id seen before. What goes for
 * the parameters of a method goes for an object such as InputMedia, too.
 */
#include <ctype.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "sdk/sandbox/audio.h"
#include "sdk/sandbox/fetch.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LARGEST_UPLOAD = 50 * 1024 * 1024,
    LARGEST_PHOTO = 10 * 1024 * 1024,
    LARGEST_THUMBNAIL = 200 * 1024 - 1,
    WIDEST_THUMBNAIL = 320,
    LONGEST_SIDES = 10000, /* of a photo, together; and the longest side of a video */
    STEEPEST = 20,         /* a photo's one side by the other */
    LONGEST_DURATION = 86400,
};

/* Where a file and what is said about it come from. */
struct source {
    const char *kind;
    const char *part;  /* name of the part it can be uploaded as; NULL = only as attach://… */
    const char *value; /* what the request has in its place */
    const cJSON *from; /* duration, width, … */
};

struct measurement {
    const struct upload *upload;
    int64_t seconds;
};

static int measure(void *arg)
{
    struct measurement *measurement = arg;
    struct audio_info info;

    if (audio_inspect(measurement->upload->bytes, measurement->upload->size, &info) == 0)
        measurement->seconds = (int64_t)(info.seconds + 0.5);
    return 0;
}

static int64_t within(const cJSON *from, const char *name, int64_t most)
{
    int64_t value = json_get_int(from, name, 0);

    return value < 0 ? 0 : value > most ? most : value;
}

/* The upload that value stands for; NULL when it is none. */
static const struct upload *find_upload(const struct call *call, const char *part,
                                        const char *value)
{
    if (value && strncmp(value, "attach://", 9) == 0)
        return params_upload(&call->params, value + 9);
    return part ? params_upload(&call->params, part) : NULL;
}

/* What cannot be a thumbnail is left out, and so is that of a kind that has none. */
static const cJSON *find_thumbnail(struct call *call, const struct source *source)
{
    static const char *const kinds[] = {"animation", "audio", "document", "video", "video_note"};
    bool has_one = false;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        has_one |= strcmp(kinds[i], source->kind) == 0;
    const struct upload *upload = find_upload(call, source->part ? "thumbnail" : NULL,
                                              json_get_text(source->from, "thumbnail"));
    int64_t width, height;

    if (!has_one || !upload || upload->size > LARGEST_THUMBNAIL ||
        !media_image_size(upload->bytes, upload->size, &width, &height) ||
        width > WIDEST_THUMBNAIL || height > WIDEST_THUMBNAIL)
        return NULL;
    return media_store(
        call->sandbox->world, call->arena,
        &(struct media){.kind = "thumbnail", .bytes = upload->bytes, .size = upload->size});
}

static int check_photo(struct call *call, const struct upload *upload)
{
    int64_t width, height;

    if (upload->size > LARGEST_PHOTO)
        return call_refuse(call,
                           "file of size %zu bytes is too big for a photo; the maximum size is %d "
                           "bytes",
                           upload->size, LARGEST_PHOTO);
    if (!media_image_size(upload->bytes, upload->size, &width, &height))
        return call_refuse(call, "IMAGE_PROCESS_FAILED");
    if (width + height > LONGEST_SIDES || width > height * STEEPEST || height > width * STEEPEST)
        return call_refuse(call, "PHOTO_INVALID_DIMENSIONS");
    return 0;
}

static AISHA_ASYNC int store_upload(struct call *call, const struct source *source,
                                    const struct upload *upload, cJSON **ret_object)
{
    const char *kind = source->kind;
    struct measurement measurement = {
        .upload = upload, .seconds = within(source->from, "duration", LONGEST_DURATION)};
    bool is_sound = strcmp(kind, "voice") == 0 || strcmp(kind, "audio") == 0;
    bool is_note = strcmp(kind, "video_note") == 0;

    if (!upload->size)
        return call_refuse(call, "file must be non-empty");
    if (upload->size > LARGEST_UPLOAD)
        return call_fail(call, 413, "Request Entity Too Large");
    int r = strcmp(kind, "photo") == 0 ? check_photo(call, upload) : 0;
    if (r < 0)
        return r;
    if (!measurement.seconds && is_sound &&
        workers_run(call->sandbox->workers, measure, &measurement) < 0)
        return call_fail(call, 500, "Internal Server Error");
    const struct media media = {
        .kind = kind,
        .file_name = upload->file_name,
        .mime_type = upload->content_type,
        .duration = measurement.seconds,
        .width = within(source->from, is_note ? "length" : "width", LONGEST_SIDES),
        .height = within(source->from, "height", LONGEST_SIDES),
        .title = json_get_text(source->from, "title"),
        .performer = json_get_text(source->from, "performer"),
        .emoji = json_get_text(source->from, "emoji"),
        .thumbnail = find_thumbnail(call, source),
        .bytes = upload->bytes,
        .size = upload->size,
    };
    *ret_object = media_store(call->sandbox->world, call->arena, &media);
    return 0;
}

/* "video_note" → "video note" */
static const char *in_words(struct arena *arena, const char *kind)
{
    char *words = arena_strdup(arena, kind);

    for (char *c = words; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return words;
}

/* A file_id has no dots; what has one is an address. */
static AISHA_ASYNC int fetch(struct call *call, const struct source *source, cJSON **ret_object)
{
    const char *url = fetch_is_url(source->value)
                          ? source->value
                          : arena_printf(call->arena, "http://%s", source->value);
    struct upload fetched;

    int r = fetch_upload(call, source->kind, url, &fetched);
    return r < 0 ? r : store_upload(call, source, &fetched, ret_object);
}

static AISHA_ASYNC int find_file(struct call *call, const struct source *source, cJSON **ret_object)
{
    const char *value = source->value;
    const struct upload *upload = find_upload(call, source->part, value);

    if (upload)
        return store_upload(call, source, upload, ret_object);
    if (!value || !*value || strncmp(value, "attach://", 9) == 0)
        return source->part ? call_refuse(call, "there is no %s in the request",
                                          in_words(call->arena, source->part))
                            : call_refuse(call, "can't parse InputMedia: media not found");
    if (fetch_is_url(value) || strchr(value, '.'))
        return fetch(call, source, ret_object);
    const cJSON *file = world_file(call->sandbox->world, call->arena, value);
    if (!file)
        return call_refuse(call, "wrong file identifier/HTTP URL specified");
    const char *kind = json_get_text(file, "kind");
    if (strcmp(kind, source->kind) != 0)
        return call_refuse(call, "can't use file of type %s as %s", media_type_name(kind),
                           media_type_name(source->kind));
    *ret_object = json_get(file, "object");
    return 0;
}

/* What belongs to a video in this message, not to its file. */
static AISHA_ASYNC int add_video_details(struct call *call, const struct source *source,
                                         cJSON *video)
{
    const char *cover_value = json_get_text(source->from, "cover");
    const struct source cover = {.kind = "photo",
                                 .part = source->part ? "cover" : NULL,
                                 .value = cover_value,
                                 .from = source->from};
    int64_t start = within(source->from, "start_timestamp", LONGEST_DURATION);
    cJSON *object;

    if (start)
        json_set_int(video, "start_timestamp", start);
    if (!cover_value && !(cover.part && params_upload(&call->params, cover.part)))
        return 0;
    int r = find_file(call, &cover, &object);
    if (r == 0)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(video, "cover"), cJSON_Duplicate(object, true));
    return r;
}

/* A live photo is a video with the photo it belongs to. */
static AISHA_ASYNC int add_still(struct call *call, const struct source *source, cJSON *live_photo)
{
    const struct source still = {.kind = "photo",
                                 .part = source->part ? "photo" : NULL,
                                 .value = json_get_text(source->from, "photo"),
                                 .from = source->from};
    cJSON *object;

    int r = find_file(call, &still, &object);
    if (r == 0)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(live_photo, "photo"),
                             cJSON_Duplicate(object, true));
    return r;
}

int call_media(struct call *call, const char *kind, const char *part, const char *value,
               const cJSON *from, cJSON **ret_object)
{
    const struct source source = {.kind = kind, .part = part, .value = value, .from = from};
    bool is_live = strcmp(kind, "live_photo") == 0;
    cJSON *file;

    if (is_live && value && fetch_is_url(value))
        return call_refuse(call, "wrong file identifier/HTTP URL specified");
    int r = find_file(call, &source, &file);
    if (r < 0)
        return r;
    cJSON *object = json_keep(call->arena, cJSON_Duplicate(file, true));
    if (is_live)
        r = add_still(call, &source, object);
    else if (strcmp(kind, "video") == 0)
        r = add_video_details(call, &source, object);
    if (r == 0)
        *ret_object = object;
    return r;
}

void media_set_placement(cJSON *message, const cJSON *from, const char *kind)
{
    static const char *const visible[] = {"photo", "video", "animation", "live_photo",
                                          "paid_media"};

    for (size_t i = 0; i < sizeof visible / sizeof *visible; i++) {
        if (strcmp(visible[i], kind) != 0)
            continue;
        if (json_get_bool(from, "show_caption_above_media"))
            json_set_bool(message, "show_caption_above_media", true);
        if (json_get_bool(from, "has_spoiler"))
            json_set_bool(message, "has_media_spoiler", true);
    }
}

int call_input_media(struct call *call, const cJSON *media, cJSON *content)
{
    const char *kind = json_get_text(media, "type");
    cJSON *object = NULL;

    int r = call_caption(call, media, content);
    if (r == 0)
        r = call_media(call, kind, NULL, json_get_text(media, "media"), media, &object);
    if (r < 0)
        return r;
    media_attach(content, kind, object);
    media_set_placement(content, media, kind);
    return 0;
}

static const struct sender {
    const char *method, *kind;
    bool has_caption;
} senders[] = {
    {"sendPhoto", "photo", true},           {"sendAudio", "audio", true},
    {"sendDocument", "document", true},     {"sendVideo", "video", true},
    {"sendAnimation", "animation", true},   {"sendVoice", "voice", true},
    {"sendVideoNote", "video_note", false}, {"sendLivePhoto", "live_photo", true},
    {"sendSticker", "sticker", false},
};

static AISHA_ASYNC int send_file(struct call *call)
{
    const struct sender *sender = senders;
    cJSON *content = json_keep(call->arena, cJSON_CreateObject()), *object = NULL;
    const cJSON *from = call->params.values;

    while (strcmp(sender->method, call->method) != 0)
        sender++;
    int r = sender->has_caption ? call_caption(call, from, content) : 0;
    if (r == 0)
        r = call_media(call, sender->kind, sender->kind, call_text(call, sender->kind), from,
                       &object);
    if (r < 0)
        return r;
    media_attach(content, sender->kind, object);
    media_set_placement(content, from, sender->kind);
    return call_send_content(call, content);
}

const struct method media_methods[] = {
    {"sendPhoto", send_file},     {"sendAudio", send_file},
    {"sendDocument", send_file},  {"sendVideo", send_file},
    {"sendAnimation", send_file}, {"sendVoice", send_file},
    {"sendVideoNote", send_file}, {"sendLivePhoto", send_file},
    {"sendSticker", send_file},   {0},
};

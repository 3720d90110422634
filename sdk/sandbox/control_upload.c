/*
 * Files of the users. What is meant as a voice note becomes one, as in Telegram's own apps.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/worker.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/audio.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_CAPTION = 1024, LONGEST_FILE_NAME = 255, LONGEST_DURATION = 86400 };

/* Work for a worker thread; sees only this. */
struct conversion {
    const void *bytes;
    size_t size;
    void *opus; /* malloc'ed */
    size_t opus_size;
    double seconds;
};

static int to_voice(void *arg)
{
    struct conversion *conversion = arg;

    return audio_to_opus(conversion->bytes, conversion->size, &conversion->opus,
                         &conversion->opus_size, &conversion->seconds);
}

static int to_length(void *arg)
{
    struct conversion *conversion = arg;
    struct audio_info info;

    int r = audio_inspect(conversion->bytes, conversion->size, &info);
    if (r == 0)
        conversion->seconds = info.seconds;
    return r;
}

/* Fills bytes, size and duration. false after having answered. */
static AISHA_ASYNC bool fill_media(struct control *control, struct media *media, bool is_raw)
{
    struct conversion work = {.bytes = media->bytes, .size = media->size};
    bool is_voice = strcmp(media->kind, "voice") == 0 && !is_raw;
    bool is_audio = strcmp(media->kind, "audio") == 0;
    int r = 0;

    if (is_voice)
        r = workers_run(control->sandbox->workers, to_voice, &work);
    else if (is_audio)
        aisha_ignore(workers_run(control->sandbox->workers, to_length, &work));
    if (r < 0) {
        control_fail(control, 400, "this cannot be decoded as audio (raw=1 stores it as it is)");
        return false;
    }
    if (work.opus) {
        arena_defer(control->arena, free, work.opus);
        media->bytes = work.opus;
        media->size = work.opus_size;
        media->mime_type = "audio/ogg";
    }
    if (!media->duration)
        media->duration = (int64_t)(work.seconds + 0.5);
    return true;
}

static bool is_text_fine(struct control *control, const char *name, const char *text,
                         size_t most_characters)
{
    if (!text || (utf8_is_valid(text, strlen(text)) && utf8_length(text) <= most_characters))
        return true;
    control_fail(control, 400, "%s must be UTF-8 of at most %zu characters", name, most_characters);
    return false;
}

/* The bytes fill the body: where they go stands in the query. */
static cJSON *place_of_query(struct control *control)
{
    static const char *const names[] = {"chat_id", "message_thread_id"};
    cJSON *place = json_keep(control->arena, cJSON_CreateObject());

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = http_exchange_param(control->exchange, names[i]);
        if (text)
            json_set_int(place, names[i], strtoll(text, NULL, 10));
    }
    const char *business = http_exchange_param(control->exchange, "business_connection_id");
    if (business)
        json_set_text(place, "business_connection_id", business);
    return place;
}

void control_upload(struct control *control)
{
    struct http_exchange *exchange = control->exchange;
    struct world *world = control->sandbox->world;
    struct place place;
    const char *raw = http_exchange_param(exchange, "raw");
    const char *caption = http_exchange_param(exchange, "caption");
    const char *group = http_exchange_param(exchange, "media_group_id");
    int64_t user_id, original_id;
    struct media media = {.kind = http_exchange_param(exchange, "kind"),
                          .file_name = http_exchange_param(exchange, "file_name"),
                          .mime_type = http_exchange_param(exchange, "mime"),
                          .bytes = exchange->body,
                          .size = exchange->body_size};

    if (!control_number(control, "user_id", 0, &user_id) ||
        !control_number(control, "duration", 0, &media.duration) ||
        !control_number(control, "told_size", 0, &media.told_size) ||
        !control_number(control, "reply_to_message_id", 0, &original_id) ||
        !is_text_fine(control, "caption", caption, LONGEST_CAPTION) ||
        !is_text_fine(control, "file_name", media.file_name, LONGEST_FILE_NAME) ||
        !is_text_fine(control, "media_group_id", group, LONGEST_FILE_NAME) ||
        !is_text_fine(control, "mime", media.mime_type, LONGEST_FILE_NAME))
        return;
    control->body = place_of_query(control);
    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    if (!media.kind || !media_is_kind(media.kind)) {
        control_fail(control, 400,
                     "kind must be voice, audio, video_note, video, animation, "
                     "document or photo");
        return;
    }
    if (caption && *caption && strcmp(media.kind, "video_note") == 0) {
        control_fail(control, 400, "a video_note has no caption");
        return;
    }
    if (world_standing(world, place.chat_id) == CHAT_BLOCKED) {
        control_fail(control, 400, "this user has blocked the bot");
        return;
    }
    if (!fill_media(control, &media, raw && strcmp(raw, "1") == 0))
        return;
    const cJSON *object = media_store(world, control->arena, &media);
    if (!object) {
        control_fail(control, 400, "a photo must be a JPEG or PNG");
        return;
    }
    if (!place.business_connection_id)
        world_set_standing(world, place.chat_id, CHAT_OPEN);
    cJSON *message = sandbox_new_message(control->sandbox, control->arena, place.chat_id, user);
    place_set(message, &place);
    if (!control_reply_to(control, message, original_id))
        return;
    media_attach(message, media.kind, object);
    struct formatted formatted = entities_of_plain(control->arena, caption ? caption : "");
    message_set_text(message, "caption", "caption_entities", &formatted);
    if (group && *group)
        json_set_text(message, "media_group_id", group);
    control_post(control, message);
}

/* Only what a browser shows without running it; NULL = nothing of it. */
static const char *shown_type(struct arena *arena, const char *mime_type)
{
    static const char *const images[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-";

    for (size_t i = 0; mime_type && i < sizeof images / sizeof *images; i++)
        if (strcmp(images[i], mime_type) == 0)
            return images[i];
    if (!mime_type ||
        (strncmp(mime_type, "audio/", 6) != 0 && strncmp(mime_type, "video/", 6) != 0))
        return NULL;
    size_t length = 6 + strspn(mime_type + 6, name);
    return mime_type[length] == '\0' || mime_type[length] == ';'
               ? arena_printf(arena, "%.*s", (int)length, mime_type)
               : NULL;
}

/* A document that somebody opens by its address is saved, and even if it were shown could do nothing. */
void control_file(struct control *control)
{
    struct world *world = control->sandbox->world;
    const cJSON *file = world_file(world, control->arena, control->rest);
    size_t size = 0;
    const void *bytes = world_file_bytes(world, control->arena, control->rest, &size);

    if (!file || !bytes) {
        control_fail(control, 404, "there is no such file");
        return;
    }
    const char *kind = json_get_text(file, "kind");
    const char *type =
        shown_type(control->arena, json_get_text(json_get(file, "object"), "mime_type"));
    if (!type && strcmp(kind, "photo") == 0)
        type = "image/jpeg";
    if (!type && strcmp(kind, "video_note") == 0)
        type = "video/mp4";
    http_exchange_add_header(control->exchange, "X-Content-Type-Options", "nosniff");
    http_exchange_add_header(control->exchange, "Content-Security-Policy",
                             "default-src 'none'; sandbox");
    if (!type)
        http_exchange_add_header(control->exchange, "Content-Disposition", "attachment");
    http_exchange_respond(control->exchange, 200, type ? type : "application/octet-stream", bytes,
                          size);
}

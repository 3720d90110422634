/*
 * Sending files: uploaded, attached by name, or by a file_id seen before. One table row a method.
 */
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
    LONGEST_CAPTION = 1024,
    LARGEST_UPLOAD = 50 * 1024 * 1024,
    LARGEST_PHOTO = 10 * 1024 * 1024,
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

static AISHA_ASYNC int store_upload(struct call *call, const char *kind,
                                    const struct upload *upload, cJSON **ret_object)
{
    struct measurement measurement = {.upload = upload, .seconds = call_int(call, "duration", 0)};
    bool is_photo = strcmp(kind, "photo") == 0;

    if (!upload->size)
        return call_refuse(call, "file must be non-empty");
    if (upload->size > LARGEST_UPLOAD)
        return call_fail(call, 413, "Request Entity Too Large");
    if (is_photo && upload->size > LARGEST_PHOTO)
        return call_refuse(call, "too big for a photo");
    if (!measurement.seconds && (strcmp(kind, "voice") == 0 || strcmp(kind, "audio") == 0)) {
        int r = workers_run(call->sandbox->workers, measure, &measurement);
        if (r < 0)
            return call_fail(call, 500, "Internal Server Error");
    }
    const struct media media = {.kind = kind,
                                .file_name = upload->file_name,
                                .mime_type = upload->content_type,
                                .duration = measurement.seconds,
                                .bytes = upload->bytes,
                                .size = upload->size};
    cJSON *object = media_store(call->sandbox->world, call->arena, &media);
    if (!object)
        return call_refuse(call, "IMAGE_PROCESS_FAILED");
    if (strcmp(kind, "audio") == 0) {
        json_set_copy(object, "performer", call_get(call, "performer"));
        json_set_copy(object, "title", call_get(call, "title"));
    }
    *ret_object = object;
    return 0;
}

/* The upload that value, of that parameter, stands for; NULL when it is none. */
static const struct upload *find_upload(const struct call *call, const char *name,
                                        const char *value)
{
    if (value && strncmp(value, "attach://", 9) == 0)
        return params_upload(&call->params, value + 9);
    return name ? params_upload(&call->params, name) : NULL;
}

int call_media(struct call *call, const char *kind, const char *name, const char *value,
               cJSON **ret_object)
{
    const struct upload *upload = find_upload(call, name, value);

    if (upload)
        return store_upload(call, kind, upload, ret_object);
    if (!value || !*value || strncmp(value, "attach://", 9) == 0)
        return call_refuse(call, "there is no %s in the request", kind);
    if (fetch_is_url(value)) {
        struct upload fetched;
        int r = fetch_upload(call, kind, value, &fetched);
        return r < 0 ? r : store_upload(call, kind, &fetched, ret_object);
    }
    const cJSON *file = world_file(call->sandbox->world, call->arena, value);
    if (!file)
        return call_refuse(call, "wrong file identifier/HTTP URL specified");
    if (strcmp(json_get_text(file, "kind"), kind) != 0)
        return call_refuse(call, "can't use file of type %s as %s", json_get_text(file, "kind"),
                           kind);
    *ret_object = json_get(file, "object");
    return 0;
}

static AISHA_ASYNC int send_file(struct call *call, const char *kind)
{
    struct formatted caption;
    cJSON *object = NULL, *message;

    int r = call_formatted(call, "caption", "caption_entities", LONGEST_CAPTION, &caption);
    if (r == 0)
        r = call_media(call, kind, kind, call_text(call, kind), &object);
    if (r == 0)
        r = call_new_message(call, &message);
    if (r < 0)
        return r;
    media_attach(message, kind, object);
    message_set_text(message, "caption", "caption_entities", &caption);
    call_send(call, message);
    return 0;
}

static AISHA_ASYNC int send_document(struct call *call)
{
    return send_file(call, "document");
}

static AISHA_ASYNC int send_photo(struct call *call)
{
    return send_file(call, "photo");
}

static AISHA_ASYNC int send_audio(struct call *call)
{
    return send_file(call, "audio");
}

static AISHA_ASYNC int send_voice(struct call *call)
{
    return send_file(call, "voice");
}

static AISHA_ASYNC int send_video(struct call *call)
{
    return send_file(call, "video");
}

static AISHA_ASYNC int send_animation(struct call *call)
{
    return send_file(call, "animation");
}

static AISHA_ASYNC int send_video_note(struct call *call)
{
    return send_file(call, "video_note");
}

const struct method media_methods[] = {
    {"sendDocument", send_document},    {"sendPhoto", send_photo},
    {"sendAudio", send_audio},          {"sendVoice", send_voice},
    {"sendVideo", send_video},          {"sendAnimation", send_animation},
    {"sendVideoNote", send_video_note}, {0},
};

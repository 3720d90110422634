/*
 * editMessageMedia: another file in the place of what the message had, be it a file or a text.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"

/* Kinds a message can be edited to; a voice note or a video note is none, nor becomes one. */
static bool is_editable(const char *kind)
{
    static const char *const kinds[] = {"animation", "audio", "document", "photo", "video"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

static AISHA_ASYNC int edit_message_media(struct call *call)
{
    const cJSON *media = call_get(call, "media");
    const char *kind = json_get_text(media, "type");
    struct formatted caption;
    cJSON *before, *object = NULL;

    int r = call_own_message(call, &before);
    if (r == 0 && (json_get(before, "voice") || json_get(before, "video_note")))
        r = call_refuse(call, "message can't be edited");
    if (r == 0 && !kind)
        r = call_refuse(call, "can't parse InputMedia: Can't find field \"type\"");
    if (r == 0 && !is_editable(kind))
        r = call_refuse(call, "can't parse InputMedia: invalid type \"%s\" specified", kind);
    if (r == 0)
        r = call_caption_of(call, media, &caption);
    if (r == 0)
        r = call_media(call, kind, NULL, json_get_text(media, "media"), &object);
    if (r < 0)
        return r;
    cJSON *message = json_keep(call->arena, cJSON_Duplicate(before, true));
    media_detach(message);
    media_attach(message, kind, object);
    message_set_text(message, "caption", "caption_entities", &caption);
    return call_edit(call, before, message);
}

const struct method edit_media_methods[] = {
    {"editMessageMedia", edit_message_media},
    {0},
};

#include "sdk/sandbox/content.h"

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"

/* Those before "text" can have a caption. An animation is a document, too, and a live photo a photo. */
static const char *const members[] = {
    "animation",
    "audio",
    "live_photo",
    "paid_media",
    "photo",
    "video",
    "voice",
    "document",
    "text",
    "entities",
    "link_preview_options",
    "rich_message",
    "sticker",
    "story",
    "video_note",
    "caption",
    "caption_entities",
    "show_caption_above_media",
    "has_media_spoiler",
    "checklist",
    "contact",
    "dice",
    "game",
    "poll",
    "venue",
    "location",
    "invoice",
};

enum { MEMBERS = sizeof members / sizeof *members, CAPTIONED = 8 };

cJSON *content_of(struct arena *arena, const cJSON *message)
{
    cJSON *content = json_keep(arena, cJSON_CreateObject());

    for (size_t i = 0; i < MEMBERS; i++)
        json_set_copy(content, members[i], json_get(message, members[i]));
    return content;
}

void content_put(cJSON *message, const cJSON *content)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(message, members[i]);
        json_set_copy(message, members[i], json_get(content, members[i]));
    }
}

bool content_is_any(const cJSON *message)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (json_get(message, members[i]))
            return true;
    return false;
}

const char *content_media(const cJSON *message)
{
    for (size_t i = 0; i < CAPTIONED; i++)
        if (json_get(message, members[i]))
            return members[i];
    return NULL;
}

const char *content_text(const cJSON *message, const char **ret_entities_name)
{
    const char *text = json_get_text(message, "text");

    *ret_entities_name = text ? "entities" : "caption_entities";
    return text ? text : json_get_text(message, "caption");
}

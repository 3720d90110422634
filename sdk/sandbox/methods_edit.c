/*
 * Changing what was sent: text, caption, media, keyboard. An edit without reply_markup removes it.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/edit.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/rich.h"
#include "sdk/sandbox/sandbox.h"

static AISHA_ASYNC int edit_text(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    struct edit edit;

    int r = call_get(call, "rich_message")
                ? rich_read(call, call_get(call, "rich_message"), content)
                : call_message_text(call, content);
    if (r == 0)
        r = edit_begin(call, &edit);
    if (r == 0 && !json_get(edit.before, "text") && !json_get(edit.before, "rich_message"))
        r = call_refuse(call, "there is no text in the message to edit");
    if (r < 0)
        return r;
    content_put(edit.after, content);
    return edit_end(call, &edit);
}

static int edit_caption(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    const cJSON *member;
    struct edit edit;

    int r = call_caption(call, call->params.values, content);
    if (r == 0)
        r = edit_begin(call, &edit);
    if (r == 0 && !content_media(edit.before))
        r = call_refuse(call, "there is no caption in the message to edit");
    if (r < 0)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(edit.after, "caption");
    cJSON_DeleteItemFromObjectCaseSensitive(edit.after, "caption_entities");
    cJSON_DeleteItemFromObjectCaseSensitive(edit.after, "show_caption_above_media");
    media_set_placement(edit.after, call->params.values, content_media(edit.before));
    cJSON_ArrayForEach(member, content)
        json_set_copy(edit.after, member->string, member);
    return edit_end(call, &edit);
}

static int edit_reply_markup(struct call *call)
{
    struct edit edit;

    int r = edit_begin(call, &edit);
    return r < 0 ? r : edit_end(call, &edit);
}

/* A text can become media, and media other media; a voice note, a poll and their like cannot. */
static bool is_replaceable(const cJSON *message)
{
    static const char *const kinds[] = {"animation", "audio", "document", "live_photo",
                                        "photo",     "video", "text",     "rich_message"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (json_get(message, kinds[i]))
            return true;
    return false;
}

/* In an album photos and videos can change places, documents and sounds keep to themselves. */
static bool fits_album(const cJSON *before, const cJSON *content)
{
    const char *old_kind = content_media(before), *new_kind = content_media(content);
    bool was_visual = json_get(before, "photo") || json_get(before, "video");
    bool is_visual = json_get(content, "photo") || json_get(content, "video");

    return !json_get(before, "media_group_id") || !old_kind || (was_visual && is_visual) ||
           strcmp(old_kind, new_kind) == 0;
}

static AISHA_ASYNC int edit_media(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    struct edit edit;

    int r = edit_begin(call, &edit);
    if (r == 0 && !edit.inline_id && !is_replaceable(edit.before))
        r = call_refuse(call, "message media can't be edited");
    if (r == 0 && edit.inline_id && call->params.upload_count)
        r = call_refuse(call, "invalid message content specified");
    if (r == 0)
        r = call_input_media(call, call_get(call, "media"), content);
    if (r == 0 && !fits_album(edit.before, content))
        r = call_refuse(call, "can't change media type in the album");
    if (r < 0)
        return r;
    content_put(edit.after, content);
    return edit_end(call, &edit);
}

const struct method edit_methods[] = {
    {"editMessageText", edit_text},
    {"editMessageCaption", edit_caption},
    {"editMessageMedia", edit_media},
    {"editMessageReplyMarkup", edit_reply_markup},
    {"editEphemeralMessageText", edit_text},
    {"editEphemeralMessageCaption", edit_caption},
    {"editEphemeralMessageMedia", edit_media},
    {"editEphemeralMessageReplyMarkup", edit_reply_markup},
    {0},
};

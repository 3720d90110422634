/*
 * Changing what was sent: text, caption, keyboard. An edit without reply_markup removes it.
 */
#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/queries.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_TEXT = 4096, LONGEST_CAPTION = 1024 };

int call_edit(struct call *call, const cJSON *before, cJSON *message)
{
    const cJSON *keyboard;

    int r = call_markup(call, &keyboard);
    if (r < 0)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(message, "reply_markup");
    json_set_copy(message, "reply_markup", keyboard);
    if (cJSON_Compare(before, message, true))
        return call_refuse(call,
                           "message is not modified: specified new message content and reply "
                           "markup are exactly the same as a current content and reply markup of "
                           "the message");
    json_set_int(message, "edit_date", world_now(call->sandbox->world));
    call_publish(call, message, "edit");
    call->result = message;
    return 0;
}

static cJSON *copy_of(struct call *call, const cJSON *message)
{
    return json_keep(call->arena, cJSON_Duplicate(message, true));
}

static int edit_message_text(struct call *call)
{
    struct formatted formatted;
    cJSON *before;

    if (call_text(call, "inline_message_id"))
        return inline_edit(call);
    int r = call_own_message(call, &before);
    if (r == 0 && call_get(call, "rich_message"))
        r = call_fail(call, 501, "Not Implemented: the sandbox has no rich messages yet");
    if (r == 0 && !call_text(call, "text"))
        r = call_refuse(call, "message text is empty");
    if (r == 0)
        r = call_formatted(call, "text", "entities", LONGEST_TEXT, &formatted);
    if (r == 0 && !*formatted.text)
        r = call_refuse(call, "message text is empty");
    if (r == 0 && !json_get(before, "text"))
        r = call_refuse(call, "there is no text in the message to edit");
    if (r < 0)
        return r;
    cJSON *message = copy_of(call, before);
    message_set_text(message, "text", "entities", &formatted);
    return call_edit(call, before, message);
}

static int edit_message_caption(struct call *call)
{
    struct formatted formatted;
    cJSON *before;

    int r = call_own_message(call, &before);
    if (r == 0)
        r = call_formatted(call, "caption", "caption_entities", LONGEST_CAPTION, &formatted);
    if (r == 0 && json_get(before, "text"))
        r = call_refuse(call, "there is no caption in the message to edit");
    if (r < 0)
        return r;
    cJSON *message = copy_of(call, before);
    message_set_text(message, "caption", "caption_entities", &formatted);
    return call_edit(call, before, message);
}

static int edit_message_reply_markup(struct call *call)
{
    cJSON *before;

    if (call_text(call, "inline_message_id"))
        return inline_edit(call);
    int r = call_own_message(call, &before);
    return r < 0 ? r : call_edit(call, before, copy_of(call, before));
}

const struct method edit_methods[] = {
    {"editMessageText", edit_message_text},
    {"editMessageCaption", edit_message_caption},
    {"editMessageReplyMarkup", edit_message_reply_markup},
    {0},
};

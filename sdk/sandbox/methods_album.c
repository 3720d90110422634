/*
 * Albums: messages that have nothing in common but media_group_id.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { MOST_ITEMS = 10 };

/* Only photos and videos go together. */
static bool is_visual(const char *kind)
{
    return strcmp(kind, "photo") == 0 || strcmp(kind, "video") == 0 ||
           strcmp(kind, "live_photo") == 0;
}

static int check_mixture(struct call *call, const cJSON *items)
{
    const cJSON *first = items->child, *item;

    cJSON_ArrayForEach(item, items) {
        const char *kind = json_get_text(item, "type");
        if (strcmp(kind, "animation") == 0)
            return call_refuse(call, "can't parse InputMedia: type \"animation\" can't be used in "
                                     "sendMediaGroup");
    }
    cJSON_ArrayForEach(item, items) {
        const char *kind = json_get_text(item, "type"), *other = json_get_text(first, "type");
        if (strcmp(kind, other) != 0 && !(is_visual(kind) && is_visual(other)))
            return call_refuse(call, "%s can't be mixed with other media types",
                               is_visual(other) ? kind : other);
        if (json_get_bool(item, "show_caption_above_media") !=
            json_get_bool(first, "show_caption_above_media"))
            return call_refuse(call, "parameter show_caption_above_media must be the same for all "
                                     "messages");
    }
    return 0;
}

/* What Telegram's servers, not the Bot API server, find wrong with a file names the item. */
static int name_item(struct call *call, int r, int number)
{
    static const char *const late[] = {"IMAGE_PROCESS_FAILED", "PHOTO_INVALID_DIMENSIONS",
                                       "failed to get HTTP URL content",
                                       "wrong type of the web page content"};
    static const char *const names[] = {"IMAGE_PROCESS_FAILED", "PHOTO_INVALID_DIMENSIONS",
                                        "WEBPAGE_CURL_FAILED", "WEBPAGE_MEDIA_EMPTY"};

    for (size_t i = 0; r < 0 && call->error && i < sizeof late / sizeof *late; i++) {
        const char *found = strstr(call->error, late[i]);
        if (found && strcmp(found, late[i]) == 0)
            return call_refuse(call, "failed to send message #%d with the error message \"%s\"",
                               number, names[i]);
    }
    return r;
}

static AISHA_ASYNC int read_items(struct call *call, const cJSON *items, cJSON *contents)
{
    const cJSON *item;
    int number = 0;

    cJSON_ArrayForEach(item, items) {
        cJSON *content = cJSON_CreateObject();
        cJSON_AddItemToArray(contents, content);
        number++;
        int r = name_item(call, call_input_media(call, item, content), number);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Sends them all, or none: each says something, and they reply to the same. */
static int send_items(struct call *call, const cJSON *contents)
{
    cJSON *messages = json_keep(call->arena, cJSON_CreateArray());
    const char *group = message_group_id(call->arena);
    bool is_album = cJSON_GetArraySize(contents) > 1;
    const cJSON *content;

    cJSON_ArrayForEach(content, contents) {
        cJSON *named = json_keep(call->arena, cJSON_Duplicate(content, true));
        if (is_album)
            json_set_text(named, "media_group_id", group);
        int r = call_send_content(call, named);
        if (r < 0)
            return r;
        cJSON_AddItemToArray(messages, cJSON_Duplicate(call->result, true));
    }
    call->result = messages;
    return 0;
}

static AISHA_ASYNC int send_media_group(struct call *call)
{
    const cJSON *items = call_get(call, "media");
    cJSON *contents = json_keep(call->arena, cJSON_CreateArray());
    int64_t chat_id;

    if (!cJSON_GetArraySize(items))
        return call_refuse(call, "there are no messages to send");
    if (cJSON_GetArraySize(items) > MOST_ITEMS)
        return call_refuse(call, "too many messages to send as an album");
    int r = check_mixture(call, items);
    if (r == 0)
        r = call_chat(call, &chat_id);
    if (r == 0)
        r = read_items(call, items, contents);
    return r < 0 ? r : send_items(call, contents);
}

const struct method album_methods[] = {
    {"sendMediaGroup", send_media_group},
    {0},
};

#include "sdk/sandbox/rich.h"

#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"

enum { LONGEST_RAW = 32768, MOST_BLOCKS = 500, USUAL_ZOOM = 15, USUAL_SIZE = 300 };

static AISHA_ASYNC int convert_all(struct call *call, const cJSON *given, const cJSON *media,
                                   cJSON *blocks);

/* The kinds of blocks that are files; the object lies under the same name. */
static bool is_media(const char *type)
{
    static const char *const types[] = {"animation", "audio", "document",
                                        "photo",     "video", "voice_note"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

static AISHA_ASYNC int put_media(struct call *call, const char *type, const cJSON *input,
                                 cJSON *block)
{
    bool is_voice = strcmp(type, "voice_note") == 0;
    cJSON *object;

    int r = call_media(call, is_voice ? "voice" : type, NULL, json_get_text(input, "media"), input,
                       &object);
    if (r < 0)
        return r;
    json_set_text(block, "type", type);
    cJSON_DeleteItemFromObjectCaseSensitive(block, type);
    if (strcmp(type, "photo") == 0)
        media_attach(block, type, object);
    else
        json_set_copy(block, type, object);
    if (json_get_bool(input, "has_spoiler"))
        json_set_bool(block, "has_spoiler", true);
    return 0;
}

/* A file that the text names by its id. */
static AISHA_ASYNC int put_named(struct call *call, const cJSON *media, cJSON *block)
{
    const char *id = json_get_text(block, "id");
    const cJSON *each;

    cJSON_ArrayForEach(each, media) {
        const cJSON *input = json_get(each, "media");
        if (strcmp(json_get_text(each, "id"), id) != 0)
            continue;
        cJSON_DeleteItemFromObjectCaseSensitive(block, "id");
        return put_media(call, json_get_text(input, "type"), input, block);
    }
    return call_refuse(call, "can't parse rich message: media \"%s\" not found", id);
}

/* Bullets, or the numbers of an ordered list. */
static AISHA_ASYNC int convert_list(struct call *call, const cJSON *given, const cJSON *media,
                                    cJSON *block)
{
    const cJSON *item;
    cJSON *copy = json_get(block, "items") ? json_get(block, "items")->child : NULL;
    int64_t number = 1;

    cJSON_ArrayForEach(item, json_get(given, "items")) {
        bool is_ordered = json_get(item, "type") || json_get(item, "value");
        number = json_get_int(item, "value", number);
        json_set_text(copy, "label",
                      is_ordered ? arena_printf(call->arena, "%lld.", (long long)number) : "•");
        cJSON *blocks = cJSON_CreateArray();
        json_set(copy, "blocks", blocks);
        int r = convert_all(call, json_get(item, "blocks"), media, blocks);
        if (r < 0)
            return r;
        number++;
        copy = copy->next;
    }
    return 0;
}

static AISHA_ASYNC int convert(struct call *call, const cJSON *given, const cJSON *media,
                               cJSON *block)
{
    const char *type = json_get_text(given, "type");

    if (strcmp(type, "media") == 0)
        return put_named(call, media, block);
    if (is_media(type))
        return put_media(call, type, json_get(given, type), block);
    if (strcmp(type, "list") == 0)
        return convert_list(call, given, media, block);
    if (strcmp(type, "map") == 0) {
        json_set_int(block, "zoom", json_get_int(given, "zoom", USUAL_ZOOM));
        json_set_int(block, "width", json_get_int(given, "width", USUAL_SIZE));
        json_set_int(block, "height", json_get_int(given, "height", USUAL_SIZE));
    }
    if (!json_get(given, "blocks"))
        return 0;
    cJSON *blocks = cJSON_CreateArray();
    json_set(block, "blocks", blocks);
    return convert_all(call, json_get(given, "blocks"), media, blocks);
}

static int convert_all(struct call *call, const cJSON *given, const cJSON *media, cJSON *blocks)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, given) {
        cJSON *block = cJSON_Duplicate(each, true);
        cJSON_AddItemToArray(blocks, block);
        int r = convert(call, each, media, block);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The blocks that are given in one of the three ways. */
static int find_blocks(struct call *call, const cJSON *given, const cJSON **ret_blocks)
{
    const char *html = json_get_text(given, "html"), *markdown = json_get_text(given, "markdown");
    const cJSON *blocks = json_get(given, "blocks");
    const char *text = html ? html : markdown, *wrong = NULL;
    cJSON *read = NULL;

    if (!!html + !!markdown + !!blocks != 1)
        return call_refuse(call,
                           "exactly one of the fields html, markdown, or blocks must be used");
    if (text && strlen(text) > LONGEST_RAW)
        return call_refuse(call, "text is too long");
    if (html)
        wrong = rich_html_read(call->arena, html, &read);
    else if (markdown)
        wrong = rich_markdown_read(call->arena, markdown, &read);
    if (wrong)
        return call_refuse(call, "can't parse rich message: %s", wrong);
    *ret_blocks = blocks ? blocks : read;
    return 0;
}

int rich_read(struct call *call, const cJSON *given, cJSON *content)
{
    cJSON *rich = json_keep(call->arena, cJSON_CreateObject()), *blocks;
    const cJSON *from = NULL;

    int r = find_blocks(call, given, &from);
    if (r < 0)
        return r;
    if (!cJSON_GetArraySize(from))
        return call_refuse(call, "text must be non-empty");
    if (cJSON_GetArraySize(from) > MOST_BLOCKS)
        return call_refuse(call, "message is too long");
    blocks = cJSON_AddArrayToObject(rich, "blocks");
    r = convert_all(call, from, json_get(given, "media"), blocks);
    if (r < 0)
        return r;
    if (json_get_bool(given, "is_rtl"))
        json_set_bool(rich, "is_rtl", true);
    json_set_copy(content, "rich_message", rich);
    return 0;
}

static AISHA_ASYNC int send_rich_message(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());

    int r = rich_read(call, call_get(call, "rich_message"), content);
    return r < 0 ? r : call_send_content(call, content);
}

const struct method rich_methods[] = {
    {"sendRichMessage", send_rich_message},
    {0},
};

/*
 * What an InlineQueryResult says. Its fields have been checked against the spec; here are the
 * limits, the files, and the content of the message that comes of it. Names in capitals are the
 * servers' own.
 */
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/fetch.h"
#include "sdk/sandbox/inline.h"
#include "sdk/sandbox/invoice.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/keyboard.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/share.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_ID = 64, LONGEST_TEXT = 4096 };

/* Types that are files: what messages call them, where their address or file_id stands. */
static const struct file_type {
    const char *type, *kind, *url, *file_id;
    const char *refusal; /* of a file that there is not */
} file_types[] = {
    {"photo", "photo", "photo_url", "photo_file_id", "PHOTO_INVALID"},
    {"gif", "animation", "gif_url", "gif_file_id", "DOCUMENT_INVALID"},
    {"mpeg4_gif", "animation", "mpeg4_url", "mpeg4_file_id", "DOCUMENT_INVALID"},
    {"video", "video", "video_url", "video_file_id", "DOCUMENT_INVALID"},
    {"audio", "audio", "audio_url", "audio_file_id", "DOCUMENT_INVALID"},
    {"voice", "voice", "voice_url", "voice_file_id", "DOCUMENT_INVALID"},
    {"document", "document", "document_url", "document_file_id", "DOCUMENT_INVALID"},
    {"sticker", "sticker", NULL, "sticker_file_id", "STICKER_DOCUMENT_INVALID"},
};

static const struct file_type *find_file_type(const char *type)
{
    for (size_t i = 0; i < sizeof file_types / sizeof *file_types; i++)
        if (strcasecmp(file_types[i].type, type) == 0)
            return &file_types[i];
    return NULL;
}

/* ---- what is sent instead of the result, or as an article ---- */

static int read_text(struct call *call, const cJSON *given, cJSON *message)
{
    struct formatted formatted;

    int r = call_format(call, given, "message_text", "parse_mode", "entities", &formatted);
    if (r == 0 && !*formatted.text)
        r = call_refuse(call, "message text is empty");
    if (r == 0 && utf8_length(formatted.text) > LONGEST_TEXT)
        r = call_refuse(call, "message is too long");
    if (r < 0)
        return r;
    message_set_text(message, "text", "entities", &formatted);
    json_set_copy(message, "link_preview_options", json_get(given, "link_preview_options"));
    return 0;
}

static int read_place(struct call *call, const cJSON *given, cJSON *message)
{
    bool is_venue = json_get(given, "title") && json_get(given, "address");
    const cJSON *venue = is_venue ? share_venue(call->arena, given) : NULL;
    const cJSON *location =
        is_venue ? json_get(venue, "location") : share_location(call->arena, given);

    if (!location)
        return call_refuse(call, is_venue ? "wrong venue location specified"
                                          : "wrong location specified");
    json_set_copy(message, "venue", venue);
    json_set_copy(message, "location", location);
    return 0;
}

static int read_contact(struct call *call, const cJSON *given, cJSON *message)
{
    const cJSON *contact = share_contact(call->arena, given);

    if (!contact)
        return call_refuse(call, "wrong contact specified");
    json_set_copy(message, "contact", contact);
    return 0;
}

static int read_invoice(struct call *call, const cJSON *given, cJSON *message)
{
    cJSON *invoice;

    int r = invoice_read(call, given, &invoice);
    if (r < 0)
        return r;
    invoice_save(call->sandbox->world, call->arena, invoice);
    json_set_copy(message, "invoice", invoice_object(call->arena, invoice));
    json_set_copy(message, "invoice_slug", json_get(invoice, "slug"));
    return 0;
}

/* By its fields, as the server tells the kinds apart. */
static int read_content(struct call *call, const cJSON *given, cJSON *message)
{
    if (json_get(given, "rich_message")) {
        json_set_copy(message, "rich_message", json_get(given, "rich_message"));
        return 0;
    }
    if (json_get(given, "message_text"))
        return read_text(call, given, message);
    if (json_get(given, "latitude"))
        return read_place(call, given, message);
    if (json_get(given, "phone_number"))
        return read_contact(call, given, message);
    if (json_get(given, "payload"))
        return read_invoice(call, given, message);
    return call_refuse(call, "can't parse inline query result: Input message content is not "
                             "specified");
}

/* ---- files ---- */

/* A file that will be fetched from its address when the result is chosen. */
static cJSON *addressed(struct call *call, const cJSON *result, const char *url)
{
    static const char *const sizes[][2] = {
        {"photo_width", "width"},       {"photo_height", "height"},
        {"gif_width", "width"},         {"gif_height", "height"},
        {"mpeg4_width", "width"},       {"mpeg4_height", "height"},
        {"video_width", "width"},       {"video_height", "height"},
        {"video_duration", "duration"}, {"gif_duration", "duration"},
        {"mpeg4_duration", "duration"}, {"audio_duration", "duration"},
        {"voice_duration", "duration"}, {"title", "title"},
        {"performer", "performer"},     {"mime_type", "mime_type"}};
    cJSON *object = json_keep(call->arena, cJSON_CreateObject());

    json_set_text(object, "url", url);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        json_set_copy(object, sizes[i][1], json_get(result, sizes[i][0]));
    return object;
}

static int check_mime(struct call *call, const cJSON *result, const struct file_type *type)
{
    const char *mime = json_get_text(result, "mime_type");

    if (!mime)
        return 0;
    if (strcmp(type->type, "document") == 0 && strcmp(mime, "application/pdf") != 0 &&
        strcmp(mime, "application/zip") != 0)
        return call_refuse(call, "FILE_CONTENT_TYPE_INVALID");
    if (strcmp(type->type, "video") == 0 && strcmp(mime, "text/html") == 0)
        return call_refuse(call, "VIDEO_CONTENT_TYPE_INVALID");
    return 0;
}

static int read_file(struct call *call, const cJSON *result, const struct file_type *type,
                     cJSON *message)
{
    const char *url = type->url ? json_get_text(result, type->url) : NULL;
    const char *file_id = json_get_text(result, type->file_id);

    int r = call_caption(call, result, message);
    if (r < 0)
        return r;
    media_set_placement(message, result, type->kind);
    if (url && *url) {
        if (!fetch_is_url(url))
            return call_refuse(call, "WEBDOCUMENT_URL_INVALID");
        r = check_mime(call, result, type);
        if (r == 0)
            media_attach(message, type->kind, addressed(call, result, url));
        return r;
    }
    const cJSON *file = file_id ? world_file(call->sandbox->world, call->arena, file_id) : NULL;
    if (!file || strcmp(json_get_text(file, "kind"), type->kind) != 0)
        return call_refuse(call, "%s", type->refusal);
    media_attach(message, type->kind, json_get(file, "object"));
    return 0;
}

/* ---- results ---- */

static int check_title(struct call *call, const cJSON *result)
{
    static const char *const needed[][2] = {{"article", "ARTICLE_TITLE_EMPTY"},
                                            {"audio", "AUDIO_TITLE_EMPTY"},
                                            {"document", "FILE_TITLE_EMPTY"},
                                            {"video", "VIDEO_TITLE_EMPTY"}};
    const char *type = json_get_text(result, "type"), *title = json_get_text(result, "title");

    for (size_t i = 0; title && !*title && i < sizeof needed / sizeof *needed; i++)
        if (strcasecmp(needed[i][0], type) == 0)
            return call_refuse(call, "%s", needed[i][1]);
    return 0;
}

static int check_id(struct call *call, const cJSON *result)
{
    const char *id = json_get_text(result, "id");

    if (!*id)
        return call_refuse(call, "RESULT_ID_EMPTY");
    if (strlen(id) > LONGEST_ID)
        return call_refuse(call, "RESULT_ID_INVALID");
    return 0;
}

/* The content of a result that is sent as it is. */
static int read_own(struct call *call, const cJSON *result, cJSON *message)
{
    const char *type = json_get_text(result, "type");
    const struct file_type *file_type = find_file_type(type);

    if (file_type)
        return read_file(call, result, file_type, message);
    if (strcasecmp(type, "location") == 0) {
        cJSON *untitled = json_keep(call->arena, cJSON_Duplicate(result, true));
        cJSON_DeleteItemFromObjectCaseSensitive(untitled, "title");
        return read_place(call, untitled, message);
    }
    if (strcasecmp(type, "venue") == 0)
        return read_place(call, result, message);
    if (strcasecmp(type, "contact") == 0)
        return read_contact(call, result, message);
    if (strcasecmp(type, "game") == 0) {
        cJSON *game = cJSON_AddObjectToObject(message, "game");
        json_set_copy(game, "title", json_get(result, "game_short_name"));
        json_set_text(game, "description", "");
        cJSON_AddArrayToObject(game, "photo");
        return 0;
    }
    return call_refuse(call, "can't parse inline query result: Can't find field \"message_text\"");
}

int inline_read(struct call *call, const cJSON *result, cJSON **ret_message)
{
    cJSON *message = json_keep(call->arena, cJSON_CreateObject()), *keyboard = NULL;
    const cJSON *content = json_get(result, "input_message_content");

    int r = check_id(call, result);
    if (r == 0)
        r = check_title(call, result);
    if (r == 0)
        r = content ? read_content(call, content, message) : read_own(call, result, message);
    if (r == 0)
        r = keyboard_read(call, 0, json_get(result, "reply_markup"), &keyboard);
    if (r < 0)
        return r;
    json_set_copy(message, "reply_markup", keyboard);
    *ret_message = message;
    return 0;
}

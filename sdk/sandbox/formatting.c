/*
 * Text with formatting in the parameters of a call, or within an object such as InputMedia.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/link.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_RAW_TEXT = 32768, LONGEST_TEXT = 4096, LONGEST_CAPTION = 1024 };

static const char user_link[] = "tg://user?id=";

/* A link to a user becomes a mention of that user; NULL user = who is not known loses it. */
static void mention(cJSON *entity, const cJSON *user)
{
    json_set_text(entity, "type", "text_mention");
    json_set_copy(entity, "user", user);
    cJSON_DeleteItemFromObjectCaseSensitive(entity, "url");
}

static int check_mention(struct call *call, cJSON *entity)
{
    int64_t id = json_get_int(json_get(entity, "user"), "id", 0);
    const cJSON *user = world_user(call->sandbox->world, call->arena, id);

    if (!user)
        return call_refuse(call, "user not found");
    mention(entity, user);
    return 0;
}

/* Mentions need to know who there is. */
static int resolve_users(struct call *call, cJSON *entities)
{
    cJSON *entity = entities->child;

    for (cJSON *next; entity; entity = next) {
        const char *type = json_get_text(entity, "type"), *url = json_get_text(entity, "url");
        next = entity->next;
        if (strcmp(type, "text_mention") == 0) {
            int r = check_mention(call, entity);
            if (r < 0)
                return r;
        } else if (url && strncmp(url, user_link, strlen(user_link)) == 0) {
            int64_t id = strtoll(url + strlen(user_link), NULL, 10);
            const cJSON *user = world_user(call->sandbox->world, call->arena, id);
            if (user)
                mention(entity, user);
            else
                cJSON_Delete(cJSON_DetachItemViaPointer(entities, entity));
        }
    }
    return 0;
}

int call_format(struct call *call, const cJSON *from, const char *text_name, const char *mode_name,
                const char *entities_name, struct formatted *ret_formatted)
{
    const char *text = json_get_text(from, text_name);

    if (text && strlen(text) > LONGEST_RAW_TEXT)
        return call_refuse(call, "text is too long");
    const char *wrong = entities_read(call->arena, text ? text : "", json_get_text(from, mode_name),
                                      json_get(from, entities_name), ret_formatted);
    if (wrong)
        return call_refuse(call, "%s", wrong);
    return resolve_users(call, ret_formatted->entities);
}

int call_formatted(struct call *call, const char *text_name, const char *entities_name,
                   size_t most_characters, struct formatted *ret_formatted)
{
    bool is_caption = strcmp(text_name, "caption") == 0;

    int r = call_format(call, call->params.values, text_name, "parse_mode", entities_name,
                        ret_formatted);
    if (r == 0 && utf8_length(ret_formatted->text) > most_characters)
        r = call_refuse(call, is_caption ? "message caption is too long" : "message is too long");
    return r;
}

/* How the preview of a link looks, where it is said at all. */
static int read_preview(struct call *call, cJSON *content)
{
    static const char *const names[] = {"is_disabled", "url", "prefer_small_media",
                                        "prefer_large_media", "show_above_text"};
    const cJSON *options = call_get(call, "link_preview_options");
    const char *url = json_get_text(options, "url"), *link;
    const char *old = call_text(call, "disable_web_page_preview");
    cJSON *kept = json_keep(call->arena, cJSON_CreateObject());

    if (url && *url && link_read(call->arena, url, LINK_ANY, &link))
        return call_refuse(call, "WEBPAGE_URL_INVALID");
    if (!options &&
        (call_bool(call, "disable_web_page_preview") || (old && strcasecmp(old, "true") == 0)))
        json_set_bool(kept, "is_disabled", true);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *option = json_get(options, names[i]);
        if (cJSON_IsTrue(option) || (cJSON_IsString(option) && *option->valuestring))
            json_set_copy(kept, names[i], option);
    }
    if (kept->child)
        json_set_copy(content, "link_preview_options", kept);
    return 0;
}

int call_message_text(struct call *call, cJSON *content)
{
    const char *text = call_text(call, "text");
    struct formatted formatted;

    if (!text || !*text)
        return call_refuse(call, "message text is empty");
    int r = call_formatted(call, "text", "entities", LONGEST_TEXT, &formatted);
    if (r == 0 && !*formatted.text)
        r = call_refuse(call, "text must be non-empty");
    if (r < 0)
        return r;
    message_set_text(content, "text", "entities", &formatted);
    return read_preview(call, content);
}

int call_caption(struct call *call, const cJSON *from, cJSON *content)
{
    struct formatted formatted;

    int r = call_format(call, from, "caption", "parse_mode", "caption_entities", &formatted);
    if (r == 0 && utf8_length(formatted.text) > LONGEST_CAPTION)
        r = call_refuse(call, "message caption is too long");
    if (r == 0)
        message_set_text(content, "caption", "caption_entities", &formatted);
    return r;
}

void message_set_text(cJSON *message, const char *text_name, const char *entities_name,
                      const struct formatted *formatted)
{
    cJSON_DeleteItemFromObjectCaseSensitive(message, text_name);
    cJSON_DeleteItemFromObjectCaseSensitive(message, entities_name);
    if (!*formatted->text)
        return;
    json_set_text(message, text_name, formatted->text);
    if (cJSON_GetArraySize(formatted->entities))
        json_set_copy(message, entities_name, formatted->entities);
}

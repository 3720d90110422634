#include "sdk/sandbox/entities.h"

#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"

void rich_text_add(struct rich_text *rich, const char *bytes, size_t size)
{
    memcpy(rich->text + rich->size, bytes, size);
    rich->size += size;
    rich->units += utf16_length(bytes, size);
}

void rich_text_add_code_point(struct rich_text *rich, unsigned c)
{
    char bytes[4];
    size_t size;

    if (c < 0x80) {
        bytes[0] = (char)c;
        size = 1;
    } else if (c < 0x800) {
        bytes[0] = (char)(0xC0 | c >> 6);
        size = 2;
    } else if (c < 0x10000) {
        bytes[0] = (char)(0xE0 | c >> 12);
        size = 3;
    } else {
        bytes[0] = (char)(0xF0 | c >> 18);
        size = 4;
    }
    for (size_t i = 1; i < size; i++)
        bytes[i] = (char)(0x80 | (c >> 6 * (size - 1 - i) & 0x3F));
    rich_text_add(rich, bytes, size);
}

cJSON *rich_text_entity(struct rich_text *rich, const char *type, size_t from_unit)
{
    if (rich->units == from_unit)
        return NULL;
    cJSON *entity = cJSON_CreateObject();
    json_set_text(entity, "type", type);
    json_set_int(entity, "offset", (int64_t)from_unit);
    json_set_int(entity, "length", (int64_t)(rich->units - from_unit));
    cJSON_AddItemToArray(rich->entities, entity);
    return entity;
}

/* Moves entities back by what was cut off the front, and clips them to the text. */
static void fit(cJSON *entities, int64_t cut, int64_t units)
{
    cJSON *entity = entities->child;

    for (cJSON *after; entity; entity = after) {
        after = entity->next;
        int64_t from = json_get_int(entity, "offset", 0) - cut;
        int64_t to = from + json_get_int(entity, "length", 0);
        from = from < 0 ? 0 : from;
        to = to > units ? units : to;
        if (from >= to) {
            cJSON_Delete(cJSON_DetachItemViaPointer(entities, entity));
            continue;
        }
        json_set_int(entity, "offset", from);
        json_set_int(entity, "length", to - from);
    }
}

static struct formatted finish(struct rich_text *rich)
{
    const char *text = rich->text;
    size_t front = strspn(text, " \t\r\n"), size = strlen(text + front);

    while (size && strchr(" \t\r\n", text[front + size - 1]))
        size--;
    text = arena_strndup(rich->arena, text + front, size);
    fit(rich->entities, (int64_t)front, (int64_t)utf16_length(text, size));
    entities_find(rich->entities, text);
    return (struct formatted){.text = text, .entities = entities_fix(rich->arena, rich->entities)};
}

const char *entities_read(struct arena *arena, const char *text, const char *parse_mode,
                          const cJSON *given, struct formatted *ret_formatted)
{
    struct rich_text rich = {.arena = arena,
                             .text = arena_alloc(arena, strlen(text) + 1),
                             .entities = json_keep(arena, cJSON_CreateArray())};
    const char *wrong = NULL;

    if (!*text || !parse_mode || !*parse_mode)
        wrong = given_read(&rich, text, given);
    else if (strcasecmp(parse_mode, "HTML") == 0)
        wrong = html_read(&rich, text);
    else if (strcasecmp(parse_mode, "MarkdownV2") == 0)
        wrong = markdown_read(&rich, text);
    else if (strcasecmp(parse_mode, "Markdown") == 0)
        wrong = old_markdown_read(&rich, text);
    else
        return "unsupported parse_mode";
    if (wrong && parse_mode && *parse_mode)
        return arena_printf(arena, "can't parse entities: %s", wrong);
    if (wrong)
        return wrong;
    *ret_formatted = finish(&rich);
    return NULL;
}

struct formatted entities_of_plain(struct arena *arena, const char *text)
{
    struct formatted formatted;

    aisha_ignore(entities_read(arena, text, NULL, NULL, &formatted));
    return formatted;
}

#include "sdk/sandbox/entities.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"

enum { MOST_ENTITIES = 100 };

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

bool entities_is_url(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", "tg://",
                                          "ton://",  "mailto:",  "tel:"};
    const char *host = strstr(url, "://");

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return url[strlen(schemes[i])];
    return !host && strchr(url, '.') && !strpbrk(url, " \t\r\n<>\"");
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The length in bytes of the command at p ("/start", "/start@bot"), or 0. */
static size_t command_length(const char *p)
{
    size_t length = 1;

    while (length <= 64 && (isalnum((unsigned char)p[length]) || p[length] == '_'))
        length++;
    if (length == 1 || length > 65)
        return 0;
    if (p[length] == '@') {
        size_t name = 1;
        while (isalnum((unsigned char)p[length + name]) || p[length + name] == '_')
            name++;
        length += name > 3 ? name : 0;
    }
    return is_word(p[length]) || p[length] == '/' ? 0 : length;
}

/* Whether one of the entities covers that unit. */
static bool is_covered(const cJSON *entities, size_t unit)
{
    const cJSON *entity;

    cJSON_ArrayForEach(entity, entities) {
        int64_t offset = json_get_int(entity, "offset", 0);
        const char *type = json_get_text(entity, "type");
        if (offset <= (int64_t)unit && (int64_t)unit < offset + json_get_int(entity, "length", 0) &&
            (strcmp(type, "code") == 0 || strcmp(type, "pre") == 0 ||
             strcmp(type, "text_link") == 0))
            return true;
    }
    return false;
}

static void find_commands(cJSON *entities, const char *text)
{
    for (const char *p = strchr(text, '/'); p; p = strchr(p + 1, '/')) {
        size_t unit = utf16_length(text, (size_t)(p - text));
        size_t length = command_length(p);
        if (!length || (p > text && (is_word(p[-1]) || strchr("/<>.:", p[-1]))) ||
            is_covered(entities, unit))
            continue;
        cJSON *entity = cJSON_CreateObject();
        json_set_text(entity, "type", "bot_command");
        json_set_int(entity, "offset", (int64_t)unit);
        json_set_int(entity, "length", (int64_t)length);
        cJSON_AddItemToArray(entities, entity);
        if (cJSON_GetArraySize(entities) >= MOST_ENTITIES)
            return;
    }
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

/* By offset, the longer first; stable. */
static bool comes_before(const cJSON *a, const cJSON *b)
{
    int64_t from_a = json_get_int(a, "offset", 0), from_b = json_get_int(b, "offset", 0);

    return from_a < from_b ||
           (from_a == from_b && json_get_int(a, "length", 0) > json_get_int(b, "length", 0));
}

static cJSON *sorted(struct arena *arena, cJSON *entities)
{
    cJSON *result = json_keep(arena, cJSON_CreateArray());
    int count = 0;

    while (entities->child && count < MOST_ENTITIES) {
        cJSON *first = entities->child, *entity;
        cJSON_ArrayForEach(entity, entities) {
            if (comes_before(entity, first))
                first = entity;
        }
        cJSON_AddItemToArray(result, cJSON_DetachItemViaPointer(entities, first));
        count++;
    }
    return result;
}

static struct formatted finish(struct rich_text *rich)
{
    const char *text = rich->text;
    size_t front = strspn(text, " \t\r\n"), size = strlen(text + front);

    while (size && strchr(" \t\r\n", text[front + size - 1]))
        size--;
    text = arena_strndup(rich->arena, text + front, size);
    fit(rich->entities, (int64_t)front, (int64_t)utf16_length(text, size));
    find_commands(rich->entities, text);
    return (struct formatted){.text = text, .entities = sorted(rich->arena, rich->entities)};
}

const char *entities_read(struct arena *arena, const char *text, const char *parse_mode,
                          const cJSON *given, struct formatted *ret_formatted)
{
    struct rich_text rich = {.arena = arena,
                             .text = arena_alloc(arena, strlen(text) + 1),
                             .entities = json_keep(arena, cJSON_CreateArray())};
    const cJSON *entity;
    const char *wrong = NULL;

    if (!parse_mode || !*parse_mode) {
        rich_text_add(&rich, text, strlen(text));
        cJSON_ArrayForEach(entity, given) {
            if (cJSON_GetArraySize(rich.entities) < MOST_ENTITIES)
                cJSON_AddItemToArray(rich.entities, cJSON_Duplicate(entity, true));
        }
    } else if (strcasecmp(parse_mode, "HTML") == 0) {
        wrong = html_read(&rich, text);
    } else if (strcasecmp(parse_mode, "MarkdownV2") == 0) {
        wrong = markdown_read(&rich, text);
    } else if (strcasecmp(parse_mode, "Markdown") == 0) {
        return "the sandbox does not read the old Markdown: use HTML or MarkdownV2";
    } else {
        return "unsupported parse_mode";
    }
    if (wrong)
        return arena_printf(arena, "can't parse entities: %s", wrong);
    *ret_formatted = finish(&rich);
    return NULL;
}

struct formatted entities_of_plain(struct arena *arena, const char *text)
{
    struct formatted formatted;

    aisha_ignore(entities_read(arena, text, NULL, NULL, &formatted));
    return formatted;
}

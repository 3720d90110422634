/*
 * The HTML that Telegram takes: a fixed set of tags, which must nest properly. Everything else is
 * an error, given with its byte offset.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/link.h"

enum { DEEPEST = 64, MOST_ATTRIBUTES = 8 };

static const struct tag {
    const char *name;
    const char *entity;
} tags[] = {
    {"b", "bold"},
    {"strong", "bold"},
    {"i", "italic"},
    {"em", "italic"},
    {"u", "underline"},
    {"ins", "underline"},
    {"s", "strikethrough"},
    {"strike", "strikethrough"},
    {"del", "strikethrough"},
    {"span", "spoiler"},
    {"tg-spoiler", "spoiler"},
    {"a", "text_link"},
    {"tg-emoji", "custom_emoji"},
    {"code", "code"},
    {"pre", "pre"},
    {"blockquote", "blockquote"},
    {"tg-time", "date_time"},
};

struct attribute {
    const char *name, *value;
};

struct open_tag {
    const struct tag *tag;
    size_t from_unit;
    size_t from_byte;
    size_t at;          /* byte offset of its "<" */
    const char *detail; /* url, language, emoji id: by tag */
    bool is_expandable;
};

struct html {
    struct rich_text *rich;
    struct arena *arena;
    const char *text, *p;
    struct open_tag open[DEEPEST];
    size_t depth;
};

static size_t offset_of(const struct html *html, const char *p)
{
    return (size_t)(p - html->text);
}

static const struct tag *find_tag(const char *name)
{
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strcmp(tags[i].name, name) == 0)
            return &tags[i];
    return NULL;
}

/* Decodes "&amp;" or "&#10;" at p. Returns how many bytes it takes, 0 when it is just an "&". */
static size_t decode_reference(const char *p, unsigned *ret_code_point)
{
    static const struct {
        const char *name;
        unsigned code_point;
    } names[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}};

    char *end;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(p, names[i].name, strlen(names[i].name)) == 0) {
            *ret_code_point = names[i].code_point;
            return strlen(names[i].name);
        }
    }
    if (p[1] != '#')
        return 0;
    bool is_hex = p[2] == 'x';
    const char *digits = p + (is_hex ? 3 : 2);
    if (!isxdigit((unsigned char)*digits))
        return 0;
    unsigned long value = strtoul(digits, &end, is_hex ? 16 : 10);
    if (end == digits || !value || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *ret_code_point = (unsigned)value;
    return (size_t)(end - p) + (*end == ';');
}

static const char *decoded(struct arena *arena, const char *text, size_t size)
{
    struct rich_text out = {.arena = arena, .text = arena_alloc(arena, size + 1)};
    const char *source = arena_strndup(arena, text, size);

    for (const char *p = source; *p;) {
        unsigned code_point;
        size_t length = *p == '&' ? decode_reference(p, &code_point) : 0;
        if (length)
            rich_text_add_code_point(&out, code_point);
        else
            rich_text_add(&out, p, 1);
        p += length ? length : 1;
    }
    return out.text;
}

/* Reads one attribute of a start tag at html->p. */
static const char *read_attribute(struct html *html, const char *tag, struct attribute *attribute)
{
    const char *start = html->p, *name_end = start + strcspn(start, " \t\r\n=>/\"'");

    if (name_end == start)
        return arena_printf(html->arena,
                            "Empty attribute name in the tag \"%s\" at byte offset %zu", tag,
                            offset_of(html, start));
    attribute->name = arena_strndup(html->arena, start, (size_t)(name_end - start));
    attribute->value = "";
    html->p = name_end + strspn(name_end, " \t\r\n");
    if (*html->p != '=')
        return NULL;
    html->p++;
    html->p += strspn(html->p, " \t\r\n");
    char quote = *html->p;
    if (quote == '"' || quote == '\'') {
        const char *end = strchr(++html->p, quote);
        if (!end)
            return arena_printf(html->arena, "Unclosed start tag \"%s\" at byte offset %zu", tag,
                                offset_of(html, start));
        attribute->value = decoded(html->arena, html->p, (size_t)(end - html->p));
        html->p = end + 1;
        return NULL;
    }
    size_t length = strcspn(html->p, " \t\r\n>");
    attribute->value = arena_strndup(html->arena, html->p, length);
    html->p += length;
    return NULL;
}

static const char *value_of(const struct attribute *attributes, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(attributes[i].name, name) == 0)
            return attributes[i].value;
    return NULL;
}

static const char *language_of(const char *class)
{
    return class && strncmp(class, "language-", 9) == 0 ? class + 9 : NULL;
}

/* What the tag's attributes mean. */
static const char *understand(struct html *html, struct open_tag *open,
                              const struct attribute *attributes, size_t count)
{
    const char *name = open->tag->name;

    if (strcmp(name, "span") == 0) {
        const char *class = value_of(attributes, count, "class");
        if (!class || strncmp(class, "tg-", 3) != 0)
            return arena_printf(html->arena,
                                "Tag \"span\" must have class \"tg-spoiler\" at byte offset %zu",
                                open->at);
    } else if (strcmp(name, "a") == 0) {
        open->detail = value_of(attributes, count, "href");
    } else if (strcmp(name, "code") == 0) {
        open->detail = language_of(value_of(attributes, count, "class"));
    } else if (strcmp(name, "tg-emoji") == 0) {
        open->detail = value_of(attributes, count, "emoji-id");
        if (!open->detail || !entities_is_emoji_id(open->detail))
            return "Invalid custom emoji identifier specified";
    } else if (strcmp(name, "tg-time") == 0) {
        open->detail = value_of(attributes, count, "unix");
    } else if (strcmp(name, "blockquote") == 0) {
        open->is_expandable = value_of(attributes, count, "expandable");
    }
    return NULL;
}

static const char *read_start_tag(struct html *html)
{
    struct attribute attributes[MOST_ATTRIBUTES];
    size_t count = 0;
    const char *start = html->p++;
    size_t length = strcspn(html->p, " \t\r\n>/");
    char *name = arena_strndup(html->arena, html->p, length);

    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    html->p += length;
    if (!*html->p)
        return arena_printf(html->arena, "Unclosed start tag at byte offset %zu",
                            offset_of(html, start));
    const struct tag *tag = find_tag(name);
    if (!tag)
        return arena_printf(html->arena, "Unsupported start tag \"%s\" at byte offset %zu", name,
                            offset_of(html, start));
    if (html->depth == DEEPEST)
        return "Too many nested tags";
    for (html->p += strspn(html->p, " \t\r\n"); *html->p && *html->p != '>';
         html->p += strspn(html->p, " \t\r\n")) {
        struct attribute attribute;
        const char *wrong = read_attribute(html, name, &attribute);
        if (wrong)
            return wrong;
        if (count < MOST_ATTRIBUTES)
            attributes[count++] = attribute;
    }
    if (!*html->p)
        return arena_printf(html->arena, "Unclosed start tag \"%s\" at byte offset %zu", name,
                            offset_of(html, start));
    html->p++;
    struct open_tag *open = &html->open[html->depth++];
    *open = (struct open_tag){.tag = tag,
                              .from_unit = html->rich->units,
                              .from_byte = html->rich->size,
                              .at = offset_of(html, start)};
    return understand(html, open, attributes, count);
}

/* <pre><code class="language-c"> is one entity, when the code fills the pre. */
static const char *language_inside(struct html *html, size_t from_unit)
{
    cJSON *last =
        cJSON_GetArrayItem(html->rich->entities, cJSON_GetArraySize(html->rich->entities) - 1);
    const char *language = json_get_text(last, "language");

    if (!last || strcmp(json_get_text(last, "type"), "code") != 0 ||
        json_get_int(last, "offset", -1) != (int64_t)from_unit ||
        json_get_int(last, "length", -1) != (int64_t)(html->rich->units - from_unit))
        return NULL;
    language = arena_strdup(html->arena, language);
    cJSON_Delete(cJSON_DetachItemViaPointer(html->rich->entities, last));
    return language;
}

/* Without an address the text is one. */
static bool read_link(struct html *html, const struct open_tag *open, const char **ret_link)
{
    struct rich_text *rich = html->rich;
    const char *url = open->detail;

    if (!url || !*url)
        url =
            arena_strndup(html->arena, rich->text + open->from_byte, rich->size - open->from_byte);
    return !link_read(html->arena, url, LINK_ANY, ret_link);
}

static void close_tag(struct html *html, const struct open_tag *open)
{
    const char *name = open->tag->name, *language = NULL, *link = NULL;
    bool is_code = strcmp(name, "code") == 0;
    bool is_in_pre = html->depth && strcmp(html->open[html->depth - 1].tag->name, "pre") == 0;

    if (strcmp(name, "pre") == 0)
        language = language_inside(html, open->from_unit);
    if (strcmp(name, "a") == 0 && !read_link(html, open, &link))
        return;
    cJSON *entity = rich_text_entity(
        html->rich, open->is_expandable ? "expandable_blockquote" : open->tag->entity,
        open->from_unit);
    if (!entity)
        return;
    if (is_code && is_in_pre && open->detail)
        json_set_text(entity, "language", open->detail);
    else if (language)
        json_set_text(entity, "language", language);
    else if (strcmp(name, "a") == 0)
        json_set_text(entity, "url", link);
    else if (strcmp(name, "tg-emoji") == 0)
        json_set_text(entity, "custom_emoji_id", open->detail ? open->detail : "0");
    else if (strcmp(name, "tg-time") == 0)
        json_set_int(entity, "unix_time", open->detail ? strtoll(open->detail, NULL, 10) : 0);
}

static const char *read_end_tag(struct html *html)
{
    const char *start = html->p;
    size_t length = strcspn(start + 2, " \t\r\n>");
    char *name = arena_strndup(html->arena, start + 2, length);

    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    html->p += 2 + length;
    html->p += strspn(html->p, " \t\r\n");
    if (*html->p != '>')
        return arena_printf(html->arena, "Unclosed end tag at byte offset %zu",
                            offset_of(html, start));
    html->p++;
    if (!html->depth)
        return arena_printf(html->arena, "Unexpected end tag at byte offset %zu",
                            offset_of(html, start));
    const struct open_tag open = html->open[--html->depth];
    if (*name && strcmp(name, open.tag->name) != 0)
        return arena_printf(html->arena,
                            "Unmatched end tag at byte offset %zu, expected \"</%s>\", found "
                            "\"</%s>\"",
                            offset_of(html, start), open.tag->name, name);
    close_tag(html, &open);
    return NULL;
}

const char *html_read(struct rich_text *rich, const char *text)
{
    struct html *html = arena_alloc(rich->arena, sizeof *html);
    const char *wrong = NULL;

    *html = (struct html){.rich = rich, .arena = rich->arena, .text = text, .p = text};
    while (*html->p && !wrong) {
        unsigned code_point;
        size_t plain = strcspn(html->p, "<&");
        rich_text_add(rich, html->p, plain);
        html->p += plain;
        if (*html->p == '&') {
            size_t length = decode_reference(html->p, &code_point);
            if (length)
                rich_text_add_code_point(rich, code_point);
            else
                rich_text_add(rich, "&", 1);
            html->p += length ? length : 1;
        } else if (*html->p == '<') {
            wrong = html->p[1] == '/' ? read_end_tag(html) : read_start_tag(html);
        }
    }
    if (!wrong && html->depth)
        wrong = arena_printf(rich->arena, "Can't find end tag corresponding to start tag \"%s\"",
                             html->open[html->depth - 1].tag->name);
    return wrong;
}

/*
 * The HTML of rich messages: blocks, and in them texts with formatting. What stands outside a block is
 * a paragraph.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/rich.h"

enum { DEEPEST = 16 };

/* Tags that only change how a text looks. */
static const char *const styles[][2] = {
    {"b", "bold"},
    {"strong", "bold"},
    {"i", "italic"},
    {"em", "italic"},
    {"u", "underline"},
    {"ins", "underline"},
    {"s", "strikethrough"},
    {"strike", "strikethrough"},
    {"del", "strikethrough"},
    {"tg-spoiler", "spoiler"},
    {"sub", "subscript"},
    {"sup", "superscript"},
    {"mark", "marked"},
    {"code", "code"},
};

/* Blocks of one text. */
static const char *const text_blocks[][2] = {
    {"p", "paragraph"}, {"footer", "footer"},        {"aside", "pullquote"},
    {"pre", "pre"},     {"tg-thinking", "thinking"},
};

struct reader {
    struct arena *arena;
    const char *text, *p;
    const char *wrong;
    int depth;
};

struct tag {
    char name[24];
    bool is_end;
    const char *attributes; /* up to ">" */
    const char *behind;
};

static void fail(struct reader *reader, const char *what, const char *name)
{
    if (!reader->wrong)
        reader->wrong = arena_printf(reader->arena, "%s \"%s\" at byte offset %zu", what, name,
                                     (size_t)(reader->p - reader->text));
}

/* The tag at p; false when there is none. */
static bool peek(const struct reader *reader, struct tag *tag)
{
    const char *p = reader->p;
    size_t length = 0;

    if (*p != '<' || !strchr(p, '>'))
        return false;
    tag->is_end = p[1] == '/';
    p += tag->is_end ? 2 : 1;
    while (isalnum((unsigned char)p[length]) || p[length] == '-')
        length++;
    if (!length || length >= sizeof tag->name)
        return false;
    for (size_t i = 0; i < length; i++)
        tag->name[i] = (char)tolower((unsigned char)p[i]);
    tag->name[length] = '\0';
    tag->attributes = p + length;
    tag->behind = strchr(p, '>') + 1;
    return true;
}

/* The value of name="…" in the tag, or NULL. */
static const char *attribute(struct reader *reader, const struct tag *tag, const char *name)
{
    size_t length = strlen(name);

    for (const char *p = tag->attributes; p + length < tag->behind; p++) {
        if (!isspace((unsigned char)*p) || strncasecmp(p + 1, name, length) != 0 ||
            p[1 + length] != '=')
            continue;
        p += length + 2;
        char quote = *p == '"' || *p == '\'' ? *p++ : '>';
        const char *end = strchr(p, quote);
        return end && end < tag->behind ? arena_strndup(reader->arena, p, (size_t)(end - p)) : NULL;
    }
    return NULL;
}

static const char *found(const char *const table[][2], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i][0], name) == 0)
            return table[i][1];
    return NULL;
}

static bool is_block(const char *name)
{
    static const char *const names[] = {
        "p",  "h1", "h2",     "h3",    "h4",         "h5",      "h6",      "pre", "hr",    "ul",
        "ol", "li", "footer", "aside", "blockquote", "details", "summary", "img", "video", "audio"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return strcmp(name, "tg-thinking") == 0 || strcmp(name, "tg-document") == 0;
}

/* ---- texts ---- */

/* Up to the next tag, with its references read; spaces are joined outside preformatted text. */
static void add_plain(struct reader *reader, cJSON *parts, bool is_pre)
{
    static const char *const references[][2] = {
        {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&nbsp;", " "}};
    size_t length = reader->p[0] == '<' ? 1 + strcspn(reader->p + 1, "<") : strcspn(reader->p, "<");
    char *text = arena_alloc(reader->arena, length + 1), *out = text;

    for (const char *end = reader->p + length; reader->p < end;) {
        size_t taken = 1;
        char c = *reader->p;
        for (size_t i = 0; c == '&' && i < sizeof references / sizeof *references; i++)
            if (strncmp(reader->p, references[i][0], strlen(references[i][0])) == 0) {
                taken = strlen(references[i][0]);
                c = references[i][1][0];
                break;
            }
        bool is_space = !is_pre && isspace((unsigned char)c);
        if (!is_space || (out > text && out[-1] != ' ') || (out == text && parts->child))
            *out++ = is_space ? ' ' : c;
        reader->p += taken;
    }
    if (out > text)
        cJSON_AddItemToArray(parts, cJSON_CreateString(text));
}

static cJSON *read_text(struct reader *reader, const char *end_tag);

/* An inline tag as a part of the text; NULL = it adds none. */
static cJSON *read_inline(struct reader *reader, const struct tag *tag)
{
    const char *style = found(styles, sizeof styles / sizeof *styles, tag->name);
    const char *url = attribute(reader, tag, "href");
    const char *emoji = attribute(reader, tag, "emoji-id");
    cJSON *part = cJSON_CreateObject();

    reader->p = tag->behind;
    if (strcmp(tag->name, "br") == 0) {
        cJSON_Delete(part);
        return cJSON_CreateString("\n");
    }
    if (style) {
        json_set_text(part, "type", style);
        json_set(part, "text", read_text(reader, tag->name));
    } else if (strcmp(tag->name, "a") == 0 && url) {
        json_set_text(part, "type", "url");
        json_set(part, "text", read_text(reader, "a"));
        json_set_text(part, "url", url);
    } else if (strcmp(tag->name, "tg-emoji") == 0 && emoji) {
        cJSON *text = read_text(reader, tag->name);
        json_set_text(part, "type", "custom_emoji");
        json_set_text(part, "custom_emoji_id", emoji);
        json_set_text(part, "alternative_text", cJSON_IsString(text) ? text->valuestring : "");
        cJSON_Delete(text);
    } else {
        fail(reader, "Unsupported start tag", tag->name);
    }
    return part;
}

/* Up to that end tag, which is taken; NULL = up to the next block. One part stands for itself. */
static cJSON *read_text(struct reader *reader, const char *end_tag)
{
    cJSON *parts = cJSON_CreateArray();
    bool is_pre = end_tag && strcmp(end_tag, "pre") == 0, is_closed = !end_tag;
    struct tag tag;

    if (++reader->depth > DEEPEST)
        fail(reader, "Too many nested tags", end_tag ? end_tag : "");
    while (*reader->p && !reader->wrong) {
        if (!peek(reader, &tag)) {
            add_plain(reader, parts, is_pre);
        } else if (tag.is_end) {
            is_closed |= end_tag && strcmp(tag.name, end_tag) == 0;
            if (end_tag && !is_closed)
                fail(reader, "Unmatched end tag", tag.name);
            if (end_tag)
                reader->p = tag.behind;
            break;
        } else if (!end_tag && is_block(tag.name)) {
            break;
        } else {
            cJSON_AddItemToArray(parts, read_inline(reader, &tag));
        }
    }
    if (!is_closed)
        fail(reader, "Can't find end tag corresponding to start tag", end_tag);
    reader->depth--;
    int count = cJSON_GetArraySize(parts);
    if (count > 1)
        return parts;
    cJSON *only = count ? cJSON_DetachItemFromArray(parts, 0) : cJSON_CreateString("");
    cJSON_Delete(parts);
    return only;
}

/* ---- blocks ---- */

static cJSON *read_blocks(struct reader *reader, const char *end_tag);

static cJSON *new_block(const char *type)
{
    cJSON *block = cJSON_CreateObject();

    json_set_text(block, "type", type);
    return block;
}

static cJSON *read_list(struct reader *reader, const struct tag *list)
{
    cJSON *block = new_block("list"), *items = cJSON_AddArrayToObject(block, "items");
    bool is_ordered = strcmp(list->name, "ol") == 0;
    struct tag tag;

    reader->p = list->behind;
    while (!reader->wrong) {
        reader->p += strspn(reader->p, " \t\r\n");
        if (!peek(reader, &tag)) {
            fail(reader, "Can't find end tag corresponding to start tag", list->name);
            break;
        }
        reader->p = tag.behind;
        if (tag.is_end && strcmp(tag.name, list->name) == 0)
            break;
        if (tag.is_end || strcmp(tag.name, "li") != 0) {
            fail(reader, "Unsupported start tag", tag.name);
            break;
        }
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(items, item);
        if (is_ordered)
            json_set_text(item, "type", "1");
        json_set(item, "blocks", read_blocks(reader, "li"));
    }
    return block;
}

/* A file is named as tg://photo?id=…. */
static cJSON *read_media(struct reader *reader, const struct tag *tag)
{
    const char *source = attribute(reader, tag, "src");
    const char *id = source ? strstr(source, "?id=") : NULL;
    cJSON *block = new_block("media");

    if (!id)
        fail(reader, "There is no media in the tag", tag->name);
    json_set_text(block, "id", id ? id + 4 : "");
    reader->p = tag->behind;
    return block;
}

static cJSON *read_details(struct reader *reader, const struct tag *details)
{
    cJSON *block = new_block("details");
    struct tag tag;

    reader->p = details->behind + strspn(details->behind, " \t\r\n");
    json_set_text(block, "summary", "");
    if (peek(reader, &tag) && !tag.is_end && strcmp(tag.name, "summary") == 0) {
        reader->p = tag.behind;
        json_set(block, "summary", read_text(reader, "summary"));
    }
    json_set(block, "blocks", read_blocks(reader, "details"));
    return block;
}

static cJSON *read_block(struct reader *reader, const struct tag *tag)
{
    const char *type = found(text_blocks, sizeof text_blocks / sizeof *text_blocks, tag->name);
    bool is_heading = tag->name[0] == 'h' && isdigit((unsigned char)tag->name[1]);

    if (strcmp(tag->name, "ul") == 0 || strcmp(tag->name, "ol") == 0)
        return read_list(reader, tag);
    if (strcmp(tag->name, "details") == 0)
        return read_details(reader, tag);
    if (!type && !is_heading && strcmp(tag->name, "hr") != 0 &&
        strcmp(tag->name, "blockquote") != 0)
        return read_media(reader, tag);
    reader->p = tag->behind;
    if (strcmp(tag->name, "hr") == 0)
        return new_block("divider");
    if (strcmp(tag->name, "blockquote") == 0) {
        cJSON *quote = new_block("blockquote");
        json_set(quote, "blocks", read_blocks(reader, "blockquote"));
        return quote;
    }
    cJSON *block = new_block(is_heading ? "heading" : type);
    json_set(block, "text", read_text(reader, tag->name));
    if (is_heading)
        json_set_int(block, "size", tag->name[1] - '0');
    return block;
}

static bool is_blank(const cJSON *text)
{
    return cJSON_IsString(text) && !text->valuestring[strspn(text->valuestring, " \t\r\n")];
}

static cJSON *read_blocks(struct reader *reader, const char *end_tag)
{
    cJSON *blocks = cJSON_CreateArray();
    bool is_closed = !end_tag;
    struct tag tag;

    if (++reader->depth > DEEPEST)
        fail(reader, "Too many nested tags", end_tag ? end_tag : "");
    while (*reader->p && !reader->wrong) {
        bool is_tag = peek(reader, &tag);
        if (is_tag && tag.is_end) {
            is_closed = end_tag && strcmp(tag.name, end_tag) == 0;
            if (!is_closed)
                fail(reader, "Unexpected end tag", tag.name);
            reader->p = tag.behind;
            break;
        }
        if (is_tag && is_block(tag.name)) {
            cJSON_AddItemToArray(blocks, read_block(reader, &tag));
            continue;
        }
        cJSON *text = read_text(reader, NULL);
        if (is_blank(text)) {
            cJSON_Delete(text);
            continue;
        }
        cJSON *block = new_block("paragraph");
        json_set(block, "text", text);
        cJSON_AddItemToArray(blocks, block);
    }
    if (!is_closed)
        fail(reader, "Can't find end tag corresponding to start tag", end_tag);
    reader->depth--;
    return blocks;
}

const char *rich_html_read(struct arena *arena, const char *text, cJSON **ret_blocks)
{
    struct reader reader = {.arena = arena, .text = text, .p = text};

    *ret_blocks = json_keep(arena, read_blocks(&reader, NULL));
    return reader.wrong;
}

/*
 * The Markdown of rich messages: headings, lists, quotes, fences and rules by lines, and in them texts
 * with formatting.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/rich.h"

enum { DEEPEST = 16, FARTHEST = 2048 };

struct reader {
    struct arena *arena;
    const char *p; /* at the beginning of a line */
};

/* Longer marks come first. */
static const struct mark {
    const char *sign, *type;
} marks[] = {
    {"**", "bold"},   {"__", "bold"},  {"~~", "strikethrough"}, {"||", "spoiler"},
    {"==", "marked"}, {"*", "italic"}, {"_", "italic"},         {"`", "code"},
};

/* ---- texts ---- */

static cJSON *read_text(struct arena *arena, const char *text, size_t size, int depth);

static void flush(cJSON *parts, struct arena *arena, const char *from, const char *to)
{
    if (to > from)
        cJSON_AddItemToArray(parts,
                             cJSON_CreateString(arena_strndup(arena, from, (size_t)(to - from))));
}

/* Not too far away, so that a text full of marks is still read in good time. */
static const char *find(const char *p, const char *end, const char *sign)
{
    size_t length = strlen(sign);

    if (end - p > FARTHEST)
        end = p + FARTHEST;
    for (; p + length <= end; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
        else if (strncmp(p, sign, length) == 0)
            return p;
    }
    return NULL;
}

/* "[text](url)" at p: the part, and where it ends; NULL = it is none. */
static cJSON *read_link(struct arena *arena, const char *p, const char *end, int depth,
                        const char **ret_behind)
{
    const char *close = *p == '[' ? find(p + 1, end, "](") : NULL;
    const char *stop = close ? find(close + 2, end, ")") : NULL;

    if (!stop)
        return NULL;
    cJSON *part = cJSON_CreateObject();
    json_set_text(part, "type", "url");
    json_set(part, "text", read_text(arena, p + 1, (size_t)(close - p - 1), depth + 1));
    json_set_text(part, "url", arena_strndup(arena, close + 2, (size_t)(stop - close - 2)));
    *ret_behind = stop + 1;
    return part;
}

static cJSON *read_marked(struct arena *arena, const char *p, const char *end, int depth,
                          const char **ret_behind)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t length = strlen(marks[i].sign);
        if ((size_t)(end - p) <= length || strncmp(p, marks[i].sign, length) != 0)
            continue;
        const char *stop = find(p + length, end, marks[i].sign);
        while (stop && length == 2 && stop + 2 < end && stop[2] == *marks[i].sign)
            stop++;
        if (!stop || stop == p + length)
            continue;
        cJSON *part = cJSON_CreateObject();
        size_t size = (size_t)(stop - p) - length;
        json_set_text(part, "type", marks[i].type);
        if (strcmp(marks[i].type, "code") == 0)
            json_set_text(part, "text", arena_strndup(arena, p + length, size));
        else
            json_set(part, "text", read_text(arena, p + length, size, depth + 1));
        *ret_behind = stop + length;
        return part;
    }
    return NULL;
}

/* One part stands for itself. What opens and never closes is plain. */
static cJSON *read_text(struct arena *arena, const char *text, size_t size, int depth)
{
    const char *p = text, *end = text + size, *plain = text, *behind = NULL;
    cJSON *parts = cJSON_CreateArray();

    while (p < end) {
        cJSON *part = NULL;
        if (*p == '\\' && p + 1 < end && ispunct((unsigned char)p[1])) {
            flush(parts, arena, plain, p);
            plain = ++p;
        } else if (depth < DEEPEST) {
            part = read_link(arena, p, end, depth, &behind);
            part = part ? part : read_marked(arena, p, end, depth, &behind);
        }
        if (part) {
            flush(parts, arena, plain, p);
            cJSON_AddItemToArray(parts, part);
            p = plain = behind;
        } else {
            p++;
        }
    }
    flush(parts, arena, plain, end);
    int count = cJSON_GetArraySize(parts);
    if (count > 1)
        return parts;
    cJSON *only = count ? cJSON_DetachItemFromArray(parts, 0) : cJSON_CreateString("");
    cJSON_Delete(parts);
    return only;
}

/* ---- lines ---- */

static size_t line_length(const char *p)
{
    return strcspn(p, "\n");
}

static const char *next_line(const char *p)
{
    p += line_length(p);
    return *p ? p + 1 : p;
}

static bool is_blank(const char *p)
{
    return strspn(p, " \t\r") == line_length(p);
}

static bool is_rule(const char *p)
{
    size_t length = line_length(p);

    return length >= 3 && (strspn(p, "-") == length || strspn(p, "*") == length);
}

/* How long the mark of a list item is ("- ", "12. "); 0 = it is none. */
static size_t item_mark(const char *p, bool *ret_is_ordered)
{
    size_t digits = strspn(p, "0123456789");

    *ret_is_ordered = digits > 0;
    if (!digits && strchr("-*+", *p) && *p && p[1] == ' ')
        return 2;
    return digits && digits < 9 && p[digits] == '.' && p[digits + 1] == ' ' ? digits + 2 : 0;
}

static size_t heading_size(const char *p)
{
    size_t size = strspn(p, "#");

    return size <= 6 && p[size] == ' ' ? size : 0;
}

/* Whether a line ends the paragraph before it. */
static bool is_special(const char *p)
{
    bool is_ordered;

    return is_blank(p) || is_rule(p) || heading_size(p) || item_mark(p, &is_ordered) || *p == '>' ||
           strncmp(p, "```", 3) == 0 || strncmp(p, "![", 2) == 0;
}

static cJSON *new_block(const char *type)
{
    cJSON *block = cJSON_CreateObject();

    json_set_text(block, "type", type);
    return block;
}

static cJSON *text_block(struct reader *reader, const char *type, const char *text, size_t size)
{
    cJSON *block = new_block(type);

    while (size && isspace((unsigned char)text[size - 1]))
        size--;
    json_set(block, "text", read_text(reader->arena, text, size, 0));
    return block;
}

static cJSON *read_fence(struct reader *reader)
{
    const char *language = reader->p + 3, *from = next_line(reader->p), *p = from;
    size_t length = strcspn(language, " \t\r\n");
    cJSON *block = new_block("pre");

    while (*p && strncmp(p, "```", 3) != 0)
        p = next_line(p);
    size_t size = (size_t)(p - from);
    json_set_text(block, "text",
                  arena_strndup(reader->arena, from, size && p[-1] == '\n' ? size - 1 : size));
    if (length)
        json_set_text(block, "language", arena_strndup(reader->arena, language, length));
    reader->p = *p ? next_line(p) : p;
    return block;
}

static cJSON *read_list(struct reader *reader)
{
    cJSON *block = new_block("list"), *items = cJSON_AddArrayToObject(block, "items");
    bool is_ordered, is_first_ordered;

    item_mark(reader->p, &is_first_ordered);
    for (size_t mark; (mark = item_mark(reader->p, &is_ordered)) && is_ordered == is_first_ordered;
         reader->p = next_line(reader->p)) {
        const char *text = reader->p + mark;
        bool has_box = strncmp(text, "[ ] ", 4) == 0 || strncmp(text, "[x] ", 4) == 0;
        cJSON *item = cJSON_CreateObject(), *blocks = cJSON_AddArrayToObject(item, "blocks");
        if (has_box)
            json_set_bool(item, "has_checkbox", true);
        if (has_box && text[1] == 'x')
            json_set_bool(item, "is_checked", true);
        if (is_ordered) {
            json_set_text(item, "type", "1");
            json_set_int(item, "value", strtoll(reader->p, NULL, 10));
        }
        text += has_box ? 4 : 0;
        cJSON_AddItemToArray(blocks,
                             text_block(reader, "paragraph", text,
                                        line_length(reader->p) - (size_t)(text - reader->p)));
        cJSON_AddItemToArray(items, item);
    }
    return block;
}

/* Its lines without their marks are read by themselves. */
static cJSON *read_quote(struct reader *reader)
{
    cJSON *block = new_block("blockquote"), *blocks = cJSON_AddArrayToObject(block, "blocks");
    char *text = arena_alloc(reader->arena, strlen(reader->p) + 1), *out = text;

    for (; *reader->p == '>'; reader->p = next_line(reader->p)) {
        const char *line = reader->p + 1 + (reader->p[1] == ' ');
        size_t length = line_length(line);
        memcpy(out, line, length);
        out += length;
        *out++ = '\n';
    }
    cJSON_AddItemToArray(blocks, text_block(reader, "paragraph", text, (size_t)(out - text)));
    return block;
}

/* "![](tg://photo?id=…)" in a line of its own; NULL = it is none. */
static cJSON *read_media(struct reader *reader)
{
    size_t length = line_length(reader->p);
    const char *line = arena_strndup(reader->arena, reader->p, length), *id = strstr(line, "?id=");

    if (strncmp(line, "![", 2) != 0 || !id)
        return NULL;
    cJSON *block = new_block("media");
    json_set_text(block, "id", arena_strndup(reader->arena, id + 4, strcspn(id + 4, ") \t")));
    reader->p = next_line(reader->p);
    return block;
}

static cJSON *read_paragraph(struct reader *reader)
{
    const char *from = reader->p;

    do
        reader->p = next_line(reader->p);
    while (*reader->p && !is_special(reader->p));
    return text_block(reader, "paragraph", from, (size_t)(reader->p - from));
}

static cJSON *read_block(struct reader *reader)
{
    size_t size = heading_size(reader->p);
    bool is_ordered;
    cJSON *block;

    if (size) {
        block =
            text_block(reader, "heading", reader->p + size + 1, line_length(reader->p) - size - 1);
        json_set_int(block, "size", (int64_t)size);
        reader->p = next_line(reader->p);
        return block;
    }
    if (is_rule(reader->p)) {
        reader->p = next_line(reader->p);
        return new_block("divider");
    }
    if (strncmp(reader->p, "```", 3) == 0)
        return read_fence(reader);
    if (*reader->p == '>')
        return read_quote(reader);
    if (item_mark(reader->p, &is_ordered))
        return read_list(reader);
    block = read_media(reader);
    return block ? block : read_paragraph(reader);
}

const char *rich_markdown_read(struct arena *arena, const char *text, cJSON **ret_blocks)
{
    struct reader reader = {.arena = arena, .p = text};

    *ret_blocks = json_keep(arena, cJSON_CreateArray());
    while (*reader.p) {
        if (is_blank(reader.p))
            reader.p = next_line(reader.p);
        else
            cJSON_AddItemToArray(*ret_blocks, read_block(&reader));
    }
    return NULL;
}

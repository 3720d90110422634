/*
 * The old Markdown: four marks that cannot be nested, and nothing else to escape.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/link.h"

struct reader {
    struct rich_text *rich;
    const char *text, *p;
};

/* After "```": the name of a language, and the end of its line. */
static const char *read_language(struct reader *reader)
{
    size_t length = strcspn(reader->p, " \t\r\n`");
    const char *language = NULL;

    if (length && reader->p[length] && reader->p[length] != '`') {
        language = arena_strndup(reader->rich->arena, reader->p, length);
        reader->p += length;
    }
    if (reader->p[0] == '\r' || reader->p[0] == '\n') {
        bool is_pair =
            (reader->p[1] == '\r' || reader->p[1] == '\n') && reader->p[1] != reader->p[0];
        reader->p += is_pair ? 2 : 1;
    }
    return language;
}

/* "(url)" after a link's text; without it the text is the address. */
static const char *read_url(struct reader *reader, const char *label)
{
    if (*reader->p != '(')
        return label;
    size_t length = strcspn(reader->p + 1, ")");
    const char *url = arena_strndup(reader->rich->arena, reader->p + 1, length);
    reader->p += 1 + length;
    reader->p += *reader->p == ')';
    return url;
}

static const char *read_entity(struct reader *reader)
{
    struct rich_text *rich = reader->rich;
    const char *start = reader->p;
    bool is_pre = strncmp(start, "```", 3) == 0;
    const char *end_mark = is_pre          ? "```"
                           : *start == '[' ? "]"
                           : *start == '`' ? "`"
                           : *start == '*' ? "*"
                                           : "_";
    size_t from = rich->units;
    const char *link;

    reader->p += is_pre ? 3 : 1;
    const char *language = is_pre ? read_language(reader) : NULL;
    const char *end = strstr(reader->p, end_mark);
    if (!end)
        return arena_printf(rich->arena, "Can't find end of the entity starting at byte offset %zu",
                            (size_t)(start - reader->text));
    const char *label = arena_strndup(rich->arena, reader->p, (size_t)(end - reader->p));
    rich_text_add(rich, label, strlen(label));
    reader->p = end + strlen(end_mark);
    if (*start == '[') {
        const char *url = read_url(reader, label);
        if (rich->units > from && !link_read(rich->arena, url, LINK_ANY, &link))
            json_set_text(rich_text_entity(rich, "text_link", from), "url", link);
        return NULL;
    }
    cJSON *entity = rich_text_entity(rich,
                                     is_pre          ? "pre"
                                     : *start == '`' ? "code"
                                     : *start == '*' ? "bold"
                                                     : "italic",
                                     from);
    if (entity && language)
        json_set_text(entity, "language", language);
    return NULL;
}

const char *old_markdown_read(struct rich_text *rich, const char *text)
{
    struct reader reader = {.rich = rich, .text = text, .p = text};
    const char *wrong = NULL;

    while (*reader.p && !wrong) {
        if (*reader.p == '\\' && reader.p[1] && strchr("_*`[", reader.p[1])) {
            rich_text_add(rich, reader.p + 1, 1);
            reader.p += 2;
        } else if (strchr("_*`[", *reader.p)) {
            wrong = read_entity(&reader);
        } else {
            rich_text_add(rich, reader.p++, 1);
        }
    }
    return wrong;
}

/*
 * MarkdownV2: marks open and close by looking at the innermost open one. A reserved character that
 * neither opens nor closes anything must be escaped.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/link.h"

enum { DEEPEST = 64 };

enum mark {
    NOTHING,
    BOLD,
    ITALIC,
    UNDERLINE,
    STRIKETHROUGH,
    SPOILER,
    CODE,
    PRE,
    LINK,
    EMOJI,
    QUOTE,
};

/* The sign of links and quotes is read by their own functions. Longer signs come first. */
static const struct mark_kind {
    enum mark mark;
    const char *sign, *entity, *name;
} kinds[] = {
    {UNDERLINE, "__", "underline", "Underline"},
    {ITALIC, "_", "italic", "Italic"},
    {BOLD, "*", "bold", "Bold"},
    {STRIKETHROUGH, "~", "strikethrough", "Strikethrough"},
    {SPOILER, "||", "spoiler", "Spoiler"},
    {PRE, "```", "pre", "Pre"},
    {CODE, "`", "code", "Code"},
    {EMOJI, "![", "custom_emoji", "CustomEmoji"},
    {LINK, "[", "text_link", "TextUrl"},
    {QUOTE, ">", "blockquote", "BlockQuote"},
};

struct open_mark {
    const struct mark_kind *kind;
    size_t from_unit;
    size_t from_byte; /* in the plain text */
    size_t at;        /* in the source */
    const char *language;
};

struct markdown {
    struct rich_text *rich;
    struct arena *arena;
    const char *text, *p;
    struct open_mark open[DEEPEST];
    size_t depth;
};

static const struct mark_kind *kind_at(const char *p)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(p, kinds[i].sign, strlen(kinds[i].sign)) == 0)
            return &kinds[i];
    return NULL;
}

static enum mark innermost(const struct markdown *md)
{
    return md->depth ? md->open[md->depth - 1].kind->mark : NOTHING;
}

static size_t offset_of(const struct markdown *md)
{
    return (size_t)(md->p - md->text);
}

static const char *reserved(struct markdown *md)
{
    return arena_printf(md->arena,
                        "Character '%c' is reserved and must be escaped with the preceding '\\'",
                        *md->p);
}

/* The entity of the innermost mark, which is closed. NULL when it would be empty. */
static cJSON *close_mark(struct markdown *md, const char *type)
{
    const struct open_mark *open = &md->open[--md->depth];

    return rich_text_entity(md->rich, type ? type : open->kind->entity, open->from_unit);
}

static const char *open_mark(struct markdown *md, const struct mark_kind *kind)
{
    if (md->depth == DEEPEST)
        return "Too many nested entities";
    md->open[md->depth++] = (struct open_mark){.kind = kind,
                                               .from_unit = md->rich->units,
                                               .from_byte = md->rich->size,
                                               .at = offset_of(md)};
    md->p += strlen(kind->sign);
    if (kind->mark != PRE)
        return NULL;
    size_t length = strcspn(md->p, " \t\r\n`");
    if (length && md->p[length] && md->p[length] != '`') {
        md->open[md->depth - 1].language = arena_strndup(md->arena, md->p, length);
        md->p += length;
    }
    md->p += *md->p == '\r';
    md->p += *md->p == '\n';
    return NULL;
}

/* "(url)" after a link's text; without it the text is the URL. */
static const char *read_url(struct markdown *md, const char **ret_url)
{
    size_t from = md->open[md->depth - 1].from_byte, start = offset_of(md), size = 0;

    if (*md->p != '(') {
        *ret_url = arena_strndup(md->arena, md->rich->text + from, md->rich->size - from);
        return NULL;
    }
    char *url = arena_alloc(md->arena, strlen(md->p) + 1);
    for (md->p++; *md->p && *md->p != ')'; md->p++) {
        if (*md->p == '\\' && md->p[1] > 0)
            md->p++;
        url[size++] = *md->p;
    }
    if (!*md->p)
        return arena_printf(md->arena, "Can't find end of a URL at byte offset %zu", start);
    md->p++;
    *ret_url = url;
    return NULL;
}

static const char *close_link(struct markdown *md)
{
    static const char emoji[] = "tg://emoji?id=";
    bool is_emoji = innermost(md) == EMOJI;
    const char *url = "";

    md->p++;
    const char *wrong = read_url(md, &url);
    if (wrong)
        return wrong;
    bool is_emoji_url = strncmp(url, emoji, strlen(emoji)) == 0;
    if (is_emoji && !is_emoji_url)
        return "Custom emoji entity must contain a tg://emoji URL";
    if (is_emoji && !entities_is_emoji_id(url + strlen(emoji)))
        return "Invalid custom emoji identifier specified";
    if (!is_emoji && link_read(md->arena, url, LINK_ANY, &url)) {
        md->depth--;
        return NULL;
    }
    cJSON *entity = close_mark(md, NULL);
    if (entity && is_emoji)
        json_set_text(entity, "custom_emoji_id", url + strlen(emoji));
    else if (entity)
        json_set_text(entity, "url", url);
    return NULL;
}

/* At the end of a line inside a quote: goes on, or closes it. */
static void end_line(struct markdown *md)
{
    if (innermost(md) == QUOTE && md->p[1] != '>') {
        close_mark(md, NULL);
    } else if (md->p[1] == '>') {
        for (size_t i = 0; i < md->depth; i++) {
            if (md->open[i].kind->mark == QUOTE) {
                rich_text_add(md->rich, "\n", 1);
                md->p += 2;
                return;
            }
        }
    }
    rich_text_add(md->rich, "\n", 1);
    md->p++;
}

static bool is_at_line_start(const struct markdown *md)
{
    const struct rich_text *rich = md->rich;

    return !rich->size || rich->text[rich->size - 1] == '\n';
}

static const char *read_sign(struct markdown *md)
{
    const struct mark_kind *kind = kind_at(md->p);
    enum mark inner = innermost(md);

    if (*md->p == ']' && (inner == LINK || inner == EMOJI))
        return close_link(md);
    if (!kind || (kind->mark == QUOTE && !is_at_line_start(md)))
        return reserved(md);
    if (kind->mark == SPOILER && inner == QUOTE && (!md->p[2] || md->p[2] == '\n')) {
        close_mark(md, "expandable_blockquote");
        md->p += 2;
        return NULL;
    }
    if (kind->mark != inner || inner == LINK || inner == EMOJI)
        return open_mark(md, kind);
    const char *language = md->open[md->depth - 1].language;
    cJSON *entity = close_mark(md, NULL);
    if (entity && language)
        json_set_text(entity, "language", language);
    md->p += strlen(kind->sign);
    return NULL;
}

/* Inside code only its own end and escapes mean something. */
static bool is_plain(const struct markdown *md)
{
    enum mark inner = innermost(md);

    if (inner == CODE)
        return *md->p != '`';
    if (inner == PRE)
        return strncmp(md->p, "```", 3) != 0;
    return !strchr("_*[]()~`>#+-=|{}.!\n", *md->p);
}

const char *markdown_read(struct rich_text *rich, const char *text)
{
    struct markdown *md = arena_alloc(rich->arena, sizeof *md);
    const char *wrong = NULL;

    *md = (struct markdown){.rich = rich, .arena = rich->arena, .text = text, .p = text};
    while (*md->p && !wrong) {
        if (*md->p == '\\' && md->p[1] > 0 && md->p[1] < 127) {
            rich_text_add(rich, md->p + 1, 1);
            md->p += 2;
        } else if (is_plain(md)) {
            rich_text_add(rich, md->p++, 1);
        } else if (*md->p == '\n') {
            end_line(md);
        } else {
            wrong = read_sign(md);
        }
    }
    if (!wrong && innermost(md) == QUOTE)
        close_mark(md, NULL);
    if (!wrong && md->depth)
        wrong = arena_printf(rich->arena, "Can't find end of %s entity at byte offset %zu",
                             md->open[md->depth - 1].kind->name, md->open[md->depth - 1].at);
    return wrong;
}

/*
 * A part is scanned character by character until the next one would not fit; on the way the last
 * place to cut of every kind is noted. Tags count nothing. What is open at a cut is found by going
 * over the part once more, so the work is linear and needs no memory but the parts.
 */
#include "host/bot/split.h"

#include <assert.h>
#include <string.h>

#include "host/bot/html.h"
#include "host/bot/text.h"

enum { OPEN_TAGS_MAX = 16, ZERO_WIDTH_JOINER = 0x200d };

enum cut { CUT_PARAGRAPH, CUT_LINE, CUT_SENTENCE, CUT_WORD, CUT_KINDS };

/* One character, entity or tag of the text. */
struct atom {
    const char *text;
    size_t size;
    enum html_token_type type;
    unsigned code;  /* of the character */
    unsigned units; /* 0 = a tag */
};

struct place {
    const char *at;
    size_t units; /* of the part up to here */
};

struct scan {
    struct place cuts[CUT_KINDS];
    struct place hard;        /* behind the last character and the tags that close after it */
    const char *border;       /* the last hard one that is not within an emoji */
    unsigned before;          /* the last character */
    unsigned sentence_before; /* the last one that is no space */
    unsigned flag_letters;    /* how many regional indicators are before this */
};

struct tag_stack {
    struct html_token open[OPEN_TAGS_MAX];
    size_t depth;
};

static bool next_atom(const char **text, enum split_format format, struct atom *ret)
{
    const char *start = *text;

    if (!*start)
        return false;
    *ret = (struct atom){.text = start, .type = HTML_TEXT};
    if (format == SPLIT_HTML && (*start == '<' || *start == '&')) {
        struct html_token token;
        html_next(text, &token);
        ret->type = token.type;
        ret->code = token.type == HTML_ENTITY ? html_entity_char(&token) : (unsigned char)*start;
        ret->units = token.type == HTML_OPEN || token.type == HTML_CLOSE ? 0 : 1;
    } else {
        ret->code = utf8_next(text);
        ret->units = ret->code > 0xffff ? 2 : 1;
    }
    ret->size = (size_t)(*text - start);
    return true;
}

static bool is_white(unsigned code)
{
    return code == ' ' || (code >= '\t' && code <= '\r') || code == 0xa0 ||
           (code >= 0x2000 && code <= 0x200f) || (code >= 0x2028 && code <= 0x202f) ||
           (code >= 0x205f && code <= 0x2064) || code == 0x3000 || code == 0xfeff;
}

static bool is_flag_letter(unsigned code)
{
    return code >= 0x1f1e6 && code <= 0x1f1ff;
}

/* True when code is drawn together with what stands before it. */
static bool is_joined(const struct scan *s, unsigned code)
{
    return s->before == ZERO_WIDTH_JOINER || code == ZERO_WIDTH_JOINER ||
           (code >= 0x300 && code <= 0x36f) || (code >= 0xfe00 && code <= 0xfe0f) ||
           code == 0x20e3 || (code >= 0x1f3fb && code <= 0x1f3ff) ||
           (code >= 0xe0020 && code <= 0xe007f) ||
           (is_flag_letter(code) && s->flag_letters % 2 == 1);
}

/* Of scripts without spaces: the next sentence follows at once. */
static bool ends_wide_sentence(unsigned code)
{
    return code == 0x3002 || code == 0xff01 || code == 0xff1f;
}

static bool ends_sentence(unsigned code)
{
    return code == '.' || code == '!' || code == '?' || code == 0x2026 || ends_wide_sentence(code);
}

/* What may stand between the end of a sentence and the space behind it. */
static bool is_closing(unsigned code)
{
    return code == '"' || code == '\'' || code == ')' || code == ']' || code == 0xbb ||
           code == 0x2019 || code == 0x201c || code == 0x201d;
}

/* Notes the place behind a character. */
static void note_character(struct scan *s, const struct atom *atom)
{
    enum cut kind = CUT_KINDS;

    s->hard = (struct place){atom->text + atom->size, s->hard.units + atom->units};
    if (atom->code == '\n')
        kind = s->before == '\n' ? CUT_PARAGRAPH : CUT_LINE;
    else if (atom->code == ' ' || atom->code == '\t')
        kind = ends_sentence(s->sentence_before) ? CUT_SENTENCE : CUT_WORD;
    else if (ends_wide_sentence(atom->code))
        kind = CUT_SENTENCE;
    if (kind != CUT_KINDS)
        s->cuts[kind] = s->hard;
    s->flag_letters = is_flag_letter(atom->code) ? s->flag_letters + 1 : 0;
    if (atom->code != '\r')
        s->before = atom->code;
    if (!is_white(atom->code) && !(is_closing(atom->code) && ends_sentence(s->sentence_before)))
        s->sentence_before = atom->code;
}

static const char *choose_cut(const struct scan *s, size_t limit)
{
    struct place last = {0};

    for (int kind = 0; kind < CUT_KINDS; kind++) {
        if (s->cuts[kind].units * 2 >= limit)
            return s->cuts[kind].at;
        if (s->cuts[kind].units > last.units)
            last = s->cuts[kind];
    }
    if (last.at)
        return last.at;
    return s->border ? s->border : s->hard.at;
}

/* Where the part that starts at text ends. */
static const char *part_end(const char *text, enum split_format format, size_t limit)
{
    struct scan s = {.hard = {.at = text}};
    size_t size = strnlen(text, limit + 1);
    struct atom atom;

    if (size <= limit) /* what counts as one takes a byte at least */
        return text + size;
    while (next_atom(&text, format, &atom)) {
        if (!atom.units) {
            if (atom.type == HTML_CLOSE && atom.text == s.hard.at)
                s.hard.at += atom.size;
            continue;
        }
        if (s.hard.units && !is_joined(&s, atom.code))
            s.border = s.hard.at;
        if (s.hard.units + atom.units > limit)
            return choose_cut(&s, limit);
        note_character(&s, &atom);
    }
    return text;
}

/* Follows the tags from text to end; true when there is something to see on the way. In plain text
 * that is all there is to find out. */
static bool follow_tags(const char *text, const char *end, enum split_format format,
                        struct tag_stack *tags)
{
    bool is_visible = false;
    struct atom atom;

    while (text < end && next_atom(&text, format, &atom)) {
        if (is_visible && format == SPLIT_PLAIN)
            break;
        struct html_token tag;
        const char *at = atom.text;

        if (atom.units) {
            is_visible = is_visible || !is_white(atom.code);
            continue;
        }
        html_next(&at, &tag);
        if (tag.type == HTML_OPEN && tags->depth < OPEN_TAGS_MAX) {
            tags->open[tags->depth++] = tag;
        } else if (tag.type == HTML_CLOSE && tags->depth) {
            const struct html_token *last = &tags->open[tags->depth - 1];
            if (last->name_size == tag.name_size &&
                memcmp(last->name, tag.name, tag.name_size) == 0)
                tags->depth--;
        }
    }
    return is_visible;
}

static char *make_part(struct arena *arena, const struct tag_stack *before, const char *text,
                       const char *end, const struct tag_stack *after)
{
    struct text part = {.arena = arena};

    for (size_t i = 0; i < before->depth; i++)
        text_add(&part, before->open[i].text, before->open[i].size);
    text_add(&part, text, (size_t)(end - text));
    for (size_t i = after->depth; i > 0; i--) {
        text_adds(&part, "</");
        text_add(&part, after->open[i - 1].name, after->open[i - 1].name_size);
        text_adds(&part, ">");
    }
    return text_done(&part);
}

const char *const *split_text(struct arena *arena, const char *text, enum split_format format,
                              size_t limit)
{
    struct tag_stack tags = {.depth = 0};
    size_t count = 0, capacity = 4;
    const char **parts = arena_alloc(arena, capacity * sizeof *parts);

    assert(limit >= 2);
    while (*text) {
        const struct tag_stack before = tags;
        const char *end = part_end(text, format, limit);
        if (follow_tags(text, end, format, &tags)) {
            if (count + 1 == capacity) {
                const char **more = arena_alloc(arena, capacity * 2 * sizeof *more);
                memcpy(more, parts, count * sizeof *parts);
                parts = more;
                capacity *= 2;
            }
            parts[count++] = make_part(arena, &before, text, end, &tags);
        }
        text = end;
    }
    return parts;
}

size_t split_length(const char *text, enum split_format format)
{
    struct atom atom;
    size_t units = 0;

    while (next_atom(&text, format, &atom))
        units += atom.units;
    return units;
}

size_t utf16_length(const char *text)
{
    return split_length(text, SPLIT_PLAIN);
}

/*
 * The tokenizer knows the shape of tags, the checker which of them Telegram has. Attributes are
 * written with double quotes.
 */
#include "host/bot/html.h"

#include <ctype.h>
#include <string.h>

#include "host/bot/text.h"

enum { DEPTH_MAX = 16 };

static const struct {
    const char *text;
    char character;
} entities[] = {
    {"&lt;", '<'},    {"&gt;", '>'},   {"&amp;", '&'},   {"&quot;", '"'},
    {"&apos;", '\''}, {"&#39;", '\''}, {"&#x27;", '\''},
};

static void add_escaped(struct text *out, const char *text)
{
    while (*text) {
        size_t plain = strcspn(text, "&<>\"");
        text_add(out, text, plain);
        text += plain;
        for (size_t i = 0; i < 4 && *text; i++)
            if (*text == entities[i].character) {
                text_adds(out, entities[i].text);
                text++;
                break;
            }
    }
}

char *html_escape(struct arena *arena, const char *text)
{
    struct text out = {.arena = arena};

    add_escaped(&out, text);
    return text_done(&out);
}

/* Size of the tag at text, 0 when it is none. */
static size_t tag_size(const char *text, struct html_token *token)
{
    const char *at = text + 1 + (text[1] == '/');

    token->type = text[1] == '/' ? HTML_CLOSE : HTML_OPEN;
    token->name = at;
    while (isalnum((unsigned char)*at) || *at == '-')
        at++;
    token->name_size = (size_t)(at - token->name);
    if (!token->name_size || !isalpha((unsigned char)*token->name))
        return 0;
    for (bool is_quoted = false; *at && (is_quoted || *at != '>'); at++) {
        if (!is_quoted && *at == '<')
            return 0;
        if (*at == '"')
            is_quoted = !is_quoted;
    }
    return *at == '>' ? (size_t)(at - text) + 1 : 0;
}

static size_t entity_size(const char *text)
{
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (strncmp(text, entities[i].text, strlen(entities[i].text)) == 0)
            return strlen(entities[i].text);
    return 0;
}

bool html_next(const char **html, struct html_token *ret)
{
    const char *text = *html;

    if (!*text)
        return false;
    *ret = (struct html_token){.type = HTML_TEXT, .text = text};
    if (*text == '<') {
        ret->size = tag_size(text, ret);
    } else if (*text == '&') {
        ret->type = HTML_ENTITY;
        ret->size = entity_size(text);
    } else {
        ret->size = strcspn(text, "<&");
    }
    if (!ret->size)
        *ret = (struct html_token){.type = HTML_BROKEN, .text = text, .size = 1};
    *html = text + ret->size;
    return true;
}

unsigned html_entity_char(const struct html_token *entity)
{
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (strncmp(entity->text, entities[i].text, entity->size) == 0)
            return (unsigned char)entities[i].character;
    return 0;
}

char *html_to_plain(struct arena *arena, const char *html)
{
    struct text out = {.arena = arena};
    struct html_token token;

    while (html_next(&html, &token)) {
        char character = (char)html_entity_char(&token);
        if (token.type == HTML_ENTITY)
            text_add(&out, &character, 1);
        else if (token.type == HTML_TEXT || token.type == HTML_BROKEN)
            text_add(&out, token.text, token.size);
    }
    return text_done(&out);
}

/* True when the opening tag is, in full, one that Telegram takes. */
static bool is_known_tag(const struct html_token *tag)
{
    static const char *const bare[] = {"b",    "strong", "i",         "em",  "u",
                                       "ins",  "s",      "strike",    "del", "tg-spoiler",
                                       "code", "pre",    "blockquote"};
    static const char *const with_value[] = {"<a href=\"", "<code class=\"language-",
                                             "<tg-emoji emoji-id=\""};
    static const char *const fixed[] = {"<span class=\"tg-spoiler\">", "<blockquote expandable>"};

    if (tag->size == tag->name_size + 2)
        for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
            if (strlen(bare[i]) == tag->name_size &&
                memcmp(bare[i], tag->name, tag->name_size) == 0)
                return true;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strlen(fixed[i]) == tag->size && memcmp(fixed[i], tag->text, tag->size) == 0)
            return true;
    for (size_t i = 0; i < sizeof with_value / sizeof *with_value; i++) {
        size_t size = strlen(with_value[i]);
        if (strncmp(tag->text, with_value[i], size) == 0) {
            const char *quote = strchr(tag->text + size, '"');
            return quote && quote > tag->text + size && quote + 2 == tag->text + tag->size;
        }
    }
    return false;
}

const char *html_check(struct arena *arena, const char *html)
{
    struct html_token open[DEPTH_MAX], token;
    size_t depth = 0;

    while (html_next(&html, &token)) {
        int size = (int)(token.size < 40 ? token.size : 40);
        if (token.type == HTML_BROKEN)
            return *token.text == '<' ? "a \"<\" that starts no tag; write &lt;"
                                      : "a \"&\" that starts no entity of Telegram; write &amp;";
        if (token.type == HTML_OPEN) {
            if (!is_known_tag(&token))
                return arena_printf(arena, "Telegram has no %.*s", size, token.text);
            if (depth == DEPTH_MAX)
                return "tags are nested too deep";
            open[depth++] = token;
        } else if (token.type == HTML_CLOSE) {
            const struct html_token *last = depth ? &open[depth - 1] : NULL;
            if (!last || last->name_size != token.name_size || token.size != token.name_size + 3 ||
                memcmp(last->name, token.name, token.name_size) != 0)
                return arena_printf(arena, "%.*s closes nothing that is open", size, token.text);
            depth--;
        }
    }
    if (depth)
        return arena_printf(arena, "<%.*s> is not closed", (int)open[depth - 1].name_size,
                            open[depth - 1].name);
    return NULL;
}

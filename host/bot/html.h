/*
 * Telegram's HTML: escaping, escaping templates, and a tokenizer for what has to look inside.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>

#include "host/core/arena.h"

/* & < > " as entities. */
char *html_escape(struct arena *arena, const char *text);

/*
 * printf whose format is trusted markup: the output of every conversion is escaped. All of printf's
 * but %n, %m, wide characters, long double and numbered arguments; those fail an assertion.
 */
char *html_printf(struct arena *arena, const char *format, ...) AISHA_PRINTF(2, 3);
char *html_vprintf(struct arena *arena, const char *format, va_list args) AISHA_PRINTF(2, 0);

/* Tags taken out and entities decoded. What is not markup stays as it is. */
char *html_to_plain(struct arena *arena, const char *html);

/* NULL when html is what Telegram accepts: its tags only, closed in order, no stray < or &.
 * Otherwise a sentence for the author. */
const char *html_check(struct arena *arena, const char *html);

enum html_token_type {
    HTML_TEXT,   /* characters without < and & */
    HTML_ENTITY, /* &lt; &gt; &amp; &quot; &apos; &#39; &#x27; */
    HTML_OPEN,   /* <name …> */
    HTML_CLOSE,  /* </name> */
    HTML_BROKEN, /* one < or & that starts nothing of the above */
};

struct html_token {
    enum html_token_type type;
    const char *text; /* within the input */
    size_t size;
    const char *name; /* of a tag */
    size_t name_size;
};

/* Takes the next token off *html; false at its end. */
bool html_next(const char **html, struct html_token *ret);

/* The character an entity stands for. */
unsigned html_entity_char(const struct html_token *entity);

/*
 * Texts against Telegram's limits, which count UTF-16 units after the markup has been taken out, and
 * against its requirement of valid UTF-8.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/core/arena.h"

enum {
    SPLIT_MESSAGE_UNITS = 4096,
    SPLIT_CAPTION_UNITS = 1024,
};

enum split_format {
    SPLIT_PLAIN,
    SPLIT_HTML, /* well-formed, as html_check() wants it */
};

/* Length of valid UTF-8 in UTF-16 units. */
size_t utf16_length(const char *text);

/* The same without the markup. */
size_t split_length(const char *text, enum split_format format);

/*
 * Parts of at most limit units (at least 2), ended by NULL; the parts one after the other are the
 * text. Cuts after a paragraph, else a line, a sentence, a word, else between characters; never
 * within an entity or a character, nor within the marks that join one emoji. Open tags are closed
 * at the end of a part and opened again in the next. Parts of white space only are left out, so an
 * empty text has no parts.
 */
const char *const *split_text(struct arena *arena, const char *text, enum split_format format,
                              size_t limit);

bool utf8_is_valid(const char *text, size_t size);

/*
 * A valid copy, ended by zero: every broken sequence becomes one U+FFFD, control characters other
 * than tab, newline and carriage return are dropped. ret_size may be NULL.
 */
char *utf8_repair(struct arena *arena, const char *text, size_t size, size_t *ret_size);

/* Decodes one character of valid UTF-8 and moves on; 0 at the end. */
unsigned utf8_next(const char **text);

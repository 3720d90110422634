/*
 * Text with formatting, as Telegram reads it: HTML or Markdown becomes plain text and entities
 * whose offsets count UTF-16 units. Strict: what Telegram refuses is refused with its words.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

struct arena;

struct formatted {
    const char *text;
    cJSON *entities; /* array, sorted; owned by the arena */
};

/*
 * Reads text in parse_mode ("" or NULL = none; then the given entities apply, which may be NULL),
 * finds what is in any text, such as commands and links, and trims. Returns NULL, or what is wrong,
 * as in "can't parse entities: …". The result may be empty.
 */
const char *entities_read(struct arena *arena, const char *text, const char *parse_mode,
                          const cJSON *given, struct formatted *ret_formatted);

/* The same for plain text of a user. */
struct formatted entities_of_plain(struct arena *arena, const char *text);

/* --- between the readers --- */

/* What a reader has written so far. */
struct rich_text {
    struct arena *arena;
    char *text;
    size_t size;
    size_t units; /* UTF-16 length of text */
    cJSON *entities;
};

void rich_text_add(struct rich_text *rich, const char *bytes, size_t size);
void rich_text_add_code_point(struct rich_text *rich, unsigned code_point);

/* The entity from that unit on to the end, or NULL when it would be empty. */
cJSON *rich_text_entity(struct rich_text *rich, const char *type, size_t from_unit);

/* Each reads text into rich, whose text has room for it. Returns NULL, or what is wrong. */
const char *html_read(struct rich_text *rich, const char *text);
const char *markdown_read(struct rich_text *rich, const char *text);
const char *old_markdown_read(struct rich_text *rich, const char *text);
const char *given_read(struct rich_text *rich, const char *text, const cJSON *given);

/* Adds those that are found in any text: commands, mentions, links, … */
void entities_find(cJSON *entities, const char *text);

/* At most 100 of them, sorted, without any that cross. The arena owns them, and what is given; that is
 * not to be used any more. */
cJSON *entities_fix(struct arena *arena, cJSON *given);

/* Whether it is a number such as custom emoji have. */
bool entities_is_emoji_id(const char *text);

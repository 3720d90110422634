/*
 * cJSON with limits and with the arena's lifetime.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct text;

/* Gives the tree to the arena: it is freed with it. Without an arena it remains the caller's. Returns
 * value, which may be NULL. */
cJSON *json_keep(struct arena *arena, cJSON *value);

/* NULL when text is not JSON, or nested deeper than 64 levels. The arena owns the result. */
cJSON *json_parse(struct arena *arena, const char *text, size_t size);

/* Unformatted text of the tree, in the arena; and at the end of another text. NULL is "null". */
char *json_text(struct arena *arena, const cJSON *value);
void json_print(struct text *out, const cJSON *value);
void json_print_string(struct text *out, const char *string);

/* The member of that name, or NULL; also NULL when object is NULL or not an object. */
cJSON *json_get(const cJSON *object, const char *name);
const char *json_get_text(const cJSON *object, const char *name);

/* The member as a whole number, or missing when there is none. */
int64_t json_get_int(const cJSON *object, const char *name, int64_t missing);
bool json_get_bool(const cJSON *object, const char *name);

/* Whether it is a number without a fraction that a double holds exactly. */
bool json_is_int(const cJSON *value);
bool json_to_int(const cJSON *value, int64_t *ret_number);

/* Adds the member, or replaces it; object takes value. */
void json_set(cJSON *object, const char *name, cJSON *value);
void json_set_int(cJSON *object, const char *name, int64_t value);
void json_set_text(cJSON *object, const char *name, const char *value);
void json_set_bool(cJSON *object, const char *name, bool value);

/* Puts item, which it takes, before the one at that place of the array, or at its end. (Debian's
 * cJSON_InsertItemInArray() loses it where the place is not the first.) */
void json_insert(cJSON *array, int place, cJSON *item);

/* Adds a copy of value; NULL adds nothing. */
void json_set_copy(cJSON *object, const char *name, const cJSON *value);

/* Whether the text is valid UTF-8 (no surrogates, no overlong forms). */
bool utf8_is_valid(const char *text, size_t size);

/* Code points, and UTF-16 code units, of valid UTF-8. */
size_t utf8_length(const char *text);
size_t utf16_length(const char *text, size_t size);

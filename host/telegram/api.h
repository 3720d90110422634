/*
 * The Bot API as data: what the generated bot_api_tables.c says about the structs of
 * <aisha/bot_api.h>, so that one codec serves all of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum api_kind {
    API_INTEGER,
    API_FLOAT,
    API_BOOLEAN,
    API_TEXT,
    API_JSON,   /* any JSON value, as text */
    API_FILE,   /* struct aisha_file, only sent */
    API_ID,     /* an integer, or in a second member a text */
    API_OBJECT, /* a struct of its own */
};

struct api_type;

/*
 * The type of a field or of a result. Around it are depth levels of arrays: an array ends with NULL,
 * but one of integers (which has a single level) comes with its count.
 */
struct api_value {
    uint8_t kind; /* enum api_kind */
    uint8_t depth;
    const struct api_type *type; /* of API_OBJECT */
};

struct api_field {
    const char *name; /* in JSON */
    struct api_value value;
    uint16_t offset;
    uint16_t second; /* offset of the text of an API_ID or of the count of integers, else 0 */
    bool is_required;
};

/* The struct aisha_NAME. Its fields are in the order of their offsets, without the size. */
struct api_type {
    const char *name;
    size_t size;
    const struct api_field *fields;
    const uint16_t *by_name; /* places of the fields in the order of their names */
    size_t field_count;
    /* Places of the required fields that are pointers: reading leaves none of them NULL. */
    const uint16_t *never_null;
    size_t never_null_count;
};

struct api_method {
    const char *name;
    const struct api_type *params;
    struct api_value result;
    bool is_result_or_true; /* NULL takes the place of `true` */
};

/* Types in the order of their names, methods too. */
extern const struct api_type api_types[];
extern const size_t api_type_count;
extern const struct api_method api_methods[];
extern const size_t api_method_count;

/* struct aisha_update, and the names of the fields of which each update has one, then NULL. */
extern const struct api_type *const api_update_type;
extern const char *const api_update_kinds[];

/* NULL if there is none. */
const struct api_method *api_find_method(const char *name);
const struct api_type *api_find_type(const char *name);
const struct api_field *api_find_field(const struct api_type *type, const char *name);

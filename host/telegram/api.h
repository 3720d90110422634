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

/* The type of a field or of a result. */
struct api_value {
    uint8_t kind; /* enum api_kind */
    uint8_t
        depth; /* levels of arrays around it; integers (at most one) are counted, others end with NULL */
    const struct api_type *type; /* of API_OBJECT */
};

struct api_field {
    const char *name; /* in JSON */
    struct api_value value;
    uint16_t offset;
    uint16_t
        second; /* offset of the text of an API_ID, of the count of an array of integers, else 0 */
    bool is_required;
};

struct api_type {
    const char *name; /* struct aisha_NAME */
    size_t size;
    const struct api_field
        *fields; /* in the order of the struct; the size member is not among them */
    size_t field_count;
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

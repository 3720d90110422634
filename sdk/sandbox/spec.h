/*
 * The Bot API's own description (sdk/spec/bot-api.json, embedded) as data: which methods exist and
 * what their parameters must look like. It is read once, into tables; everything lives as long as
 * the spec.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

struct arena;
struct params;
struct spec;
struct spec_type;

enum spec_basic { SPEC_TEXT, SPEC_FILE, SPEC_INTEGER, SPEC_FLOAT, SPEC_BOOLEAN, SPEC_OBJECT };

/* One of the types that a value may have. */
struct spec_alternative {
    int depth; /* of arrays around it */
    enum spec_basic basic;
    const struct spec_type *type; /* of an object */
};

struct spec_field {
    const char *name;
    bool is_required;
    unsigned takes; /* bits of 1 << enum spec_basic, arrays aside */
    struct spec_alternative *alternatives;
    size_t alternative_count;
    const cJSON *literals, *fixed; /* a text that must be one of these, a boolean that must be this;
                                      NULL = any */
};

/* What a type, or the parameters of a method, consist of: fields, or one of several types. */
struct spec_type {
    const char *name;
    struct spec_field *fields;
    size_t field_count;
    struct spec_alternative *alternatives;
    size_t alternative_count;
};

int spec_new(struct spec **ret_spec);
void spec_free(struct spec *spec);

/* The method's description, its name compared without regard to case; NULL when there is none. */
const struct spec_type *spec_method(const struct spec *spec, const char *name);

/* The fields of a type as they stand in the description. */
const cJSON *spec_fields(const struct spec *spec, const char *type);

/*
 * Checks the parameters of method, and turns texts into the numbers, booleans, lists and objects
 * that they stand for. Returns NULL, or what is wrong in the words Telegram would use.
 */
const char *spec_check(struct arena *arena, const struct spec_type *method, struct params *params);

/* Names of parameters that the method does not have (Telegram ignores them); NULL when none. */
cJSON *spec_unknown(const struct spec_type *method, const struct params *params);

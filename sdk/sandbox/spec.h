/*
 * The Bot API's own description (sdk/spec/bot-api.json, embedded) as data: which methods exist and
 * what their parameters must look like.
 */
#pragma once

#include <cjson/cJSON.h>

struct arena;
struct params;
struct spec;

int spec_new(struct spec **ret_spec);
void spec_free(struct spec *spec);

/* The method's description, its name compared without regard to case; NULL when there is none. */
const cJSON *spec_method(const struct spec *spec, const char *name);

/* The fields of a type. */
const cJSON *spec_fields(const struct spec *spec, const char *type);

/*
 * Checks the parameters of method, and turns texts into the numbers, booleans, lists and objects
 * that they stand for. Returns NULL, or what is wrong in the words Telegram would use.
 */
const char *spec_check(const struct spec *spec, struct arena *arena, const cJSON *method,
                       struct params *params);

/* Names of parameters that the method does not have (Telegram ignores them); NULL when none. */
cJSON *spec_unknown(const cJSON *method, const struct params *params);

/*
 * How Telegram says that a parameter is missing or is not what it should be.
 */
#pragma once

#include <stdbool.h>

struct arena;
struct spec_field;

/* Where a value first disagrees with its description. */
struct spec_problem {
    const char *what;  /* "Can't find field " … */
    const char *field; /* NULL at the top of the parameter */
    const char *rest;  /* follows the field's name */
    const char *type;  /* of the object it is in, or NULL */
    int weight;        /* how deep inside it lies */
};

/* Whether problems inside objects of that type are said to be problems of such an object. */
bool spec_is_spoken_of(const char *type);

/* The parameter that the method requires is missing. */
const char *spec_say_missing(struct arena *arena, const char *method,
                             const struct spec_field *field);

/* The parameter, given as a text, is no JSON of that kind. */
const char *spec_say_no_json(struct arena *arena, const char *parameter);

const char *spec_say_problem(struct arena *arena, const char *parameter,
                             const struct spec_problem *problem);

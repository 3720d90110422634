/*
 * As much of JSON Schema as fal.ai's models use, and errors in the words of the library that checks
 * inputs there (pydantic).
 */
#include <math.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/json.h"

enum { LONGEST_SHOWN = 4096 };

struct checker {
    struct arena *arena;
    cJSON *details;
};

/* Where a value lies: a member or an item of what up is. */
struct place {
    const struct place *up;
    const char *name; /* NULL = item */
    int index;
};

static void add_location(cJSON *location, const struct place *place)
{
    if (!place)
        return;
    add_location(location, place->up);
    cJSON_AddItemToArray(location, place->name ? cJSON_CreateString(place->name)
                                               : cJSON_CreateNumber(place->index));
}

cJSON *fal_shown_input(struct arena *arena, const cJSON *value)
{
    return strlen(json_text(arena, value)) <= LONGEST_SHOWN
               ? cJSON_Duplicate(value, true)
               : cJSON_CreateString("(too long to show)");
}

/* limit_name with what the schema says there is the error's ctx. */
static void complain(struct checker *checker, const struct place *place, const cJSON *value,
                     const char *type, const char *message, const char *limit_name,
                     const cJSON *limit)
{
    cJSON *detail = cJSON_CreateObject(), *location = cJSON_AddArrayToObject(detail, "loc");

    add_location(location, place);
    json_set_text(detail, "msg", message);
    json_set_text(detail, "type", type);
    json_set_text(detail, "url",
                  arena_printf(checker->arena, "https://docs.fal.ai/errors#%s", type));
    if (limit)
        json_set_copy(cJSON_AddObjectToObject(detail, "ctx"), limit_name, limit);
    json_set(detail, "input", fal_shown_input(checker->arena, value));
    cJSON_AddItemToArray(checker->details, detail);
}

static bool is_type(const cJSON *value, const char *type)
{
    if (strcmp(type, "string") == 0)
        return cJSON_IsString(value);
    if (strcmp(type, "boolean") == 0)
        return cJSON_IsBool(value);
    if (strcmp(type, "integer") == 0)
        return cJSON_IsNumber(value) && floor(value->valuedouble) == value->valuedouble;
    if (strcmp(type, "number") == 0)
        return cJSON_IsNumber(value);
    if (strcmp(type, "array") == 0)
        return cJSON_IsArray(value);
    return cJSON_IsObject(value);
}

static void complain_of_type(struct checker *checker, const struct place *place, const cJSON *value,
                             const char *type)
{
    static const struct {
        const char *type, *error, *message;
    } errors[] = {
        {"string", "string_type", "Input should be a valid string"},
        {"boolean", "bool_type", "Input should be a valid boolean"},
        {"integer", "int_type", "Input should be a valid integer"},
        {"number", "float_type", "Input should be a valid number"},
        {"array", "list_type", "Input should be a valid list"},
        {"object", "dict_type", "Input should be a valid dictionary"},
    };

    size_t i = 0;

    while (i + 1 < sizeof errors / sizeof *errors && strcmp(errors[i].type, type) != 0)
        i++;
    complain(checker, place, value, errors[i].error, errors[i].message, NULL, NULL);
}

static bool keeps(double value, double limit, int rule)
{
    switch (rule) {
    case 0:
        return value >= limit;
    case 1:
        return value <= limit;
    case 2:
        return value > limit;
    case 3:
        return value < limit;
    default:
        return fabs(value / limit - round(value / limit)) < 1e-9;
    }
}

static void check_number(struct checker *checker, const struct place *place, const cJSON *schema,
                         const cJSON *value)
{
    static const struct {
        const char *name, *type, *ctx, *words;
    } rules[] = {
        {"minimum", "greater_than_equal", "ge", "greater than or equal to"},
        {"maximum", "less_than_equal", "le", "less than or equal to"},
        {"exclusiveMinimum", "greater_than", "gt", "greater than"},
        {"exclusiveMaximum", "less_than", "lt", "less than"},
        {"multipleOf", "multiple_of", "multiple_of", "a multiple of"},
    };

    for (int i = 0; i < (int)(sizeof rules / sizeof *rules); i++) {
        const cJSON *limit = json_get(schema, rules[i].name);
        if (!cJSON_IsNumber(limit) || keeps(value->valuedouble, limit->valuedouble, i))
            continue;
        complain(checker, place, value, rules[i].type,
                 arena_printf(checker->arena, "Input should be %s %g", rules[i].words,
                              limit->valuedouble),
                 rules[i].ctx, limit);
    }
}

static void check_length(struct checker *checker, const struct place *place, const cJSON *value,
                         size_t length, const cJSON *least, const cJSON *most)
{
    bool is_list = cJSON_IsArray(value);

    if (cJSON_IsNumber(least) && (double)length < least->valuedouble)
        complain(checker, place, value, is_list ? "sequence_too_short" : "string_too_short",
                 arena_printf(checker->arena, "Input should have at least %g %s",
                              least->valuedouble, is_list ? "items" : "characters"),
                 "min_length", least);
    if (cJSON_IsNumber(most) && (double)length > most->valuedouble)
        complain(checker, place, value, is_list ? "sequence_too_long" : "string_too_long",
                 arena_printf(checker->arena, "Input should have at most %g %s", most->valuedouble,
                              is_list ? "items" : "characters"),
                 "max_length", most);
}

static void check_choice(struct checker *checker, const struct place *place, const cJSON *choices,
                         const cJSON *value)
{
    const cJSON *choice;

    cJSON_ArrayForEach(choice, choices) {
        if (cJSON_Compare(choice, value, true))
            return;
    }
    if (choices)
        complain(checker, place, value, "one_of", "Input should be one of the expected values",
                 "expected", choices);
}

static void check(struct checker *checker, const struct place *place, const cJSON *schema,
                  cJSON *value);

static void check_object(struct checker *checker, const struct place *place, const cJSON *schema,
                         cJSON *value)
{
    const cJSON *property, *required;

    cJSON_ArrayForEach(required, json_get(schema, "required")) {
        const struct place member = {place, required->valuestring, 0};
        if (!json_get(value, required->valuestring))
            complain(checker, &member, value, "missing", "Field required", NULL, NULL);
    }
    cJSON_ArrayForEach(property, json_get(schema, "properties")) {
        const struct place member = {place, property->string, 0};
        cJSON *inner = json_get(value, property->string);
        if (inner)
            check(checker, &member, property, inner);
        else
            json_set_copy(value, property->string, json_get(property, "default"));
    }
}

static void check_array(struct checker *checker, const struct place *place, const cJSON *schema,
                        cJSON *value)
{
    const cJSON *items = json_get(schema, "items");
    struct place place_of_item = {place, NULL, 0};
    cJSON *item;

    check_length(checker, place, value, (size_t)cJSON_GetArraySize(value),
                 json_get(schema, "minItems"), json_get(schema, "maxItems"));
    cJSON_ArrayForEach(item, value) {
        check(checker, &place_of_item, items, item);
        place_of_item.index++;
    }
}

/* One of the alternatives must fit; what is wrong is told of the one for values of that type. */
static void check_alternatives(struct checker *checker, const struct place *place,
                               const cJSON *alternatives, cJSON *value)
{
    const cJSON *schema, *told = NULL;

    cJSON_ArrayForEach(schema, alternatives) {
        struct checker attempt = {checker->arena, json_keep(checker->arena, cJSON_CreateArray())};
        const char *type = json_get_text(schema, "type");
        check(&attempt, place, schema, value);
        if (!cJSON_GetArraySize(attempt.details))
            return;
        if (!told || (type && is_type(value, type)))
            told = schema;
    }
    check(checker, place, told, value);
}

static void check(struct checker *checker, const struct place *place, const cJSON *schema,
                  cJSON *value)
{
    const cJSON *any = json_get(schema, "anyOf");
    const char *type = json_get_text(schema, "type");

    if (any) {
        check_alternatives(checker, place, any, value);
        return;
    }
    if (cJSON_IsNull(value) && (json_get_bool(schema, "nullable") || !json_get(schema, "type")))
        return;
    if (!type && json_get(schema, "properties"))
        type = "object";
    if (type && !is_type(value, type)) {
        complain_of_type(checker, place, value, type);
        return;
    }
    check_choice(checker, place, json_get(schema, "enum"), value);
    if (cJSON_IsNumber(value))
        check_number(checker, place, schema, value);
    else if (cJSON_IsString(value))
        check_length(checker, place, value, utf8_length(value->valuestring),
                     json_get(schema, "minLength"), json_get(schema, "maxLength"));
    else if (cJSON_IsArray(value))
        check_array(checker, place, schema, value);
    else if (cJSON_IsObject(value))
        check_object(checker, place, schema, value);
}

cJSON *fal_check_input(struct arena *arena, const cJSON *schema, cJSON *input)
{
    struct checker checker = {.arena = arena, .details = json_keep(arena, cJSON_CreateArray())};
    const struct place body = {NULL, "body", 0};

    check(&checker, &body, schema, input);
    return checker.details;
}

/*
 * Answers in the shape that a JSON schema asks for.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/openai.h"

enum { DEEPEST = 20, MOST_VALUES = 10000 };

/* Where "#/$defs/name" leads to. */
static const cJSON *follow(const cJSON *root, const cJSON *schema)
{
    const char *reference = json_get_text(schema, "$ref");

    for (int i = 0; reference && i < DEEPEST; i++) {
        const char *name = strrchr(reference, '/');
        schema = name ? json_get(json_get(root, "$defs"), name + 1) : root;
        reference = json_get_text(schema, "$ref");
    }
    return schema;
}

static bool is_type(const cJSON *schema, const char *name)
{
    const cJSON *type = json_get(schema, "type"), *item;

    if (cJSON_IsString(type))
        return strcmp(type->valuestring, name) == 0;
    cJSON_ArrayForEach(item, type) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0)
            return true;
    }
    return false;
}

/* ---- strict mode ---- */

static bool is_required(const cJSON *schema, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_get(schema, "required")) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0)
            return true;
    }
    return false;
}

static const char *check(struct arena *arena, const cJSON *schema, int depth)
{
    const cJSON *property, *inner = json_get(schema, "properties");
    const cJSON *more = json_get(schema, "additionalProperties");

    if (depth > DEEPEST)
        return "the schema is nested too deep";
    if (inner && !cJSON_IsObject(inner))
        return "'properties' must be an object.";
    if (inner && !cJSON_IsFalse(more))
        return "'additionalProperties' is required to be supplied and to be false.";
    cJSON_ArrayForEach(property, inner) {
        if (!is_required(schema, property->string))
            return arena_printf(arena,
                                "'required' is required to be supplied and to be an array "
                                "including every key in properties. Missing '%s'.",
                                property->string);
        const char *wrong = check(arena, property, depth + 1);
        if (wrong)
            return wrong;
    }
    cJSON_ArrayForEach(property, json_get(schema, "$defs")) {
        const char *wrong = check(arena, property, depth + 1);
        if (wrong)
            return wrong;
    }
    return json_get(schema, "items") ? check(arena, json_get(schema, "items"), depth + 1) : NULL;
}

const char *openai_check_schema(struct arena *arena, const cJSON *schema)
{
    if (!cJSON_IsObject(schema))
        return "schema must be an object.";
    if (!is_type(schema, "object"))
        return "schema must be a JSON Schema of 'type: \"object\"'.";
    return check(arena, schema, 0);
}

/* ---- values ---- */

struct maker {
    const cJSON *root;
    const char *text;
    int left; /* values that may still be made */
};

static cJSON *make(struct maker *maker, const cJSON *schema, int depth);

static cJSON *make_object(struct maker *maker, const cJSON *schema, int depth)
{
    cJSON *object = cJSON_CreateObject();
    const cJSON *property, *properties = json_get(schema, "properties");

    if (!cJSON_IsObject(properties))
        return object;
    cJSON_ArrayForEach(property, properties)
        json_set(object, property->string, make(maker, property, depth + 1));
    return object;
}

static cJSON *make_array(struct maker *maker, const cJSON *schema, int depth)
{
    cJSON *array = cJSON_CreateArray();
    int64_t count = json_get_int(schema, "minItems", 1);

    for (int64_t i = 0; i < count && maker->left > 0; i++)
        cJSON_AddItemToArray(array, make(maker, json_get(schema, "items"), depth + 1));
    return array;
}

static cJSON *make_number(const cJSON *schema)
{
    const cJSON *least = json_get(schema, "minimum"), *most = json_get(schema, "maximum");
    double value = cJSON_IsNumber(least) ? least->valuedouble : 1;

    if (cJSON_IsNumber(most) && value > most->valuedouble)
        value = most->valuedouble;
    return cJSON_CreateNumber(value);
}

static cJSON *make(struct maker *maker, const cJSON *schema, int depth)
{
    schema = follow(maker->root, schema);
    const cJSON *any = json_get(schema, "anyOf"), *one = json_get(schema, "const");
    const cJSON *choices = json_get(schema, "enum");

    if (depth > DEEPEST || maker->left-- <= 0)
        return cJSON_CreateNull();
    if (one || (choices && choices->child))
        return cJSON_Duplicate(one ? one : choices->child, true);
    if (any)
        return make(maker, any->child, depth + 1);
    if (is_type(schema, "object") || json_get(schema, "properties"))
        return make_object(maker, schema, depth);
    if (is_type(schema, "array"))
        return make_array(maker, schema, depth);
    if (is_type(schema, "integer") || is_type(schema, "number"))
        return make_number(schema);
    if (is_type(schema, "boolean"))
        return cJSON_CreateTrue();
    if (is_type(schema, "string"))
        return cJSON_CreateString(maker->text);
    return cJSON_CreateNull();
}

cJSON *openai_make_value(const cJSON *schema, const char *text)
{
    struct maker maker = {schema, text, MOST_VALUES};

    return make(&maker, schema, 0);
}

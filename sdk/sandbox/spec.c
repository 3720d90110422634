#include "sdk/sandbox/spec.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/embedded.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/params.h"

struct spec {
    cJSON *root;
    const cJSON *methods, *types;
};

/* Where a value first disagrees with its description. */
struct problem {
    const char *what;  /* "Can't find field" … */
    const char *field; /* NULL at the top of the parameter */
    const char *rest;  /* follows the field's name */
    const char *type;  /* the innermost object's type, or NULL */
    int weight;
};

struct checker {
    const struct spec *spec;
    struct problem problem;
};

int spec_new(struct spec **ret_spec)
{
    const struct embedded_file *file = embedded_find(spec_files, "bot-api.json");
    struct spec *spec = calloc(1, sizeof *spec);

    if (!spec)
        return -ENOMEM;
    assert(file);
    spec->root = cJSON_ParseWithLength((const char *)file->bytes, file->size);
    spec->methods = json_get(spec->root, "methods");
    spec->types = json_get(spec->root, "types");
    if (!spec->methods || !spec->types) {
        spec_free(spec);
        return -EINVAL;
    }
    *ret_spec = spec;
    return 0;
}

void spec_free(struct spec *spec)
{
    if (!spec)
        return;
    cJSON_Delete(spec->root);
    free(spec);
}

const cJSON *spec_method(const struct spec *spec, const char *name)
{
    return cJSON_GetObjectItem(spec->methods, name);
}

const cJSON *spec_fields(const struct spec *spec, const char *type)
{
    return json_get(json_get(spec->types, type), "fields");
}

static bool disagrees(struct checker *checker, const char *what, const char *field,
                      const char *rest)
{
    checker->problem =
        (struct problem){.what = what, .field = field, .rest = rest, .weight = field ? 2 : 1};
    return false;
}

static bool fits(struct checker *checker, const cJSON *types, const char *field, cJSON *value);

static bool fits_type(struct checker *checker, const char *type, const char *field, cJSON *value);

/* Fields that tell the members of a union apart: one literal value. */
static bool fits_literals(const cJSON *field, const cJSON *value)
{
    const cJSON *literals = json_get(field, "enum"), *literal, *fixed = json_get(field, "const");

    if (fixed)
        return cJSON_IsTrue(value) == cJSON_IsTrue(fixed);
    cJSON_ArrayForEach(literal, literals) {
        if (cJSON_IsString(value) && strcasecmp(literal->valuestring, value->valuestring) == 0)
            return true;
    }
    return !literals;
}

/* The member, which is a text where a bare number stands for one. */
static cJSON *member_of(cJSON *object, const cJSON *field)
{
    const char *name = json_get_text(field, "name");
    cJSON *member = json_get(object, name), *types = json_get(field, "types");

    if (!cJSON_IsNumber(member) || cJSON_GetArraySize(types) != 1 ||
        strcmp(types->child->valuestring, "String") != 0)
        return member;
    char *text = cJSON_PrintUnformatted(member);
    json_set_text(object, name, text ? text : "");
    cJSON_free(text);
    return json_get(object, name);
}

static bool fits_object(struct checker *checker, const char *type, const cJSON *fields,
                        cJSON *value)
{
    const cJSON *field;

    cJSON_ArrayForEach(field, fields) {
        const char *name = json_get_text(field, "name");
        cJSON *member = member_of(value, field);
        bool fine = true;
        if (!member || cJSON_IsNull(member)) {
            if (json_get_bool(field, "required"))
                fine = disagrees(checker, "Can't find field ", name, "");
        } else if (!fits_literals(field, member)) {
            fine = disagrees(checker, "Field ", name, " has an unknown value");
            checker->problem.weight = 1;
        } else {
            fine = fits(checker, json_get(field, "types"), name, member);
            checker->problem.weight += !fine;
        }
        if (!fine) {
            if (!checker->problem.type)
                checker->problem.type = type;
            return false;
        }
    }
    return true;
}

static bool is_number_text(const char *text)
{
    char *end;

    if (!*text || isspace((unsigned char)*text))
        return false;
    errno = 0;
    strtoll(text, &end, 10);
    return !*end && !errno;
}

static bool fits_scalar(struct checker *checker, const char *type, const char *field,
                        const cJSON *value, bool *ret_fits)
{
    if (strcmp(type, "String") == 0 || strcmp(type, "InputFile") == 0)
        *ret_fits = cJSON_IsString(value) || cJSON_IsNumber(value) ||
                    disagrees(checker, "Field ", field, " must be of type String");
    else if (strcmp(type, "Integer") == 0)
        *ret_fits =
            json_is_int(value) || disagrees(checker, "Field ", field, " must be of type Number");
    else if (strcmp(type, "Float") == 0)
        *ret_fits =
            cJSON_IsNumber(value) || disagrees(checker, "Field ", field, " must be of type Number");
    else if (strcmp(type, "Boolean") == 0)
        *ret_fits =
            cJSON_IsBool(value) || disagrees(checker, "Field ", field, " must be of type Boolean");
    else
        return false;
    return true;
}

static bool fits_type(struct checker *checker, const char *type, const char *field, cJSON *value)
{
    static const char array_of[] = "Array of ";
    cJSON *item;
    bool is_fine;

    if (fits_scalar(checker, type, field, value, &is_fine))
        return is_fine;
    if (strncmp(type, array_of, strlen(array_of)) == 0) {
        if (!cJSON_IsArray(value))
            return disagrees(checker, "Field ", field, " must be of type Array");
        cJSON_ArrayForEach(item, value) {
            if (!fits_type(checker, type + strlen(array_of), field, item))
                return false;
        }
        return true;
    }
    const cJSON *description = json_get(checker->spec->types, type);
    if (json_get(description, "subtypes"))
        return fits(checker, json_get(description, "subtypes"), field, value);
    if (cJSON_IsString(value) && strcmp(type, "KeyboardButton") == 0)
        return true;
    if (!cJSON_IsObject(value))
        return disagrees(checker, "Field ", field, " must be of type Object");
    return fits_object(checker, type, json_get(description, "fields"), value);
}

/* Of several alternatives' problems the one deepest inside is the most likely. */
static bool fits(struct checker *checker, const cJSON *types, const char *field, cJSON *value)
{
    struct problem likely = {0};
    const cJSON *type;

    cJSON_ArrayForEach(type, types) {
        checker->problem = (struct problem){0};
        if (fits_type(checker, type->valuestring, field, value))
            return true;
        if (checker->problem.weight > likely.weight)
            likely = checker->problem;
    }
    checker->problem = likely;
    return false;
}

static bool has_type(const cJSON *types, const char *wanted)
{
    const cJSON *type;

    cJSON_ArrayForEach(type, types) {
        if (strcmp(type->valuestring, wanted) == 0)
            return true;
    }
    return false;
}

/* "InlineKeyboardButton" → "inline keyboard button" */
static const char *in_words(struct arena *arena, const char *type)
{
    char *words = arena_alloc(arena, 2 * strlen(type) + 1), *out = words;

    for (const char *p = type; *p; p++) {
        if (isupper((unsigned char)*p) && p > type)
            *out++ = ' ';
        *out++ = (char)tolower((unsigned char)*p);
    }
    return words;
}

static const char *describe(struct arena *arena, const char *name, const struct problem *problem)
{
    const char *what = problem->type ? in_words(arena, problem->type) : name;

    if (!problem->field || !problem->type)
        return arena_printf(arena, "can't parse %s: expected%s", what,
                            problem->rest ? strrchr(problem->rest, ' ') : " another type");
    return arena_printf(arena, "can't parse %s: %s\"%s\"%s", what, problem->what, problem->field,
                        problem->rest);
}

static const char *missing(struct arena *arena, const cJSON *field)
{
    static const struct {
        const char *name, *text;
    } texts[] = {
        {"chat_id", "chat_id is empty"},
        {"text", "message text is empty"},
        {"message_id", "message identifier is not specified"},
        {"message_ids", "message identifiers are not specified"},
        {"file_id", "file_id not specified"},
        {"action", "wrong parameter action in request"},
    };

    const char *name = json_get_text(field, "name");

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, name) == 0)
            return texts[i].text;
    if (has_type(json_get(field, "types"), "InputFile"))
        return arena_printf(arena, "there is no %s in the request", name);
    return arena_printf(arena, "parameter \"%s\" is required", name);
}

static bool is_true_text(const char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strcspn(text, " \t\r\n");

    return (length == 4 && strncasecmp(text, "true", 4) == 0) ||
           (length == 3 && strncasecmp(text, "yes", 3) == 0) || (length == 1 && *text == '1');
}

/* A text that stands for something else, or a bare value that stands for a text; NULL = as it is. */
static cJSON *converted(struct arena *arena, const cJSON *types, const cJSON *value)
{
    bool takes_text = has_type(types, "String") || has_type(types, "InputFile");
    const char *text = cJSON_GetStringValue(value);

    if (has_type(types, "Boolean") && !cJSON_IsBool(value))
        return cJSON_CreateBool(text ? is_true_text(text)
                                     : json_is_int(value) && value->valuedouble == 1);
    if (has_type(types, "Integer") && text && is_number_text(text))
        return cJSON_CreateNumber((double)strtoll(text, NULL, 10));
    if (!text && takes_text && !(has_type(types, "Integer") && json_is_int(value)))
        return cJSON_CreateString(json_text(arena, value));
    if (!text || takes_text || has_type(types, "Integer"))
        return NULL;
    return cJSON_Duplicate(json_parse(arena, text, strlen(text)), true);
}

static const char *check_value(const struct spec *spec, struct arena *arena, const cJSON *field,
                               struct params *params)
{
    const char *name = json_get_text(field, "name");
    const cJSON *types = json_get(field, "types");
    struct checker checker = {.spec = spec};

    cJSON *changed = converted(arena, types, json_get(params->values, name));
    if (changed)
        json_set(params->values, name, changed);
    cJSON *value = json_get(params->values, name);
    bool is_markup = strcmp(name, "reply_markup") == 0;
    if (is_markup && cJSON_IsString(value) && *value->valuestring)
        return "can't parse reply keyboard markup JSON object";
    if (is_markup && !cJSON_IsObject(value))
        return "object expected as reply markup";
    bool is_checked_later = strcmp(name, "parse_mode") == 0 || strcmp(name, "currency") == 0;
    if (!is_checked_later && !fits_literals(field, value))
        return arena_printf(arena, "wrong parameter %s in request", name);
    if (!fits(&checker, types, name, value))
        return describe(arena, name, &checker.problem);
    return NULL;
}

const char *spec_check(const struct spec *spec, struct arena *arena, const cJSON *method,
                       struct params *params)
{
    const cJSON *field;

    cJSON_ArrayForEach(field, json_get(method, "fields")) {
        const char *name = json_get_text(field, "name"), *wrong = NULL;
        const cJSON *value = json_get(params->values, name);
        bool is_empty = !value || (cJSON_IsString(value) && !*value->valuestring);
        bool takes_file = has_type(json_get(field, "types"), "InputFile");

        if (is_empty && takes_file && params_upload(params, name))
            continue;
        if (is_empty && json_get_bool(field, "required"))
            return missing(arena, field);
        if (is_empty && !has_type(json_get(field, "types"), "String"))
            cJSON_DeleteItemFromObjectCaseSensitive(params->values, name);
        else if (value)
            wrong = check_value(spec, arena, field, params);
        if (wrong)
            return wrong;
    }
    return NULL;
}

cJSON *spec_unknown(const cJSON *method, const struct params *params)
{
    cJSON *unknown = NULL;
    const cJSON *value, *field;

    cJSON_ArrayForEach(value, params->values) {
        bool is_known = false;
        cJSON_ArrayForEach(field, json_get(method, "fields")) {
            if (strcmp(json_get_text(field, "name"), value->string) == 0)
                is_known = true;
        }
        if (is_known)
            continue;
        if (!unknown)
            unknown = cJSON_CreateArray();
        cJSON_AddItemToArray(unknown, cJSON_CreateString(value->string));
    }
    return unknown;
}

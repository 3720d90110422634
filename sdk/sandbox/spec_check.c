/*
 * Parameters against their description. A value that fits none of its field's types is described
 * by the problem that lies deepest inside it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/params.h"
#include "sdk/sandbox/spec.h"

/* Where a value first disagrees with its description. */
struct problem {
    const char *what;  /* "Can't find field" … */
    const char *field; /* NULL at the top of the parameter */
    const char *rest;  /* follows the field's name */
    const char *type;  /* the innermost object's type, or NULL */
    int weight;
};

static bool disagrees(struct problem *problem, const char *what, const char *field,
                      const char *rest)
{
    *problem =
        (struct problem){.what = what, .field = field, .rest = rest, .weight = field ? 2 : 1};
    return false;
}

static bool fits(struct problem *problem, const struct spec_alternative *alternatives, size_t count,
                 const char *field, cJSON *value);

/* Fields that tell the members of a union apart: one literal value. */
static bool fits_literals(const struct spec_field *field, const cJSON *value)
{
    const cJSON *literal;

    if (field->fixed)
        return cJSON_IsTrue(value) == cJSON_IsTrue(field->fixed);
    cJSON_ArrayForEach(literal, field->literals) {
        if (cJSON_IsString(value) && cJSON_IsString(literal) &&
            strcasecmp(literal->valuestring, value->valuestring) == 0)
            return true;
        if (cJSON_IsNumber(value) && cJSON_IsNumber(literal) &&
            value->valuedouble == literal->valuedouble)
            return true;
    }
    return !field->literals;
}

static bool is_text_only(const struct spec_field *field)
{
    return field->takes == 1U << SPEC_TEXT && field->alternative_count == 1;
}

/* The member, which is a text where a bare number stands for one. */
static cJSON *member_of(cJSON *object, const struct spec_field *field)
{
    cJSON *member = json_get(object, field->name);

    if (!cJSON_IsNumber(member) || !is_text_only(field))
        return member;
    char *text = cJSON_PrintUnformatted(member);
    json_set_text(object, field->name, text ? text : "");
    cJSON_free(text);
    return json_get(object, field->name);
}

static bool fits_field(struct problem *problem, const struct spec_field *field, cJSON *member)
{
    if (!member || cJSON_IsNull(member))
        return !field->is_required || disagrees(problem, "Can't find field ", field->name, "");
    if (!fits_literals(field, member)) {
        disagrees(problem, "Field ", field->name, " has an unknown value");
        problem->weight = 1;
        return false;
    }
    bool fine = fits(problem, field->alternatives, field->alternative_count, field->name, member);
    problem->weight += !fine;
    return fine;
}

static bool fits_object(struct problem *problem, const struct spec_type *type, cJSON *value)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct spec_field *field = &type->fields[i];
        if (fits_field(problem, field, member_of(value, field)))
            continue;
        if (!problem->type)
            problem->type = type->name;
        return false;
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

static bool fits_basic(struct problem *problem, enum spec_basic basic, const char *field,
                       const cJSON *value)
{
    switch (basic) {
    case SPEC_TEXT:
    case SPEC_FILE:
        return cJSON_IsString(value) || cJSON_IsNumber(value) ||
               disagrees(problem, "Field ", field, " must be of type String");
    case SPEC_INTEGER:
        return json_is_int(value) || disagrees(problem, "Field ", field, " must be of type Number");
    case SPEC_FLOAT:
        return cJSON_IsNumber(value) ||
               disagrees(problem, "Field ", field, " must be of type Number");
    case SPEC_BOOLEAN:
        return cJSON_IsBool(value) ||
               disagrees(problem, "Field ", field, " must be of type Boolean");
    case SPEC_OBJECT:
        break;
    }
    return cJSON_IsObject(value) || disagrees(problem, "Field ", field, " must be of type Object");
}

static bool fits_type(struct problem *problem, const struct spec_alternative *wanted, int depth,
                      const char *field, cJSON *value)
{
    const struct spec_type *type = wanted->type;
    cJSON *item;

    if (depth) {
        if (!cJSON_IsArray(value))
            return disagrees(problem, "Field ", field, " must be of type Array");
        cJSON_ArrayForEach(item, value) {
            if (!fits_type(problem, wanted, depth - 1, field, item))
                return false;
        }
        return true;
    }
    if (type && type->alternative_count)
        return fits(problem, type->alternatives, type->alternative_count, field, value);
    if (type && cJSON_IsString(value) && strcmp(type->name, "KeyboardButton") == 0)
        return true;
    if (!fits_basic(problem, wanted->basic, field, value))
        return false;
    return !type || fits_object(problem, type, value);
}

/* Of several alternatives' problems the one deepest inside is the most likely. */
static bool fits(struct problem *problem, const struct spec_alternative *alternatives, size_t count,
                 const char *field, cJSON *value)
{
    struct problem likely = {0};

    for (size_t i = 0; i < count; i++) {
        *problem = (struct problem){0};
        if (fits_type(problem, &alternatives[i], alternatives[i].depth, field, value))
            return true;
        if (problem->weight > likely.weight)
            likely = *problem;
    }
    *problem = likely;
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

static bool takes(const struct spec_field *field, enum spec_basic basic)
{
    return field->takes & 1U << basic;
}

static const char *missing(struct arena *arena, const struct spec_field *field)
{
    static const struct {
        const char *name, *text;
    } texts[] = {
        {"chat_id", "chat_id is empty"},
        {"text", "message text is empty"},
        {"message_id", "message identifier is not specified"},
        {"message_ids", "message identifiers are not specified"},
        {"file_id", "file_id not specified"},
        {"user_id", "invalid user_id specified"},
        {"invite_link", "invite link must be non-empty"},
        {"message_thread_id", "invalid message thread identifier specified"},
        {"action", "wrong parameter action in request"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, field->name) == 0)
            return texts[i].text;
    if (takes(field, SPEC_FILE))
        return arena_printf(arena, "there is no %s in the request", field->name);
    return arena_printf(arena, "parameter \"%s\" is required", field->name);
}

/* The server is content without some that the description wants. */
static bool is_required(const struct spec_type *method, const struct spec_field *field)
{
    return field->is_required &&
           !(strcmp(method->name, "setWebhook") == 0 && strcmp(field->name, "url") == 0);
}

static bool is_true_text(const char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strcspn(text, " \t\r\n");

    return (length == 4 && strncasecmp(text, "true", 4) == 0) ||
           (length == 3 && strncasecmp(text, "yes", 3) == 0) || (length == 1 && *text == '1');
}

/* A text that stands for something else, or a bare value that stands for a text; NULL = as it is. */
static cJSON *converted(struct arena *arena, const struct spec_field *field, const cJSON *value)
{
    bool takes_text = takes(field, SPEC_TEXT) || takes(field, SPEC_FILE);
    bool takes_int = takes(field, SPEC_INTEGER);
    const char *text = cJSON_GetStringValue(value);

    if (takes(field, SPEC_BOOLEAN) && !cJSON_IsBool(value))
        return cJSON_CreateBool(text ? is_true_text(text)
                                     : json_is_int(value) && value->valuedouble == 1);
    if (takes_int && text && is_number_text(text))
        return cJSON_CreateNumber((double)strtoll(text, NULL, 10));
    if (!text && takes_text && !(takes_int && json_is_int(value)))
        return cJSON_CreateString(json_text(arena, value));
    if (!text || takes_text || takes_int)
        return NULL;
    return cJSON_Duplicate(json_parse(arena, text, strlen(text)), true);
}

/* Whose literals the method itself checks, in its own words. */
static bool is_checked_later(const struct spec_field *field)
{
    return strcmp(field->name, "parse_mode") == 0 || strcmp(field->name, "currency") == 0;
}

static const char *check_value(struct arena *arena, const struct spec_field *field, cJSON *value,
                               struct params *params)
{
    struct problem problem;

    cJSON *changed = converted(arena, field, value);
    if (changed) {
        json_set(params->values, field->name, changed);
        value = changed;
    }
    bool is_markup = strcmp(field->name, "reply_markup") == 0;
    if (is_markup && cJSON_IsString(value) && *value->valuestring)
        return "can't parse reply keyboard markup JSON object";
    if (is_markup && !cJSON_IsObject(value))
        return "object expected as reply markup";
    if (!is_checked_later(field) && !fits_literals(field, value))
        return arena_printf(arena, "wrong parameter %s in request", field->name);
    if (!fits(&problem, field->alternatives, field->alternative_count, field->name, value))
        return describe(arena, field->name, &problem);
    return NULL;
}

const char *spec_check(struct arena *arena, const struct spec_type *method, struct params *params)
{
    for (size_t i = 0; i < method->field_count; i++) {
        const struct spec_field *field = &method->fields[i];
        cJSON *value = json_get(params->values, field->name);
        bool is_empty = !value || (cJSON_IsString(value) && !*value->valuestring);
        const char *wrong = NULL;

        if (is_empty && takes(field, SPEC_FILE) && params_upload(params, field->name))
            continue;
        if (is_empty && is_required(method, field))
            return missing(arena, field);
        if (value && is_empty && !takes(field, SPEC_TEXT))
            cJSON_DeleteItemFromObjectCaseSensitive(params->values, field->name);
        else if (value)
            wrong = check_value(arena, field, value, params);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static bool has_field(const struct spec_type *type, const char *name)
{
    for (size_t i = 0; type && i < type->field_count; i++)
        if (strcmp(type->fields[i].name, name) == 0)
            return true;
    return false;
}

cJSON *spec_unknown(const struct spec_type *method, const struct params *params)
{
    cJSON *unknown = NULL;
    const cJSON *value;

    cJSON_ArrayForEach(value, params->values) {
        if (has_field(method, value->string))
            continue;
        if (!unknown)
            unknown = cJSON_CreateArray();
        cJSON_AddItemToArray(unknown, cJSON_CreateString(value->string));
    }
    return unknown;
}

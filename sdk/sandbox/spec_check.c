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
#include "sdk/sandbox/spec_words.h"

static bool disagrees(struct spec_problem *problem, const char *what, const char *field,
                      const char *rest)
{
    *problem =
        (struct spec_problem){.what = what, .field = field, .rest = rest, .weight = field ? 2 : 1};
    return false;
}

static bool fits(struct spec_problem *problem, const struct spec_alternative *alternatives,
                 size_t count, int depth, const char *field, cJSON *value);

/* What the method itself checks, in its own words. */
static bool is_checked_later(const struct spec_field *field)
{
    static const char *const names[] = {"parse_mode", "currency", "emoji", "sticker_format"};
    const char *mode = strstr(field->name, "_parse_mode");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], field->name) == 0)
            return true;
    return mode && !mode[strlen("_parse_mode")];
}

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

/* The member, which is a text where a bare number stands for one, and is none where it is null. */
static cJSON *member_of(cJSON *object, const struct spec_field *field)
{
    cJSON *member = json_get(object, field->name);

    if (cJSON_IsNull(member)) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, field->name);
        return NULL;
    }
    if (!cJSON_IsNumber(member) || !is_text_only(field))
        return member;
    char *text = cJSON_PrintUnformatted(member);
    json_set_text(object, field->name, text ? text : "");
    cJSON_free(text);
    return json_get(object, field->name);
}

static bool fits_field(struct spec_problem *problem, const struct spec_type *type,
                       const struct spec_field *field, cJSON *member)
{
    if (!member)
        return !field->is_required || disagrees(problem, "Can't find field ", field->name, "");
    if (field->fixed && !cJSON_IsBool(member)) {
        disagrees(problem, "Field ", field->name, " must be of type Boolean");
        problem->weight = 3;
        return false;
    }
    if (!is_checked_later(field) && !fits_literals(field, member) &&
        strcmp(type->name, "MessageEntity") != 0) {
        disagrees(problem, "Field ", field->name, " has an unknown value");
        problem->weight = 1;
        return false;
    }
    bool fine =
        fits(problem, field->alternatives, field->alternative_count, 0, field->name, member);
    problem->weight += !fine;
    return fine;
}

static bool fits_object(struct spec_problem *problem, const struct spec_type *type, cJSON *value)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct spec_field *field = &type->fields[i];
        if (fits_field(problem, type, field, member_of(value, field)))
            continue;
        if (!problem->type || spec_is_spoken_of(type->name))
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

static bool fits_basic(struct spec_problem *problem, enum spec_basic basic, const char *field,
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

/* A text of its own can stand for a button or an option. */
static bool is_text_enough(const struct spec_type *type)
{
    return strcmp(type->name, "KeyboardButton") == 0 || strcmp(type->name, "InputPollOption") == 0;
}

static bool fits_type(struct spec_problem *problem, const struct spec_alternative *wanted,
                      const char *field, cJSON *value)
{
    const struct spec_type *type = wanted->type;

    /* A bare number stands for a text only where nothing else could come. */
    if (type && type->alternative_count && cJSON_IsNumber(value))
        return disagrees(problem, "Field ", field, " must be of type String");
    if (type && type->alternative_count)
        return fits(problem, type->alternatives, type->alternative_count, 0, field, value);
    if (type && cJSON_IsString(value) && is_text_enough(type))
        return true;
    if (!fits_basic(problem, wanted->basic, field, value))
        return false;
    return !type || fits_object(problem, type, value);
}

static const struct spec_field *find_field(const struct spec_type *type, const char *name)
{
    for (size_t i = 0; type && i < type->field_count; i++)
        if (strcmp(type->fields[i].name, name) == 0)
            return &type->fields[i];
    return NULL;
}

/* The field by whose literals the objects among the alternatives can be told apart, or NULL. */
static const char *find_discriminator(const struct spec_alternative *alternatives, size_t count)
{
    static const char *const names[] = {"type", "source"};

    for (size_t n = 0; count > 1 && n < sizeof names / sizeof *names; n++) {
        size_t objects = 0, told_apart = 0;
        for (size_t i = 0; i < count; i++) {
            const struct spec_field *field = find_field(alternatives[i].type, names[n]);
            objects += alternatives[i].type && !alternatives[i].depth;
            told_apart += field && field->literals && !alternatives[i].depth;
        }
        if (objects && objects == told_apart)
            return names[n];
    }
    return NULL;
}

/* The value is of no known kind. */
static void disagrees_in_kind(struct spec_problem *problem, const char *name, const cJSON *kind)
{
    if (!kind)
        disagrees(problem, "Can't find field ", name, "");
    else if (!cJSON_IsString(kind))
        disagrees(problem, "Field ", name, " must be of type String");
    else
        disagrees(problem, "type ", kind->valuestring, " is unsupported");
}

static const char *any_type(const struct spec_alternative *alternatives, size_t count)
{
    const char *name = NULL;

    for (size_t i = 0; i < count && !name; i++)
        name = alternatives[i].type ? alternatives[i].type->name : NULL;
    return name;
}

/* Of several alternatives' problems the one deepest inside is the most likely. */
static bool fits_any(struct spec_problem *problem, const struct spec_alternative *alternatives,
                     size_t count, int depth, const char *field, cJSON *value)
{
    const char *name = cJSON_IsObject(value) ? find_discriminator(alternatives, count) : NULL;
    cJSON *kind = name ? json_get(value, name) : NULL;
    struct spec_problem likely = {0};

    for (size_t i = 0; i < count; i++) {
        const struct spec_alternative *each = &alternatives[i];
        bool is_array = each->depth > depth;
        if (name && (!each->type || is_array || !fits_literals(find_field(each->type, name), kind)))
            continue;
        *problem = (struct spec_problem){0};
        if (is_array ? fits(problem, each, 1, depth, field, value)
                     : fits_type(problem, each, field, value))
            return true;
        if (problem->weight > likely.weight)
            likely = *problem;
    }
    *problem = likely;
    if (name && !likely.weight) {
        disagrees_in_kind(problem, name, kind);
        problem->type = any_type(alternatives, count);
    }
    return false;
}

static bool are_all_arrays(const struct spec_alternative *alternatives, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++)
        if (alternatives[i].depth <= depth)
            return false;
    return true;
}

/* A bare number stands for a text in a list of them, too. */
static cJSON *replace_by_text(cJSON *list, cJSON *number)
{
    char *digits = cJSON_PrintUnformatted(number);
    cJSON *text = cJSON_CreateString(digits ? digits : "");

    cJSON_free(digits);
    cJSON_ReplaceItemViaPointer(list, number, text);
    return text;
}

/* Whether the value is one of the alternatives; depth = of the arrays around it already. */
static bool fits(struct spec_problem *problem, const struct spec_alternative *alternatives,
                 size_t count, int depth, const char *field, cJSON *value)
{
    cJSON *item;

    if (!are_all_arrays(alternatives, count, depth))
        return fits_any(problem, alternatives, count, depth, field, value);
    if (!cJSON_IsArray(value))
        return disagrees(problem, "Field ", field, " must be of type Array");
    for (item = value->child; item; item = item->next) {
        if (count == 1 && alternatives[0].basic == SPEC_TEXT && cJSON_IsNumber(item))
            item = replace_by_text(value, item);
        if (!fits(problem, alternatives, count, depth + 1, field, item))
            return false;
    }
    return true;
}

static bool takes(const struct spec_field *field, enum spec_basic basic)
{
    return field->takes & 1U << basic;
}

/* The server is content without some that the description wants. */
static bool is_required(const struct spec_type *method, const struct spec_field *field)
{
    static const char *const optional[][2] = {
        {"setWebhook", "url"},
        {"setMyCommands", "commands"},
        {"answerInlineQuery", "results"},
        {"restrictChatMember", "permissions"},
        {"setChatPermissions", "permissions"},
        {"setChatAdministratorCustomTitle", "custom_title"},
    };

    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        if (strcmp(optional[i][1], field->name) == 0 && strcmp(optional[i][0], method->name) == 0)
            return false;
    return field->is_required;
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

static const char *check_value(struct arena *arena, const struct spec_field *field, cJSON *value,
                               struct params *params)
{
    struct spec_problem problem;

    cJSON *changed = converted(arena, field, value);
    if (changed) {
        json_set(params->values, field->name, changed);
        value = changed;
    }
    bool is_structure = field->takes == 1U << SPEC_OBJECT || field->alternatives[0].depth;
    if (is_structure && cJSON_IsString(value))
        return spec_say_no_json(arena, field->name);
    if (!is_checked_later(field) && strcmp(field->name, "type") != 0 &&
        !fits_literals(field, value))
        return arena_printf(arena, "wrong parameter %s in request", field->name);
    if (!fits(&problem, field->alternatives, field->alternative_count, 0, field->name, value))
        return spec_say_problem(arena, field->name, &problem);
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
            return spec_say_missing(arena, method->name, field);
        if (value && is_empty && !takes(field, SPEC_TEXT))
            cJSON_DeleteItemFromObjectCaseSensitive(params->values, field->name);
        else if (value)
            wrong = check_value(arena, field, value, params);
        if (wrong)
            return wrong;
    }
    return NULL;
}

/* Old names that Telegram still understands. */
static bool is_legacy(const char *name)
{
    static const char *const names[] = {"reply_to_message_id", "allow_sending_without_reply",
                                        "disable_web_page_preview", "correct_option_id"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

cJSON *spec_unknown(const struct spec_type *method, const struct params *params)
{
    cJSON *unknown = NULL;
    const cJSON *value;

    cJSON_ArrayForEach(value, params->values) {
        if (find_field(method, value->string) || is_legacy(value->string))
            continue;
        if (!unknown)
            unknown = cJSON_CreateArray();
        cJSON_AddItemToArray(unknown, cJSON_CreateString(value->string));
    }
    return unknown;
}

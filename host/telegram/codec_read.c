/*
 * JSON to structs. An object of JSON costs a few bytes and its struct up to a kilobyte, so what a
 * reading may take from the arena is bounded, and so is its depth.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/bot_api.h>
#include <aisha/error.h>

#include "host/telegram/codec.h"

struct reader {
    struct arena *arena;
    size_t limit_bytes; /* of arena->used_bytes */
    unsigned depth;
    bool is_full;
};

/* Above 2^53 a double is no longer one integer. The Bot API promises 52 bits. */
static const double LARGEST_INTEGER = 9007199254740992.0;

static const void *read_object(struct reader *reader, const struct api_type *type,
                               const cJSON *json);

static void *reader_alloc(struct reader *reader, size_t size_bytes)
{
    if (size_bytes > reader->limit_bytes - reader->arena->used_bytes)
        reader->is_full = true;
    return reader->is_full ? NULL : arena_alloc(reader->arena, size_bytes);
}

static bool read_integer(const cJSON *json, int64_t *ret)
{
    if (!cJSON_IsNumber(json))
        return false;
    double value = json->valuedouble;
    if (!(fabs(value) <= LARGEST_INTEGER) || value != trunc(value))
        return false;
    *ret = (int64_t)value;
    return true;
}

static const char *read_text(struct reader *reader, const char *text)
{
    size_t size_bytes = strlen(text) + 1;
    char *copy = reader_alloc(reader, size_bytes);

    return copy ? memcpy(copy, text, size_bytes) : NULL;
}

static const char *read_json(struct reader *reader, const cJSON *json)
{
    char *printed = cJSON_PrintUnformatted(json);
    if (!printed)
        return NULL;
    const char *text = read_text(reader, printed);
    cJSON_free(printed);
    return text;
}

/* What a pointer points to; NULL if the JSON has another type. */
static const void *read_element(struct reader *reader, const struct api_value *value,
                                const cJSON *json)
{
    switch ((enum api_kind)value->kind) {
    case API_TEXT:
        return cJSON_IsString(json) ? read_text(reader, json->valuestring) : NULL;
    case API_JSON:
        return read_json(reader, json);
    case API_OBJECT:
        return read_object(reader, value->type, json);
    case API_INTEGER:
    case API_FLOAT:
    case API_BOOLEAN:
    case API_ID:
    case API_FILE:
        break;
    }
    return NULL;
}

/* A list that ends with NULL; elements of another type are left out. */
static const void *read_list(struct reader *reader, const struct api_value *value, unsigned depth,
                             const cJSON *json)
{
    if (!cJSON_IsArray(json))
        return NULL;
    const void **list = reader_alloc(reader, ((size_t)cJSON_GetArraySize(json) + 1) * sizeof *list);
    if (!list)
        return NULL;
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        const void *element = depth > 1 ? read_list(reader, value, depth - 1, item)
                                        : read_element(reader, value, item);
        if (element)
            list[count++] = element;
    }
    return list;
}

static void read_integers(struct reader *reader, const cJSON *json, const int64_t **ret_list,
                          size_t *ret_count)
{
    if (!cJSON_IsArray(json))
        return;
    int64_t *list = reader_alloc(reader, ((size_t)cJSON_GetArraySize(json) + 1) * sizeof *list);
    if (!list)
        return;
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
        count += read_integer(item, &list[count]);
    *ret_list = list;
    *ret_count = count;
}

static void read_field(struct reader *reader, const struct api_field *field, const cJSON *json,
                       char *object)
{
    const struct api_value *value = &field->value;
    void *place = object + field->offset, *second = object + field->second;

    if (value->kind == API_INTEGER && value->depth)
        read_integers(reader, json, place, second);
    else if (value->depth)
        *(const void **)place = read_list(reader, value, value->depth, json);
    else if (value->kind == API_BOOLEAN)
        *(int8_t *)place = cJSON_IsTrue(json) ? 1 : 0;
    else if (value->kind == API_FLOAT)
        *(double *)place = cJSON_IsNumber(json) ? json->valuedouble : 0;
    else if (value->kind == API_ID && cJSON_IsString(json))
        *(const char **)second = read_text(reader, json->valuestring);
    else if (value->kind == API_INTEGER || value->kind == API_ID)
        (void)read_integer(json, place);
    else
        *(const void **)place = read_element(reader, value, json);
}

/* Telegram sends fields in about the order of the specification, so the one at *next is looked at
 * first; then it becomes the one behind what was found. */
static const struct api_field *find_field(const struct api_type *type, const char *name,
                                          size_t *next)
{
    const struct api_field *field = *next < type->field_count ? &type->fields[*next] : NULL;

    if (!field || strcmp(field->name, name) != 0)
        field = api_find_field(type, name);
    if (field)
        *next = (size_t)(field - type->fields) + 1;
    return field;
}

/* An empty text, list or object where one is required and did not come, so that nobody who trusts
 * the specification meets a NULL. */
static void fill_required(struct reader *reader, const struct api_type *type, char *object)
{
    const cJSON empty_list = {.type = cJSON_Array}, empty_object = {.type = cJSON_Object};

    for (size_t i = 0; i < type->never_null_count; i++) {
        const struct api_field *field = &type->fields[type->never_null[i]];
        const struct api_value *value = &field->value;
        const void **place = (const void **)(void *)(object + field->offset);
        if (*place)
            continue;
        *place = value->depth                ? read_list(reader, value, value->depth, &empty_list)
                 : value->kind == API_OBJECT ? read_object(reader, value->type, &empty_object)
                                             : read_text(reader, "");
    }
}

static const void *read_object(struct reader *reader, const struct api_type *type,
                               const cJSON *json)
{
    if (!cJSON_IsObject(json) || reader->depth >= CODEC_MAX_DEPTH)
        return NULL;
    char *object = reader_alloc(reader, type->size);
    if (!object)
        return NULL;
    *(size_t *)(void *)object = type->size;
    reader->depth++;
    size_t next = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        const struct api_field *field = find_field(type, item->string, &next);
        if (field && !cJSON_IsNull(item))
            read_field(reader, field, item, object);
    }
    fill_required(reader, type, object);
    reader->depth--;
    return object;
}

static struct reader reader_init(struct arena *a)
{
    return (struct reader){.arena = a, .limit_bytes = a->used_bytes + CODEC_MAX_READ_BYTES};
}

int codec_read(struct arena *a, const struct api_type *type, const cJSON *json, const void **ret)
{
    struct reader reader = reader_init(a);
    const void *object = read_object(&reader, type, json);

    if (reader.is_full)
        return -AISHA_E_LIMIT;
    if (!object)
        return -AISHA_E_INVALID;
    *ret = object;
    return 0;
}

static int read_plain_result(enum api_kind kind, const cJSON *json, void *ret)
{
    int64_t number;

    if (kind == API_BOOLEAN) {
        if (!cJSON_IsBool(json))
            return -AISHA_E_UPSTREAM;
        if (ret)
            *(bool *)ret = cJSON_IsTrue(json);
        return 0;
    }
    if (!read_integer(json, &number))
        return -AISHA_E_UPSTREAM;
    if (ret)
        *(int64_t *)ret = number;
    return 0;
}

/* Whether the result has the right type on the outside. */
static bool is_result(const struct api_value *value, const cJSON *json)
{
    if (value->depth)
        return cJSON_IsArray(json);
    if (value->kind == API_OBJECT)
        return cJSON_IsObject(json);
    return value->kind != API_TEXT || cJSON_IsString(json);
}

int codec_read_result(struct arena *a, const struct api_method *method, const cJSON *json,
                      void *ret)
{
    const struct api_value *value = &method->result;
    struct reader reader = reader_init(a);
    const void *result = NULL;

    if (!value->depth && (value->kind == API_BOOLEAN || value->kind == API_INTEGER))
        return read_plain_result(value->kind, json, ret);
    if (!ret) /* nobody wants to know more */
        return (method->is_result_or_true && cJSON_IsTrue(json)) || is_result(value, json)
                   ? 0
                   : -AISHA_E_UPSTREAM;
    if (!(method->is_result_or_true && cJSON_IsTrue(json))) {
        result = value->depth ? read_list(&reader, value, value->depth, json)
                              : read_element(&reader, value, json);
        if (reader.is_full)
            return -AISHA_E_LIMIT;
        if (!result)
            return -AISHA_E_UPSTREAM;
    }
    *(const void **)ret = result;
    return 0;
}

/* Past the text that begins at its quote. */
static const char *skip_string(const char *text, const char *end)
{
    for (text++; text < end && *text != '"'; text++)
        text += *text == '\\';
    return text + 1;
}

static size_t count(const char *text, size_t size_bytes, char wanted)
{
    const char *at = text, *end = text + size_bytes;
    size_t count = 0;

    for (; (at = memchr(at, wanted, (size_t)(end - at))); at++)
        count++;
    return count;
}

/* Whether brackets outside of texts nest deeper than we read. Does not check anything else. */
static bool is_too_deep(const char *text, size_t size_bytes)
{
    static const signed char step[256] = {['['] = 1, ['{'] = 1, [']'] = -1, ['}'] = -1};
    const char *end = text + size_bytes;
    int depth = 0;

    if (count(text, size_bytes, '[') + count(text, size_bytes, '{') <= CODEC_MAX_DEPTH)
        return false; /* nearly always */
    while (text < end) {
        if (*text == '"') {
            text = skip_string(text, end);
            continue;
        }
        depth += step[(unsigned char)*text++];
        if (depth > CODEC_MAX_DEPTH)
            return true;
        depth = depth < 0 ? 0 : depth;
    }
    return false;
}

int codec_parse(const char *text, size_t size_bytes, cJSON **ret)
{
    const char *end = NULL;

    if (memchr(text, '\0', size_bytes) || is_too_deep(text, size_bytes))
        return -AISHA_E_INVALID;
    cJSON *json = cJSON_ParseWithLengthOpts(text, size_bytes, &end, false);
    if (!json)
        return -AISHA_E_INVALID;
    while (end < text + size_bytes && *end && strchr(" \t\r\n", *end))
        end++;
    if (end < text + size_bytes) {
        cJSON_Delete(json);
        return -AISHA_E_INVALID;
    }
    *ret = json;
    return 0;
}

int64_t codec_integer(const cJSON *json)
{
    int64_t value = 0;

    return read_integer(json, &value) ? value : 0;
}

int64_t codec_find_update_id(const char *text)
{
    static const char name[] = "\"update_id\":";
    const char *at = strstr(text, name);
    int64_t update_id = at ? strtoll(at + strlen(name), NULL, 10) : 0;

    return update_id > 0 && update_id <= (int64_t)LARGEST_INTEGER ? update_id : 0;
}

const char *codec_update_kind(const struct aisha_update *update)
{
    const char *object = (const char *)update;
    size_t next = 0;

    for (size_t i = 0; api_update_kinds[i]; i++) {
        const struct api_field *field = find_field(api_update_type, api_update_kinds[i], &next);
        if (*(const void *const *)(const void *)(object + field->offset))
            return field->name;
    }
    return NULL;
}

/*
 * Parameters to the body of a request. The JSON text is always written; if a file turns up that has
 * to be uploaded, the text is cut into the parts of a multipart body afterwards. A file that is a
 * parameter of its own becomes the part of that name, one further down is "attach://fileN".
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/bot_api_base.h>
#include <aisha/error.h>

#include "host/telegram/codec.h"

/* Where the value of a parameter lies in the text. */
struct parameter {
    const char *name;
    size_t start, end;
    const char *plain; /* what a part says in place of a JSON string */
};

struct upload {
    struct upload *next;
    struct codec_part part;
};

struct writer {
    struct arena *arena;
    char *text;
    size_t length, capacity;
    struct parameter *parameters;
    size_t parameter_count;
    struct upload *uploads, **uploads_end;
    size_t attached_count, upload_count;
    unsigned depth;
    const char *field; /* what is wrong */
};

static int write_object(struct writer *w, const struct api_type *type, const char *object);

static void put(struct writer *w, const char *text, size_t length)
{
    if (w->capacity - w->length <= length) {
        size_t capacity = (w->length + length + 1) * 2;
        char *larger = arena_alloc(w->arena, capacity);
        if (w->length)
            memcpy(larger, w->text, w->length);
        w->text = larger;
        w->capacity = capacity;
    }
    memcpy(w->text + w->length, text, length);
    w->length += length;
    w->text[w->length] = '\0';
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_string(struct writer *w, const char *text)
{
    put(w, "\"", 1);
    for (;;) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        put(w, text, plain);
        text += plain;
        if (!*text)
            break;
        char escape[8];
        int length = *text == '\n' ? snprintf(escape, sizeof escape, "\\n")
                     : (unsigned char)*text < 0x20
                         ? snprintf(escape, sizeof escape, "\\u%04x", *text)
                         : snprintf(escape, sizeof escape, "\\%c", *text);
        put(w, escape, (size_t)length);
        text++;
    }
    put(w, "\"", 1);
}

static void put_integer(struct writer *w, int64_t value)
{
    char digits[24], *end = digits + sizeof digits, *first = end;
    uint64_t rest = value == AISHA_ZERO ? 0 : value < 0 ? -(uint64_t)value : (uint64_t)value;

    do {
        *--first = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0 && value != AISHA_ZERO)
        *--first = '-';
    put(w, first, (size_t)(end - first));
}

static int put_float(struct writer *w, double value)
{
    char digits[32];

    if (!isfinite(value))
        return -AISHA_E_INVALID;
    if (value <= (double)AISHA_ZERO)
        value = 0;
    snprintf(digits, sizeof digits, "%.15g", value);
    if (strtod(digits, NULL) < value || strtod(digits, NULL) > value)
        snprintf(digits, sizeof digits, "%.17g", value);
    put_text(w, digits);
    return 0;
}

static int put_json(struct writer *w, const char *json)
{
    cJSON *parsed;
    int r = codec_parse(json, strlen(json), &parsed);
    if (r < 0)
        return r;
    cJSON_Delete(parsed);
    put_text(w, json);
    return 0;
}

/* The struct as this host knows it, in the arena, if exactly one source is set. */
static int normalize_file(struct writer *w, const struct aisha_file *file,
                          const struct aisha_file **ret)
{
    struct aisha_file *copy = arena_alloc(w->arena, sizeof *copy);

    if (file->size < offsetof(struct aisha_file, id_or_url) + sizeof file->id_or_url)
        return -AISHA_E_INVALID;
    memcpy(copy, file, file->size < sizeof *copy ? file->size : sizeof *copy);
    copy->size = sizeof *copy;
    if (!!copy->id_or_url + !!copy->path + !!copy->bytes + !!copy->blob != 1)
        return -AISHA_E_INVALID;
    *ret = copy;
    return 0;
}

static void add_upload(struct writer *w, const char *name, const struct aisha_file *file)
{
    struct upload *upload = arena_alloc(w->arena, sizeof *upload);

    upload->part = (struct codec_part){.name = name, .file = file};
    *w->uploads_end = upload;
    w->uploads_end = &upload->next;
    w->upload_count++;
}

static int put_file(struct writer *w, const struct aisha_file *given)
{
    const struct aisha_file *file;
    int r = normalize_file(w, given, &file);
    if (r < 0)
        return r;
    if (file->id_or_url) {
        put_string(w, file->id_or_url);
        return 0;
    }
    const char *name = arena_printf(w->arena, "file%zu", w->attached_count++);
    add_upload(w, name, file);
    put_string(w, arena_printf(w->arena, "attach://%s", name));
    return 0;
}

static int put_element(struct writer *w, const struct api_value *value, const void *element)
{
    switch ((enum api_kind)value->kind) {
    case API_TEXT:
        put_string(w, element);
        return 0;
    case API_JSON:
        return put_json(w, element);
    case API_FILE:
        return put_file(w, element);
    case API_OBJECT:
        return write_object(w, value->type, element);
    case API_INTEGER:
    case API_FLOAT:
    case API_BOOLEAN:
    case API_ID:
        break;
    }
    return -AISHA_E_INVALID;
}

static int put_list(struct writer *w, const struct api_value *value, unsigned depth,
                    const void *const *list)
{
    put(w, "[", 1);
    for (size_t i = 0; list[i]; i++) {
        if (i)
            put(w, ",", 1);
        int r = depth > 1 ? put_list(w, value, depth - 1, list[i]) : put_element(w, value, list[i]);
        if (r < 0)
            return r;
    }
    put(w, "]", 1);
    return 0;
}

static void put_integers(struct writer *w, const int64_t *list, size_t count)
{
    put(w, "[", 1);
    for (size_t i = 0; i < count; i++) {
        if (i)
            put(w, ",", 1);
        put_integer(w, list[i]);
    }
    put(w, "]", 1);
}

static const void *pointer_at(const char *place)
{
    return *(const void *const *)(const void *)place;
}

static int64_t integer_at(const char *place)
{
    return *(const int64_t *)(const void *)place;
}

static double float_at(const char *place)
{
    return *(const double *)(const void *)place;
}

/* Whether the struct is large enough to have the field. */
static bool has_field(const char *object, const struct api_field *field)
{
    size_t width = field->value.kind == API_BOOLEAN ? sizeof(int8_t) : sizeof(int64_t);
    size_t last = field->second ? field->second : field->offset;

    return *(const size_t *)(const void *)object >= last + width;
}

static bool is_set(const char *object, const struct api_field *field)
{
    const char *place = object + field->offset;

    if (!has_field(object, field))
        return false;
    if (field->value.depth)
        return pointer_at(place);
    switch ((enum api_kind)field->value.kind) {
    case API_INTEGER:
        return field->is_required || integer_at(place);
    case API_FLOAT:
        return field->is_required || fpclassify(float_at(place)) != FP_ZERO;
    case API_BOOLEAN:
        return field->is_required || *place;
    case API_ID:
        return integer_at(place) || pointer_at(object + field->second);
    case API_TEXT:
    case API_JSON:
    case API_FILE:
    case API_OBJECT:
        break;
    }
    return pointer_at(place);
}

static int put_value(struct writer *w, const struct api_field *field, const char *object)
{
    const struct api_value *value = &field->value;
    const char *place = object + field->offset, *second = object + field->second;

    if (value->kind == API_INTEGER && value->depth)
        put_integers(w, pointer_at(place), *(const size_t *)(const void *)second);
    else if (value->depth)
        return put_list(w, value, value->depth, pointer_at(place));
    else if (value->kind == API_INTEGER)
        put_integer(w, integer_at(place));
    else if (value->kind == API_FLOAT)
        return put_float(w, float_at(place));
    else if (value->kind == API_BOOLEAN)
        put_text(w, *(const int8_t *)(const void *)place > 0 ? "true" : "false");
    else if (value->kind == API_ID && integer_at(place) && pointer_at(second))
        return -AISHA_E_INVALID;
    else if (value->kind == API_ID && pointer_at(second))
        put_string(w, pointer_at(second));
    else if (value->kind == API_ID)
        put_integer(w, integer_at(place));
    else
        return put_element(w, value, pointer_at(place));
    return 0;
}

/* The value as a part of its own says it, or NULL if it says JSON. */
static const char *plain_value(const struct api_field *field, const char *object)
{
    const char *place = object + field->offset;

    if (field->value.depth)
        return NULL;
    if (field->value.kind == API_TEXT)
        return pointer_at(place);
    if (field->value.kind == API_ID)
        return pointer_at(object + field->second);
    if (field->value.kind == API_FILE)
        return ((const struct aisha_file *)pointer_at(place))->id_or_url;
    return NULL;
}

/* A file that is a parameter itself: the part has the name of the parameter. */
static int write_file_parameter(struct writer *w, const struct api_field *field,
                                const struct aisha_file *given)
{
    const struct aisha_file *file;
    int r = normalize_file(w, given, &file);
    if (r < 0)
        return r;
    add_upload(w, field->name, file);
    return 0;
}

static int write_member(struct writer *w, const struct api_field *field, const char *object,
                        bool is_first)
{
    bool is_parameter = w->depth == 1;

    if (is_parameter && field->value.kind == API_FILE && !field->value.depth &&
        !plain_value(field, object))
        return write_file_parameter(w, field, pointer_at(object + field->offset));
    if (!is_first)
        put(w, ",", 1);
    put_string(w, field->name);
    put(w, ":", 1);
    size_t start = w->length;
    int r = put_value(w, field, object);
    if (r < 0)
        return r;
    if (is_parameter)
        w->parameters[w->parameter_count++] =
            (struct parameter){field->name, start, w->length, plain_value(field, object)};
    return 0;
}

static int write_members(struct writer *w, const struct api_type *type, const char *object)
{
    size_t start = w->length;

    for (size_t i = 0; i < type->field_count; i++) {
        const struct api_field *field = &type->fields[i];
        bool is_written = is_set(object, field);
        if (!is_written && !field->is_required)
            continue;
        int r = is_written ? write_member(w, field, object, w->length == start) : -AISHA_E_INVALID;
        if (r < 0) {
            w->field =
                w->field ? arena_printf(w->arena, "%s.%s", field->name, w->field) : field->name;
            return r;
        }
    }
    return 0;
}

static int write_object(struct writer *w, const struct api_type *type, const char *object)
{
    if (*(const size_t *)(const void *)object < sizeof(size_t)) {
        w->field = "size";
        return -AISHA_E_INVALID;
    }
    if (++w->depth > CODEC_MAX_DEPTH)
        return -AISHA_E_INVALID;
    put(w, "{", 1);
    int r = write_members(w, type, object);
    if (r < 0)
        return r;
    put(w, "}", 1);
    w->depth--;
    return 0;
}

static void cut_into_parts(struct writer *w, struct codec_body *ret)
{
    struct codec_part *parts =
        arena_alloc(w->arena, (w->parameter_count + w->upload_count) * sizeof *parts);
    size_t count = 0;

    for (size_t i = 0; i < w->parameter_count; i++) {
        const struct parameter *p = &w->parameters[i];
        const char *value =
            p->plain ? p->plain : arena_strndup(w->arena, w->text + p->start, p->end - p->start);
        parts[count++] = (struct codec_part){.name = p->name, .value = value};
    }
    for (const struct upload *upload = w->uploads; upload; upload = upload->next)
        parts[count++] = upload->part;
    *ret = (struct codec_body){.parts = parts, .part_count = count};
}

int codec_write(struct arena *a, const struct api_method *method, const void *params,
                struct codec_body *ret, const char **ret_field)
{
    static const size_t no_params = sizeof no_params;
    struct writer w = {.arena = a, .uploads_end = &w.uploads};

    w.parameters = arena_alloc(a, (method->params->field_count + 1) * sizeof *w.parameters);
    int r = write_object(&w, method->params, params ? params : &no_params);
    if (r < 0) {
        *ret_field = w.field;
        return r;
    }
    if (w.uploads)
        cut_into_parts(&w, ret);
    else
        *ret = (struct codec_body){.json = w.text};
    return 0;
}

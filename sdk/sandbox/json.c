#include "sdk/sandbox/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"

enum { DEEPEST = 64 };

static void delete_tree(void *tree)
{
    cJSON_Delete(tree);
}

cJSON *json_keep(struct arena *arena, cJSON *value)
{
    if (value)
        arena_defer(arena, delete_tree, value);
    return value;
}

/* cJSON recurses: what is too deep for a coroutine's stack is refused before. */
static bool is_shallow(const char *text, size_t size)
{
    bool in_string = false;
    int depth = 0;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        if (depth > DEEPEST)
            return false;
    }
    return true;
}

cJSON *json_parse(struct arena *arena, const char *text, size_t size)
{
    const char *end = NULL;

    if (!is_shallow(text, size))
        return NULL;
    char *copy = arena_strndup(arena, text, size);
    return json_keep(arena, cJSON_ParseWithOpts(copy, &end, true));
}

char *json_text(struct arena *arena, const cJSON *value)
{
    char *printed = cJSON_PrintUnformatted(value);
    char *text = arena_strdup(arena, printed ? printed : "null");

    cJSON_free(printed);
    return text;
}

cJSON *json_get(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *json_get_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(json_get(object, name));
}

bool json_is_int(const cJSON *value)
{
    return cJSON_IsNumber(value) && fabs(value->valuedouble) <= 9007199254740992.0 &&
           floor(value->valuedouble) == value->valuedouble;
}

bool json_to_int(const cJSON *value, int64_t *ret_number)
{
    if (!json_is_int(value))
        return false;
    *ret_number = (int64_t)value->valuedouble;
    return true;
}

int64_t json_get_int(const cJSON *object, const char *name, int64_t missing)
{
    json_to_int(json_get(object, name), &missing);
    return missing;
}

bool json_get_bool(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(json_get(object, name));
}

void json_set(cJSON *object, const char *name, cJSON *value)
{
    if (cJSON_GetObjectItemCaseSensitive(object, name))
        cJSON_ReplaceItemInObjectCaseSensitive(object, name, value);
    else
        cJSON_AddItemToObject(object, name, value);
}

void json_set_int(cJSON *object, const char *name, int64_t value)
{
    json_set(object, name, cJSON_CreateNumber((double)value));
}

void json_set_text(cJSON *object, const char *name, const char *value)
{
    json_set(object, name, cJSON_CreateString(value));
}

void json_set_bool(cJSON *object, const char *name, bool value)
{
    json_set(object, name, cJSON_CreateBool(value));
}

void json_set_copy(cJSON *object, const char *name, const cJSON *value)
{
    if (value)
        json_set(object, name, cJSON_Duplicate(value, true));
}

/* The bytes of the character that starts with this one; 0 when none can. */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if ((first & 0xF0) == 0xE0)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

bool utf8_is_valid(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;

    for (size_t i = 0, length; i < size; i += length) {
        length = sequence_length(s[i]);
        if (!length || length > size - i)
            return false;
        for (size_t k = 1; k < length; k++)
            if ((s[i + k] & 0xC0) != 0x80)
                return false;
        if ((s[i] == 0xE0 && s[i + 1] < 0xA0) || (s[i] == 0xED && s[i + 1] > 0x9F) ||
            (s[i] == 0xF0 && s[i + 1] < 0x90) || (s[i] == 0xF4 && s[i + 1] > 0x8F))
            return false;
    }
    return true;
}

size_t utf8_length(const char *text)
{
    size_t length = 0;

    for (; *text; text++)
        length += ((unsigned char)*text & 0xC0) != 0x80;
    return length;
}

size_t utf16_length(const char *text, size_t size)
{
    size_t units = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        units += (c & 0xC0) != 0x80;
        units += c >= 0xF0;
    }
    return units;
}

#include "sdk/sandbox/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/text.h"

enum { DEEPEST = 64 };

static void delete_tree(void *tree)
{
    cJSON_Delete(tree);
}

cJSON *json_keep(struct arena *arena, cJSON *value)
{
    if (arena && value)
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

/* ---- printing: as cJSON does, but without its care for locales, which takes its time ---- */

static void print_number(struct text *out, double number)
{
    char digits[32];

    if (fabs(number) < 1e15 && (double)(int64_t)number == number &&
        (number != 0 || !signbit(number))) {
        text_add_int(out, (int64_t)number);
        return;
    }
    if (!isfinite(number)) {
        text_add_string(out, "null");
        return;
    }
    snprintf(digits, sizeof digits, "%1.15g", number);
    if (strtod(digits, NULL) != number)
        snprintf(digits, sizeof digits, "%1.17g", number);
    text_add_string(out, digits);
}

static void print_escape(struct text *out, unsigned char c)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c ? strchr(escaped, c) : NULL;
    char code[8];

    if (found)
        snprintf(code, sizeof code, "\\%c", letters[found - escaped]);
    else
        snprintf(code, sizeof code, "\\u%04x", c);
    text_add_string(out, code);
}

/* How far the string needs no escapes; eight bytes at a time. */
static size_t plain_length(const char *string, size_t size)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    size_t length = 0;
    uint64_t eight;

    for (; size - length >= sizeof eight; length += sizeof eight) {
        memcpy(&eight, string + length, sizeof eight);
        uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
        uint64_t found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                         ((eight - ones * ' ') & ~eight);
        if (found & highs)
            break;
    }
    for (; length < size; length++) {
        unsigned char c = (unsigned char)string[length];
        if (c < ' ' || c == '"' || c == '\\')
            break;
    }
    return length;
}

void json_print_string(struct text *out, const char *string)
{
    size_t size = strlen(string), plain = plain_length(string, size);

    text_reserve(out, size + 2);
    text_add_char(out, '"');
    while (plain < size) {
        text_add(out, string, plain);
        print_escape(out, (unsigned char)string[plain]);
        string += plain + 1;
        size -= plain + 1;
        plain = plain_length(string, size);
    }
    text_add(out, string, size);
    text_add_char(out, '"');
}

static void print_members(struct text *out, const cJSON *value, bool is_object)
{
    const cJSON *member;

    text_add_char(out, is_object ? '{' : '[');
    cJSON_ArrayForEach(member, value) {
        if (member != value->child)
            text_add_char(out, ',');
        if (is_object) {
            json_print_string(out, member->string);
            text_add_char(out, ':');
        }
        json_print(out, member);
    }
    text_add_char(out, is_object ? '}' : ']');
}

void json_print(struct text *out, const cJSON *value)
{
    switch (value ? value->type & 0xFF : cJSON_NULL) {
    case cJSON_False:
        text_add(out, "false", 5);
        break;
    case cJSON_True:
        text_add(out, "true", 4);
        break;
    case cJSON_Number:
        print_number(out, value->valuedouble);
        break;
    case cJSON_String:
        json_print_string(out, value->valuestring);
        break;
    case cJSON_Raw:
        text_add_string(out, value->valuestring);
        break;
    case cJSON_Array:
    case cJSON_Object:
        print_members(out, value, cJSON_IsObject(value));
        break;
    default:
        text_add(out, "null", 4);
    }
}

char *json_text(struct arena *arena, const cJSON *value)
{
    struct text out = {0};

    json_print(&out, value);
    char *text = arena_strndup(arena, out.bytes, out.size);
    text_free(&out);
    return text;
}

static bool is_of_type(const cJSON *value, int type)
{
    return value && (value->type & 0xFF) == type;
}

cJSON *json_get(const cJSON *object, const char *name)
{
    cJSON *member = is_of_type(object, cJSON_Object) ? object->child : NULL;

    while (member && (*member->string != *name || strcmp(member->string, name) != 0))
        member = member->next;
    return member;
}

const char *json_get_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(json_get(object, name));
}

bool json_is_int(const cJSON *value)
{
    return is_of_type(value, cJSON_Number) && fabs(value->valuedouble) <= 9007199254740992.0 &&
           (double)(int64_t)value->valuedouble == value->valuedouble;
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
    if (json_get(object, name))
        cJSON_ReplaceItemInObjectCaseSensitive(object, name, value);
    else
        cJSON_AddItemToObject(object, name, value);
}

void json_set_int(cJSON *object, const char *name, int64_t value)
{
    cJSON *member = json_get(object, name);

    if (cJSON_IsNumber(member))
        cJSON_SetNumberValue(member, (double)value);
    else
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

void json_insert(cJSON *array, int place, cJSON *item)
{
    cJSON *after = cJSON_GetArrayItem(array, place);

    cJSON_AddItemToArray(array, item);
    for (cJSON *next; after && after != item; after = next) {
        next = after->next;
        cJSON_AddItemToArray(array, cJSON_DetachItemViaPointer(array, after));
    }
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

/* A run of ASCII at the beginning, or some of it: most texts are nothing else. */
static size_t ascii_length(const unsigned char *s, size_t size)
{
    size_t length = 0;
    uint64_t eight;

    while (size - length >= sizeof eight) {
        memcpy(&eight, s + length, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
        length += sizeof eight;
    }
    while (length < size && s[length] < 0x80)
        length++;
    return length;
}

bool utf8_is_valid(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;

    for (size_t i = 0, length; i < size; i += length) {
        length = ascii_length(s + i, size - i);
        if (length)
            continue;
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

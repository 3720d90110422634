/*
 * struct aisha_json is cJSON's struct under another name. cJSON recurses and allocates per value, so
 * depth and number of values are counted before it sees the text.
 */
#include "host/bot/json.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "host/bot/split.h"

enum {
    DEPTH_MAX = 64,
    SIZE_MAX_BYTES = 16 << 20,
    VALUES_MAX = 1000000,
};

static const cJSON *tree(const struct aisha_json *json)
{
    return (const cJSON *)json;
}

static void free_tree(void *data)
{
    cJSON_Delete(data);
}

static bool is_bounded(const char *text, size_t size)
{
    size_t depth = 0, values = 1;
    bool is_quoted = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (is_quoted && c == '\\')
            i++;
        else if (c == '"')
            is_quoted = !is_quoted;
        if (is_quoted)
            continue;
        if ((c == '[' || c == '{') && ++depth > DEPTH_MAX)
            return false;
        if ((c == ']' || c == '}') && depth-- == 0)
            return false;
        values += c == ',' || c == '[' || c == '{';
    }
    return values <= VALUES_MAX;
}

static bool is_blank(const char *text, const char *end)
{
    while (text < end && strchr(" \t\r\n", *text))
        text++;
    return text == end;
}

const struct aisha_json *json_parse(struct arena *arena, const char *text, size_t size)
{
    const char *end = NULL;

    if (size > SIZE_MAX_BYTES || memchr(text, '\0', size))
        return NULL;
    if (!utf8_is_valid(text, size))
        text = utf8_repair(arena, text, size, &size);
    if (!is_bounded(text, size))
        return NULL;
    cJSON *parsed = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!parsed)
        return NULL;
    arena_defer(arena, free_tree, parsed);
    return is_blank(end, text + size) ? (const struct aisha_json *)parsed : NULL;
}

/* Takes "[12]" off *path. */
static const cJSON *take_element(const cJSON *value, const char **path)
{
    const char *at = *path + 1;
    int index = 0;

    if (!isdigit((unsigned char)*at))
        return NULL;
    for (; isdigit((unsigned char)*at); at++) {
        if (index > VALUES_MAX)
            return NULL;
        index = index * 10 + (*at - '0');
    }
    if (*at != ']')
        return NULL;
    *path = at + 1;
    return cJSON_IsArray(value) ? cJSON_GetArrayItem(value, index) : NULL;
}

static const cJSON *find_member(const cJSON *value, const char *name, size_t size)
{
    const cJSON *member;

    if (!cJSON_IsObject(value) || !size)
        return NULL;
    cJSON_ArrayForEach(member, value) {
        if (strlen(member->string) == size && memcmp(member->string, name, size) == 0)
            return member;
    }
    return NULL;
}

static const cJSON *at(const struct aisha_json *json, const char *path)
{
    const cJSON *value = tree(json);

    for (bool is_first = true; value && *path; is_first = false) {
        if (*path == '[') {
            value = take_element(value, &path);
            continue;
        }
        if (!is_first && *path++ != '.')
            return NULL;
        size_t size = strcspn(path, ".[");
        value = find_member(value, path, size);
        path += size;
    }
    return value;
}

const struct aisha_json *aisha_json_at(const struct aisha_json *json, const char *path)
{
    return (const struct aisha_json *)at(json, path);
}

const char *aisha_json_text(const struct aisha_json *json, const char *path)
{
    const cJSON *value = at(json, path);

    return cJSON_IsString(value) ? value->valuestring : NULL;
}

double aisha_json_real(const struct aisha_json *json, const char *path)
{
    const cJSON *value = at(json, path);

    return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

/* true counts as 1: there is no function of its own for booleans. */
int64_t aisha_json_int(const struct aisha_json *json, const char *path)
{
    const cJSON *value = at(json, path);
    double number = cJSON_IsNumber(value) ? value->valuedouble : cJSON_IsTrue(value);

    return number > -0x1p63 && number < 0x1p63 ? (int64_t)number : 0;
}

size_t aisha_json_count(const struct aisha_json *json, const char *path)
{
    const cJSON *value = at(json, path);

    return cJSON_IsArray(value) || cJSON_IsObject(value) ? (size_t)cJSON_GetArraySize(value) : 0;
}

const char *aisha_json_name(const struct aisha_json *json, const char *path, size_t n)
{
    const cJSON *value = at(json, path), *member = cJSON_IsObject(value) ? value->child : NULL;

    while (member && n-- > 0)
        member = member->next;
    return member ? member->string : NULL;
}

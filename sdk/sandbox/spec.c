#include "sdk/sandbox/spec.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "sdk/sandbox/embedded.h"
#include "sdk/sandbox/json.h"

/* A description by its name: as it is for a type, in lower case for a method. */
struct entry {
    char *key;
    const cJSON *source;
    struct spec_type type;
    UT_hash_handle hh;
};

struct spec {
    cJSON *root; /* names and literals are its own */
    struct entry *methods, *types;
};

static char *lower_case(const char *name)
{
    char *lower = strdup(name);

    for (char *p = lower; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return lower;
}

static const struct entry *find(const struct entry *entries, const char *key)
{
    struct entry *entry;

    HASH_FIND_STR(entries, key, entry);
    return entry;
}

static void *new_array(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);

    if (!array)
        abort();
    return array;
}

/* ---- reading ---- */

/* "Array of Array of Button" */
static struct spec_alternative read_type(const struct spec *spec, const char *name)
{
    static const char array_of[] = "Array of ";

    static const struct {
        const char *name;
        enum spec_basic basic;
    } basics[] = {
        {"String", SPEC_TEXT}, {"InputFile", SPEC_FILE},  {"Integer", SPEC_INTEGER},
        {"Float", SPEC_FLOAT}, {"Boolean", SPEC_BOOLEAN},
    };
    struct spec_alternative alternative = {.basic = SPEC_OBJECT};

    for (; strncmp(name, array_of, strlen(array_of)) == 0; name += strlen(array_of))
        alternative.depth++;
    for (size_t i = 0; i < sizeof basics / sizeof *basics; i++)
        if (strcmp(basics[i].name, name) == 0)
            alternative.basic = basics[i].basic;
    const struct entry *entry = find(spec->types, name);
    if (alternative.basic == SPEC_OBJECT && entry)
        alternative.type = &entry->type;
    assert(alternative.basic != SPEC_OBJECT || alternative.type);
    return alternative;
}

static struct spec_alternative *read_types(const struct spec *spec, const cJSON *names,
                                           size_t *ret_count)
{
    size_t count = (size_t)cJSON_GetArraySize(names), i = 0;
    struct spec_alternative *alternatives = new_array(count, sizeof *alternatives);
    const cJSON *name;

    cJSON_ArrayForEach(name, names) {
        alternatives[i++] = read_type(spec, name->valuestring);
    }
    *ret_count = count;
    return alternatives;
}

static void read_field(const struct spec *spec, const cJSON *source, struct spec_field *field)
{
    field->name = json_get_text(source, "name");
    field->is_required = json_get_bool(source, "required");
    field->literals = json_get(source, "enum");
    field->fixed = json_get(source, "const");
    field->alternatives = read_types(spec, json_get(source, "types"), &field->alternative_count);
    for (size_t i = 0; i < field->alternative_count; i++)
        if (!field->alternatives[i].depth)
            field->takes |= 1U << field->alternatives[i].basic;
}

static void read_entry(const struct spec *spec, struct entry *entry)
{
    const cJSON *fields = json_get(entry->source, "fields"), *field;
    struct spec_type *type = &entry->type;
    size_t i = 0;

    type->name = json_get_text(entry->source, "name");
    type->field_count = (size_t)cJSON_GetArraySize(fields);
    type->fields = new_array(type->field_count, sizeof *type->fields);
    cJSON_ArrayForEach(field, fields) {
        read_field(spec, field, &type->fields[i++]);
    }
    type->alternatives =
        read_types(spec, json_get(entry->source, "subtypes"), &type->alternative_count);
}

static void add_entries(struct entry **entries, const cJSON *sources, bool is_any_case)
{
    const cJSON *source;

    cJSON_ArrayForEach(source, sources) {
        struct entry *entry = new_array(1, sizeof *entry);
        entry->key = is_any_case ? lower_case(source->string) : strdup(source->string);
        if (!entry->key)
            abort();
        entry->source = source;
        HASH_ADD_KEYPTR(hh, *entries, entry->key, strlen(entry->key), entry);
    }
}

static void read_entries(const struct spec *spec, struct entry *entries)
{
    for (struct entry *entry = entries; entry; entry = entry->hh.next)
        read_entry(spec, entry);
}

int spec_new(struct spec **ret_spec)
{
    const struct embedded_file *file = embedded_find(spec_files, "bot-api.json");
    struct spec *spec = calloc(1, sizeof *spec);

    if (!spec)
        return -ENOMEM;
    assert(file);
    spec->root = cJSON_ParseWithLength((const char *)file->bytes, file->size);
    add_entries(&spec->types, json_get(spec->root, "types"), false);
    add_entries(&spec->methods, json_get(spec->root, "methods"), true);
    if (!spec->methods || !spec->types) {
        spec_free(spec);
        return -EINVAL;
    }
    read_entries(spec, spec->types);
    read_entries(spec, spec->methods);
    *ret_spec = spec;
    return 0;
}

static void free_entries(struct entry **entries)
{
    struct entry *entry, *next;

    HASH_ITER(hh, *entries, entry, next)
    {
        HASH_DEL(*entries, entry);
        for (size_t i = 0; i < entry->type.field_count; i++)
            free(entry->type.fields[i].alternatives);
        free(entry->type.fields);
        free(entry->type.alternatives);
        free(entry->key);
        free(entry);
    }
}

void spec_free(struct spec *spec)
{
    if (!spec)
        return;
    free_entries(&spec->methods);
    free_entries(&spec->types);
    cJSON_Delete(spec->root);
    free(spec);
}

/* ---- looking up ---- */

const struct spec_type *spec_method(const struct spec *spec, const char *name)
{
    char lower[64];
    size_t length = strlen(name);

    if (length >= sizeof lower)
        return NULL;
    for (size_t i = 0; i <= length; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    const struct entry *entry = find(spec->methods, lower);
    return entry ? &entry->type : NULL;
}

const cJSON *spec_fields(const struct spec *spec, const char *type)
{
    const struct entry *entry = find(spec->types, type);

    return entry ? json_get(entry->source, "fields") : NULL;
}

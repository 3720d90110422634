/*
 * Lookups in the generated tables, which are sorted by name.
 */
#include "host/telegram/api.h"

#include <stdlib.h>
#include <string.h>

static int compare_method(const void *name, const void *method)
{
    return strcmp(name, ((const struct api_method *)method)->name);
}

static int compare_type(const void *name, const void *type)
{
    return strcmp(name, ((const struct api_type *)type)->name);
}

const struct api_method *api_find_method(const char *name)
{
    return bsearch(name, api_methods, api_method_count, sizeof *api_methods, compare_method);
}

const struct api_type *api_find_type(const char *name)
{
    return bsearch(name, api_types, api_type_count, sizeof *api_types, compare_type);
}

const struct api_field *api_find_field(const struct api_type *type, const char *name)
{
    size_t low = 0, high = type->field_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct api_field *field = &type->fields[type->by_name[middle]];
        int order = strcmp(name, field->name);
        if (order == 0)
            return field;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

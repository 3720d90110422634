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

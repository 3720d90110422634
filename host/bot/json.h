/*
 * The host's entrance to <aisha/json.h>.
 */
#pragma once

#include <stddef.h>

#include <aisha/json.h>

#include "host/core/arena.h"

/*
 * Parses text, which need not end with a zero; the value lives as long as the arena. Broken UTF-8 is
 * repaired. NULL when it is not one JSON value, nested over 64 deep, over 16 MiB or over a million
 * values.
 */
const struct aisha_json *json_parse(struct arena *arena, const char *text, size_t size);

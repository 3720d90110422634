/*
 * Places, contacts and dice, as messages have them; from an object with their members, such as the
 * parameters of a call. Each is NULL when it cannot be; the arena owns them.
 */
#pragma once

#include <cjson/cJSON.h>

struct arena;

cJSON *share_location(struct arena *arena, const cJSON *from);
cJSON *share_venue(struct arena *arena, const cJSON *from);
cJSON *share_contact(struct arena *arena, const cJSON *from);

/* Thrown; NULL when that is no dice. */
cJSON *share_dice(struct arena *arena, const char *emoji);

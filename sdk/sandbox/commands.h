/*
 * Which of the bot's command lists a user sees.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct world;

/* The first list that is not empty, from the narrowest scope to the default, each in the user's
 * language and then in that of all others. Never NULL. user_id 0 = nobody in particular. */
cJSON *commands_shown(struct world *world, struct arena *arena, int64_t chat_id, int64_t user_id);

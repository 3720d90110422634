/*
 * What a message says, apart from who said it, when and where: those members of Message from "text"
 * to "location". What is sent, copied or put in the place of something else is an object of such
 * members.
 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

struct arena;

/* A copy of what the message says; the arena owns it. */
cJSON *content_of(struct arena *arena, const cJSON *message);

/* Puts it in the place of what the message says. */
void content_put(cJSON *message, const cJSON *content);

/* Whether it says anything by itself; otherwise it tells of something that happened. */
bool content_is_any(const cJSON *message);

/* The member that can have a caption ("photo", "voice", …), or NULL. */
const char *content_media(const cJSON *message);

/* The text or the caption, with the name of its entities; NULL when there is none. */
const char *content_text(const cJSON *message, const char **ret_entities_name);

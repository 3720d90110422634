/*
 * Files as messages have them: what a message says about a voice note, a photo, a document.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct world;

struct media {
    const char *kind; /* the Message field */
    const char *file_name;
    const char *mime_type; /* NULL = by the name */
    int64_t duration;      /* of those kinds that have one; rounded to seconds */
    int64_t width, height; /* of those that have them; 0 = a usual one */
    int64_t told_size;     /* what the bot is told instead of the true size; 0 = the true one */
    const char *title, *performer, *emoji; /* NULL = none */
    const cJSON *thumbnail;                /* a PhotoSize, or NULL */
    const void *bytes;
    size_t size;
};

/* Whether messages can carry that kind. */
bool media_is_kind(const char *kind);

/* Stores the file and returns its object. NULL for a photo that is no image. */
cJSON *media_store(struct world *world, struct arena *arena, const struct media *media);

/* The size of an image of the usual formats, from its header; false when it is none. */
bool media_image_size(const void *bytes, size_t size, int64_t *ret_width, int64_t *ret_height);

/* Puts the object where messages of that kind have it. */
void media_attach(cJSON *message, const char *kind, const cJSON *object);

/* What Telegram calls that kind of file: "VoiceNote". */
const char *media_type_name(const char *kind);

/*
 * Between JSON and the structs of <aisha/bot_api.h>, driven by the tables of api.h.
 *
 * Reading is tolerant, for Telegram may send what this version does not know: what is unknown is
 * skipped, what has the wrong type is left unset, or empty where it is required. Writing is strict, for it checks
 * the work of a plugin. A struct that is smaller than ours comes from a plugin built for an older
 * Bot API; the fields it does not have are unset.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>
#include <aisha/file.h>

#include "host/core/arena.h"
#include "host/telegram/api.h"

struct aisha_update;

enum {
    CODEC_MAX_DEPTH = 64,            /* levels of arrays and objects, read or written */
    CODEC_MAX_READ_BYTES = 64 << 20, /* of arena that one reading may take */
};

/* Parses JSON that came from outside: deep nesting is refused before it can fill a stack.
   Fails with -AISHA_E_INVALID. The caller frees with cJSON_Delete. */
AISHA_CHECKED int codec_parse(const char *text, size_t size_bytes, cJSON **ret);

/* The whole number that json is, or 0 (for NULL, too). */
int64_t codec_integer(const cJSON *json);

/* The first update_id in a text that cannot be parsed; 0 when there is none. */
int64_t codec_find_update_id(const char *text);

/* Reads a JSON object into a new struct in the arena, which borrows nothing from json.
   Fails with -AISHA_E_INVALID if json is not an object, -AISHA_E_LIMIT if it would grow too large. */
AISHA_CHECKED int codec_read(struct arena *a, const struct api_type *type, const cJSON *json,
                             const void **ret);

/* Reads the result of a method into *ret, whose type is the one that the method's macro takes; if ret
   is NULL, only looks whether it is of that type. Fails with -AISHA_E_UPSTREAM if it has another
   one, -AISHA_E_LIMIT. */
AISHA_CHECKED int codec_read_result(struct arena *a, const struct api_method *method,
                                    const cJSON *json, void *ret);

/* One part of a multipart body: either a text or a file, of which exactly one source is set. */
struct codec_part {
    const char *name;
    const char *value;
    const struct aisha_file *file;
};

/* The body of a request: JSON text, or parts if there is something to upload. */
struct codec_body {
    const char *json; /* NULL if there are parts */
    const struct codec_part *parts;
    size_t part_count;
};

/* Writes the parameters of a method (NULL = none). The body borrows texts and file contents from
   params and owns nothing outside the arena. Fails with -AISHA_E_INVALID; then *ret_field says which
   field is missing or wrong, as in "reply_markup.inline_keyboard.text". */
AISHA_CHECKED int codec_write(struct arena *a, const struct api_method *method, const void *params,
                              struct codec_body *ret, const char **ret_field);

/* One of api_update_kinds: the field that is set, or NULL for a kind we do not know. */
const char *codec_update_kind(const struct aisha_update *update);

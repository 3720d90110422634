/*
 * The parameters of a request, whichever of the four ways they came: query string, form, multipart
 * form or JSON. Later ones win over the query's; those of one name that ends with "[]" are joined by
 * commas.
 */
#pragma once

#include <stddef.h>

#include <cjson/cJSON.h>

struct arena;
struct http_exchange;

struct upload {
    const char *name; /* of the part */
    const char *file_name;
    const char *content_type;
    const char *bytes; /* borrowed from the request's body */
    size_t size;
};

struct params {
    cJSON *values; /* name → text, or what JSON had; owned by the arena */
    struct upload *uploads;
    size_t upload_count;
};

/*
 * Reads them all. Returns 0, or the HTTP status to refuse with: 413 when they are too many or too
 * long (files do not count), 400 for a multipart body that makes no sense or text that is not
 * UTF-8. A body declared as JSON that is none simply has no parameters, as at Telegram.
 */
int params_read(struct arena *arena, const struct http_exchange *exchange,
                struct params *ret_params);

/* The same for a body of that type alone. */
int params_read_body(struct arena *arena, const char *type, const char *body, size_t size,
                     struct params *ret_params);

/* The uploaded part of that name, or NULL. */
const struct upload *params_upload(const struct params *params, const char *name);

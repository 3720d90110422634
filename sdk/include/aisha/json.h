/*
 * Reading JSON by path: "choices[0].message.content". Nothing here fails loudly: what is missing or
 * of another type comes back as NULL or 0, so validate what matters.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;
struct aisha_json;

/* Parses text; lives as long as ctx. NULL when it is not one JSON value, or nested over 64 deep. */
AISHA_PUBLIC const struct aisha_json *aisha_json_parse(struct aisha_ctx *ctx, const char *text,
                                                       size_t size);

/* The value at path; an empty path is json itself. json may be NULL. */
AISHA_PUBLIC const struct aisha_json *aisha_json_at(const struct aisha_json *json,
                                                    const char *path);

AISHA_PUBLIC const char *aisha_json_text(const struct aisha_json *json, const char *path);
AISHA_PUBLIC int64_t aisha_json_int(const struct aisha_json *json, const char *path);
AISHA_PUBLIC double aisha_json_real(const struct aisha_json *json, const char *path);

/* The name of the n-th member of the object at path; NULL when there is none. */
AISHA_PUBLIC const char *aisha_json_name(const struct aisha_json *json, const char *path, size_t n);

/* Elements of the array, or members of the object, at path. */
AISHA_PUBLIC size_t aisha_json_count(const struct aisha_json *json, const char *path);

/* The text as a JSON string, with its quotes: for JSON that is put together with aisha_printf(). */
AISHA_PUBLIC const char *aisha_json_quote(struct aisha_ctx *ctx, const char *text);

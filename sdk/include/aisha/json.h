/*
 * Reading JSON by path: "choices[0].message.content". Nothing here fails loudly: what is missing or
 * of another type comes back as NULL or 0, so validate what matters.
 *
 * Numbers are doubles, so whole ones are exact up to 2^53 only: ask for longer ids as text. A
 * member with "." or "[" in its name is found by no path; of two with one name the first is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;
struct aisha_json;

/* Parses text; lives as long as ctx. NULL when it is not one JSON value, has a zero byte, is larger
 * than 16 MiB, has over a million values or is nested over 64 deep. Broken UTF-8 becomes U+FFFD. */
AISHA_PUBLIC const struct aisha_json *aisha_json_parse(struct aisha_ctx *ctx, const char *text,
                                                       size_t size);

/* The value at path; an empty path is json itself. json may be NULL. */
AISHA_PUBLIC const struct aisha_json *aisha_json_at(const struct aisha_json *json,
                                                    const char *path);

/* Of a string; \u0000 in it ends it. */
AISHA_PUBLIC const char *aisha_json_text(const struct aisha_json *json, const char *path);

/* Of a number, without its fraction (1.9 is 1, -1.9 is -1); 0 when it does not fit; 1 for true. */
AISHA_PUBLIC int64_t aisha_json_int(const struct aisha_json *json, const char *path);
AISHA_PUBLIC double aisha_json_real(const struct aisha_json *json, const char *path);

/* The name of the n-th member of the object at path; NULL when there is none. */
AISHA_PUBLIC const char *aisha_json_name(const struct aisha_json *json, const char *path, size_t n);

/* Elements of the array, or members of the object, at path. */
AISHA_PUBLIC size_t aisha_json_count(const struct aisha_json *json, const char *path);

/* The text as a JSON string, with its quotes: for JSON that is put together with aisha_printf(). */
AISHA_PUBLIC const char *aisha_json_quote(struct aisha_ctx *ctx, const char *text);

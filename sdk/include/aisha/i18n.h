/*
 * Texts in the user's language, from locale/ru.json and locale/en.json beside the plugin's .so:
 *
 *     {"greeting": "Hello, <b>{name}</b>!",
 *      "photos": {"one": "{n} photo", "other": "{n} photos"}}
 *
 * A text is HTML with {placeholders}; their values are escaped. One that depends on a number has
 * the forms of its language (English one/other, Russian one/few/many) and chooses by {n}. Both
 * languages have the same keys and placeholders: the build checks it. A plugin whose texts are all in
 * its code has no locale directory.
 *
 * A key is looked up in the plugin's own catalogue, then in the host's.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>
#include <aisha/db.h>

struct aisha_ctx;

struct aisha_arg {
    const char *name;
    struct aisha_value value;
};

/* aisha_t(ctx, "photos", AISHA_ARG("n", count)) */
#define AISHA_ARG(arg_name, x)                                                                     \
    {                                                                                              \
        (arg_name), aisha_value(x)                                                                 \
    }

/* Ended by a row without a name. */
#define AISHA_ARGS(...) ((const struct aisha_arg[]){{NULL, {0}}, ##__VA_ARGS__, {NULL, {0}}} + 1)

/* The text as HTML. An unknown key is logged and comes back as itself. */
#define aisha_t(ctx, key, ...) aisha_t_((ctx), (key), AISHA_ARGS(__VA_ARGS__))

/* The same as plain text, nothing escaped: for buttons, answers to a press, file names. */
#define aisha_t_plain(ctx, key, ...) aisha_t_plain_((ctx), (key), AISHA_ARGS(__VA_ARGS__))

AISHA_PUBLIC const char *aisha_t_(struct aisha_ctx *ctx, const char *key,
                                  const struct aisha_arg *args);
AISHA_PUBLIC const char *aisha_t_plain_(struct aisha_ctx *ctx, const char *key,
                                        const struct aisha_arg *args);

/* "ru" or "en": what the user chose, or what their Telegram speaks. */
AISHA_PUBLIC const char *aisha_locale(struct aisha_ctx *ctx);

/* Remembers the user's choice. -AISHA_E_INVALID for a language without catalogues. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_set_locale(struct aisha_ctx *ctx,
                                                            const char *locale);

/*
 * What a loaded catalogue looks like; for i18n.c and i18n_load.c only.
 */
#pragma once

#include <stddef.h>

enum language { LANGUAGE_RU, LANGUAGE_EN, LANGUAGE_COUNT }; /* as in i18n_locales */

enum plural { PLURAL_ONE, PLURAL_FEW, PLURAL_MANY, PLURAL_OTHER, PLURAL_COUNT };

/* Every form of every language is set: a text without plural forms is in all of them. */
struct message {
    const char *key;
    const char *texts[LANGUAGE_COUNT][PLURAL_COUNT];
};

struct catalogue {
    struct message *messages; /* sorted by key */
    size_t count;
};

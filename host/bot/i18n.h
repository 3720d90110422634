/*
 * Catalogues: the texts of the host or of one plugin in every language, from DIRECTORY/ru.json and
 * en.json. What a text may contain is described in <aisha/i18n.h>; in addition "{{" is a literal
 * brace. All checks are made when a catalogue is loaded, so that formatting cannot fail later.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>
#include <aisha/i18n.h>

#include "host/bot/problem.h"
#include "host/core/arena.h"

struct catalogue;

/*
 * Reads and checks both files (at most 1 MiB each). -AISHA_E_INVALID when problems were added. The
 * arena owns the catalogue.
 */
AISHA_CHECKED int i18n_load(struct arena *arena, const char *directory,
                            const struct catalogue **ret, struct problems *problems);

/* catalogue may be NULL: it has no texts. */
bool i18n_has(const struct catalogue *catalogue, const char *key);

enum i18n_form {
    I18N_HTML,  /* the text as it is, values escaped */
    I18N_PLAIN, /* tags taken out, entities decoded, values as they are */
};

/*
 * The text with its placeholders replaced; NULL when the catalogue has no such key. args end with a
 * row without name, and may be NULL. A placeholder without argument stays as it is written. Numbers
 * are written in digits, those with a fraction with up to two of them and the language's sign. A text
 * with plural forms chooses by "n"; a fraction takes "other", or "few" in Russian without it.
 */
char *i18n_format(struct arena *arena, const struct catalogue *catalogue, const char *locale,
                  const char *key, const struct aisha_arg *args, enum i18n_form form);

/* The languages there are, ended by NULL. */
extern const char *const i18n_locales[];

/* What to speak with a user whose Telegram speaks language_code ("ru-RU", "de"): Russian, as in the
 * lists of commands, when it is a language we do not have, or Telegram says none. Static. */
const char *i18n_locale_for(const char *language_code);

/* True for "ru" and "en". */
bool i18n_is_locale(const char *locale);

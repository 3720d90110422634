/*
 * Lookup and formatting; i18n_load.c reads and checks.
 */
#include "host/bot/i18n.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/bot/html.h"
#include "host/bot/i18n_data.h"
#include "host/bot/text.h"

const char *const i18n_locales[] = {"ru", "en", NULL};

static int compare_keys(const void *key, const void *message)
{
    return strcmp(key, ((const struct message *)message)->key);
}

static const struct message *find(const struct catalogue *catalogue, const char *key)
{
    if (!catalogue || !catalogue->count)
        return NULL;
    return bsearch(key, catalogue->messages, catalogue->count, sizeof *catalogue->messages,
                   compare_keys);
}

bool i18n_has(const struct catalogue *catalogue, const char *key)
{
    return find(catalogue, key) != NULL;
}

bool i18n_is_locale(const char *locale)
{
    for (size_t i = 0; i18n_locales[i]; i++)
        if (strcmp(locale, i18n_locales[i]) == 0)
            return true;
    return false;
}

const char *i18n_locale_for(const char *language_code)
{
    for (size_t i = 0; language_code && i18n_locales[i]; i++) {
        size_t size = strlen(i18n_locales[i]);
        if (strncmp(language_code, i18n_locales[i], size) == 0 &&
            (!language_code[size] || language_code[size] == '-'))
            return i18n_locales[i];
    }
    return i18n_locales[0];
}

static enum language language_of(const char *locale)
{
    return strcmp(locale, "en") == 0 ? LANGUAGE_EN : LANGUAGE_RU;
}

static const struct aisha_value *find_arg(const struct aisha_arg *args, const char *name,
                                          size_t size)
{
    for (; args && args->name; args++)
        if (strlen(args->name) == size && memcmp(args->name, name, size) == 0)
            return &args->value;
    return NULL;
}

static enum plural plural_of(enum language language, const struct aisha_value *n)
{
    if (!n || n->type != AISHA_INT)
        return PLURAL_OTHER;
    uint64_t count = n->integer < 0 ? -(uint64_t)n->integer : (uint64_t)n->integer;
    uint64_t ten = count % 10, hundred = count % 100;
    if (language == LANGUAGE_EN)
        return count == 1 ? PLURAL_ONE : PLURAL_OTHER;
    if (hundred >= 11 && hundred <= 14)
        return PLURAL_MANY;
    return ten == 1 ? PLURAL_ONE : ten >= 2 && ten <= 4 ? PLURAL_FEW : PLURAL_MANY;
}

static char *real_text(struct arena *arena, double real, enum language language)
{
    char *text = arena_printf(arena, "%.2f", real);
    char *point = strchr(text, '.');

    if (!point)
        return text;
    char *end = text + strlen(text);
    while (end[-1] == '0')
        *--end = '\0';
    if (end - 1 == point)
        *point = '\0';
    else if (language == LANGUAGE_RU)
        *point = ',';
    return strcmp(text, "-0") == 0 ? text + 1 : text;
}

static const char *value_text(struct arena *arena, const struct aisha_value *value,
                              enum language language)
{
    switch (value->type) {
    case AISHA_INT:
        return arena_printf(arena, "%" PRId64, value->integer);
    case AISHA_REAL:
        return real_text(arena, value->real, language);
    case AISHA_TEXT:
        return value->text ? value->text : "";
    case AISHA_NULL:
    case AISHA_BYTES:
        break;
    }
    return "";
}

char *i18n_format(struct arena *arena, const struct catalogue *catalogue, const char *locale,
                  const char *key, const struct aisha_arg *args, enum i18n_form form)
{
    const struct message *message = find(catalogue, key);
    enum language language = language_of(locale);
    struct text out = {.arena = arena};

    if (!message)
        return NULL;
    enum plural plural = plural_of(language, find_arg(args, "n", 1));
    const char *text = message->texts[language][plural];
    if (form == I18N_PLAIN)
        text = html_to_plain(arena, text);
    while (*text) {
        size_t size = strcspn(text, "{");
        text_add(&out, text, size);
        text += size;
        if (!*text)
            break;
        size_t name_size = text[1] == '{' ? 0 : strcspn(text + 1, "}");
        const struct aisha_value *value = find_arg(args, text + 1, name_size);
        if (value) {
            const char *inserted = value_text(arena, value, language);
            text_adds(&out, form == I18N_HTML ? html_escape(arena, inserted) : inserted);
            text += name_size + 2;
        } else {
            text_add(&out, "{", 1);
            text += text[1] == '{' ? 2 : 1;
        }
    }
    return text_done(&out);
}

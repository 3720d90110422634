/*
 * Rows of another size than ours are copied into one of ours first, so that a plugin built against
 * an older or a newer header works.
 */
#include "host/bot/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>

#include "host/core/redact.h"

enum { SHOWN_MAX_BYTES = 60 };

/* Everything that the steps below need. */
struct filling {
    struct arena *arena;
    const struct ini_section *section;
    void *config;
    struct problems *problems;
};

int option_parse_bool(const char *value, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0) {
            *ret = i % 2 == 1;
            return 0;
        }
    return -AISHA_E_INVALID;
}

int option_parse_int(const char *value, int64_t *ret)
{
    const char *digits = value + (*value == '-');
    char *end;

    if (*digits < '0' || *digits > '9')
        return -AISHA_E_INVALID;
    errno = 0;
    intmax_t number = strtoimax(value, &end, 10);
    if (*end || errno || number < INT64_MIN || number > INT64_MAX)
        return -AISHA_E_INVALID;
    *ret = number;
    return 0;
}

/* Before anything is said about it. The address of a store is secret only by its password. */
static void note_secret(const struct aisha_option *option, const char *value)
{
    bool is_address = strstr(value, "://") && strncmp(value, "http", 4) != 0;
    bool is_place = strncmp(value, "sqlite:", 7) == 0 || strncmp(value, "file:", 5) == 0;

    redact_add_url(value);
    if (option->is_secret && !is_address && !is_place)
        redact_add(value);
}

int option_refuse(const struct aisha_option *option, const char *value, struct option_source source,
                  const char *remedy, struct problems *problems)
{
    note_secret(option, value);
    if (option->is_secret || strlen(value) > SHOWN_MAX_BYTES)
        problem_add(problems, source.path, source.line, remedy, "[%s] %s cannot be used as it is",
                    source.section, option->name);
    else
        problem_add(problems, source.path, source.line, remedy, "[%s] %s cannot be \"%s\"",
                    source.section, option->name, value);
    return -AISHA_E_INVALID;
}

static int set_text(struct arena *arena, const struct aisha_option *option, const char *value,
                    struct option_source source, void *member, struct problems *problems)
{
    int64_t size = (int64_t)strlen(value);
    const char *copy;

    if (option->max > 0 && (size < option->min || size > option->max))
        return option_refuse(option, value, source,
                             arena_printf(arena,
                                          "it has %" PRId64 " bytes; write %" PRId64 " to %" PRId64,
                                          size, option->min, option->max),
                             problems);
    copy = arena_strdup(arena, value);
    memcpy(member, &copy, sizeof copy);
    return 0;
}

static int set_int(struct arena *arena, const struct aisha_option *option, const char *value,
                   struct option_source source, void *member, struct problems *problems)
{
    bool has_range = option->max > option->min;
    int64_t number;

    int r = option_parse_int(value, &number);
    if (r == 0 && (!has_range || (number >= option->min && number <= option->max))) {
        memcpy(member, &number, sizeof number);
        return 0;
    }
    return option_refuse(
        option, value, source,
        has_range ? arena_printf(arena, "write a whole number from %" PRId64 " to %" PRId64,
                                 option->min, option->max)
                  : "write a whole number",
        problems);
}

int option_set(struct arena *arena, const struct aisha_option *option, const char *value,
               struct option_source source, void *config, struct problems *problems)
{
    char *member = (char *)config + option->offset;
    bool truth;

    note_secret(option, value);
    switch (option->type) {
    case AISHA_OPTION_TEXT:
        return set_text(arena, option, value, source, member, problems);
    case AISHA_OPTION_INT:
        return set_int(arena, option, value, source, member, problems);
    case AISHA_OPTION_BOOL:
        if (option_parse_bool(value, &truth) < 0)
            return option_refuse(option, value, source, "write true or false", problems);
        memcpy(member, &truth, sizeof truth);
        return 0;
    }
    return option_refuse(option, value, source, "this host does not know an option of its type",
                         problems);
}

static struct aisha_option row_at(const struct aisha_option *rows, size_t row_size, size_t index)
{
    struct aisha_option row = {0};

    memcpy(&row, (const char *)rows + index * row_size,
           row_size < sizeof row ? row_size : sizeof row);
    return row;
}

static bool is_for_loader(const char *key)
{
    return strcmp(key, "enabled") == 0 || strcmp(key, "path") == 0;
}

static void check_keys(const struct filling *f, const char *const *names, size_t count)
{
    for (size_t i = 0; i < f->section->entry_count; i++) {
        const struct ini_entry *entry = &f->section->entries[i];
        bool is_known = is_for_loader(entry->key);

        for (size_t j = 0; j < count && !is_known; j++)
            is_known = strcmp(entry->key, names[j]) == 0;
        if (!is_known)
            problem_add(f->problems, f->section->path, entry->line,
                        problem_did_you_mean(f->arena, entry->key, names, count),
                        "[%s] has no key \"%s\"", f->section->name, entry->key);
    }
}

/* What the plugin's author wrote has to fit as well, whether or not it is used here: nobody should be
 * blamed for what is not in the file. */
static bool check_default(const struct filling *f, const struct aisha_option *option,
                          struct option_source source)
{
    struct problems found = {.arena = f->arena};
    struct aisha_option alone = *option;
    int64_t member;

    alone.offset = 0;
    if (!option->value || option_set(f->arena, &alone, option->value, source, &member, &found) == 0)
        return true;
    problem_add(f->problems, source.path, source.line,
                arena_printf(f->arena,
                             "this is for the plugin's author: %s; switch it off with \"enabled = "
                             "no\" until then",
                             found.first->remedy),
                "the plugin's own default does not fit: %s", found.first->cause);
    return false;
}

/* False when there is a problem with it, perhaps one that was found when the file was read. */
static bool fill_one(const struct filling *f, const struct aisha_option *option)
{
    const struct ini_entry *entry = ini_find_entry(f->section, option->name);
    const char *meaning = option->summary ? option->summary : "this plugin cannot work without it";
    struct option_source source = {f->section->path, f->section->line, f->section->name};
    const char *value = NULL;
    bool is_sound = check_default(f, option, source);

    if (entry) {
        source.line = entry->line;
        value = ini_value(f->arena, f->section, entry, 0, NULL, f->problems);
        if (!value)
            return false;
    }
    bool is_given = value && (*value || (option->type == AISHA_OPTION_TEXT && option->value));
    if (!is_given && !option->value) {
        problem_add(f->problems, source.path, source.line, meaning, "[%s] needs a value for \"%s\"",
                    f->section->name, option->name);
        return false;
    }
    if (!is_given && !is_sound)
        return false;
    return option_set(f->arena, option, is_given ? value : option->value, source, f->config,
                      f->problems) == 0 &&
           is_sound;
}

int options_fill(struct arena *arena, const struct aisha_option *rows, size_t count,
                 size_t row_size, const struct ini_section *section, void *config,
                 struct problems *problems)
{
    const struct filling f = {arena, section, config, problems};
    const char **names = arena_alloc(arena, (count + 1) * sizeof *names);
    size_t problems_before = problems->count;
    bool is_complete = true;

    for (size_t i = 0; i < count; i++)
        names[i] = row_at(rows, row_size, i).name;
    check_keys(&f, names, count);
    for (size_t i = 0; i < count; i++) {
        struct aisha_option option = row_at(rows, row_size, i);
        is_complete = fill_one(&f, &option) && is_complete;
    }
    return is_complete && problems->count == problems_before ? 0 : -AISHA_E_INVALID;
}

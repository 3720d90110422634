/*
 * Variables, and the values that refer to them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/bot/ini.h"
#include "host/bot/sealed.h"
#include "host/bot/split.h"
#include "host/bot/text.h"
#include "host/core/redact.h"

enum {
    FILE_MAX_BYTES = 1 << 20,
    VALUE_MAX_BYTES = 64 << 10,
    KEY_FILE_MAX_BYTES = 4 << 10,
};

struct variable {
    const struct variable *next;
    const char *name, *value;
    int line;
};

struct env {
    const struct variable *variables; /* of the file, the last line first */
    struct master_key key;
    bool has_key, has_bad_key;
};

static size_t variable_name_size(const char *text)
{
    size_t size = 0;

    if (isdigit((unsigned char)*text))
        return 0;
    while (isalnum((unsigned char)text[size]) || text[size] == '_')
        size++;
    return size;
}

static const struct variable *find_variable(const struct env *env, const char *name)
{
    const struct variable *v = env ? env->variables : NULL;

    while (v && strcmp(v->name, name) != 0)
        v = v->next;
    return v;
}

const char *env_get(const struct env *env, const char *name)
{
    const char *value = getenv(name);
    const struct variable *v = value ? NULL : find_variable(env, name);

    return v ? v->value : value;
}

/* The inside of quotes at text; NULL when they are not closed. ret_rest is behind them. */
static char *unquote(struct arena *arena, const char *text, const char **ret_rest)
{
    static const char escapes[] = "n\nt\tr\r\"\"\\\\$$";
    struct text value = {.arena = arena};
    char quote = *text++;

    for (; *text && *text != quote; text++) {
        const char *escape = NULL;
        if (quote == '"' && *text == '\\' && text[1])
            for (const char *e = escapes; *e && !escape; e += 2)
                escape = *e == text[1] ? e : NULL;
        text_add(&value, escape ? escape + 1 : text, 1);
        if (escape)
            text++;
    }
    if (*text != quote)
        return NULL;
    *ret_rest = text + 1;
    return text_done(&value);
}

static char *bare_value(struct arena *arena, const char *text, const char **ret_rest)
{
    size_t size = 0, used = 0;

    while (text[size] && !(isspace((unsigned char)text[size]) && text[size + 1] == '#')) {
        size++;
        if (!isspace((unsigned char)text[size - 1]))
            used = size;
    }
    *ret_rest = text + size;
    return arena_strndup(arena, text, used);
}

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* One line of a .env file, without its newline. Returns what is wrong with it, or NULL. */
static const char *env_line(struct arena *arena, struct env *env, const char *text, int line)
{
    struct variable *v = arena_alloc(arena, sizeof *v);
    const char *rest;

    text = skip_space(text);
    if (!*text || *text == '#')
        return NULL;
    if (strncmp(text, "export ", 7) == 0)
        text = skip_space(text + 7);
    size_t name_size = variable_name_size(text);
    if (!name_size || text[name_size] != '=')
        return "not of the form NAME=value";
    v->name = arena_strndup(arena, text, name_size);
    text += name_size + 1;
    v->value = *text == '"' || *text == '\'' ? unquote(arena, text, &rest)
                                             : bare_value(arena, text, &rest);
    if (!v->value)
        return "the quotes are not closed on this line";
    rest = skip_space(rest);
    if (*rest && *rest != '#')
        return "something follows the closing quote";
    if (find_variable(env, v->name))
        return "this variable was already given above";
    v->line = line;
    v->next = env->variables;
    env->variables = v;
    return NULL;
}

struct env *env_load(struct arena *arena, const char *path, struct problems *problems)
{
    struct env *env = arena_alloc(arena, sizeof *env);
    size_t size = 0;
    char *file = NULL;

    int r = path ? text_read_file(arena, path, FILE_MAX_BYTES, &file, &size) : 0;
    if (r < 0 && r != -ENOENT)
        problem_add(problems, path, 0, "make it a readable text file, or remove it",
                    "cannot be read: %s", aisha_error_text(r));
    if (r < 0 || !file)
        return env;
    if (strlen(file) != size || !utf8_is_valid(file, size)) {
        problem_add(problems, path, 0, "save the file as plain UTF-8 text", "this is not a text");
        return env;
    }
    int line = 1;
    for (char *text = file; text; line++) {
        char *newline = strchr(text, '\n');
        if (newline)
            *newline = '\0';
        const char *fault = env_line(arena, env, text, line);
        if (fault)
            problem_add(
                problems, path, line,
                "write NAME=value, NAME='value' or NAME=\"value\"; comments start with \"#\"", "%s",
                fault);
        text = newline ? newline + 1 : NULL;
    }
    return env;
}

const struct master_key *env_take_master_key(struct arena *arena, struct env *env,
                                             const char *key_path, struct problems *problems)
{
    const char *text = env_get(env, "AISHA_MASTER_KEY"), *place = "AISHA_MASTER_KEY";
    const char *fault = NULL;
    char *file;

    if (!env)
        return NULL;
    if (text && !*text) /* as with every other variable */
        text = NULL;
    if (!text && key_path && *key_path) {
        place = key_path;
        int r = text_read_file(arena, key_path, KEY_FILE_MAX_BYTES, &file, NULL);
        text = r < 0 ? NULL : file;
        fault = r < 0 ? arena_printf(arena, "cannot be read: %s", aisha_error_text(r)) : NULL;
    }
    if (!text && !fault)
        return NULL;
    redact_add(text);
    if (!fault)
        fault = master_key_parse(arena, text, &env->key);
    env->has_key = !fault;
    env->has_bad_key = fault != NULL;
    if (fault)
        problem_add(problems, place, 0, MASTER_KEY_REMEDY, "%s", fault);
    return fault ? NULL : &env->key;
}

/* What a value is read with. */
struct reading {
    struct arena *arena;
    const struct ini_section *section;
    const struct ini_entry *entry;
    const char *unset_remedy;
    struct problems *problems;
};

static const char *refuse(const struct reading *r, const char *remedy, const char *cause)
{
    problem_add(r->problems, r->section->path, r->entry->line, remedy, "%s: %s", r->entry->key,
                cause);
    return NULL;
}

/* The value of "${…}" at *text, which is moved behind it; NULL when it was refused. */
static const char *reference(const struct reading *r, const char **text)
{
    const char *form = "write ${NAME} or ${NAME:-default}, without further ${ inside";
    const char *start = *text + 2;
    const char *close = strchr(start, '}');
    size_t name_size = variable_name_size(start);

    if (!close || !name_size)
        return refuse(r, form, "a broken reference to a variable");
    const char *name = arena_strndup(r->arena, start, name_size);
    const char *value = env_get(r->section->env, name);
    *text = close + 1;
    if (start + name_size == close) {
        if (!value)
            return refuse(
                r, r->unset_remedy ? r->unset_remedy : "set it in the environment or in .env",
                arena_printf(r->arena, "%s is not set", name));
        return value;
    }
    const char *fallback = start + name_size + 2;
    if (strncmp(fallback - 2, ":-", 2) != 0 ||
        memmem(fallback, (size_t)(close - fallback), "${", 2))
        return refuse(r, form, "a broken reference to a variable");
    return value && *value ? value : arena_strndup(r->arena, fallback, (size_t)(close - fallback));
}

static const char *expand(const struct reading *r, const char *raw)
{
    struct text text = {.arena = r->arena};

    while (*raw) {
        if (strncmp(raw, "$${", 3) == 0) {
            text_adds(&text, "${");
            raw += 3;
        } else if (strncmp(raw, "${", 2) == 0) {
            const char *value = reference(r, &raw);
            if (!value)
                return NULL;
            text_adds(&text, value);
        } else {
            text_add(&text, raw++, 1);
        }
        if (text.size > VALUE_MAX_BYTES)
            return refuse(r, "a value has at most 64 KiB", "too long");
    }
    return text_done(&text);
}

static const char *read_secret(const struct reading *r, const char *path)
{
    char *value;
    size_t size;

    int result = text_read_file(r->arena, path, VALUE_MAX_BYTES, &value, &size);
    if (result < 0)
        return refuse(
            r, "\"file:\" names a readable file of at most 64 KiB",
            arena_printf(r->arena, "%s cannot be read: %s", path, aisha_error_text(result)));
    if (strlen(value) != size || !utf8_is_valid(value, size))
        return refuse(r, "save it as plain UTF-8 text",
                      arena_printf(r->arena, "%s does not contain text", path));
    if (size && value[size - 1] == '\n')
        value[--size] = '\0';
    if (size && value[size - 1] == '\r')
        value[--size] = '\0';
    return value;
}

static const char *decrypt(const struct reading *r, const char *sealed)
{
    const struct env *env = r->section->env;
    const char *name = arena_printf(r->arena, "%s.%s", r->section->name, r->entry->key);
    const char *cause, *remedy;

    if (env && env->has_bad_key)
        return NULL; /* that was said */
    if (!env || !env->has_key)
        return refuse(r, "set AISHA_MASTER_KEY, or [secrets] key_file in aisha.ini",
                      "the value is encrypted, but there is no key");
    const char *value = unseal(r->arena, &env->key, name, sealed, &cause, &remedy);
    if (value && utf8_is_valid(value, strlen(value)))
        return value;
    return value ? refuse(r, "encrypt it again", "the encrypted value is not a text")
                 : refuse(r, remedy, cause);
}

const char *ini_value(struct arena *arena, const struct ini_section *section,
                      const struct ini_entry *entry, unsigned flags, const char *unset_remedy,
                      struct problems *problems)
{
    const struct reading r = {arena, section, entry, unset_remedy, problems};

    if (!entry->raw)
        return NULL;
    const char *value = expand(&r, entry->raw);
    if (!value)
        return NULL;
    if (!utf8_is_valid(value, strlen(value)))
        return refuse(&r, "set the variable to valid UTF-8", "not valid UTF-8");
    if (strncmp(value, "file:", 5) == 0 && !(flags & INI_KEEP_FILE_URL))
        value = read_secret(&r, value + 5);
    if (value && is_sealed(value))
        value = decrypt(&r, value);
    return value;
}

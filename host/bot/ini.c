/*
 * libinih splits the lines; the reader that feeds it sees every line first and so knows its number,
 * refuses what libinih would cut or misread, and notices lines that led to nothing.
 */
#include "host/bot/ini.h"

#include <ctype.h>
#include <string.h>

#include <ini.h>

#include <aisha/error.h>

#include "host/bot/split.h"
#include "host/bot/text.h"

enum {
    FILE_MAX_BYTES = 1 << 20,
    NAME_MAX_BYTES = 40,
};

#define LINE_REMEDY                                                                                 \
    "put a long value into a file of its own and write file:PATH, or into .env and write ${NAME}, " \
    "or continue it on indented lines"

/* What is known about the line that libinih works on. */
struct scan {
    struct arena *arena;
    struct problems *problems;
    struct ini *ini;
    const char *next, *end; /* rest of the file */
    int line;
    bool is_pair, was_split; /* it should become a key with a value, and did */
    bool is_continuation;
    bool is_broken;         /* it was reported; at most its key is used */
    bool is_skipping;       /* until the next section, because the name of this one is broken */
    bool has_previous;      /* libinih takes an indented line for a continuation */
    size_t section;         /* index + 1 of the current one */
    struct ini_entry *last; /* that a continuation belongs to; NULL when it was refused */
};

static void *grow(struct arena *arena, void *array, size_t count, size_t item_size)
{
    if (count >= 4 ? (count & (count - 1)) != 0 : count > 0)
        return array;
    void *larger = arena_alloc(arena, (count >= 4 ? count * 2 : 4) * item_size);
    if (count)
        memcpy(larger, array, count * item_size);
    return larger;
}

static bool is_name(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
            return false;
    return size > 0 && size <= NAME_MAX_BYTES;
}

static void begin_section(struct scan *s, const char *name)
{
    struct ini *ini = s->ini;

    for (size_t i = 0; i < ini->section_count; i++)
        if (strcmp(ini->sections[i].name, name) == 0) {
            problem_add(s->problems, ini->path, s->line, "keep one of them with the keys of both",
                        "section [%s] was already given in line %d", name, ini->sections[i].line);
            s->section = i + 1;
            return;
        }
    ini->sections = grow(s->arena, ini->sections, ini->section_count, sizeof *ini->sections);
    ini->sections[ini->section_count] =
        (struct ini_section){.name = name, .line = s->line, .path = ini->path};
    s->section = ++ini->section_count;
}

/* A line that starts with "[": true when libinih may have it. */
static bool scan_section(struct scan *s, const char *start, size_t size)
{
    const char *close = memchr(start, ']', size);
    size_t name_size = close ? (size_t)(close - start) - 1 : 0;
    const char *rest = close ? close + 1 : start;

    s->has_previous = false;
    s->last = NULL;
    while (rest < start + size && isspace((unsigned char)*rest))
        rest++;
    s->is_skipping = !close || !is_name(start + 1, name_size) ||
                     (rest < start + size && *rest != ';' && *rest != '#');
    if (!s->is_skipping)
        begin_section(s, arena_strndup(s->arena, start + 1, name_size));
    else if (!s->is_broken)
        problem_add(s->problems, s->ini->path, s->line,
                    "write [name], of letters, digits, \"_\", \".\" and \"-\", alone on its line",
                    "this is not the name of a section");
    return !s->is_skipping && !s->is_broken;
}

/* An indented line after a key continues its value, which is hardly meant when it looks like so. */
static bool looks_like_key(const char *start, size_t size)
{
    const char *sign = memchr(start, '=', size);
    size_t name_size = sign ? (size_t)(sign - start) : 0;

    if (*start == '[')
        return true;
    while (name_size && isspace((unsigned char)start[name_size - 1]))
        name_size--;
    return islower((unsigned char)*start) && is_name(start, name_size) && sign + 1 < start + size &&
           sign[1] != '=';
}

static bool scan_continuation(struct scan *s, const char *start, size_t size)
{
    if (s->is_broken && s->last) {
        s->last->raw = NULL;
    } else if (looks_like_key(start, size)) {
        problem_add(s->problems, s->ini->path, s->line, "take out the white space in front of it",
                    "an indented line continues the value above, but this is a new %s",
                    *start == '[' ? "section" : "key");
        return false;
    }
    s->is_continuation = s->is_pair = !s->is_broken;
    return s->is_pair;
}

/* Reports a fault that makes the line's value useless. */
static bool is_faulty(const struct scan *s, const char *line, size_t size, size_t max_size)
{
    const char *as_text = "save the file as plain UTF-8 text";

    if (memchr(line, '\0', size))
        problem_add(s->problems, s->ini->path, s->line, as_text, "the line contains a zero byte");
    else if (!utf8_is_valid(line, size))
        problem_add(s->problems, s->ini->path, s->line, as_text, "the line is not valid UTF-8");
    else if (size > max_size)
        problem_add(s->problems, s->ini->path, s->line, LINE_REMEDY,
                    "the line has %zu bytes, at most %zu can be read", size, max_size);
    else
        return false;
    return true;
}

/* How much of the line libinih may see: of a broken one only the key. */
static size_t scan_line(struct scan *s, const char *line, size_t size, size_t max_size)
{
    const char *start = line;

    while (start < line + size && isspace((unsigned char)*start))
        start++;
    size_t rest = size - (size_t)(start - line);
    if (!rest || *start == ';' || *start == '#')
        return 0;
    s->is_broken = is_faulty(s, line, size, max_size);
    if (start > line && s->has_previous)
        return scan_continuation(s, start, rest) ? size : 0;
    if (*start == '[')
        return scan_section(s, start, rest) ? size : 0;
    if (s->is_skipping)
        return 0;
    if (!s->section) {
        problem_add(s->problems, s->ini->path, s->line, "put a [section] line above it",
                    "a key outside a section");
        return 0;
    }
    const char *sign = memchr(line, '=', size < max_size ? size : max_size);
    s->is_pair = !s->is_broken || (sign && !memchr(line, '\0', (size_t)(sign - line)));
    if (s->is_broken)
        return s->is_pair ? (size_t)(sign - line) + 1 : 0;
    return size;
}

static void check_last_line(const struct scan *s)
{
    if (s->is_pair && !s->was_split)
        problem_add(s->problems, s->ini->path, s->line,
                    "write \"key = value\"; comments start with \";\" or \"#\"",
                    "neither a key with a value nor a [section]");
}

/* Gives libinih one line, an empty one for what it is not to see. */
static char *inih_read(char *buffer, int buffer_size, void *stream)
{
    struct scan *s = stream;

    check_last_line(s);
    s->is_pair = s->was_split = s->is_continuation = s->is_broken = false;
    if (s->next == s->end)
        return NULL;
    s->line++;
    const char *line = s->next;
    const char *newline = memchr(line, '\n', (size_t)(s->end - line));
    const char *line_end = newline ? newline : s->end;
    s->next = newline ? newline + 1 : s->end;
    size_t size = (size_t)(line_end - line);
    if (size && line[size - 1] == '\r')
        size--;
    size = scan_line(s, line, size, (size_t)buffer_size - 3);
    memcpy(buffer, line, size);
    memcpy(buffer + size, "\n", 2);
    return buffer;
}

static void add_entry(struct scan *s, const char *key, const char *value)
{
    struct ini_section *section = &s->ini->sections[s->section - 1];
    const struct ini_entry *same = ini_find_entry(section, key);

    s->last = NULL;
    s->has_previous = *key != '\0';
    if (!is_name(key, strlen(key))) {
        problem_add(s->problems, s->ini->path, s->line,
                    "a key has up to 40 letters, digits, \"_\", \".\" and \"-\"",
                    "this is not the name of a key");
        return;
    }
    if (same) {
        problem_add(s->problems, s->ini->path, s->line, "remove one of them",
                    "key %s was already given in line %d", key, same->line);
        return;
    }
    section->entries =
        grow(s->arena, section->entries, section->entry_count, sizeof *section->entries);
    s->last = &section->entries[section->entry_count++];
    *s->last = (struct ini_entry){
        .key = arena_strdup(s->arena, key),
        .raw = s->is_broken ? NULL : arena_strdup(s->arena, value),
        .line = s->line,
    };
}

static int inih_on_value(void *user, const char *section, const char *key, const char *value)
{
    struct scan *s = user;

    (void)section;
    s->was_split = true;
    if (!s->is_continuation) {
        add_entry(s, key, value);
    } else if (s->last && s->last->raw) {
        /* libinih takes comments only out of first lines. */
        const char *comment = strstr(value, " ;");
        int size = (int)(comment ? (size_t)(comment - value) : strlen(value));
        s->last->raw =
            arena_printf(s->arena, "%s%s%.*s", s->last->raw, *s->last->raw ? " " : "", size, value);
    }
    return 1;
}

int ini_load(struct arena *arena, const struct env *env, const char *path, struct ini *ret,
             struct problems *problems)
{
    size_t problems_before = problems->count;
    size_t size;
    char *file;

    *ret = (struct ini){.path = arena_strdup(arena, path)};
    int r = text_read_file(arena, path, FILE_MAX_BYTES, &file, &size);
    if (r < 0) {
        problem_add(problems, path, 0,
                    r == -AISHA_E_LIMIT ? "a configuration has at most 1 MiB"
                                        : "create it, or name another one on the command line",
                    "cannot be read: %s", aisha_error_text(r));
        return -AISHA_E_INVALID;
    }
    struct scan scan = {.arena = arena, .problems = problems, .ini = ret, .next = file};
    scan.end = file + size;
    if (size >= 3 && memcmp(file, "\xef\xbb\xbf", 3) == 0)
        scan.next += 3;
    aisha_ignore(ini_parse_stream(inih_read, &scan, inih_on_value, &scan));
    for (size_t i = 0; i < ret->section_count; i++)
        ret->sections[i].env = env;
    return problems->count > problems_before ? -AISHA_E_INVALID : 0;
}

const struct ini_section *ini_find(const struct ini *ini, const char *name)
{
    for (size_t i = 0; i < ini->section_count; i++)
        if (strcmp(ini->sections[i].name, name) == 0)
            return &ini->sections[i];
    return NULL;
}

const struct ini_entry *ini_find_entry(const struct ini_section *section, const char *key)
{
    for (size_t i = 0; i < section->entry_count; i++)
        if (strcmp(section->entries[i].key, key) == 0)
            return &section->entries[i];
    return NULL;
}

/*
 * INI files and the environment they refer to.
 *
 * A file is read as a whole (at most 1 MiB) and checked for what libinih would silently accept or
 * cut: over-long lines, names given twice, keys outside a section, indented keys. Indented lines
 * continue the value above and are joined with one space; " ;" starts a comment.
 *
 * Values are resolved only when somebody asks for them, so that the unset variable of a plugin that
 * is switched off does not matter:
 *   ${NAME}           the variable, which must be set, though it may be empty
 *   ${NAME:-default}  the variable, or the default when it is unset or empty
 *   $${               a literal ${
 *   file:PATH         when the value then starts so: the contents of that file (at most 64 KiB,
 *                     the newline at its end left out), for mounted secrets
 *   enc:…             when it then starts so: decrypted with the master key, see sealed.h
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>

#include "host/bot/problem.h"
#include "host/core/arena.h"

/* Variables: those of the process, then those of a .env file. */
struct env;

struct ini_entry {
    const char *key;
    const char *raw; /* joined, not resolved; NULL when the line was broken and reported */
    int line;
};

struct ini_section {
    const char *name;
    int line;
    const char *path; /* of the file */
    const struct env *env;
    struct ini_entry *entries; /* in the order of the file */
    size_t entry_count;
};

struct ini {
    const char *path;
    struct ini_section *sections; /* in the order of the file */
    size_t section_count;
};

/*
 * Reads a .env file: KEY=value lines, "export" in front allowed, comments, 'verbatim' and "quoted"
 * values (\n \t \" \\ \$ inside the latter). A file that does not exist is an empty one. Never
 * NULL; what is wrong with the file is added to problems. path may be NULL: the process's
 * variables only. The arena owns the result.
 */
struct env *env_load(struct arena *arena, const char *path, struct problems *problems);

/*
 * Reads the key for enc: values, AISHA_MASTER_KEY or else the file key_path, unless that is NULL or
 * "". Returns it, or NULL when there is none or it is not usable; a problem was then added. env may
 * be NULL.
 */
struct master_key;
const struct master_key *env_take_master_key(struct arena *arena, struct env *env,
                                             const char *key_path, struct problems *problems);

#define MASTER_KEY_REMEDY                                                                          \
    "a key is 32 bytes as base64 (44 characters) or hexadecimal (64); \"aisha secrets new-key\" "  \
    "makes one"

/* The variable's value, or NULL. env may be NULL. */
const char *env_get(const struct env *env, const char *name);

/*
 * Reads a file. -AISHA_E_INVALID when problems were added; ret is then filled with what could be
 * read, so that it can be checked further. The arena owns everything; env is borrowed, may be NULL.
 */
AISHA_CHECKED int ini_load(struct arena *arena, const struct env *env, const char *path,
                           struct ini *ret, struct problems *problems);

/* NULL when there is none. */
const struct ini_section *ini_find(const struct ini *ini, const char *name);
const struct ini_entry *ini_find_entry(const struct ini_section *section, const char *key);

enum ini_value_flags {
    INI_KEEP_FILE_URL = 1 << 0, /* "file:" is a URL of its own meaning here, not a secret's place */
};

/*
 * The entry's value, resolved. NULL when that is not possible: then a problem was added, now or
 * when the file was read. unset_remedy replaces the remedy for a variable that is not set, or NULL.
 */
const char *ini_value(struct arena *arena, const struct ini_section *section,
                      const struct ini_entry *entry, unsigned flags, const char *unset_remedy,
                      struct problems *problems);

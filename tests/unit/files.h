/*
 * For tests of the files that operators and translators write: a directory of its own for each test,
 * and the problems as the operator reads them.
 */
#pragma once

#include "host/bot/ini.h"
#include "host/bot/problem.h"
#include "host/core/arena.h"

struct files {
    struct arena arena;
    struct problems problems;
    char directory[64];
    char path[96]; /* of file.ini in it */
    struct ini ini;
};

/* For cmocka; the directory and what was written into it vanish again. */
int files_setup(void **state);
int files_teardown(void **state);

const char *files_path(struct files *f, const char *name);
void files_write(struct files *f, const char *name, const char *data, size_t size);

/* All problems as text, without the directory. */
char *files_report(struct files *f);

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("\"%s\" is not in:\n%s", (part), (text));                                     \
    } while (0)

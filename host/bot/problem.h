/*
 * What is wrong with the files an operator edits. Checks go on after the first problem and add each
 * one here with its place, its cause and what to do about it; the caller prints them all and stops.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include <aisha/base.h>

#include "host/core/arena.h"

struct problem {
    struct problem *next;
    const char *path;
    int line; /* 0 = the file as a whole */
    const char *cause;
    const char *remedy; /* NULL when the cause says it all */
};

/* Starts as {.arena = …}: the arena owns the rows. */
struct problems {
    struct arena *arena;
    struct problem *first, *last;
    size_t count;
};

/* Adds a row; path and remedy are copied. Secrets are taken out of what is known as one by then. */
void problem_add(struct problems *problems, const char *path, int line, const char *remedy,
                 const char *cause, ...) AISHA_PRINTF(5, 6);

/* "path:line: cause" and, on a line of its own, "    remedy" for each, ended by newlines. */
void problems_print(const struct problems *problems, FILE *file);

/* The one of count names that name was probably meant to be, or NULL: a few letters differ. */
const char *problem_suggest(const char *name, const char *const *names, size_t count);

/* The same as a remedy: "did you mean "x"?", or "known are a, b, c". */
const char *problem_did_you_mean(struct arena *arena, const char *name, const char *const *names,
                                 size_t count);

/*
 * A suggestion is the nearest name by edits (insert, drop, change, swap neighbours), as long as at
 * most a third of the letters differ.
 */
#include "host/bot/problem.h"

#include <stdarg.h>
#include <string.h>

#include "host/bot/text.h"
#include "host/core/redact.h"

enum { NAME_MAX_BYTES = 48 };

void problem_add(struct problems *problems, const char *path, int line, const char *remedy,
                 const char *cause, ...)
{
    struct problem *problem = arena_alloc(problems->arena, sizeof *problem);
    va_list args;

    va_start(args, cause);
    *problem = (struct problem){
        .path = arena_strdup(problems->arena, path),
        .line = line,
        .cause = redact(arena_vprintf(problems->arena, cause, args)),
        .remedy = redact(arena_strdup(problems->arena, remedy)),
    };
    va_end(args);
    if (problems->last)
        problems->last->next = problem;
    else
        problems->first = problem;
    problems->last = problem;
    problems->count++;
}

void problems_print(const struct problems *problems, FILE *file)
{
    for (const struct problem *p = problems->first; p; p = p->next) {
        if (p->line > 0)
            fprintf(file, "%s:%d: %s\n", p->path, p->line, p->cause);
        else
            fprintf(file, "%s: %s\n", p->path, p->cause);
        if (p->remedy)
            fprintf(file, "    %s\n", p->remedy);
    }
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned edit_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    unsigned rows[3][NAME_MAX_BYTES + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    if (a_size > NAME_MAX_BYTES || b_size > NAME_MAX_BYTES)
        return NAME_MAX_BYTES;
    memset(rows, 0, sizeof rows);
    for (unsigned j = 0; j <= b_size; j++)
        above[j] = j;
    for (unsigned i = 1; i <= a_size; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_size];
}

const char *problem_suggest(const char *name, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)strlen(name) / 3 + 1;

    for (size_t i = 0; i < count; i++) {
        unsigned distance = edit_distance(name, names[i]);
        if (distance < best_distance || (!best && distance == best_distance)) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

const char *problem_did_you_mean(struct arena *arena, const char *name, const char *const *names,
                                 size_t count)
{
    const char *meant = problem_suggest(name, names, count);
    struct text text = {.arena = arena};

    if (meant)
        return arena_printf(arena, "did you mean \"%s\"?", meant);
    text_adds(&text, count ? "known are " : "there are none");
    for (size_t i = 0; i < count; i++) {
        text_adds(&text, i ? ", " : "");
        text_adds(&text, names[i]);
    }
    return text_done(&text);
}

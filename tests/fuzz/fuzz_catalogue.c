/*
 * Catalogues of texts: the Russian one, behind a byte that is never in UTF-8 the English one. What
 * is accepted can be formatted with any values and is then valid, well-formed and translated.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/bot/html.h"
#include "host/bot/i18n.h"
#include "host/bot/i18n_data.h"
#include "host/bot/split.h"
#include "tests/fuzz/fuzz.h"

enum { SEPARATOR = 0xff };

static const struct aisha_arg args[] = {
    {"n", {.type = AISHA_INT, .integer = 3}},
    {"name", {.type = AISHA_TEXT, .text = "<b>&\"{n}", .size = 8}},
    {"a", {.type = AISHA_REAL, .real = -1.5}},
    {NULL, {0}},
};

/* A directory with two files in memory: ru.json and en.json. */
struct directory {
    char path[64];
    int fds[LANGUAGE_COUNT];
};

static struct directory directory = {.path = "/tmp/aisha-fuzz-XXXXXX"};

static void remove_directory(void)
{
    char name[96];

    for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
        snprintf(name, sizeof name, "%s/%s.json", directory.path, i18n_locales[i]);
        unlink(name);
    }
    rmdir(directory.path);
}

static void make_directory(void)
{
    char name[96], target[32];

    assert(mkdtemp(directory.path));
    for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
        directory.fds[i] = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(target, sizeof target, "/proc/self/fd/%d", directory.fds[i]);
        snprintf(name, sizeof name, "%s/%s.json", directory.path, i18n_locales[i]);
        assert(symlink(target, name) == 0);
    }
    atexit(remove_directory);
}

static void fill(int fd, const uint8_t *bytes, size_t size)
{
    assert(ftruncate(fd, 0) == 0);
    assert(pwrite(fd, bytes, size, 0) == (ssize_t)size);
}

static void format_all(struct arena *arena, const struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        const char *key = catalogue->messages[i].key;
        assert(i18n_has(catalogue, key));
        for (size_t j = 0; j < LANGUAGE_COUNT; j++) {
            const char *locale = i18n_locales[j];
            const char *html = i18n_format(arena, catalogue, locale, key, args, I18N_HTML);
            const char *plain = i18n_format(arena, catalogue, locale, key, args, I18N_PLAIN);
            assert(html && utf8_is_valid(html, strlen(html)) && !html_check(arena, html));
            assert(plain && utf8_is_valid(plain, strlen(plain)));
            assert(i18n_format(arena, catalogue, locale, key, NULL, I18N_HTML));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *separator = size ? memchr(data, SEPARATOR, size) : NULL;
    size_t first = separator ? (size_t)(separator - data) : size;
    const struct catalogue *catalogue;
    struct arena arena = {0};
    struct problems problems = {.arena = &arena};

    if (!directory.fds[0])
        make_directory();
    fill(directory.fds[0], data, first);
    if (separator)
        fill(directory.fds[1], separator + 1, size - first - 1);
    else
        fill(directory.fds[1], data, size);
    int r = i18n_load(&arena, directory.path, &catalogue, &problems);
    assert((r < 0) == (problems.count > 0));
    for (const struct problem *p = problems.first; p; p = p->next)
        assert(*p->cause && p->remedy && p->line >= 0);
    if (r == 0)
        format_all(&arena, catalogue);
    arena_clear(&arena);
    return 0;
}

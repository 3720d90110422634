/*
 * Configuration files: an INI file, behind its first zero byte a .env file, as an operator may write
 * them by mistake. Whatever is wrong is a problem with a cause; what is not wrong can be used.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/bot/config.h"
#include "host/bot/ini.h"
#include "host/bot/options.h"
#include "tests/fuzz/fuzz.h"

struct settings {
    const char *text;
    int64_t number;
    bool truth;
};

static const struct aisha_option options[] = {
    {.name = "url", .type = AISHA_OPTION_TEXT, .offset = offsetof(struct settings, text), .max = 9},
    {.name = "slots",
     .type = AISHA_OPTION_INT,
     .offset = offsetof(struct settings, number),
     .value = "7",
     .min = 1,
     .max = 1000},
    {.name = "local",
     .type = AISHA_OPTION_BOOL,
     .offset = offsetof(struct settings, truth),
     .value = "off"},
};

/* A file in memory that has a path. */
struct memory_file {
    int fd;
    char path[32];
};

static void fill(struct memory_file *file, const char *bytes, size_t size)
{
    if (!*file->path) {
        file->fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
    }
    assert(ftruncate(file->fd, 0) == 0);
    assert(pwrite(file->fd, bytes, size, 0) == (ssize_t)size);
}

/* As a plugin's section. */
static void fill_options(struct arena *arena, const struct ini_section *section)
{
    struct problems problems = {.arena = arena};
    struct settings settings = {0};

    int r = options_fill(arena, options, sizeof options / sizeof *options, sizeof *options, section,
                         &settings, &problems);
    assert(r < 0 || problems.count == 0);
    if (r == 0)
        assert(settings.text && strlen(settings.text) < 10 && settings.number > 0);
}

static void check_problems(const struct problems *problems)
{
    for (const struct problem *p = problems->first; p; p = p->next)
        assert(p->path && p->cause && *p->cause && p->line >= 0);
}

static void read_values(struct arena *arena, const struct ini *ini, struct problems *problems)
{
    for (size_t i = 0; i < ini->section_count; i++) {
        const struct ini_section *section = &ini->sections[i];
        fill_options(arena, section);
        assert(*section->name && section->line > 0 && ini_find(ini, section->name) == section);
        for (size_t j = 0; j < section->entry_count; j++) {
            const struct ini_entry *entry = &section->entries[j];
            size_t before = problems->count;
            assert(*entry->key && ini_find_entry(section, entry->key) == entry);
            const char *value = ini_value(arena, section, entry, 0, NULL, problems);
            assert(value ? problems->count == before : problems->count > 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_file ini_file, env_file;
    const char *text = (const char *)data;
    const char *zero = size ? memchr(text, '\0', size) : NULL;
    size_t ini_size = zero ? (size_t)(zero - text) : size;
    struct arena arena = {0};
    struct problems problems = {.arena = &arena}, more = {.arena = &arena};
    struct config config;
    struct ini ini;

    fill(&ini_file, text, ini_size);
    fill(&env_file, zero ? zero + 1 : "", zero ? size - ini_size - 1 : 0);
    struct env *env = env_load(&arena, env_file.path, &problems);
    size_t before = problems.count;
    int r = ini_load(&arena, env, ini_file.path, &ini, &problems);
    assert((r < 0) == (problems.count > before));
    read_values(&arena, &ini, &problems);
    check_problems(&problems);

    r = config_load(&arena, env, ini_file.path, &config, &more);
    assert((r < 0) == (more.count > 0));
    assert(r < 0 || (*config.telegram.token && config.limits.max_in_flight > 0));
    check_problems(&more);
    arena_clear(&arena);
    return 0;
}

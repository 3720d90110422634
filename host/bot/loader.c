/*
 * The descriptor was compiled by somebody else, maybe years ago: only .abi and .size are read before
 * they are understood, and every table is copied into rows of this host's size.
 */
#include "host/bot/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <aisha/error.h>

#include "host/bot/i18n.h"
#include "host/bot/options.h"
#include "host/core/arena.h"

enum { MAX_DESCRIPTOR = 64 * 1024, MAX_ROWS = 4096, MAX_ROW_SIZE = 4096 };

static int refuse(struct problems *problems, const struct ini_section *section, int line,
                  const char *remedy, const char *cause)
{
    problem_add(problems, section->path, line, remedy, "%s", cause);
    return -AISHA_E_INVALID;
}

/* ---- the tables, whose row type the host does not need to know here ---- */

struct table {
    const void *rows;
    size_t count;
    size_t row_size;
};

static int widen(struct arena *arena, void *table_pointer, size_t row_size)
{
    struct table table;

    memcpy(&table, table_pointer, sizeof table);
    if (table.count == 0) {
        table.rows = NULL;
    } else {
        if (!table.rows || table.count > MAX_ROWS || table.row_size < sizeof(void *) ||
            table.row_size > MAX_ROW_SIZE)
            return -AISHA_E_INVALID;
        char *rows = arena_alloc(arena, table.count * row_size);
        size_t common = table.row_size < row_size ? table.row_size : row_size;
        for (size_t i = 0; i < table.count; i++)
            memcpy(rows + i * row_size, (const char *)table.rows + i * table.row_size, common);
        table.rows = rows;
    }
    table.row_size = row_size;
    memcpy(table_pointer, &table, sizeof table);
    return 0;
}

static int widen_all(struct arena *arena, struct aisha_plugin *d)
{
    const struct {
        void *table;
        size_t row_size;
    } tables[] = {
        {&d->commands, sizeof *d->commands.rows},
        {&d->callbacks, sizeof *d->callbacks.rows},
        {&d->states, sizeof *d->states.rows},
        {&d->messages, sizeof *d->messages.rows},
        {&d->updates, sizeof *d->updates.rows},
        {&d->menu, sizeof *d->menu.rows},
        {&d->migrations, sizeof *d->migrations.rows},
        {&d->requires, sizeof *d->requires.rows},
        {&d->provides, sizeof *d->provides.rows},
        {&d->helpers, sizeof *d->helpers.rows},
        {&d->webhooks, sizeof *d->webhooks.rows},
        {&d->options, sizeof *d->options.rows},
        {&d->jobs, sizeof *d->jobs.rows},
        {&d->schedules, sizeof *d->schedules.rows},
        {&d->health, sizeof *d->health.rows},
        {&d->job_endings, sizeof *d->job_endings.rows},
        {&d->metrics, sizeof *d->metrics.rows},
    };

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (widen(arena, tables[i].table, tables[i].row_size) < 0)
            return -AISHA_E_INVALID;
    return 0;
}

/* ---- the file ---- */

static int find_path(struct arena *arena, const struct registry_options *options,
                     const struct ini_section *section, const char **ret_path, int *ret_line,
                     struct problems *problems)
{
    const struct ini_entry *entry = ini_find_entry(section, "path");
    struct stat info;

    *ret_line = section->line;
    *ret_path =
        arena_printf(arena, "%s/%s/%s.so", options->directory, section->name, section->name);
    if (entry) {
        *ret_line = entry->line;
        *ret_path = ini_value(arena, section, entry, 0, NULL, problems);
        if (!*ret_path)
            return -AISHA_E_INVALID;
    }
    if (stat(*ret_path, &info) < 0)
        return refuse(
            problems, section, *ret_line,
            "build it, correct the name, say where it is with \"path = …\", or remove the "
            "section",
            arena_printf(arena, "the plugin \"%s\" is missing: %s: %s", section->name, *ret_path,
                         strerror(errno)));
    if (!S_ISREG(info.st_mode))
        return refuse(problems, section, *ret_line, "name the plugin's .so file",
                      arena_printf(arena, "%s is not a file", *ret_path));
    return 0;
}

static const char *load_remedy(const char *error)
{
    if (strstr(error, "undefined symbol: aisha_"))
        return "the plugin needs a newer host, or its author has misspelled the name";
    if (strstr(error, "undefined symbol"))
        return "link the object or library that defines it: cc … -lNAME";
    return "build the plugin again on this machine";
}

static int open_object(struct arena *arena, const struct ini_section *section, const char *path,
                       int line, const struct aisha_plugin **ret_foreign, struct problems *problems)
{
    char full[PATH_MAX];

    if (!realpath(path, full)) /* without a slash dlopen() would search elsewhere */
        return refuse(problems, section, line, NULL, strerror(errno));
    void *handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *error = dlerror();
        const char *text = error ? error : "the system does not say why";
        return refuse(problems, section, line, load_remedy(text),
                      arena_printf(arena, "the plugin cannot be loaded: %s", text));
    }
    *ret_foreign = dlsym(handle, "aisha_plugin");
    if (!*ret_foreign)
        return refuse(
            problems, section, line,
            "a plugin's source has AISHA_PLUGIN(…) at its end; see the README",
            arena_printf(arena, "%s is not a plugin: it has no symbol aisha_plugin", path));
    return 0;
}

static int read_descriptor(struct arena *arena, const struct ini_section *section, int line,
                           const struct aisha_plugin *foreign, struct plugin *plugin,
                           struct problems *problems)
{
    if (foreign->abi != AISHA_ABI)
        return refuse(problems, section, line,
                      foreign->abi < AISHA_ABI ? "build the plugin again with this host's SDK"
                                               : "update the host, or build the plugin with this "
                                                 "host's SDK",
                      arena_printf(arena, "the plugin has ABI %u, this host has ABI %u",
                                   (unsigned)foreign->abi, (unsigned)AISHA_ABI));
    if (foreign->bot_api_revision > AISHA_BOT_API_REVISION)
        return refuse(problems, section, line, "update the host",
                      "the plugin was built for a newer Bot API than this host knows");
    if (foreign->size < offsetof(struct aisha_plugin, commands) || foreign->size > MAX_DESCRIPTOR)
        return refuse(problems, section, line, "build the plugin again",
                      "the plugin's descriptor is damaged: its size makes no sense");
    size_t common = foreign->size < sizeof plugin->d ? foreign->size : sizeof plugin->d;
    memcpy(&plugin->d, foreign, common);
    if (widen_all(arena, &plugin->d) < 0)
        return refuse(problems, section, line, "use AISHA_TABLE() for the plugin's tables",
                      "the plugin's descriptor is damaged: a table makes no sense");
    if (!plugin->d.name || strcmp(plugin->d.name, section->name) != 0)
        return refuse(problems, section, line, "name the section as the plugin is named",
                      arena_printf(arena, "the file contains the plugin \"%s\"",
                                   plugin->d.name ? plugin->d.name : "without a name"));
    return 0;
}

static bool options_overlap(const struct aisha_option *a, const struct aisha_option *b)
{
    size_t a_size = a->type == AISHA_OPTION_BOOL ? sizeof(bool) : sizeof(int64_t);
    size_t b_size = b->type == AISHA_OPTION_BOOL ? sizeof(bool) : sizeof(int64_t);

    return a->offset < b->offset + b_size && b->offset < a->offset + a_size;
}

static int read_options(struct arena *arena, const struct ini_section *section,
                        struct plugin *plugin, struct problems *problems)
{
    const struct aisha_plugin *d = &plugin->d;

    if (d->config_size > MAX_DESCRIPTOR)
        return refuse(problems, section, section->line, NULL,
                      "the plugin's configuration struct is too large");
    for (size_t i = 0; i < d->options.count; i++)
        if (d->options.rows[i].offset >= d->config_size)
            return refuse(problems, section, section->line, "give .config_size in the descriptor",
                          "an option of the plugin lies outside of its configuration struct");
    for (size_t i = 0; i < d->options.count; i++)
        if (!d->options.rows[i].name || strcmp(d->options.rows[i].name, "path") == 0 ||
            strcmp(d->options.rows[i].name, "enabled") == 0)
            return refuse(problems, section, section->line, "rename it",
                          "an option of the plugin has no name, or the host's own: path, enabled");
    for (size_t i = 0; i < d->options.count; i++)
        for (size_t j = 0; j < i; j++)
            if (options_overlap(&d->options.rows[i], &d->options.rows[j]))
                return refuse(problems, section, section->line,
                              "members are int64_t, bool or const char *",
                              arena_printf(arena,
                                           "the options \"%s\" and \"%s\" overlap in the "
                                           "plugin's configuration struct",
                                           d->options.rows[j].name, d->options.rows[i].name));
    if (d->config_size > 0)
        plugin->config = arena_alloc(arena, d->config_size + sizeof(int64_t));
    return options_fill(arena, d->options.rows, d->options.count, d->options.row_size, section,
                        plugin->config, problems);
}

static const char *texts_of(struct arena *arena, const struct plugin *plugin)
{
    return arena_printf(arena, "%s/locale", plugin->directory);
}

const char *loader_no_text(struct arena *arena, const struct plugin *plugin)
{
    if (!plugin)
        return "it is none of the host's";
    return arena_printf(arena,
                        plugin->texts ? "it is not in ru.json and en.json of %s"
                                      : "there is no %s with ru.json and en.json",
                        texts_of(arena, plugin));
}

int loader_open(struct arena *arena, const struct registry_options *options,
                const struct ini_section *section, struct plugin *ret_plugin,
                struct problems *problems)
{
    struct plugin plugin = {.name = section->name};
    const struct aisha_plugin *foreign;

    int r = find_path(arena, options, section, &plugin.path, &plugin.line, problems);
    if (r == 0)
        r = open_object(arena, section, plugin.path, plugin.line, &foreign, problems);
    if (r == 0)
        r = read_descriptor(arena, section, plugin.line, foreign, &plugin, problems);
    if (r == 0)
        r = read_options(arena, section, &plugin, problems);
    if (r < 0)
        return r;
    const char *slash = strrchr(plugin.path, '/');
    plugin.directory =
        slash ? arena_strndup(arena, plugin.path, (size_t)(slash - plugin.path)) : ".";
    const char *texts = texts_of(arena, &plugin);
    struct stat info;
    if (stat(texts, &info) == 0 || errno != ENOENT)
        r = i18n_load(arena, texts, &plugin.texts, problems);
    plugin.line = section->line;
    *ret_plugin = plugin;
    return r;
}

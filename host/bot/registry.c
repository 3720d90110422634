/*
 * Lookups. A bot has tens of rows in all, so a walk over the tables costs less than an index would
 * cost to read.
 */
#include "host/bot/registry.h"

#include <string.h>

#include <aisha/error.h>

#include "host/bot/button.h"
#include "host/bot/loader.h"
#include "host/bot/options.h"
#include "host/bot/update_kind.h"
#include "host/core/arena.h"

const struct plugin *registry_plugin(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (strcmp(registry->plugins[i].name, name) == 0)
            return &registry->plugins[i];
    return NULL;
}

const struct aisha_command *registry_command(const struct registry *registry, const char *name,
                                             const struct plugin **ret_plugin)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.commands.count; j++) {
            if (strcmp(plugin->d.commands.rows[j].name, name) != 0)
                continue;
            *ret_plugin = plugin;
            return &plugin->d.commands.rows[j];
        }
    }
    return NULL;
}

const struct aisha_callback *plugin_callback(const struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->d.callbacks.count; i++)
        if (strcmp(plugin->d.callbacks.rows[i].name, name) == 0)
            return &plugin->d.callbacks.rows[i];
    return NULL;
}

const struct aisha_job_kind *plugin_job(const struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->d.jobs.count; i++)
        if (strcmp(plugin->d.jobs.rows[i].name, name) == 0)
            return &plugin->d.jobs.rows[i];
    return NULL;
}

const struct aisha_webhook *plugin_webhook(const struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->d.webhooks.count; i++)
        if (strcmp(plugin->d.webhooks.rows[i].name, name) == 0)
            return &plugin->d.webhooks.rows[i];
    return NULL;
}

const char *plugin_text_option(const struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->d.options.count; i++) {
        const struct aisha_option *option = &plugin->d.options.rows[i];
        if (strcmp(option->name, name) == 0 && option->type == AISHA_OPTION_TEXT)
            return *(const char *const *)(const void *)((const char *)plugin->config +
                                                        option->offset);
    }
    return NULL;
}

const struct aisha_callback *registry_callback(const struct registry *registry, uint32_t route,
                                               const struct plugin **ret_plugin)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.callbacks.count; j++) {
            const struct aisha_callback *callback = &plugin->d.callbacks.rows[j];
            if (button_route(plugin->name, callback->name, callback->version) != route)
                continue;
            *ret_plugin = plugin;
            return callback;
        }
    }
    return NULL;
}

const struct aisha_state *plugin_state(const struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->d.states.count; i++)
        if (strcmp(plugin->d.states.rows[i].name, name) == 0)
            return &plugin->d.states.rows[i];
    return NULL;
}

const struct aisha_state *registry_state(const struct registry *registry, const char *plugin_name,
                                         const char *state, const struct plugin **ret_plugin)
{
    const struct plugin *plugin = registry_plugin(registry, plugin_name);

    if (!plugin)
        return NULL;
    *ret_plugin = plugin;
    return plugin_state(plugin, state);
}

const struct aisha_service *registry_service(const struct registry *registry, const char *name,
                                             int version, const struct plugin **ret_plugin)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.provides.count; j++) {
            const struct aisha_service *service = &plugin->d.provides.rows[j];
            if (strcmp(service->name, name) != 0 || service->version != version)
                continue;
            *ret_plugin = plugin;
            return service;
        }
    }
    return NULL;
}

const struct aisha_helper_row *plugin_helper(const struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->d.helpers.count; i++)
        if (strcmp(plugin->d.helpers.rows[i].name, name) == 0)
            return &plugin->d.helpers.rows[i];
    return NULL;
}

static bool has_text(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

bool registry_takes_albums(const struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct aisha_plugin *d = &registry->plugins[i].d;
        for (size_t j = 0; j < d->messages.count; j++)
            if (d->messages.rows[j].takes_albums)
                return true;
        for (size_t j = 0; j < d->states.count; j++)
            if (d->states.rows[j].takes_albums)
                return true;
    }
    return false;
}

const char *const *registry_allowed_updates(const struct registry *registry, struct arena *arena)
{
    size_t count = 0, max = UPDATE_KINDS_MAX;

    for (size_t i = 0; i < registry->count; i++)
        max += registry->plugins[i].d.updates.count;
    const char **list = arena_alloc(arena, max * sizeof *list);
    for (size_t i = 0; i < update_kind_count; i++)
        if (update_kinds[i].is_ours || update_kinds[i].is_watched)
            list[count++] = update_kinds[i].name;
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.updates.count; j++)
            if (!has_text(list, count, plugin->d.updates.rows[j].field))
                list[count++] = plugin->d.updates.rows[j].field;
    }
    return list;
}

static bool is_enabled(struct arena *arena, const struct ini_section *section,
                       struct problems *problems)
{
    const struct ini_entry *entry = ini_find_entry(section, "enabled");
    bool value = true;

    if (!entry)
        return true;
    const char *text = ini_value(arena, section, entry, 0, NULL, problems);
    if (text && option_parse_bool(text, &value) < 0)
        problem_add(problems, section->path, entry->line, "write yes or no",
                    "\"enabled\" is neither yes nor no");
    return value;
}

int registry_load(struct arena *arena, const struct registry_options *options,
                  struct registry *ret_registry, struct problems *problems)
{
    struct registry registry = {.plugins_path = options->plugins_path};
    struct ini ini;
    size_t before = problems->count;

    aisha_ignore(ini_load(arena, options->env, options->plugins_path, &ini, problems));
    registry.plugins = arena_alloc(arena, (ini.section_count + 1) * sizeof *registry.plugins);
    for (size_t i = 0; i < ini.section_count; i++) {
        const struct ini_section *section = &ini.sections[i];
        struct plugin *plugin = &registry.plugins[registry.count];
        if (!is_enabled(arena, section, problems) ||
            loader_open(arena, options, section, plugin, problems) < 0)
            continue;
        plugin_check(plugin, options, problems);
        registry.count++;
    }
    if (problems->count == before)
        registry_check(&registry, problems);
    *ret_registry = registry;
    return problems->count == before ? 0 : -AISHA_E_INVALID;
}

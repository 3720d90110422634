/*
 * Plugins that are fine by themselves can still not go together.
 */
#include <stdlib.h>
#include <string.h>

#include "host/bot/button.h"
#include "host/bot/loader.h"
#include "host/bot/metrics.h"
#include "host/core/arena.h"

static bool provides(const struct plugin *plugin, const char *name)
{
    if (strcmp(plugin->name, name) == 0)
        return true;
    for (size_t i = 0; i < plugin->d.provides.count; i++)
        if (strcmp(plugin->d.provides.rows[i].name, name) == 0)
            return true;
    return false;
}

static const struct plugin *find_provider(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (provides(&registry->plugins[i], name))
            return &registry->plugins[i];
    return NULL;
}

static void check_commands(const struct registry *registry, struct problems *problems)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i], *owner;
        for (size_t j = 0; j < plugin->d.commands.count; j++) {
            const char *name = plugin->d.commands.rows[j].name;
            if (!name || registry_command(registry, name, &owner) == &plugin->d.commands.rows[j])
                continue;
            problem_add(problems, registry->plugins_path, plugin->line,
                        "switch one of the two off with \"enabled = no\"",
                        "the plugins \"%s\" and \"%s\" both have the command /%s", owner->name,
                        plugin->name, name);
        }
    }
}

static void check_callbacks(const struct registry *registry, struct problems *problems)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i], *owner;
        for (size_t j = 0; j < plugin->d.callbacks.count; j++) {
            const struct aisha_callback *row = &plugin->d.callbacks.rows[j];
            if (!row->name ||
                registry_callback(registry, button_route(plugin->name, row->name, row->version),
                                  &owner) == row)
                continue;
            problem_add(problems, registry->plugins_path, plugin->line, "rename one of them",
                        "the callbacks of \"%s\" and \"%s\" (\"%s\") cannot be told apart",
                        owner->name, plugin->name, row->name);
        }
    }
}

static void check_services(const struct registry *registry, struct problems *problems)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i], *owner;
        for (size_t j = 0; j < plugin->d.provides.count; j++) {
            const struct aisha_service *row = &plugin->d.provides.rows[j];
            if (!row->name || registry_service(registry, row->name, row->version, &owner) == row)
                continue;
            problem_add(problems, registry->plugins_path, plugin->line,
                        "switch one of the two off with \"enabled = no\"",
                        "the plugins \"%s\" and \"%s\" both provide the service \"%s\"",
                        owner->name, plugin->name, row->name);
        }
    }
}

static void check_requirements(const struct registry *registry, struct problems *problems)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.requires.count; j++) {
            const struct aisha_requirement *row = &plugin->d.requires.rows[j];
            if (row->is_optional || !row->name || find_provider(registry, row->name))
                continue;
            problem_add(problems, registry->plugins_path, plugin->line,
                        "enable a plugin that is or provides it, or switch this one off",
                        "the plugin \"%s\" requires \"%s\", which no enabled plugin is or provides",
                        plugin->name, row->name);
        }
    }
}

/* A walk along the requirements: who is on the way when it comes back is the circle. */
struct walk {
    const struct registry *registry;
    struct problems *problems;
    const struct plugin **way;
    size_t length;
    bool *is_checked; /* for each plugin */
};

static void report_circle(const struct walk *walk, size_t start)
{
    struct arena *arena = walk->problems->arena;
    const char *text = "";

    for (size_t i = start; i < walk->length; i++)
        text = arena_printf(arena, "%s\"%s\" requires ", text, walk->way[i]->name);
    problem_add(walk->problems, walk->registry->plugins_path, walk->way[start]->line,
                "switch one of them off, or make one requirement optional",
                "the requirements go in a circle: %s\"%s\"", text, walk->way[start]->name);
}

static void walk_from(struct walk *walk, const struct plugin *plugin)
{
    for (size_t i = 0; i < walk->length; i++) {
        if (walk->way[i] != plugin)
            continue;
        report_circle(walk, i);
        return;
    }
    if (walk->is_checked[plugin - walk->registry->plugins])
        return;
    walk->is_checked[plugin - walk->registry->plugins] = true;
    walk->way[walk->length++] = plugin;
    for (size_t i = 0; i < plugin->d.requires.count; i++) {
        const char *name = plugin->d.requires.rows[i].name;
        const struct plugin *next = name ? find_provider(walk->registry, name) : NULL;
        if (next && !plugin->d.requires.rows[i].is_optional)
            walk_from(walk, next);
    }
    walk->length--;
}

static void check_circles(const struct registry *registry, struct problems *problems)
{
    struct walk walk = {.registry = registry, .problems = problems};

    walk.way = arena_alloc(problems->arena, (registry->count + 1) * sizeof *walk.way);
    walk.is_checked = arena_alloc(problems->arena, registry->count + 1);
    for (size_t i = 0; i < registry->count; i++)
        walk_from(&walk, &registry->plugins[i]);
}

static const struct plugin *find_metric(const struct registry *registry, struct arena *arena,
                                        const char *full_name,
                                        const struct aisha_metric_row *except)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.metrics.count; j++)
            if (&plugin->d.metrics.rows[j] != except &&
                strcmp(full_name,
                       metrics_full_name(arena, plugin, plugin->d.metrics.rows[j].name)) == 0)
                return plugin;
    }
    return NULL;
}

/* "a" with "b_c" and "a_b" with "c", or a plugin that is called like something of the host. */
static void check_metrics(const struct registry *registry, struct problems *problems)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        for (size_t j = 0; j < plugin->d.metrics.count; j++) {
            const struct aisha_metric_row *row = &plugin->d.metrics.rows[j];
            const char *name = metrics_full_name(problems->arena, plugin, row->name);
            const struct plugin *other = find_metric(registry, problems->arena, name, row);
            if (!other && !metrics_is_ours(name))
                continue;
            problem_add(problems, registry->plugins_path, plugin->line, "rename it",
                        "the metric \"%s\" of the plugin \"%s\" would be shown as %s, as one of %s",
                        row->name, plugin->name, name, other ? other->name : "the host");
        }
    }
}

void registry_check(const struct registry *registry, struct problems *problems)
{
    check_commands(registry, problems);
    check_callbacks(registry, problems);
    check_services(registry, problems);
    check_requirements(registry, problems);
    check_circles(registry, problems);
    check_metrics(registry, problems);
}

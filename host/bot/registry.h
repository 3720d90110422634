/*
 * The plugins that run, and who is responsible for what: commands, buttons, states, messages,
 * services. Built once at the start, from etc/plugins.ini, and read only after that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/plugin.h>

struct arena;
struct catalogue;
struct env;
struct problems;

struct plugin {
    const char *name;
    const char *path;      /* of the .so */
    const char *directory; /* where it lies */
    int line;              /* of its section in plugins.ini */
    struct aisha_plugin d; /* the descriptor in this host's shape: missing fields are zero */
    void *config;          /* NULL without options */
    const struct catalogue *texts; /* NULL without a locale directory */
};

struct registry {
    struct plugin *plugins; /* in the order of plugins.ini */
    size_t count;
    const char *plugins_path;
};

struct registry_options {
    const char *plugins_path; /* "etc/plugins.ini" */
    const char *directory;    /* with NAME/NAME.so */
    const struct env *env;
    const struct catalogue *host_texts;
};

/*
 * Loads and checks all enabled plugins; the arena owns everything. -AISHA_E_INVALID when problems
 * were added: nothing may run then.
 */
AISHA_CHECKED int registry_load(struct arena *arena, const struct registry_options *options,
                                struct registry *ret_registry, struct problems *problems);

/* Who handles it; NULL when nobody does. ret_plugin is written when found. */
const struct aisha_command *registry_command(const struct registry *registry, const char *name,
                                             const struct plugin **ret_plugin);
const struct aisha_callback *registry_callback(const struct registry *registry, uint32_t route,
                                               const struct plugin **ret_plugin);
const struct aisha_state *registry_state(const struct registry *registry, const char *plugin,
                                         const char *state, const struct plugin **ret_plugin);
const struct aisha_service *registry_service(const struct registry *registry, const char *name,
                                             int version, const struct plugin **ret_plugin);

/* Within one plugin; NULL when it has none of that name. */
const struct aisha_callback *plugin_callback(const struct plugin *plugin, const char *name);
const struct aisha_job_kind *plugin_job(const struct plugin *plugin, const char *name);
const struct aisha_webhook *plugin_webhook(const struct plugin *plugin, const char *name);
const struct aisha_state *plugin_state(const struct plugin *plugin, const char *name);
const struct aisha_helper_row *plugin_helper(const struct plugin *plugin, const char *name);

/* The plugin of that name, or NULL. */
const struct plugin *registry_plugin(const struct registry *registry, const char *name);

/* The kinds of updates that anybody handles, ended by NULL; in arena. */
const char *const *registry_allowed_updates(const struct registry *registry, struct arena *arena);

/* Whether a row of any plugin wants albums as a whole. */
bool registry_takes_albums(const struct registry *registry);

/* The value of an option of type text; NULL when there is none of that name. */
const char *plugin_text_option(const struct plugin *plugin, const char *name);

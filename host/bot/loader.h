/*
 * From a section of plugins.ini to a plugin in memory.
 */
#pragma once

#include <aisha/base.h>

#include "host/bot/ini.h"
#include "host/bot/problem.h"
#include "host/bot/registry.h"

struct arena;

/*
 * Opens the plugin's .so, reads its descriptor whatever its age, its options and its texts. A plugin
 * is never closed again. -AISHA_E_INVALID when problems were added.
 */
AISHA_CHECKED int loader_open(struct arena *arena, const struct registry_options *options,
                              const struct ini_section *section, struct plugin *ret_plugin,
                              struct problems *problems);

/* Why a text of the plugin (NULL = the host) is not there: where it was looked for. */
const char *loader_no_text(struct arena *arena, const struct plugin *plugin);

/* Checks the plugin's own tables: names, sizes, references, texts. */
void plugin_check(const struct plugin *plugin, const struct registry_options *options,
                  struct problems *problems);

/* Checks them against each other: commands claimed twice, requirements missing or in a circle. */
void registry_check(const struct registry *registry, struct problems *problems);

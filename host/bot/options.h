/*
 * Fills a plugin's configuration struct from its section of plugins.ini, as its table of options
 * says. The keys "enabled" and "path" belong to the loader and are passed over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/plugin.h>

#include "host/bot/ini.h"
#include "host/bot/problem.h"
#include "host/core/arena.h"

/*
 * rows may be shorter or longer than this host's struct aisha_option. config is zeroed memory that
 * holds all the rows' offsets; its texts are owned by the arena. -AISHA_E_INVALID when problems were
 * added, now or when the section was read; config is then not to be used.
 */
AISHA_CHECKED int options_fill(struct arena *arena, const struct aisha_option *rows, size_t count,
                               size_t row_size, const struct ini_section *section, void *config,
                               struct problems *problems);

/* Where a value came from, for messages. */
struct option_source {
    const char *path;
    int line;
    const char *section;
};

/* Checks one value, already resolved, and stores it into config. */
AISHA_CHECKED int option_set(struct arena *arena, const struct aisha_option *option,
                             const char *value, struct option_source source, void *config,
                             struct problems *problems);

/* Adds the problem that the option cannot have this value, which is shown unless it is secret.
 * Returns -AISHA_E_INVALID. */
int option_refuse(const struct aisha_option *option, const char *value, struct option_source source,
                  const char *remedy, struct problems *problems);

/* "true"/"false", "yes"/"no", "on"/"off", "1"/"0" in any case; -AISHA_E_INVALID for others. */
AISHA_CHECKED int option_parse_bool(const char *value, bool *ret);
AISHA_CHECKED int option_parse_int(const char *value, int64_t *ret);

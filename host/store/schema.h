/*
 * The host's own tables. Times are UTC in seconds since 1970; ids of Telegram are BIGINT.
 */
#pragma once

#include <stddef.h>

#include <aisha/plugin.h>

extern const struct aisha_migration host_migrations[];
extern const size_t host_migration_count;

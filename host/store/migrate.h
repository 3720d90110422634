/*
 * Brings the tables of the host and of each plugin to what the running code expects: every
 * migration once, in order, under a lock, remembered with a checksum in schema_migrations.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>
#include <aisha/plugin.h>

struct arena;
struct db;

/*
 * How many of owner's migrations are applied; changes nothing. Errors as
 * migrate().
 */
AISHA_ASYNC AISHA_CHECKED int migrate_count(struct db *db, struct arena *arena, const char *owner,
                                            const struct aisha_migration *migrations, size_t count,
                                            size_t *ret_applied, const char **ret_error);

/*
 * Applies what is missing of owner's migrations (versions 1, 2, 3, … in order), each in its own
 * transaction. -AISHA_E_CONFLICT when an applied migration has another text now, or the database
 * is newer than the code; ret_error says which and what to do.
 */
AISHA_ASYNC AISHA_CHECKED int migrate(struct db *db, struct arena *arena, const char *owner,
                                      const struct aisha_migration *migrations, size_t count,
                                      const char **ret_error);

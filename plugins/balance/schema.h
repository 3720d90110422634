#pragma once

#include <aisha/plugin.h>

enum { BALANCE_MIGRATIONS = 6 };

extern const struct aisha_migration balance_migrations[BALANCE_MIGRATIONS];

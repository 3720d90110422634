/*
 * `aisha migrate`: shows the migrations of the host and of the plugins, and applies what is missing,
 * without running the bot.
 */
#pragma once

#include <aisha/base.h>

struct config;
struct registry;

/* Prints a table to standard output. Negative when something could not be applied, which it says. */
AISHA_CHECKED int migrate_command(const struct config *config, const struct registry *registry);

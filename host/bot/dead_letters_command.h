/*
 * `aisha dead-letters list | show ID | replay ID|all | drop ID|all`: beside a running host, or without.
 * Works on the database only; texts that people wrote are cut.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct config;

enum { DEAD_LETTERS_USAGE = 1 };

/* Negative when it did not work, which was said on stderr. DEAD_LETTERS_USAGE: that is not how to call
 * it. action and id may be NULL. is_sure: drop without asking. */
AISHA_CHECKED int dead_letters_command(const struct config *config, const char *action,
                                       const char *id, bool is_sure);

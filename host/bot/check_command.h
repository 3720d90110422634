/*
 * `aisha check`: what could keep the bot from working, as a table on stdout. Changes nothing that is
 * there; may run beside the host.
 */
#pragma once

#include <aisha/base.h>

struct catalogue;
struct config;
struct registry;

/* Negative when something has failed. */
AISHA_CHECKED int check_command(const struct config *config, const struct registry *registry,
                                const struct catalogue *texts, const char *program);

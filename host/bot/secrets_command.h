/*
 * `aisha secrets encrypt [NAME] | decrypt | new-key`: values for the configuration that may be read by
 * others. The value comes from stdin and goes to stdout; argv is everybody's.
 */
#pragma once

#include <aisha/base.h>

struct arena;
struct env;
struct problems;

enum { SECRETS_USAGE = 1 };

/* Negative when it did not work, which was said on stderr. SECRETS_USAGE: that is not how to call it.
 * action and name may be NULL. */
AISHA_CHECKED int secrets_command(struct arena *arena, struct env *env, const char *config_path,
                                  const char *action, const char *name, struct problems *problems);

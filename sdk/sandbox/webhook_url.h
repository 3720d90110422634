/*
 * The address a webhook is set to.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct arena;
struct workers;

/* The host of an http or https URL, which is the latter when it does not say; NULL when it is none. */
const char *webhook_url_host(struct arena *arena, const char *url);

/* Whether it is an IP address. */
bool webhook_url_is_address(const char *text);

/* The first address of the host. -AISHA_E_NOT_FOUND when there is none. */
AISHA_ASYNC AISHA_CHECKED int webhook_url_resolve(struct workers *workers, struct arena *arena,
                                                  const char *host, const char **ret_ip);

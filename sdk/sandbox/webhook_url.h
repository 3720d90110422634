/*
 * The address a webhook is set to.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct arena;
struct workers;

/* An http or https URL with its scheme, which is the latter when it does not say. */
const char *webhook_url_whole(struct arena *arena, const char *url);

/* Its host and port. false when it is none. */
bool webhook_url_read(struct arena *arena, const char *url, const char **ret_host, int *ret_port);

/* Whether it is an IP address. */
bool webhook_url_is_address(const char *text);

/* The first address of the host. -AISHA_E_NOT_FOUND when there is none. */
AISHA_ASYNC AISHA_CHECKED int webhook_url_resolve(struct workers *workers, struct arena *arena,
                                                  const char *host, const char **ret_ip);

/*
 * Files that are sent by their address: the sandbox fetches them as Telegram would, but only from
 * this machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>

struct arena;
struct call;
struct sandbox;
struct upload;

bool fetch_is_url(const char *value);

/* What lies there, as if it had been uploaded; lives as long as the call. */
AISHA_ASYNC AISHA_CHECKED int fetch_upload(struct call *call, const char *kind, const char *url,
                                           struct upload *ret_upload);

/*
 * The bytes behind an address of this machine, or within one ("data:…;base64,…"), for a provider.
 * Fails with -AISHA_E_INVALID when it is no address, -AISHA_E_UNAVAILABLE when nothing can be had
 * there, -AISHA_E_LIMIT for more than most bytes, and -AISHA_E_CANCELED.
 */
AISHA_ASYNC AISHA_CHECKED int fetch_bytes(struct sandbox *sandbox, struct arena *arena,
                                          const char *url, size_t most, const void **ret_bytes,
                                          size_t *ret_size);

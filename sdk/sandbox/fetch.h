/*
 * Files that are sent by their address: the sandbox fetches them as Telegram would, but only from
 * this machine.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct call;
struct upload;

bool fetch_is_url(const char *value);

/* What lies there, as if it had been uploaded; lives as long as the call. */
AISHA_ASYNC AISHA_CHECKED int fetch_upload(struct call *call, const char *kind, const char *url,
                                           struct upload *ret_upload);

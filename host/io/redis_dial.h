/*
 * From a URL to a connection that may be used: the name looked up, the password accepted, the
 * database chosen.
 */
#pragma once

#include <aisha/base.h>

#include "host/io/redis_connection.h"

struct arena;
struct workers;

/* redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], special characters as %XX. */
struct redis_url {
    const char *host, *port;
    const char *user, *password; /* NULL = none */
    int database;
};

/* In arena; -AISHA_E_INVALID, with what is wrong (and no password) in ret_error. */
AISHA_CHECKED int redis_url_parse(struct arena *arena, const char *text, struct redis_url *ret_url,
                                  const char **ret_error);

/* Connects to the first of the host's addresses that works; names are looked up by a worker thread.
 * -AISHA_E_UNAVAILABLE with ret_reason in one line, -AISHA_E_CANCELED. */
AISHA_ASYNC AISHA_CHECKED int redis_dial(struct loop *loop, struct workers *workers,
                                         const struct redis_url *url,
                                         struct redis_connection **ret_connection,
                                         char ret_reason[REDIS_REASON_SIZE]);

/*
 * Making a connection: names, passwords and cancelling block, so a thread does them.
 */
#pragma once

#include <libpq-fe.h>

#include <aisha/base.h>

struct arena;
struct workers;

/* What is wrong with the URL, or NULL. */
const char *postgres_url_error(struct arena *arena, const char *url);

enum { POSTGRES_ERROR_SIZE = 256 };

/*
 * Connects, within 5 s for each address. Not interrupted by cancellation. On failure ret_error says
 * why, in one line; it knows no password. name: of the session, or NULL.
 */
AISHA_ASYNC AISHA_CHECKED int postgres_dial(struct workers *workers, const char *url,
                                            const char *name, PGconn **ret_pq,
                                            char ret_error[POSTGRES_ERROR_SIZE]);

/* Tells the server to stop what it does for that connection. */
AISHA_ASYNC void postgres_cancel(struct workers *workers, PGcancel *cancel);

/*
 * For how long copies of rows in the database are good, and for how long there are none after a change
 * whose outcome is not known. They are right without the first: this process alone changes the rows.
 */
#pragma once

enum {
    /* Whoever changes the database by hand waits for that, or restarts. */
    COPIES_TTL_MS = 10 * 60 * 1000,
    COPIES_DOUBT_MS = 60 * 1000, /* a transaction and a server end every statement of ours sooner */
};

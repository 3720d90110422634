/*
 * getUpdates, for ever: what comes is given away and acknowledged only once it was taken.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct loop;
struct poller;
struct telegram;

struct poller_options {
    const char *const *allowed_updates; /* ended by NULL; borrowed */

    /* Takes the array of a getUpdates result, in any case; text is what it was read from, or NULL. 0
     * and *ret_last_id = may be acknowledged up to there; an error = it will come again. Suspends
     * while there is no room. */
    AISHA_ASYNC int (*take)(cJSON *updates, const char *text, int64_t *ret_last_id, void *user);

    /* Telegram refuses the token: nothing more will come. */
    void (*on_refused)(const char *why, void *user);
    void *user;
};

/* Starts the task. options is copied. */
int poller_start(struct poller **ret_poller, struct loop *loop, struct telegram *telegram,
                 const struct poller_options *options);

/* Ends the request in progress; the task returns soon. */
void poller_stop(struct poller *poller);
bool poller_is_running(const struct poller *poller);

/* After its task has returned. NULL is fine. */
void poller_free(struct poller *poller);

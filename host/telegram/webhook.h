/*
 * Telling Telegram where to deliver. Asks first, and changes only what differs: each change costs
 * a pause, and Telegram allows one a second.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct telegram;
struct telegram_failure;

struct webhook {
    const char *url;
    const char *secret; /* which Telegram repeats in a header; part of url, see below */
    int64_t max_connections;
    const char *const *allowed_updates; /* ended by NULL */
    const char *certificate;            /* path of a self-signed one, or NULL */
};

/*
 * Sets the webhook unless it is set. Telegram does not tell which secret and certificate it has, so
 * the caller lets url depend on both. Logs the last failure of a delivery that Telegram reports,
 * each once: *last_error_date is kept by the caller, 0 at first. Errors as telegram_call().
 */
AISHA_ASYNC AISHA_CHECKED int webhook_set(struct telegram *telegram, struct arena *arena,
                                          const struct webhook *webhook, int64_t *last_error_date,
                                          struct telegram_failure *failure);

/* Removes the webhook if one is set; what Telegram has queued stays. */
AISHA_ASYNC AISHA_CHECKED int webhook_remove(struct telegram *telegram, struct arena *arena,
                                             struct telegram_failure *failure);

/*
 * Between drive.c, which looks after what has been submitted, and submit.c, which submits it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

#include "config.h"
#include "request.h"

struct drive {
    struct aisha_ctx *ctx;
    const struct fal_config *config;
    const struct aisha_json *order;
    struct fal_request request;
    int64_t wait_s; /* before the next step; 0 = at once */
};

int64_t drive_now(const struct drive *d);
bool drive_is_training(const struct drive *d);

/* Writes the changed request, lets the next ones in, and tells who ordered it. It, and all that ends
 * with it, may return REQUEST_STALE, which is no failure: the next step reads what somebody else has
 * written. */
AISHA_ASYNC AISHA_CHECKED int drive_save(struct drive *d, const struct fal_request *before);

/* Writes what the event makes of it, if anything. */
AISHA_ASYNC AISHA_CHECKED int drive_apply(struct drive *d, enum fal_event event);
AISHA_ASYNC AISHA_CHECKED int drive_fail(struct drive *d, enum aisha_cause cause,
                                         const char *reason);

/* What the operator has to see, in the log and at /readyz. */
AISHA_ASYNC AISHA_CHECKED int drive_alert(struct drive *d, const char *text);

/* Later, the longer the more often. asked_s: at least so much. */
AISHA_ASYNC AISHA_CHECKED int drive_pause(struct drive *d, int64_t asked_s, const char *why);

/* The steps of FAL_WAITING and FAL_SUBMITTING. */
AISHA_ASYNC AISHA_CHECKED int drive_waiting(struct drive *d);
AISHA_ASYNC AISHA_CHECKED int drive_submitting(struct drive *d);

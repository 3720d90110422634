/*
 * The services: what is ordered becomes a row and a job, and an end becomes a call of the listener.
 */
#pragma once

#include <aisha/base.h>
#include <aisha/service/images.h>
#include <aisha/service/trainer.h>

#include "request.h"

extern const struct aisha_trainer_functions fal_trainer;
extern const struct aisha_images_functions fal_images;

/* The job that drives a request; its kind is "drive". */
struct drive_order {
    char id[40];
};

/* Tells the listener of the end, and marks that it was told: in the open transaction. */
AISHA_ASYNC AISHA_CHECKED int order_tell_end(struct aisha_ctx *ctx,
                                             const struct fal_request *request);

/* Tells it how far it is; what it makes of that does not matter. */
AISHA_ASYNC AISHA_CHECKED int order_tell_progress(struct aisha_ctx *ctx,
                                                  const struct fal_request *request);

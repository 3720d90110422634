/*
 * What a request needs at the provider before it is submitted, and what it leaves there: photos in an
 * archive, weights, results.
 */
#pragma once

#include <aisha/base.h>

#include "client.h"
#include "models.h"
#include "request.h"

/* Each sets ret->said: CLIENT_OK, CLIENT_LATER, or CLIENT_NO with the reason. */

/* Uploads what the order needs and is not there yet. */
AISHA_ASYNC AISHA_CHECKED int supply_prepare(struct aisha_ctx *ctx, struct fal_request *request,
                                             const struct aisha_json *order,
                                             struct client_answer *ret);

/* The JSON to submit; NULL when something that was prepared is gone again. */
AISHA_ASYNC AISHA_CHECKED int supply_input(struct aisha_ctx *ctx, const struct fal_request *request,
                                           const struct aisha_json *order,
                                           const struct model *model, const char **ret_input);

/* The provider could not read weights of this order where we had put them: they are put there anew
 * next time. */
AISHA_ASYNC AISHA_CHECKED int supply_forget_loras(struct aisha_ctx *ctx,
                                                  const struct aisha_json *order);

/* Brings the results of request->answer into our store and describes them in request->result. */
AISHA_ASYNC AISHA_CHECKED int supply_collect(struct aisha_ctx *ctx, struct fal_request *request,
                                             const struct aisha_json *order,
                                             struct client_answer *ret);

/*
 * The provider's calls: see webhook.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;
struct fal_request;
struct reply_webhook;

/* The handler of the route "done". */
AISHA_ASYNC int on_webhook(struct aisha_ctx *ctx);

/* What a webhook that is signed and meant for the request does to it; false = nothing. */
bool webhook_apply(struct fal_request *request, const struct reply_webhook *hook, const char *body,
                   int64_t now);

/*
 * Tells whoever submitted a request that it has ended.
 */
#pragma once

struct fal;

/* Starts telling, when somebody wants to know. */
void fal_webhook_send(struct fal *fal, const char *request_id);

/* Goes on with what the world remembers. */
void fal_webhook_resume(struct fal *fal);

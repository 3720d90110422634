/*
 * Calls to fal.ai: its queue and its storage. Each says what came of it in a struct, so that the job
 * can decide; a negative result is something to hand on (cancelled, a full disk).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "reply.h"
#include "request.h"

enum client_said {
    CLIENT_OK,
    CLIENT_LATER,   /* it cannot be reached, or is busy: nothing has come of it */
    CLIENT_UNKNOWN, /* it was sent, and nobody knows what came of it */
    CLIENT_NO,      /* refused: see .error */
};

struct client_answer {
    enum client_said said;
    int status; /* 0 = none came */
    struct reply_error error;
    int64_t pause_s; /* asked for; 0 = not */
    const struct aisha_json *json;
    const char *body;
    size_t body_size;
    const char *etag; /* "" when there is none */
};

/* The model's queue; never sent twice. webhook may be NULL. */
AISHA_ASYNC AISHA_CHECKED int client_submit(struct aisha_ctx *ctx, const char *model,
                                            const char *input, const char *webhook,
                                            struct client_answer *ret);
AISHA_ASYNC AISHA_CHECKED int
client_status(struct aisha_ctx *ctx, const struct fal_request *request, struct client_answer *ret);
AISHA_ASYNC AISHA_CHECKED int
client_result(struct aisha_ctx *ctx, const struct fal_request *request, struct client_answer *ret);
AISHA_ASYNC AISHA_CHECKED int
client_cancel(struct aisha_ctx *ctx, const struct fal_request *request, struct client_answer *ret);

/* The keys that webhooks are signed with. */
AISHA_ASYNC AISHA_CHECKED int client_jwks(struct aisha_ctx *ctx, struct client_answer *ret);

/* Whether our key is good; costs nothing. */
AISHA_ASYNC AISHA_CHECKED int client_check_key(struct aisha_ctx *ctx, struct client_answer *ret);

/* Stores the file there, in pieces when it is large. ret_url is where models find it. */
AISHA_ASYNC AISHA_CHECKED int client_upload(struct aisha_ctx *ctx, const char *path,
                                            const char *file_name, const char *content_type,
                                            const char **ret_url, struct client_answer *ret);

/* Downloads into a new file; only from the hosts that are allowed. */
AISHA_ASYNC AISHA_CHECKED int client_download(struct aisha_ctx *ctx, const char *url,
                                              const char *path, int64_t max_bytes,
                                              struct client_answer *ret);

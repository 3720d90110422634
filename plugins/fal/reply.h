/*
 * What the provider says, read without trusting it: answers to our calls, and webhooks. Nothing here
 * waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/service/provider.h>

#include "machine.h"

struct aisha_ctx;
struct aisha_json;

enum {
    REPLY_PICTURES_MOST = 16,
    REPLY_TEXT_MOST = 120,
    REPLY_URL_MOST = 2000,
    REPLY_ID_MOST = 200,
    REPLY_KEPT_MOST = 64 << 10,
};

/* Why it refuses or has failed. */
struct reply_error {
    enum aisha_cause cause;
    const char *reason;   /* for the log: no texts of people */
    bool is_of_run;       /* it is said by or about a run of the model, not about the call */
    bool is_gone;         /* there is no such thing, or only a part of it */
    bool is_stopped;      /* somebody has cancelled it */
    bool is_about_a_lora; /* weights could not be fetched by the provider */
};

struct reply_error reply_error(struct aisha_ctx *ctx, int status, const struct aisha_json *body);

/* The answer to a submit; false when it names no request. URLs may be NULL. */
struct reply_accepted {
    const char *request_id, *status_url, *response_url, *cancel_url;
    int64_t ahead;
};

bool reply_accepted(const struct aisha_json *body, struct reply_accepted *ret);

/* The answer to a question for the status; false when it is none that we know. */
struct reply_status {
    enum fal_event event;   /* FAL_IN_QUEUE, FAL_IN_PROGRESS or FAL_DONE */
    int64_t ahead, percent; /* -1 = not told */
    const char *log;        /* the last line, cut to be stored; "" */
    const char *error_type; /* of a FAL_DONE that is none; NULL */
};

bool reply_status(struct aisha_ctx *ctx, const struct aisha_json *body, struct reply_status *ret);

/* A webhook's body; false when it is none. */
struct reply_webhook {
    const char *request_id, *gateway_request_id; /* the second may be NULL */
    enum fal_event event;                        /* FAL_DONE, FAL_ERROR or FAL_STOPPED */
    bool has_payload;
    struct reply_error error;
};

bool reply_webhook(struct aisha_ctx *ctx, const struct aisha_json *body, struct reply_webhook *ret);

/* The answer as it is stored: "" when it is too long for that or not UTF-8, and then it is fetched again
 * when it is needed. */
const char *reply_to_keep(const char *answer);

/* The output of a model: the body of a result, or within that of a webhook. */
const struct aisha_json *reply_output(const struct aisha_json *answer);

struct reply_weights {
    const char *url;
    int64_t bytes; /* 0 = not told */
};

bool reply_weights(const struct aisha_json *output, struct reply_weights *ret);

struct reply_picture {
    const char *url;
    bool is_flagged;
};

struct reply_pictures {
    struct reply_picture pictures[REPLY_PICTURES_MOST];
    size_t count;
    bool has_seed;
    int64_t seed;
};

/* text is the answer itself: a seed has more digits than a number of JSON keeps. */
bool reply_pictures(const struct aisha_json *output, const char *text, struct reply_pictures *ret);

/* Whether the URL's scheme, host and port are those of base, or its host is one of the list ("*."
 * matches any one before it) by https. Nothing else is ever asked with our key or downloaded. */
bool reply_url_is_of(const char *url, const char *base);
bool reply_url_is_listed(const char *url, const char *hosts);

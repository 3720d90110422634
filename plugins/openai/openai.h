/*
 * What the parts of this plugin share: its configuration, and the one way to ask the server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/aisha.h>

struct config {
    const char *api_key, *base_url, *organization, *project;
    const char *speech_models, *chat_models, *vision_models, *moderation_models; /* "first, next" */
    const char *segment_models; /* those that know the format verbose_json */
    const char *max_tokens_field;
    int64_t max_tokens, timeout_s, max_image_mb;
    bool names_user;
};

/* A request to the server: a JSON body, or the parts of a form, or neither for a GET. */
struct openai_request {
    const char *what;  /* for the log: "transcription" */
    const char *path;  /* "/models" */
    const char *model; /* whose limits are respected; NULL = none */
    const char *body;
    const struct aisha_http_part *parts;
    size_t part_count;
    int64_t end_ms; /* openai_end_after(): of everything, waiting and tries of other models too */
};

/*
 * Sends it, again where that may help, and gives the JSON of a 2xx answer. -AISHA_E_NOT_FOUND when
 * the server does not have the model (any more); else as the services' headers say. Refusals are
 * logged.
 */
AISHA_ASYNC AISHA_CHECKED int openai_send(struct aisha_ctx *ctx,
                                          const struct aisha_json **ret_answer,
                                          const struct openai_request *request);

/* So long from now, for end_ms. */
int64_t openai_end_after(int64_t timeout_ms);

/* base_url and path with one slash between them. */
const char *openai_url(struct aisha_ctx *ctx, const char *path);

/* The headers that say who asks, ended by NULL; type may be NULL. */
const char *const *openai_headers(struct aisha_ctx *ctx, const char *type);

/* ---- limits.c: what the server said about how much it will take ---- */

/* Notes the x-ratelimit headers of an answer for the model. */
AISHA_ASYNC AISHA_CHECKED int limits_note(struct aisha_ctx *ctx, const char *model,
                                          const struct aisha_http_response *answer);

/* Waits until the model takes a request of about so many tokens. -AISHA_E_UNAVAILABLE when that is
 * later than max_ms from now. */
AISHA_ASYNC AISHA_CHECKED int limits_wait(struct aisha_ctx *ctx, const char *model, int64_t tokens,
                                          int64_t max_ms);

/* "12ms", "1s", "6m0s", "1h2m3.5s" in milliseconds; -1 for anything else. */
int64_t limits_duration_ms(const char *text);

/* ---- models.c: lists of models, of which some are gone ---- */

/* Asks one model; -AISHA_E_NOT_FOUND when it is not there. */
typedef int openai_model_fn(struct aisha_ctx *ctx, const char *model, void *data);

/* Asks the models of the list in their order until one is there. */
AISHA_ASYNC AISHA_CHECKED int models_try(struct aisha_ctx *ctx, const char *list,
                                         openai_model_fn *ask, void *data);

/* The next of the list at *at, which it moves on; NULL at its end. */
const char *models_next(struct aisha_ctx *ctx, const char **at);

bool models_contain(struct aisha_ctx *ctx, const char *list, const char *model);

/* The server said that it does not have this model. */
AISHA_ASYNC AISHA_CHECKED int models_is_gone(struct aisha_ctx *ctx, const char *model,
                                             bool *ret_is_gone);

/* ---- pictures, in chat.c ---- */

struct aisha_image;

/* -AISHA_E_LIMIT for one that is too large, -AISHA_E_INVALID for one of a kind the server does not
 * know. */
AISHA_CHECKED int openai_check_image(struct aisha_ctx *ctx, const struct aisha_image *image);

/* The picture as "data:image/png;base64,…"; it has been checked. */
const char *openai_data_url(struct aisha_ctx *ctx, const struct aisha_image *image);

/* ---- the services, and the check ---- */

extern const struct aisha_speech_functions openai_speech;
extern const struct aisha_chat_functions openai_chat;
extern const struct aisha_vision_functions openai_vision;
extern const struct aisha_moderation_functions openai_moderation;

AISHA_ASYNC int openai_check(struct aisha_ctx *ctx);

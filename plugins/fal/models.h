/*
 * The models of fal.ai that we know how to ask: a table of what each takes. Which of them are asked
 * is a setting, a list of ids in the order of preference; a model that the table does not know is
 * written as ID=KNOWN, when it takes what a known one takes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

struct aisha_ctx;
struct aisha_json;

enum model_use {
    MODEL_PORTRAIT = 1,
    MODEL_STYLE = 2,
    MODEL_IMAGE = 4,
    MODEL_LORA = 8,
};

struct model_shape {
    const char *id;
    unsigned uses;
    const char *family; /* of the weights it makes, or takes */
    /* Trainers: names of members; NULL = it has none. */
    const char *photos, *trigger, *masks, *style, *crop, *rate;
    const char *more; /* members that are always the same */
    int64_t steps_unit;
    /* Generators */
    bool has_steps, has_guidance, has_safety, has_seed;
    const char *ratios; /* it takes a ratio instead of a size: those it knows */
};

struct model {
    const char *id;
    const struct model_shape *shape; /* NULL = the table does not have it */
};

/* The n-th model of the setting; false when it has fewer. */
bool model_at(struct aisha_ctx *ctx, const char *setting, size_t n, struct model *ret);

/* The model of that id in any of the settings; false when it is in none any more. */
bool model_named(struct aisha_ctx *ctx, const struct fal_config *config, const char *id,
                 struct model *ret);

/* The settings that matter for an order, by what it is for. */
const char *models_for(const struct fal_config *config, unsigned use);

/* As many as the model takes for the preset. */
int64_t training_steps(const struct model_shape *shape, const struct fal_preset *preset);

/* The body of a submit: JSON. order is what request.c keeps. */
const char *training_input(struct aisha_ctx *ctx, const struct fal_config *config,
                           const struct model_shape *shape, const struct aisha_json *order,
                           const char *archive_url);
const char *drawing_input(struct aisha_ctx *ctx, const struct fal_config *config,
                          const struct model_shape *shape, const struct aisha_json *order,
                          const char *const *lora_urls);

/* A size of about a megapixel for "16:9"; false when that is not a ratio from 1:4 to 4:1. */
bool size_of_ratio(const char *ratio, int64_t *ret_width, int64_t *ret_height);

/*
 * The settings of the plugin; each is explained in fal.c's table of options.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/service/trainer.h>

struct fal_config {
    const char *api_key, *queue_url, *rest_url, *api_url, *media_hosts;
    const char *portrait_models, *style_models, *image_models, *lora_models;
    int64_t trainings_at_once, images_at_once;
    int64_t training_minutes, image_minutes;
    int64_t training_poll_s, image_poll_s;
    int64_t training_unsure_minutes, image_unsure_s;
    const char *training_unsure, *image_unsure;
    int64_t fast_steps, balanced_steps, quality_steps;
    int64_t fast_rate, balanced_rate, quality_rate; /* in millionths */
    bool fast_masks, balanced_masks, quality_masks;
    bool safety_checker, webhooks;
    int64_t photos_mb, weights_mb, image_mb;
    int64_t uploads_days, kept_days;
    int64_t training_cents, image_cents;
};

/* What a preset stands for. */
struct fal_preset {
    int64_t steps, rate_millionths;
    bool has_masks;
};

static inline struct fal_preset fal_preset_of(const struct fal_config *config, int64_t preset)
{
    switch (preset) {
    case AISHA_TRAINING_FAST:
        return (struct fal_preset){config->fast_steps, config->fast_rate, config->fast_masks};
    case AISHA_TRAINING_QUALITY:
        return (struct fal_preset){config->quality_steps, config->quality_rate,
                                   config->quality_masks};
    default:
        return (struct fal_preset){config->balanced_steps, config->balanced_rate,
                                   config->balanced_masks};
    }
}

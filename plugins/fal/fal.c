/*
 * fal: the services "trainer" and "images" by fal.ai's queue.
 *
 * orders.c takes orders and tells of their ends; drive.c is the job that takes a request through
 * machine.c's states; webhook.c is what fal.ai calls. They meet in the rows of request.c.
 */
#include <stddef.h>

#include <aisha/aisha.h>

#include "config.h"
#include "drive.h"
#include "health.h"
#include "orders.h"
#include "webhook.h"

/* Old rows and copies that the provider has deleted by now. */
static AISHA_ASYNC int run_sweep(struct aisha_ctx *ctx)
{
    const struct fal_config *config = aisha_config(ctx);
    int64_t now = aisha_now(ctx), day_s = 24 * 3600;

    int r =
        aisha_db_exec(ctx, "DELETE FROM provider_requests WHERE is_delivered = 1 AND ended_at < $1",
                      now - config->kept_days * day_s);
    return r < 0 ? r : aisha_db_exec(ctx, "DELETE FROM fal_uploads WHERE expires_at < $1", now);
}

#define OPTION(member, ...) AISHA_OPTION(struct fal_config, member, __VA_ARGS__)

/* clang-format off */
static const struct aisha_option options[] = {
    OPTION(api_key, .value = "", .is_secret = true, .summary = "the key; nothing works without one"),
    OPTION(queue_url, .value = "https://queue.fal.run", .summary = "the queue"),
    OPTION(rest_url, .value = "https://rest.fal.ai", .summary = "the storage and the keys of webhooks"),
    OPTION(api_url, .value = "https://api.fal.ai/v1", .summary = "where the key is checked"),
    OPTION(media_hosts, .value = "fal.media *.fal.media",
           .summary = "hosts of uploads and results, besides those above; no others are followed"),
    OPTION(portrait_models, .value = "fal-ai/flux-lora-portrait-trainer fal-ai/flux-lora-fast-training"
                                     " fal-ai/turbo-flux-trainer",
           .min = 1, .max = 2000, .summary = "trainers of portraits, the preferred first"),
    OPTION(style_models, .value = "fal-ai/flux-lora-fast-training fal-ai/turbo-flux-trainer",
           .min = 1, .max = 2000, .summary = "trainers of styles"),
    OPTION(image_models, .value = "fal-ai/flux/dev fal-ai/flux-lora", .min = 1, .max = 2000,
           .summary = "generators without weights"),
    OPTION(lora_models, .value = "fal-ai/flux-lora fal-ai/flux-2/lora", .min = 1, .max = 2000,
           .summary = "generators with weights"),
    OPTION(trainings_at_once, .value = "2", .min = 1, .max = 100, .summary = "of each trainer"),
    OPTION(images_at_once, .value = "2", .min = 1, .max = 1000, .summary = "of each generator"),
    OPTION(training_minutes, .value = "180", .min = 1, .max = 10000,
           .summary = "after it a training is given up"),
    OPTION(image_minutes, .value = "15", .min = 1, .max = 10000,
           .summary = "after it a generation is given up"),
    OPTION(training_poll_s, .value = "15", .min = 1, .max = 3600, .summary = "how often it is asked for"),
    OPTION(image_poll_s, .value = "3", .min = 1, .max = 3600, .summary = "how often it is asked for"),
    OPTION(training_unsure, .value = "fail", .min = 4, .max = 6,
           .summary = "when nobody knows whether it was accepted: fail or repeat"),
    OPTION(image_unsure, .value = "repeat", .min = 4, .max = 6, .summary = "the same of a generation"),
    OPTION(training_unsure_minutes, .value = "60", .min = 0, .max = 10000,
           .summary = "so long its webhook is waited for before that"),
    OPTION(image_unsure_s, .value = "120", .min = 0, .max = 10000, .summary = "the same of a generation"),
    OPTION(fast_steps, .value = "1000", .min = 500, .max = 10000, .summary = "of the preset fast"),
    OPTION(balanced_steps, .value = "2500", .min = 500, .max = 10000, .summary = "of the preset balanced"),
    OPTION(quality_steps, .value = "4000", .min = 500, .max = 10000, .summary = "of the preset quality"),
    OPTION(fast_rate, .value = "200", .min = 1, .max = 10000, .summary = "learning rate in millionths"),
    OPTION(balanced_rate, .value = "90", .min = 1, .max = 10000, .summary = "learning rate in millionths"),
    OPTION(quality_rate, .value = "50", .min = 1, .max = 10000, .summary = "learning rate in millionths"),
    OPTION(fast_masks, .value = "no", .summary = "only faces are learned"),
    OPTION(balanced_masks, .value = "yes", .summary = "only faces are learned"),
    OPTION(quality_masks, .value = "yes", .summary = "only faces are learned"),
    OPTION(safety_checker, .value = "yes", .summary = "pictures that are not fit to be shown are flagged"),
    OPTION(webhooks, .value = "yes", .summary = "fal.ai is told to call PUBLIC_URL; else it is only asked"),
    OPTION(photos_mb, .value = "300", .min = 1, .max = 2000, .summary = "of one training together"),
    OPTION(weights_mb, .value = "1000", .min = 1, .max = 10000, .summary = "the largest that are taken"),
    OPTION(image_mb, .value = "30", .min = 1, .max = 500, .summary = "the largest that is taken"),
    OPTION(uploads_days, .value = "5", .min = 1, .max = 365,
           .summary = "so long what was uploaded is used again"),
    OPTION(kept_days, .value = "30", .min = 1, .max = 3650, .summary = "so long ended requests are kept"),
    OPTION(training_cents, .value = "600", .min = 0, .max = 100000,
           .summary = "what a submit that nobody knows about counts for"),
    OPTION(image_cents, .value = "4", .min = 0, .max = 100000, .summary = "the same of a generation"),
};
/* clang-format on */

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "requests",
     .sql = "CREATE TABLE provider_requests ("
            "  user_id TEXT NOT NULL," /* "" = nobody's */
            "  id TEXT NOT NULL,"
            "  job_id TEXT NOT NULL,"
            "  listener TEXT NOT NULL,"
            "  op_id TEXT NOT NULL,"
            "  kind TEXT NOT NULL,"
            "  order_json TEXT NOT NULL,"
            "  created_at BIGINT NOT NULL," /* this and the others: seconds */
            "  version BIGINT NOT NULL DEFAULT 0,"
            "  state TEXT NOT NULL DEFAULT 'waiting',"
            "  is_unwanted BIGINT NOT NULL DEFAULT 0,"
            "  model TEXT NOT NULL DEFAULT '',"
            "  turn BIGINT NOT NULL DEFAULT 0,"
            "  upload_url TEXT NOT NULL DEFAULT '',"
            "  request_id TEXT NOT NULL DEFAULT '',"
            "  status_url TEXT NOT NULL DEFAULT '',"
            "  response_url TEXT NOT NULL DEFAULT '',"
            "  cancel_url TEXT NOT NULL DEFAULT '',"
            "  submits BIGINT NOT NULL DEFAULT 0,"
            "  unsure BIGINT NOT NULL DEFAULT 0,"
            "  deadline_at BIGINT NOT NULL,"
            "  next_at BIGINT NOT NULL DEFAULT 0,"
            "  pauses BIGINT NOT NULL DEFAULT 0,"
            "  is_told_to_stop BIGINT NOT NULL DEFAULT 0,"
            "  ahead BIGINT NOT NULL DEFAULT -1,"
            "  percent BIGINT NOT NULL DEFAULT -1,"
            "  log TEXT NOT NULL DEFAULT '',"
            "  answer TEXT NOT NULL DEFAULT '',"
            "  result TEXT NOT NULL DEFAULT '',"
            "  cause BIGINT NOT NULL DEFAULT 0,"
            "  reason TEXT NOT NULL DEFAULT '',"
            "  is_delivered BIGINT NOT NULL DEFAULT 0,"
            "  ended_at BIGINT NOT NULL DEFAULT 0,"
            "  PRIMARY KEY (user_id, id),"
            "  UNIQUE (user_id, listener, op_id));"
            "CREATE INDEX provider_requests_id ON provider_requests (id);"
            "CREATE INDEX provider_requests_request ON provider_requests (request_id);"
            "CREATE INDEX provider_requests_line ON provider_requests (model, state);"
            "CREATE TABLE fal_uploads ("
            "  blob TEXT NOT NULL PRIMARY KEY,"
            "  bytes BIGINT NOT NULL,"
            "  url TEXT NOT NULL,"
            "  expires_at BIGINT NOT NULL);"
            "CREATE TABLE fal_facts ("
            "  name TEXT NOT NULL PRIMARY KEY,"
            "  content TEXT NOT NULL DEFAULT '',"
            "  number BIGINT NOT NULL DEFAULT 0,"
            "  noted_at BIGINT NOT NULL)"},
    {.version = 2,
     .name = "turns",
     .sql = "ALTER TABLE provider_requests ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0"},
};

static const struct aisha_job_kind jobs[] = {
    {.name = "drive",
     .run = run_drive,
     .failed = drive_failed,
     .data_size = sizeof(struct drive_order),
     .attempts = 30,
     .timeout_s = 2 * 3600},
    {.name = "sweep", .run = run_sweep},
};

static const struct aisha_schedule schedules[] = {
    {.name = "sweep", .job = "sweep", .cron = "40 4 * * *", .catches_up = true},
};

static const struct aisha_webhook webhooks[] = {
    {.name = "done", .run = on_webhook, .max_body_bytes = 1 << 20},
};

static const struct aisha_health_check health[] = {
    {.name = "key", .run = check_key},
    {.name = "models", .run = check_models},
    {.name = "account", .run = check_account},
};

static const struct aisha_service services[] = {
    {.name = "trainer", .version = 1, .functions = &fal_trainer},
    {.name = "images", .version = 1, .functions = &fal_images},
};

AISHA_PLUGIN(.name = "fal", .version = "1.0", .summary = "Training and drawing by fal.ai",
             .config_size = sizeof(struct fal_config), .options = AISHA_TABLE(options),
             .migrations = AISHA_TABLE(migrations), .jobs = AISHA_TABLE(jobs),
             .schedules = AISHA_TABLE(schedules), .webhooks = AISHA_TABLE(webhooks),
             .health = AISHA_TABLE(health), .provides = AISHA_TABLE(services))

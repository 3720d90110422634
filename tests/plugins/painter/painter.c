/*
 * painter: orders trainings and drawings and notes all that it is told, for tests. What it was
 * promised is in its tables: an order with each start, and an end for each order.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>
#include <aisha/service/images.h>
#include <aisha/service/trainer.h>

enum { PHOTOS_MOST = 20 };

struct told {
    char op_id[64];
};

/* ---- words of a command: "name=value" … ---- */

static const char *word(struct aisha_ctx *ctx, const char *name)
{
    const char *at = aisha_args(ctx), *mark = aisha_printf(ctx, "%s=", name);

    for (; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strncmp(at, mark, strlen(mark)) == 0) {
            at += strlen(mark);
            return aisha_printf(ctx, "%.*s", (int)strcspn(at, " "), at);
        }
    return NULL;
}

static int64_t number(struct aisha_ctx *ctx, const char *name)
{
    const char *text = word(ctx, name);

    return text ? strtoll(text, NULL, 10) : 0;
}

/* What follows "prompt=", to the end. */
static const char *prompt(struct aisha_ctx *ctx)
{
    const char *at = strstr(aisha_args(ctx), "prompt=");

    return at ? at + strlen("prompt=") : "a cat";
}

/* ---- ordering ---- */

static AISHA_ASYNC int start_drawing(struct aisha_ctx *ctx, const char *op_id, const char **ret_id)
{
    struct aisha_lora lora = {
        .size = sizeof lora, .weights = word(ctx, "lora"), .family = "flux-1"};

    return aisha_images_start(
        ctx, ret_id, .op_id = op_id, .listener = "drawn", .prompt = prompt(ctx),
        .negative = word(ctx, "negative"), .loras = &lora, .lora_count = lora.weights != NULL,
        .width = number(ctx, "width"), .height = number(ctx, "height"),
        .aspect = word(ctx, "aspect"), .count = number(ctx, "count"),
        .has_seed = word(ctx, "seed") != NULL, .seed = number(ctx, "seed"),
        .guidance = (double)number(ctx, "guidance"), .steps = number(ctx, "steps"),
        .into = aisha_blob_name(ctx, aisha_printf(ctx, "pictures/%s", op_id)));
}

static AISHA_ASYNC int start_training(struct aisha_ctx *ctx, const char *op_id, const char **ret_id)
{
    const char *photos[PHOTOS_MOST];
    size_t count = (size_t)number(ctx, "photos");
    const char *trigger = word(ctx, "trigger");

    for (size_t i = 0; i < count && i < PHOTOS_MOST; i++)
        photos[i] = aisha_blob_name(ctx, aisha_printf(ctx, "photo-%zu", i + 1));
    return aisha_trainer_start(
        ctx, ret_id, .op_id = op_id, .listener = "trained",
        .kind = word(ctx, "style") ? AISHA_TRAINING_STYLE : AISHA_TRAINING_PORTRAIT,
        .preset = word(ctx, "quality") ? AISHA_TRAINING_QUALITY : AISHA_TRAINING_FAST,
        .trigger = trigger ? trigger : "TOK_1", .photos = photos, .photo_count = count,
        .into = aisha_blob_name(ctx, aisha_printf(ctx, "weights/%s", op_id)));
}

/* The order and the start are one transaction, as with a hold. */
static AISHA_ASYNC int order(struct aisha_ctx *ctx,
                             int (*start)(struct aisha_ctx *, const char *, const char **))
{
    const char *op_id = word(ctx, "op"), *id = "";

    int r = aisha_db_begin(ctx);
    if (r == 0)
        r = aisha_db_exec(ctx, "INSERT INTO painter_orders (op_id) VALUES ($1)", op_id);
    if (r < 0)
        return r;
    r = start(ctx, op_id, &id);
    if (r == -AISHA_E_INVALID) {
        r = aisha_db_rollback(ctx);
        return r < 0 ? r : aisha_reply(ctx, .text = "refused");
    }
    if (r < 0)
        return r;
    const char *said = r == AISHA_WORK_EXISTS ? "known" : "started";
    r = aisha_db_commit(ctx);
    return r < 0 ? r : aisha_reply(ctx, .text = aisha_printf(ctx, "%s %s", said, id));
}

static AISHA_ASYNC int cmd_draw(struct aisha_ctx *ctx)
{
    return order(ctx, start_drawing);
}

static AISHA_ASYNC int cmd_train(struct aisha_ctx *ctx)
{
    return order(ctx, start_training);
}

/* /store FILE KEY */
static AISHA_ASYNC int cmd_store(struct aisha_ctx *ctx)
{
    const char *path = word(ctx, "path"), *key = word(ctx, "key");

    int r = aisha_blob_put_file(ctx, key, path);
    return r < 0 ? r : aisha_reply(ctx, .text = aisha_printf(ctx, "stored %s", key));
}

static const char *const phases[] = {"",          "waiting", "queued",    "running", "collecting",
                                     "succeeded", "failed",  "cancelled", "expired"};

static AISHA_ASYNC int cmd_look(struct aisha_ctx *ctx)
{
    const struct aisha_work_status *status;

    int r = aisha_images_status(ctx, aisha_args(ctx), &status);
    if (r == -AISHA_E_NOT_FOUND)
        return aisha_reply(ctx, .text = "nothing");
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s %s %" PRId64 " %d%%", status->op_id,
                                                 phases[status->phase], status->position,
                                                 status->percent));
}

static AISHA_ASYNC int cmd_stop(struct aisha_ctx *ctx)
{
    int r = aisha_images_cancel(ctx, aisha_args(ctx));

    if (r == -AISHA_E_NOT_FOUND)
        return aisha_reply(ctx, .text = "nothing");
    return r < 0 ? r : aisha_reply(ctx, .text = "asked to stop");
}

/* ---- being told ---- */

static AISHA_ASYNC int note(struct aisha_ctx *ctx, const struct aisha_work_end *end,
                            const char *result)
{
    struct told told = {0};

    memcpy(told.op_id, end->op_id, strnlen(end->op_id, sizeof told.op_id - 1));
    int r = aisha_db_exec(ctx,
                          "INSERT INTO painter_ends (op_id, phase, cause, is_theirs, is_submitted,"
                          " model, reason, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                          end->op_id, phases[end->phase], (int64_t)end->cause,
                          (int64_t)aisha_cause_is_theirs(end->cause), (int64_t)end->is_submitted,
                          end->model, end->reason, result);
    return r < 0 ? r : aisha_job_enqueue(ctx, NULL, .kind = "tell", AISHA_DATA(told));
}

static AISHA_ASYNC int on_drawn(struct aisha_ctx *ctx, const struct aisha_drawing_end *end)
{
    const char *list = "";

    for (size_t i = 0; i < end->picture_count; i++)
        list = aisha_printf(ctx, "%s %s:%" PRId64 "x%" PRId64 ":%s", list,
                            end->pictures[i].is_flagged ? "flagged" : end->pictures[i].blob,
                            end->pictures[i].width, end->pictures[i].height,
                            end->pictures[i].content_type);
    return note(ctx, &end->end,
                aisha_printf(ctx, "seed=%" PRId64 "%s%s", end->seed,
                             end->is_negative_ignored ? " no-negative" : "", list));
}

static AISHA_ASYNC int on_trained(struct aisha_ctx *ctx, const struct aisha_training_end *end)
{
    return note(ctx, &end->end,
                aisha_printf(ctx, "%s %s %" PRId64 " %s %s %" PRId64, end->weights, end->sha256,
                             end->weights_bytes, end->family, end->trigger, end->steps));
}

static AISHA_ASYNC int on_progress(struct aisha_ctx *ctx, const struct aisha_work_status *status)
{
    return aisha_db_exec(ctx,
                         "INSERT INTO painter_progress (op_id, phase, ahead, percent, line)"
                         " VALUES ($1, $2, $3, $4, $5)",
                         status->op_id, phases[status->phase], status->position,
                         (int64_t)status->percent, status->log);
}

/* For the person who ordered it, where they did. */
static AISHA_ASYNC int run_tell(struct aisha_ctx *ctx)
{
    struct told told;

    int r = aisha_job_data(ctx, &told);
    return r < 0 ? r : aisha_reply(ctx, .text = aisha_printf(ctx, "end of %s", told.op_id));
}

static const struct aisha_images_listener drawn = {
    .size = sizeof drawn, .ended = on_drawn, .progress = on_progress};
static const struct aisha_trainer_listener trained = {
    .size = sizeof trained, .ended = on_trained, .progress = on_progress};

static const struct aisha_service services[] = {
    {.name = "drawn", .version = 1, .functions = &drawn},
    {.name = "trained", .version = 1, .functions = &trained},
};

static const struct aisha_command commands[] = {
    {.name = "draw", .summary = "draw", .run = cmd_draw},
    {.name = "train", .summary = "train", .run = cmd_train},
    {.name = "store", .summary = "store", .run = cmd_store},
    {.name = "look", .summary = "look", .run = cmd_look},
    {.name = "stop", .summary = "stop", .run = cmd_stop},
};

static const struct aisha_job_kind jobs[] = {
    {.name = "tell", .run = run_tell, .data_size = sizeof(struct told)},
};

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "notes",
     .sql = "CREATE TABLE painter_orders (op_id TEXT NOT NULL);"
            "CREATE TABLE painter_ends (op_id TEXT NOT NULL, phase TEXT NOT NULL,"
            " cause BIGINT NOT NULL, is_theirs BIGINT NOT NULL, is_submitted BIGINT NOT NULL,"
            " model TEXT NOT NULL, reason TEXT NOT NULL, result TEXT NOT NULL);"
            "CREATE TABLE painter_progress (op_id TEXT NOT NULL, phase TEXT NOT NULL,"
            " ahead BIGINT NOT NULL, percent BIGINT NOT NULL, line TEXT NOT NULL)"},
};

AISHA_PLUGIN(.name = "painter", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .jobs = AISHA_TABLE(jobs),
             .migrations = AISHA_TABLE(migrations), .provides = AISHA_TABLE(services))

/*
 * Service "images", version 1: a text becomes pictures, with weights that were trained before or
 * without. What is common to all long work, the listener above all, is in provider.h.
 *
 *     const struct aisha_lora face = {.size = sizeof face, .weights = weights, .family = family};
 *     int r = aisha_images_start(ctx, &id, .op_id = picture_id, .listener = "pictures_drawn",
 *                                .prompt = prompt, .loras = &face, .lora_count = 1,
 *                                .aspect = "3:4", .count = 2,
 *                                .into = aisha_blob_name(ctx, "pictures/3f2a…"));
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>
#include <aisha/service/provider.h>

enum { AISHA_IMAGES_MOST = 4, AISHA_LORAS_MOST = 3 };

struct aisha_lora {
    size_t size;
    const char *weights; /* by aisha_blob_name(), as a training left them */
    const char *family;  /* as that said */
    double scale;        /* over 0, up to 4; 0 = 1 */
};

struct aisha_drawing {
    size_t size;
    const char *op_id;    /* 1 to 100 bytes, the listener's: one drawing for each */
    const char *listener; /* a service of struct aisha_images_listener, version 1 */
    const char *prompt;   /* up to 8000 bytes */
    const char *negative; /* what shall not be there; see .is_negative_ignored. NULL = nothing */
    const struct aisha_lora *loras;
    size_t lora_count; /* all of one family */
    /* Either the size in pixels, 256 to 2048 each, or the ratio of width to height such as "3:4", of
     * which the provider makes a size; none = 1:1. */
    int64_t width, height;
    const char *aspect;
    int64_t count; /* of pictures, up to AISHA_IMAGES_MOST; 0 = 1 */
    bool has_seed;
    int64_t seed;     /* the same order with the same seed looks the same; at least 0 */
    double guidance;  /* how closely the text is followed; 0 = as the model likes it */
    int64_t steps;    /* how much work is put into it; 0 = as the model likes it */
    const char *into; /* by aisha_blob_name(): pictures are kept as into-1.jpg, into-2.png, … */
};

struct aisha_picture {
    size_t size;
    const char *blob; /* its name; NULL when it was flagged, for then it is not kept */
    const char *content_type;
    int64_t bytes, width, height;
    bool is_flagged; /* the provider's safety check does not want it shown */
};

struct aisha_drawing_end {
    size_t size;
    struct aisha_work_end end;
    /* Of one that succeeded: at least one picture is not flagged. When all are, it has failed by
     * AISHA_CAUSE_CONTENT_POLICY. */
    const struct aisha_picture *pictures;
    size_t picture_count;
    bool has_seed;
    int64_t seed;             /* that was used */
    bool is_negative_ignored; /* the model has no such thing: .negative had no effect */
};

/* What the starter provides under the name it gives as .listener. */
struct aisha_images_listener {
    size_t size;
    int (*ended)(struct aisha_ctx *ctx, const struct aisha_drawing_end *end);
    int (*progress)(struct aisha_ctx *ctx, const struct aisha_work_status *status); /* or NULL */
};

/* What a provider fills in. */
struct aisha_images_functions {
    size_t size;
    int (*start)(struct aisha_ctx *ctx, const char **ret_id, const struct aisha_drawing *drawing);
    int (*status)(struct aisha_ctx *ctx, const char *id,
                  const struct aisha_work_status **ret_status);
    int (*cancel)(struct aisha_ctx *ctx, const char *id);
};

/* As aisha_trainer_start(), aisha_trainer_status() and aisha_trainer_cancel() of trainer.h. */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_images_start_(struct aisha_ctx *ctx, const char **ret_id, const struct aisha_drawing *drawing)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "images", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_images_functions *images = call.functions;
    r = images->start(ctx, ret_id, drawing);
    aisha_service_leave(ctx, &call);
    return r;
}

#define aisha_images_start(ctx, ret_id, ...)                                                       \
    aisha_images_start_(                                                                           \
        (ctx), (ret_id),                                                                           \
        &(const struct aisha_drawing){.size = sizeof(struct aisha_drawing), __VA_ARGS__})

static inline AISHA_ASYNC AISHA_CHECKED int
aisha_images_status(struct aisha_ctx *ctx, const char *id,
                    const struct aisha_work_status **ret_status)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "images", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_images_functions *images = call.functions;
    r = images->status(ctx, id, ret_status);
    aisha_service_leave(ctx, &call);
    return r;
}

static inline AISHA_ASYNC AISHA_CHECKED int aisha_images_cancel(struct aisha_ctx *ctx,
                                                                const char *id)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "images", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_images_functions *images = call.functions;
    r = images->cancel(ctx, id);
    aisha_service_leave(ctx, &call);
    return r;
}

/*
 * Service "trainer", version 1: photos become the weights of a model that can draw what is on them.
 * What is common to all long work, the listener above all, is in provider.h.
 *
 *     int r = aisha_trainer_start(ctx, &id, .op_id = avatar_id, .listener = "avatar_trained",
 *                                 .kind = AISHA_TRAINING_PORTRAIT, .trigger = "TOK_3f2a9c01",
 *                                 .photos = names, .photo_count = count,
 *                                 .into = aisha_blob_name(ctx, "weights/3f2a…"));
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>
#include <aisha/service/provider.h>

enum aisha_training_kind {
    AISHA_TRAINING_PORTRAIT = 1, /* a person */
    AISHA_TRAINING_STYLE,        /* a manner */
};

/* How much is spent on it; the operator says what each means. */
enum aisha_training_preset {
    AISHA_TRAINING_FAST = 1,
    AISHA_TRAINING_BALANCED,
    AISHA_TRAINING_QUALITY,
};

/* Whether only faces are learned, where the model can do that. */
enum aisha_training_masks {
    AISHA_MASKS_BY_PRESET = 0,
    AISHA_MASKS_ON,
    AISHA_MASKS_OFF,
};

struct aisha_training {
    size_t size;
    const char *op_id;    /* 1 to 100 bytes, the listener's: one training for each */
    const char *listener; /* a service of struct aisha_trainer_listener, version 1 */
    enum aisha_training_kind kind;
    enum aisha_training_preset preset;
    enum aisha_training_masks masks;
    const char *trigger;       /* the word that will mean it: 1 to 40 of A-Z a-z 0-9 _ - */
    const char *const *photos; /* by aisha_blob_name(); they have to stay until the end */
    size_t photo_count;        /* 1 to 100 */
    const char *into;          /* by aisha_blob_name(): where the weights shall be */
};

struct aisha_training_end {
    size_t size;
    struct aisha_work_end end;
    /* Of one that succeeded; kept in our own store, and verified. */
    const char *weights; /* the blob: .into */
    const char *sha256;  /* of its bytes, hexadecimal */
    int64_t weights_bytes;
    const char *family;  /* which models can use them: for aisha_images_start() */
    const char *trigger; /* as it was trained: prompts need exactly this */
    int64_t steps;
};

/* What the starter provides under the name it gives as .listener. */
struct aisha_trainer_listener {
    size_t size;
    int (*ended)(struct aisha_ctx *ctx, const struct aisha_training_end *end);
    int (*progress)(struct aisha_ctx *ctx, const struct aisha_work_status *status); /* or NULL */
};

/* What a provider fills in. */
struct aisha_trainer_functions {
    size_t size;
    int (*start)(struct aisha_ctx *ctx, const char **ret_id, const struct aisha_training *training);
    int (*status)(struct aisha_ctx *ctx, const char *id,
                  const struct aisha_work_status **ret_status);
    int (*cancel)(struct aisha_ctx *ctx, const char *id);
};

/*
 * Starts a training for the person of ctx: through the open transaction, or else as a write of its
 * own. Nothing has been asked of anybody else when it returns. 0, AISHA_WORK_EXISTS, or
 * -AISHA_E_INVALID for an order that is not as described above. ret_id, which lives as long as ctx,
 * may be NULL.
 */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_trainer_start_(struct aisha_ctx *ctx, const char **ret_id,
                     const struct aisha_training *training)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "trainer", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_trainer_functions *trainer = call.functions;
    r = trainer->start(ctx, ret_id, training);
    aisha_service_leave(ctx, &call);
    return r;
}

#define aisha_trainer_start(ctx, ret_id, ...)                                                      \
    aisha_trainer_start_(                                                                          \
        (ctx), (ret_id),                                                                           \
        &(const struct aisha_training){.size = sizeof(struct aisha_training), __VA_ARGS__})

/* How far it is; lives as long as ctx. -AISHA_E_NOT_FOUND when there is none, or it ended long ago. */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_trainer_status(struct aisha_ctx *ctx, const char *id,
                     const struct aisha_work_status **ret_status)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "trainer", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_trainer_functions *trainer = call.functions;
    r = trainer->status(ctx, id, ret_status);
    aisha_service_leave(ctx, &call);
    return r;
}

/*
 * Asks for its end, through the open transaction or as a write of its own. .ended tells how it ended:
 * what is done already still succeeds. Whether it was started is checked: -AISHA_E_NOT_FOUND.
 */
static inline AISHA_ASYNC AISHA_CHECKED int aisha_trainer_cancel(struct aisha_ctx *ctx,
                                                                 const char *id)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "trainer", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_trainer_functions *trainer = call.functions;
    r = trainer->cancel(ctx, id);
    aisha_service_leave(ctx, &call);
    return r;
}

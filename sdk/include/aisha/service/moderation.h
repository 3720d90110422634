/*
 * Service "moderation", version 1: whether a text or a picture is something one does not want to be
 * part of.
 *
 *     const struct aisha_moderation_result *verdict;
 *     int r = aisha_moderate(ctx, &verdict, .text = prompt);
 *     if (r < 0)
 *         return r;
 *     if (verdict->is_flagged)
 *         return aisha_reply(ctx, .key = "not_that");
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>
#include <aisha/service/vision.h>

struct aisha_moderation_request {
    size_t size;
    const char *text;
    const struct aisha_image
        *image;         /* instead of text, or with it: then they are judged together */
    int64_t timeout_ms; /* 0 = as the operator has set it */
};

struct aisha_moderation_category {
    const char *name; /* "violence", "sexual/minors", …: the provider's */
    bool is_flagged;
    double score; /* 0 to 1 */
};

struct aisha_moderation_result {
    size_t size;
    bool is_flagged;
    /* All that were looked at. Providers do not look for everything in pictures: OpenAI's finds
     * neither hate nor sexual/minors there. */
    const struct aisha_moderation_category *categories;
    size_t category_count;
    const char *model;
};

/* What a provider fills in. */
struct aisha_moderation_functions {
    size_t size;
    int (*moderate)(struct aisha_ctx *ctx, const struct aisha_moderation_result **ret_result,
                    const struct aisha_moderation_request *request);
};

/* The verdict; it lives as long as ctx. Fails as aisha_chat() does: then nothing is known, which is
 * not the same as harmless. */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_moderate_(struct aisha_ctx *ctx, const struct aisha_moderation_result **ret_result,
                const struct aisha_moderation_request *request)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "moderation", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_moderation_functions *moderation = call.functions;
    r = moderation->moderate(ctx, ret_result, request);
    aisha_service_leave(ctx, &call);
    return r;
}

#define aisha_moderate(ctx, ret_result, ...)                                                       \
    aisha_moderate_((ctx), (ret_result),                                                           \
                    &(const struct aisha_moderation_request){                                      \
                        .size = sizeof(struct aisha_moderation_request), __VA_ARGS__})

/*
 * Service "vision", version 1: a model looks at pictures and says what was asked.
 *
 *     const struct aisha_image images[] = {{.bytes = jpeg, .size = jpeg_size, .type = "image/jpeg"}};
 *     int r = aisha_vision(ctx, &answer, .question = "How many people are there?",
 *                          .images = images, .image_count = 1);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>
#include <aisha/service/chat.h>

/* A picture as a file in memory. It goes to the provider in the request, never as an address. */
struct aisha_image {
    const void *bytes;
    size_t size;
    const char *type; /* image/jpeg, image/png, image/webp or image/gif */
};

struct aisha_vision_request {
    size_t size;
    const char *instructions; /* what the model is to do; from you, never from users; or NULL */
    const char *question;
    const struct aisha_image *images; /* in the order in which the question speaks of them */
    size_t image_count;
    bool is_detailed;                 /* small things matter, at several times the price */
    const char *schema, *schema_name; /* as in chat.h */
    int max_tokens;
    int64_t timeout_ms;
};

/* What a provider fills in. */
struct aisha_vision_functions {
    size_t size;
    int (*look)(struct aisha_ctx *ctx, const struct aisha_chat_result **ret_result,
                const struct aisha_vision_request *request);
};

/* As aisha_chat(); -AISHA_E_LIMIT also when the pictures together are too large. */
static inline AISHA_ASYNC AISHA_CHECKED int
aisha_vision_(struct aisha_ctx *ctx, const struct aisha_chat_result **ret_result,
              const struct aisha_vision_request *request)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "vision", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_vision_functions *vision = call.functions;
    r = vision->look(ctx, ret_result, request);
    aisha_service_leave(ctx, &call);
    return r;
}

#define aisha_vision(ctx, ret_result, ...)                                                         \
    aisha_vision_((ctx), (ret_result),                                                             \
                  &(const struct aisha_vision_request){                                            \
                      .size = sizeof(struct aisha_vision_request), __VA_ARGS__})

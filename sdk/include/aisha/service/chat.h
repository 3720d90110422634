/*
 * Service "chat", version 1: a language model goes on with a conversation, in words or in JSON of a
 * given shape.
 *
 *     const struct aisha_chat_result *answer;
 *     const struct aisha_chat_message messages[] = {
 *         {AISHA_CHAT_SYSTEM, "Describe a better photo of what the user asks for."},
 *         {AISHA_CHAT_USER, aisha_message(ctx)->text},
 *     };
 *     int r = aisha_chat(ctx, &answer, .messages = messages, .message_count = 2);
 *     if (r < 0)
 *         return r;
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/ctx.h>
#include <aisha/json.h>

enum aisha_chat_role {
    AISHA_CHAT_SYSTEM, /* what the model is to do; from you, never from users */
    AISHA_CHAT_USER,
    AISHA_CHAT_ASSISTANT, /* what it said before */
};

struct aisha_chat_message {
    enum aisha_chat_role role;
    const char *text;
};

struct aisha_chat_request {
    size_t size;
    const struct aisha_chat_message *messages; /* the oldest first */
    size_t message_count;
    /* A JSON schema the answer has to follow, as text, and a name for it of 1 to 64 letters, digits,
     * _ and -. Of objects, all properties are "required" and "additionalProperties" is false. */
    const char *schema, *schema_name;
    int max_tokens;     /* of the answer; 0 = as the operator has set it */
    int64_t timeout_ms; /* for everything; 0 = as the operator has set it */
};

struct aisha_chat_result {
    size_t size;
    const char *text;              /* what the model says; of a refusal its reason, or "" */
    const struct aisha_json *json; /* the same, when a schema was given */
    const char *model;             /* which one said it */
    int64_t input_tokens, output_tokens;
};

enum { AISHA_CHAT_REFUSED = 1 };

/* What a provider fills in. */
struct aisha_chat_functions {
    size_t size;
    int (*complete)(struct aisha_ctx *ctx, const struct aisha_chat_result **ret_result,
                    const struct aisha_chat_request *request);
};

/*
 * The model's answer; it lives as long as ctx. AISHA_CHAT_REFUSED: it does not want to, or a filter
 * held the answer back. -AISHA_E_INVALID when the provider does not take the request, -AISHA_E_LIMIT
 * when the conversation is too long or the answer did not fit into max_tokens, -AISHA_E_DENIED when
 * the operator has to act (the key is refused, the account has no credit left), -AISHA_E_UPSTREAM,
 * -AISHA_E_UNAVAILABLE and -AISHA_E_TIMEOUT when a later try may work. What happened is in the log.
 *
 * JSON by a schema is parsed, but whether it follows the schema is between provider and model: read it
 * as what it is, somebody else's text.
 */
static inline AISHA_ASYNC AISHA_CHECKED int aisha_chat_(struct aisha_ctx *ctx,
                                                        const struct aisha_chat_result **ret_result,
                                                        const struct aisha_chat_request *request)
{
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, "chat", 1, &call);
    if (r < 0)
        return r;
    const struct aisha_chat_functions *chat = call.functions;
    r = chat->complete(ctx, ret_result, request);
    aisha_service_leave(ctx, &call);
    return r;
}

#define aisha_chat(ctx, ret_result, ...)                                                           \
    aisha_chat_((ctx), (ret_result),                                                               \
                &(const struct aisha_chat_request){.size = sizeof(struct aisha_chat_request),      \
                                                   __VA_ARGS__})

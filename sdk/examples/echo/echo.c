/*
 * echo: says again what it was told.
 */
#include <aisha/aisha.h>

static AISHA_ASYNC int on_text(struct aisha_ctx *ctx) { return aisha_reply(ctx, .text = aisha_message(ctx)->text); }

static const struct aisha_message_route messages[] = {
    {.field = "text", .run = on_text},
};

AISHA_PLUGIN(.name = "echo", .version = "1.0", .messages = AISHA_TABLE(messages))

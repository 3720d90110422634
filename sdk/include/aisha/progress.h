/*
 * Showing that work goes on, to a person who waits for it.
 *
 *     aisha_chat_action(ctx, "upload_photo");
 *     for (…) {
 *         int r = aisha_progress(ctx, .key = "painting", .percent = done);
 *         …
 *     }
 *     return aisha_screen(ctx, .photo = …);
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

struct aisha_ctx;

/*
 * Shows "typing…", "sending photo…" in the chat until the handler returns, or until another action
 * takes its place; NULL ends it. The names are those of the Bot API's sendChatAction: "typing",
 * "upload_photo", "record_voice", … Never fails: without it the work goes on all the same.
 */
AISHA_PUBLIC void aisha_chat_action(struct aisha_ctx *ctx, const char *action);

struct aisha_progress {
    size_t size;
    const char *text; /* one of three, as in reply.h */
    const char *html;
    const char *key;
    int percent; /* 1 to 100: with a bar of that length */
};

/*
 * Shows how far the work is, in the message of aisha_screen(), with a button that ends the handler.
 * Call it as often as there is news: the message is edited at most every three seconds and the
 * newest state is never lost. What aisha_screen() shows next takes its place; if the handler returns
 * 0 without that, its last state stays, without the button. After a crash the host says so there.
 *
 * Suspends only at the first time. -AISHA_E_CANCELED when the work was cancelled: just return.
 */
#define aisha_progress(ctx, ...)                                                                   \
    aisha_progress_(                                                                               \
        (ctx), &(const struct aisha_progress){.size = sizeof(struct aisha_progress), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_progress_(struct aisha_ctx *ctx,
                                                           const struct aisha_progress *progress);

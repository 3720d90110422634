/*
 * The SDK: state.h. The question is sent first; that it waits for an answer is stored with the
 * unit's commit, so that a handler that fails in between leaves no question behind.
 */
#include <string.h>
#include <time.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/job_runner.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"
#include "host/store/dialog_copies.h"

enum { DAY_S = 24 * 3600, MAX_TTL_S = 90 * DAY_S };

int aisha_ask_(struct aisha_ctx *ctx, const struct aisha_question *question)
{
    struct aisha_question own;

    sized_copy(&own, sizeof own, question);
    const struct aisha_state *state =
        ctx->plugin && own.then ? plugin_state(ctx->plugin, own.then) : NULL;
    if (!state)
        return aisha_fail(ctx, -AISHA_E_INVALID, "there is no state \"%s\" to go on with",
                          own.then ? own.then : "");
    if (own.data_size != state->data_size)
        return aisha_fail(ctx, -AISHA_E_INVALID,
                          "the data of \"%s\" has %zu bytes, .data_size is %zu", own.then,
                          own.data_size, state->data_size);
    if (!ctx->from || !ctx->chat_id || ctx->business_connection_id)
        return aisha_fail(ctx, -AISHA_E_INVALID, "there is nobody to ask");
    int r = aisha_reply(ctx, .text = own.text, .html = own.html, .key = own.key,
                        .keyboard = own.keyboard);
    if (r < 0)
        return r;
    int64_t ttl_s = own.ttl_s <= 0 ? DAY_S : own.ttl_s < MAX_TTL_S ? own.ttl_s : MAX_TTL_S;
    ctx->dialog_change = CTX_DIALOG_SET;
    ctx->next_dialog = (struct dialog){
        .plugin = ctx->plugin->name,
        .state = state->name,
        .data = own.data_size ? arena_memdup(&ctx->arena, own.data, own.data_size) : NULL,
        .data_size = own.data_size,
        .expires_at = (int64_t)time(NULL) + ttl_s,
    };
    return 0;
}

int aisha_state_data_(struct aisha_ctx *ctx, void *ret, size_t size)
{
    if (size != ctx->dialog.data_size)
        return aisha_fail(ctx, -AISHA_E_INVALID, "the question's data has %zu bytes, not %zu",
                          ctx->dialog.data_size, size);
    if (size)
        memcpy(ret, ctx->dialog.data, size);
    return 0;
}

int aisha_state_clear(struct aisha_ctx *ctx)
{
    const struct dialog_key key = ctx_dialog_key(ctx);
    struct dialog pending;

    int r = dialog_copies_find(ctx->bot->dialogs, &ctx->arena, &key, &pending);
    if (r < 0 && r != -AISHA_E_NOT_FOUND) {
        ctx->has_store_failed = r == -AISHA_E_UNAVAILABLE;
        return r;
    }
    if (r == 0)
        ctx->dialog_change = CTX_DIALOG_CLEAR;
    return r == 0 || ctx->has_cancelled ? 1 : job_runner_cancel_shown(ctx, 0);
}

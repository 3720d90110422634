#include "host/bot/ending.h"

#include <aisha/ctx.h>
#include <aisha/error.h>
#include <aisha/reply.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/log.h"
#include "host/core/loop.h"

bool ending_is_block(const struct aisha_ctx *ctx, int r)
{
    return r == -AISHA_E_TELEGRAM && ctx->telegram_failure.error_code == 403;
}

static void log_failure(const struct aisha_ctx *ctx, int r)
{
    const char *owner = ctx->plugin ? ctx->plugin->name : "bot";
    const char *handler = ctx->handler ? ctx->handler : "";

    if (ending_is_block(ctx, r))
        log_info(owner, "update=%lld handler=\"%s\" ended: the user has blocked the bot",
                 (long long)ctx->item.update_id, handler);
    else
        log_error(owner, "update=%lld handler=\"%s\" failed: %s%s%s",
                  (long long)ctx->item.update_id, handler, aisha_error_text(r),
                  ctx->failure_text ? ": " : "", ctx->failure_text ? ctx->failure_text : "");
}

static bool is_payment(const struct aisha_ctx *ctx)
{
    return ctx->update->pre_checkout_query || ctx->update->shipping_query;
}

/* Somebody holds the phone in the hand and waits: better a clear no than a time-out. */
static AISHA_ASYNC void refuse_payment(struct aisha_ctx *ctx, const char *key)
{
    const char *why = ctx_plain(ctx, key, NULL);

    if (ctx->is_answered)
        return;
    if (ctx->update->pre_checkout_query)
        aisha_ignore(aisha_answer_pre_checkout_query(
            ctx, NULL, .pre_checkout_query_id = ctx->update->pre_checkout_query->id, .ok = false,
            .error_message = why));
    else
        aisha_ignore(aisha_answer_shipping_query(
            ctx, NULL, .shipping_query_id = ctx->update->shipping_query->id, .ok = false,
            .error_message = why));
}

/* Says how it ended: in the message that was shown, else as an answer to the press, else anew; but
 * a group is not told about messages that were not meant for us. */
static AISHA_ASYNC void tell(struct aisha_ctx *ctx, const char *key)
{
    ctx->plugin = NULL;
    if (ctx->screen_id)
        aisha_ignore(aisha_screen(ctx, .key = key));
    else if (ctx->update->callback_query && !ctx->is_answered)
        aisha_ignore(aisha_answer_alert(ctx, ctx_plain(ctx, key, NULL)));
    else if (is_payment(ctx))
        refuse_payment(ctx, key);
    else if (ctx->is_private || ctx->args)
        aisha_ignore(aisha_reply(ctx, .key = key));
}

void ending_explain(struct aisha_ctx *ctx, int r)
{
    if (r >= 0 || loop_is_stopping(ctx->bot->loop))
        return;
    if (ctx->cancel == CTX_CANCELLED_BY_USER) {
        ctx->dialog_change = CTX_DIALOG_KEEP;
        if (ctx->screen_id)
            tell(ctx, "cancelled");
        return;
    }
    if (!ctx->update) { /* it could not even be read */
        log_failure(ctx, r);
        return;
    }
    ctx->dialog_change = CTX_DIALOG_KEEP;
    log_failure(ctx, r);
    if (!ending_is_block(ctx, r))
        tell(ctx, ctx->cancel == CTX_CANCELLED_BY_DEADLINE ? "too_slow" : "failed");
}

void ending_answer_quietly(struct aisha_ctx *ctx)
{
    if (ctx->update && ctx->update->callback_query && !ctx->is_answered)
        aisha_ignore(aisha_answer(ctx, NULL));
}

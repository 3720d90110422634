#include "host/bot/handler.h"

#include <stdbool.h>
#include <strings.h>

#include <aisha/ctx.h>
#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"

#define SEE_MESSAGES "see [limits] messages"

struct run {
    struct aisha_ctx *ctx;
    aisha_handler *handler;
    int result;
};

static AISHA_ASYNC void run(void *arg)
{
    struct run *run = arg;

    run->result = run->handler(run->ctx);
}

/* Whoever sends a command, presses a button or answers a question is waiting; who gets the message
 * that was passed on, or the router, has the answer to give. */
static bool is_silent(const struct aisha_ctx *ctx, int result)
{
    bool is_sole = ctx->args || (ctx->update && ctx->update->callback_query);
    bool is_answer = ctx->dialog.state && ctx->dialog_change == CTX_DIALOG_CLEAR;
    bool is_asked = is_sole || (is_answer && result != AISHA_PASS);

    return is_asked && ctx->is_private && !ctx->has_called && !ctx->is_answered;
}

/* Of a handler that ends as if all was well; a failure is logged by who gets it. */
static void name_mistakes(const struct aisha_ctx *ctx, int result)
{
    if (is_silent(ctx, result))
        log_warn(ctx->plugin->name,
                 "update=%lld handler=\"%s\" is done and has said nothing to who waits for it",
                 (long long)ctx->item.update_id, ctx->handler);
    if (ctx->sent_count > ctx->bot->config->limits.messages)
        log_error(ctx->plugin->name,
                  "update=%lld handler=\"%s\" wanted to send %lld messages, " SEE_MESSAGES,
                  (long long)ctx->item.update_id, ctx->handler, (long long)ctx->sent_count);
}

int handler_run(struct aisha_ctx *ctx, aisha_handler *handler)
{
    struct run what = {.ctx = ctx, .handler = handler};

    ctx->is_in_handler = true;
    if (!task_enter(ctx->bot->loop, run, &what))
        what.result = -AISHA_E_LIMIT;
    ctx->is_in_handler = false;
    if (what.result >= 0)
        name_mistakes(ctx, what.result);
    return what.result;
}

static size_t memory_bytes(const struct aisha_ctx *ctx)
{
    return (size_t)ctx->bot->config->limits.memory_mb << 20;
}

static int fail_for_memory(struct aisha_ctx *ctx)
{
    return aisha_fail(ctx, -AISHA_E_LIMIT,
                      "it wants more than %lld MB of memory, see [limits] memory_mb",
                      (long long)ctx->bot->config->limits.memory_mb);
}

struct arena *handler_memory(struct aisha_ctx *ctx, size_t size_bytes)
{
    size_t limit = memory_bytes(ctx);
    bool is_too_much = size_bytes > limit || ctx->arena.used_bytes > limit - size_bytes;

    /* In other tasks and on worker threads it is the host's own code that asks. */
    if (is_too_much && ctx->is_in_handler && task_current(ctx->bot->loop) == ctx->task) {
        aisha_ignore(fail_for_memory(ctx));
        task_leave(ctx->bot->loop);
    }
    return &ctx->arena;
}

int handler_has_memory(struct aisha_ctx *ctx)
{
    return ctx->is_in_handler && ctx->arena.used_bytes > memory_bytes(ctx) ? fail_for_memory(ctx)
                                                                           : 0;
}

/* Edits are not counted: they take the place of what is there. Nor is what a job sends: who writes
 * to many does it there. */
static bool is_message(const char *method)
{
    return strcasecmp(method, "sendChatAction") != 0 &&
           (strncasecmp(method, "send", 4) == 0 || strncasecmp(method, "copy", 4) == 0 ||
            strncasecmp(method, "forward", 7) == 0);
}

int handler_may_call(struct aisha_ctx *ctx, const char *method)
{
    int64_t limit = ctx->bot->config->limits.messages;

    ctx->has_called = true;
    if (!ctx->is_in_handler || ctx->job || !is_message(method) || ++ctx->sent_count <= limit)
        return 0;
    return aisha_fail(ctx, -AISHA_E_LIMIT,
                      "it wants to send more than %lld messages, " SEE_MESSAGES, (long long)limit);
}

#include "host/bot/running.h"

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"

enum { LOOK_EVERY_MS = 500, MAX_NAMED = 5 };

void running_add(struct aisha_ctx *ctx)
{
    ctx->running_since_ms = loop_now_ms(ctx->bot->loop);
    ctx->is_told_slow = false;
    TAILQ_INSERT_TAIL(&ctx->bot->running, ctx, running_link);
}

void running_remove(struct aisha_ctx *ctx)
{
    if (ctx->running_since_ms)
        TAILQ_REMOVE(&ctx->bot->running, ctx, running_link);
    ctx->running_since_ms = 0;
}

size_t running_count(const struct bot *bot)
{
    const struct aisha_ctx *ctx;
    size_t count = 0;

    TAILQ_FOREACH(ctx, &bot->running, running_link)
        count += ctx->album ? ctx->album->count : 1;
    return count;
}

static void name(const struct aisha_ctx *ctx, int64_t limit_s)
{
    log_warn(ctx->plugin ? ctx->plugin->name : "bot",
             "update=%lld handler=\"%s\" runs for over %lld s; work this long belongs into a job",
             (long long)ctx->item.update_id, ctx->handler ? ctx->handler : "", (long long)limit_s);
}

/* When a server that many wait for is slow, a few of them stand for all. */
static void tell(struct bot *bot)
{
    int64_t limit_s = bot->config->limits.slow_handler_s;
    int64_t latest_ms = loop_now_ms(bot->loop) - limit_s * 1000;
    size_t count = 0;
    struct aisha_ctx *ctx;

    TAILQ_FOREACH(ctx, &bot->running, running_link) {
        if (ctx->running_since_ms > latest_ms)
            break;
        if (ctx->is_told_slow)
            continue;
        ctx->is_told_slow = true;
        if (count++ < MAX_NAMED)
            name(ctx, limit_s);
    }
    if (count > MAX_NAMED)
        log_warn("bot", "%zu more handlers run for over %lld s", count - MAX_NAMED,
                 (long long)limit_s);
}

void running_watch(void *arg)
{
    struct bot *bot = arg;

    while (wait_sleep(bot->loop, LOOK_EVERY_MS) == 0)
        tell(bot);
}

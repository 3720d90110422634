/*
 * The SDK: everything else that waits.
 */
#include <string.h>
#include <strings.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/helper_process.h"
#include "host/bot/registry.h"
#include "host/bot/sized.h"
#include "host/bot/unit.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/worker.h"
#include "host/io/http_client.h"
#include "host/telegram/client.h"

/* ---- Bot API ---- */

static int note_telegram(struct aisha_ctx *ctx, const char *method, int r)
{
    bool has_arrived = r == 0 || r == -AISHA_E_TELEGRAM;

    if (has_arrived && ctx->kind && ctx->kind->answer && strcasecmp(method, ctx->kind->answer) == 0)
        ctx->is_answered = true;
    if (r < 0 && ctx->telegram_failure.is_store_down)
        ctx->has_store_failed = true;
    if (r < 0 && r != -AISHA_E_CANCELED)
        return aisha_fail(ctx, r, "%s: %s", method,
                          ctx->telegram_failure.description ? ctx->telegram_failure.description
                                                            : aisha_error_text(r));
    return r;
}

void aisha_set_priority(struct aisha_ctx *ctx, enum aisha_priority priority)
{
    static const enum outbound_priority priorities[] = {
        [AISHA_INTERACTIVE] = OUTBOUND_INTERACTIVE,
        [AISHA_NOTIFICATION] = OUTBOUND_NOTIFICATION,
        [AISHA_BROADCAST] = OUTBOUND_BROADCAST,
    };

    ctx->priority = (unsigned)priority < sizeof priorities / sizeof *priorities
                        ? priorities[priority]
                        : OUTBOUND_BROADCAST;
}

static struct telegram_sender sender_of(const struct aisha_ctx *ctx)
{
    return (struct telegram_sender){.priority = ctx->priority,
                                    .blob_owner = ctx->plugin ? ctx->plugin->name : NULL};
}

int aisha_call_(struct aisha_ctx *ctx, const char *method, const void *params, void *ret)
{
    const struct telegram_sender sender = sender_of(ctx);

    REFUSE_TO_WAIT(ctx);
    int r = handler_may_call(ctx, method);
    if (r < 0)
        return r;
    return note_telegram(ctx, method,
                         telegram_call_as(ctx->bot->telegram, &ctx->arena, &sender, method, params,
                                          ret, &ctx->telegram_failure));
}

int aisha_call_json(struct aisha_ctx *ctx, const char *method, const char *json,
                    const char **ret_json)
{
    const struct telegram_sender sender = sender_of(ctx);

    REFUSE_TO_WAIT(ctx);
    int r = handler_may_call(ctx, method);
    if (r < 0)
        return r;
    return note_telegram(ctx, method,
                         telegram_call_json_as(ctx->bot->telegram, &ctx->arena, &sender, method,
                                               json, ret_json, &ctx->telegram_failure));
}

int aisha_download(struct aisha_ctx *ctx, const char *file_id, int64_t max_bytes,
                   const char **ret_path)
{
    REFUSE_TO_WAIT(ctx);
    const char *path = aisha_temp_path(ctx, "");
    int r = telegram_download(ctx->bot->telegram, &ctx->arena, file_id, max_bytes, path,
                              &ctx->telegram_failure);
    if (r == 0)
        *ret_path = path;
    return note_telegram(ctx, "getFile", r);
}

/* ---- HTTP ---- */

int aisha_http_(struct aisha_ctx *ctx, const struct aisha_http_response **ret_response,
                const struct aisha_http_request *request)
{
    struct aisha_http_request own;
    const char *error = "";

    REFUSE_TO_WAIT(ctx);
    int r = unit_wait_stored(ctx); /* it may cost money */
    if (r < 0)
        return r;
    sized_copy(&own, sizeof own, request);
    r = http_client_fetch(ctx->bot->http, &ctx->arena, &own, ret_response, &error);
    return r < 0 && r != -AISHA_E_CANCELED ? aisha_fail(ctx, r, "%s", error) : r;
}

/* ---- worker threads ---- */

int aisha_run_on_worker(struct aisha_ctx *ctx, int (*fn)(void *arg), void *arg)
{
    REFUSE_TO_WAIT(ctx);
    return workers_run(ctx->bot->workers, fn, arg);
}

/* ---- helper processes ---- */

int aisha_run_helper_(struct aisha_ctx *ctx, const struct aisha_helper_result **ret_result,
                      const struct aisha_helper_request *request)
{
    const struct aisha_helper_result *result = NULL;
    struct aisha_helper_request own;

    REFUSE_TO_WAIT(ctx);
    sized_copy(&own, sizeof own, request);
    const struct aisha_helper_row *row = own.name ? plugin_helper(ctx->plugin, own.name) : NULL;
    if (!row)
        return aisha_fail(ctx, -AISHA_E_INVALID, "there is no helper \"%s\"",
                          own.name ? own.name : "");
    const char *object =
        row->object ? arena_printf(&ctx->arena, "%s/%s.so", ctx->plugin->directory, row->object)
                    : ctx->plugin->path;
    int r = helper_process_run(ctx->bot->helpers, &ctx->arena, object, row->object ? "" : row->name,
                               &own, &result);
    if (ret_result)
        *ret_result = result;
    if (r < 0 && result)
        return aisha_fail(ctx, r, "helper %s: %s", row->name, result->error);
    return r;
}

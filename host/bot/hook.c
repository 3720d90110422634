/*
 * A unit of work whose origin is a request: no update, no person, no lane, and nothing that marks
 * it as done but the answer.
 */
#include "host/bot/hook.h"

#include <string.h>

#include <aisha/error.h>
#include <aisha/plugin.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/i18n.h"
#include "host/bot/web.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/io/http_server.h"
#include "host/store/db.h"

enum { DEFAULT_BODY_BYTES = 1024 * 1024, DEADLINE_MS = 60 * 1000 };

size_t hook_limit(const struct aisha_webhook *webhook)
{
    return webhook->max_body_bytes ? webhook->max_body_bytes : DEFAULT_BODY_BYTES;
}

size_t hook_max_body_bytes(const struct registry *registry)
{
    size_t max = 0;

    for (size_t i = 0; i < registry->count; i++)
        for (size_t j = 0; j < registry->plugins[i].d.webhooks.count; j++) {
            const struct aisha_webhook *webhook = &registry->plugins[i].d.webhooks.rows[j];
            size_t bytes = webhook->is_streamed ? 0 : hook_limit(webhook);
            max = bytes > max ? bytes : max;
        }
    return max;
}

/* "/hooks/PLUGIN/NAME" */
static const struct aisha_webhook *find(const struct registry *registry, const char *path,
                                        const struct plugin **ret_plugin)
{
    const char *name = path + strlen("/hooks/"), *slash = strchr(name, '/');

    for (size_t i = 0; slash && i < registry->count; i++) {
        const struct plugin *plugin = &registry->plugins[i];
        size_t length = strlen(plugin->name);
        if (length != (size_t)(slash - name) || strncmp(plugin->name, name, length) != 0)
            continue;
        *ret_plugin = plugin;
        return plugin_webhook(plugin, slash + 1);
    }
    return NULL;
}

bool hook_is_streamed(const struct http_exchange *exchange, const struct bot *bot)
{
    static const char prefix[] = "/hooks/";
    const struct plugin *plugin;
    const struct aisha_webhook *webhook = strncmp(exchange->path, prefix, strlen(prefix)) == 0
                                              ? find(bot->registry, exchange->path, &plugin)
                                              : NULL;

    return webhook && webhook->is_streamed;
}

/* An empty option lets nobody in. */
static bool has_token(const struct http_exchange *exchange, const struct plugin *plugin,
                      const struct aisha_webhook *webhook)
{
    const char *token = webhook->token ? plugin_text_option(plugin, webhook->token) : NULL;

    return !webhook->token || (token && web_has_bearer(exchange, token));
}

static bool is_admitted(struct http_exchange *exchange, const struct plugin *plugin,
                        const struct aisha_webhook *webhook)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    size_t i = 0;

    while (i < 3 && strcmp(exchange->method, methods[i]) != 0)
        i++;
    if (i == 3) {
        http_exchange_add_header(exchange, "Allow", "GET, HEAD, POST");
        web_respond(exchange, 405, "GET or POST\n");
    } else if (exchange->body_size > hook_limit(webhook)) {
        web_respond(exchange, 413, "too long\n");
    } else if (!has_token(exchange, plugin, webhook)) {
        http_exchange_add_header(exchange, "WWW-Authenticate", "Bearer");
        web_respond(exchange, 401, "the token is missing or wrong\n");
    } else {
        return true;
    }
    return false;
}

static void answer(struct aisha_ctx *ctx, int r)
{
    bool is_down = ctx->has_store_failed || loop_is_stopping(ctx->bot->loop);

    if (r < 0 && r != -AISHA_E_CANCELED)
        log_error(ctx->plugin->name, "webhook=%s failed: %s%s%s", ctx->handler, aisha_error_text(r),
                  ctx->failure_text ? ": " : "", ctx->failure_text ? ctx->failure_text : "");
    if (ctx->is_answered)
        return;
    if (r == 0)
        http_exchange_respond(ctx->exchange, 204, NULL, NULL, 0);
    else if (r > 0)
        web_respond(ctx->exchange, 404, "there is nothing here\n");
    else if (is_down)
        web_respond_later(ctx->exchange);
    else if (r == -AISHA_E_LIMIT && ctx->webhook->is_streamed)
        web_respond(ctx->exchange, 413, "too long\n");
    else
        web_respond(ctx->exchange, 500, "it did not work\n");
}

static AISHA_ASYNC void run(struct http_exchange *exchange, struct bot *bot,
                            const struct plugin *plugin, const struct aisha_webhook *webhook)
{
    struct aisha_ctx ctx = {
        .bot = bot,
        .task = task_current(bot->loop),
        .exchange = exchange,
        .webhook = webhook,
        .priority = OUTBOUND_NOTIFICATION,
        .locale = i18n_locale_for(NULL),
        .plugin = plugin,
        .handler = webhook->name,
        .is_committed = true, /* there is no update to mark */
    };

    task_rename(ctx.task,
                arena_printf(&ctx.arena, "plugin %s, webhook \"%s\"", plugin->name, webhook->name));
    task_set_deadline(ctx.task, DEADLINE_MS);
    int r = handler_run(&ctx, webhook->run);
    if (ctx.tx)
        db_rollback(ctx.tx);
    answer(&ctx, r);
    arena_clear(&ctx.arena);
}

void hook_handle(struct http_exchange *exchange, struct bot *bot)
{
    const struct plugin *plugin;
    const struct aisha_webhook *webhook = find(bot->registry, exchange->path, &plugin);

    if (!webhook)
        web_respond(exchange, 404, "there is nothing here\n");
    else if (!bot->inbox || bot->is_stopping)
        web_respond_later(exchange); /* starting, or ending */
    else if (is_admitted(exchange, plugin, webhook))
        run(exchange, bot, plugin, webhook);
}

/*
 * The SDK: webhook.h.
 */
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/hook.h"
#include "host/bot/sized.h"
#include "host/bot/split.h"
#include "host/core/arena.h"
#include "host/io/http_server.h"

static const struct aisha_http_header *copy_headers(struct aisha_ctx *ctx)
{
    const struct http_exchange *exchange = ctx->exchange;
    struct aisha_http_header *headers =
        arena_alloc(&ctx->arena, (exchange->header_count + 1) * sizeof *headers);

    for (size_t i = 0; i < exchange->header_count; i++)
        headers[i] = (struct aisha_http_header){.name = exchange->headers[i].name,
                                                .value = exchange->headers[i].value};
    return headers;
}

const struct aisha_request *aisha_request(struct aisha_ctx *ctx)
{
    const struct http_exchange *exchange = ctx->exchange;
    struct aisha_request *request;

    if (!exchange)
        return NULL;
    request = arena_alloc(&ctx->arena, sizeof *request);
    *request = (struct aisha_request){
        .size = sizeof *request,
        .method = exchange->method,
        .query = exchange->query,
        .headers = copy_headers(ctx),
        .header_count = exchange->header_count,
        .body = exchange->body,
        .body_size = exchange->body_size,
        .peer = exchange->peer,
    };
    return request;
}

const char *aisha_request_header(struct aisha_ctx *ctx, const char *name)
{
    return ctx->exchange ? http_exchange_header(ctx->exchange, name) : NULL;
}

const char *aisha_request_param(struct aisha_ctx *ctx, const char *name)
{
    const char *value = ctx->exchange ? http_exchange_param(ctx->exchange, name) : NULL;

    return value && utf8_is_valid(value, strlen(value)) ? value : NULL;
}

int64_t aisha_request_read(struct aisha_ctx *ctx, void *bytes, size_t size)
{
    if (!ctx->exchange || !ctx->webhook->is_streamed)
        return aisha_fail(ctx, -AISHA_E_INVALID, "this is no webhook that is streamed");
    if (ctx->tx)
        return aisha_fail(ctx, -AISHA_E_INVALID, "aisha_request_read() within a transaction");
    ssize_t count = size ? http_exchange_read(ctx->exchange, bytes, size) : 0;
    ctx->body_read += count > 0 ? (size_t)count : 0;
    return ctx->body_read > hook_limit(ctx->webhook) ? -AISHA_E_LIMIT : count;
}

static bool is_header_value(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

int aisha_respond_(struct aisha_ctx *ctx, const struct aisha_response *response)
{
    struct aisha_response own;

    sized_copy(&own, sizeof own, response);
    if (!ctx->exchange)
        return aisha_fail(ctx, -AISHA_E_INVALID, "there is no request to respond to");
    if (ctx->is_answered)
        return aisha_fail(ctx, -AISHA_E_INVALID, "the request has been answered already");
    if (!!own.text + !!own.json + !!own.body > 1)
        return aisha_fail(ctx, -AISHA_E_INVALID, "more than one of .text, .json, .body");
    if (own.status && (own.status < 200 || own.status > 599))
        return aisha_fail(ctx, -AISHA_E_INVALID, "%d cannot be the status", own.status);
    if (own.content_type && !is_header_value(own.content_type))
        return aisha_fail(ctx, -AISHA_E_INVALID, "the content type has control characters");
    if (own.text || own.json) {
        own.body = own.json ? own.json : own.text;
        own.body_size = strlen(own.body);
    }
    if (!own.content_type && own.body)
        own.content_type = own.json   ? "application/json"
                           : own.text ? "text/plain; charset=utf-8"
                                      : "application/octet-stream";
    ctx->is_answered = true;
    http_exchange_respond(ctx->exchange, own.status ? own.status : 200, own.content_type, own.body,
                          own.body_size);
    return 0;
}

const char *aisha_webhook_url(struct aisha_ctx *ctx, const char *name)
{
    const char *base = ctx->bot->config->http.public_url;

    if (!*base || !ctx->plugin || !plugin_webhook(ctx->plugin, name))
        return NULL;
    return arena_printf(&ctx->arena, "%s/hooks/%s/%s", base, ctx->plugin->name, name);
}

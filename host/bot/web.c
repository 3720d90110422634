#include "host/bot/web.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/files.h"
#include "host/bot/health.h"
#include "host/bot/hook.h"
#include "host/bot/incoming.h"
#include "host/bot/metrics.h"
#include "host/core/log.h"
#include "host/io/http_server.h"

enum { BODY_BYTES = 1024 * 1024 };

void web_respond(struct http_exchange *exchange, int status, const char *text)
{
    http_exchange_respond(exchange, status, "text/plain; charset=utf-8", text, strlen(text));
}

void web_respond_later(struct http_exchange *exchange)
{
    http_exchange_add_header(exchange, "Retry-After", "1");
    web_respond(exchange, 503, "not now\n");
}

void web_respond_nothing(struct http_exchange *exchange)
{
    web_respond(exchange, 404, "there is nothing here\n");
}

bool web_has_bearer(const struct http_exchange *exchange, const char *token)
{
    static const char scheme[] = "bearer ";
    const char *header = http_exchange_header(exchange, "authorization");

    if (!*token || !header || strncasecmp(header, scheme, strlen(scheme)) != 0)
        return false;
    header += strlen(scheme);
    return strlen(header) == strlen(token) && CRYPTO_memcmp(header, token, strlen(token)) == 0;
}

static AISHA_ASYNC void on_health(struct http_exchange *exchange, struct bot *bot)
{
    (void)bot;
    web_respond(exchange, 200, "ok\n");
}

static const struct {
    const char *prefix; /* the whole path, unless it ends with a slash */
    AISHA_ASYNC void (*handle)(struct http_exchange *exchange, struct bot *bot);
} routes[] = {
    {"/healthz", on_health},         {"/readyz", health_handle}, {"/metrics", metrics_handle},
    {"/hooks/", hook_handle},        {"/files/", files_handle},  {"/upload/", files_upload_handle},
    {"/telegram/", incoming_handle},
};

static bool is_under(const char *path, const char *prefix)
{
    size_t size = strlen(prefix);

    return prefix[size - 1] == '/' ? strncmp(path, prefix, size) == 0 : strcmp(path, prefix) == 0;
}

static AISHA_ASYNC void on_request(struct http_exchange *exchange, void *user)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (is_under(exchange->path, routes[i].prefix)) {
            routes[i].handle(exchange, user);
            return;
        }
    web_respond_nothing(exchange);
}

static bool is_streamed(const struct http_exchange *exchange, void *user)
{
    return files_upload_is_streamed(exchange) || hook_is_streamed(exchange, user);
}

int web_start(struct bot *bot)
{
    size_t hook_bytes = hook_max_body_bytes(bot->registry);
    const struct http_server_options options = {
        .max_body_bytes = hook_bytes > BODY_BYTES ? hook_bytes : BODY_BYTES,
        .is_streamed = is_streamed,
    };
    const char *address = bot->config->http.listen;

    int r = http_server_start(&bot->server, bot->loop, address, &options, on_request, bot);
    if (r < 0)
        log_error("bot", "HTTP_LISTEN: cannot listen on %s: %s; choose another address or port",
                  address, aisha_error_text(r));
    else
        log_info("bot", "listening on port %d", http_server_port(bot->server));
    return r;
}

void web_stop(struct bot *bot)
{
    if (bot->server)
        http_server_stop(bot->server);
}

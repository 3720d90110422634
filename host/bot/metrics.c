#include "host/bot/metrics.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "host/bot/bot.h"
#include "host/bot/metrics_readings.h"
#include "host/bot/metrics_text.h"
#include "host/bot/text.h"
#include "host/bot/web.h"
#include "host/core/arena.h"
#include "host/io/http_server.h"

/* ---- who may see them ---- */

bool metrics_is_this_machine(const char *address)
{
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, address, &v6) != 1)
        return false;
    return memcmp(&v6, &loopback, sizeof v6) == 0 ||
           (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

/* A server in front of us may be on this machine, too, and passes on what anybody asks. Most add one of
 * these headers; nginx does only when told to, and speaks HTTP/1.0 unless told otherwise. */
static bool came_through_proxy(const struct http_exchange *exchange)
{
    static const char *const headers[] = {
        "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (http_exchange_header(exchange, headers[i]))
            return true;
    return exchange->is_http_1_0;
}

/* Whoever passes connections on without looking into them leaves the name that the client asked for. */
static bool is_asked_by_address(const struct http_exchange *exchange)
{
    const char *host = http_exchange_header(exchange, "host");
    char name[64];

    if (!host)
        return false;
    bool is_bracketed = *host == '[';
    host += is_bracketed;
    size_t size = strcspn(host, is_bracketed ? "]" : ":");
    if (size >= sizeof name)
        return false;
    memcpy(name, host, size);
    name[size] = '\0';
    return strcasecmp(name, "localhost") == 0 || metrics_is_this_machine(name);
}

static bool is_admitted(const struct http_exchange *exchange, const struct bot *bot)
{
    return web_has_bearer(exchange, bot->config->http.metrics_token) ||
           (metrics_is_this_machine(exchange->peer) && is_asked_by_address(exchange) &&
            !came_through_proxy(exchange));
}

/* ---- what is shown ---- */

const char *metrics_full_name(struct arena *arena, const struct plugin *plugin, const char *name)
{
    return arena_printf(arena, "aisha_%s_%s", plugin->name, name);
}

static void write_row(struct text *text, const struct plugin *plugin, size_t number,
                      const struct sample_list *samples)
{
    const struct aisha_metric_row *row = &plugin->d.metrics.rows[number];
    const char *name = metrics_full_name(text->arena, plugin, row->name);
    const struct sample *sample;

    metrics_text_head(text, name, row->type, row->help);
    STAILQ_FOREACH(sample, samples, link)
        if (sample->row == number)
            metrics_text_sample(text, name, sample->labels, sample->value);
}

static void write_plugins(struct text *text, const struct bot *bot)
{
    for (size_t i = 0; i < bot->registry->count; i++) {
        const struct plugin *plugin = &bot->registry->plugins[i];
        for (size_t j = 0; j < plugin->d.metrics.count; j++) {
            const struct sample_list *samples = readings_of(bot->readings, plugin, j);
            if (samples)
                write_row(text, plugin, j, samples);
        }
    }
}

void metrics_handle(struct http_exchange *exchange, struct bot *bot)
{
    struct text text = {.arena = exchange->arena};

    if (!is_admitted(exchange, bot)) {
        web_respond_nothing(exchange);
        return;
    }
    if (strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0) {
        http_exchange_add_header(exchange, "Allow", "GET, HEAD");
        web_respond(exchange, 405, "GET\n");
        return;
    }
    readings_refresh(bot->readings);
    metrics_write_ours(&text, bot);
    write_plugins(&text, bot);
    const char *body = text_done(&text);
    http_exchange_add_header(exchange, "Cache-Control", "no-store");
    http_exchange_respond(exchange, 200, METRICS_CONTENT_TYPE, body, text.size);
}

/*
 * The host's own HTTP server: who is asked for which path.
 *
 *   /healthz            the process runs
 *   /readyz             everything it needs does
 *   /metrics            figures for Prometheus
 *   /telegram/<path>    updates, in webhook mode
 *   /hooks/<plugin>/…   the webhooks of plugins
 *   /files/<key>        blobs, by signed URLs
 *   /upload/<key>       where blobs may be put, by the same
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct bot;
struct http_exchange;

/* Listens on config->http.listen; logs where, or why not. */
int web_start(struct bot *bot);

/* Answers what runs and takes nothing more. */
void web_stop(struct bot *bot);

/* Plain text. */
void web_respond(struct http_exchange *exchange, int status, const char *text);

/* 503: the caller should repeat it soon. */
void web_respond_later(struct http_exchange *exchange);

/* 404, as for a path that does not exist. */
void web_respond_nothing(struct http_exchange *exchange);

/* Whether the request shows this token, as "Authorization: Bearer"; an empty one is nobody's. */
bool web_has_bearer(const struct http_exchange *exchange, const char *token);

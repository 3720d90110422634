/*
 * The host's own HTTP server: who is asked for which path.
 *
 *   /healthz            the process runs
 *   /readyz             everything it needs does
 *   /telegram/<path>    updates, in webhook mode
 *   /hooks/<plugin>/…   the webhooks of plugins
 *   /files/<key>        blobs, by signed URLs
 *   /upload/<key>       where blobs may be put, by the same
 */
#pragma once

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

/*
 * Blobs for the outside, at /files/KEY?expires=SECONDS&signature=HEX: whoever has the URL may fetch
 * the blob until then. The signature covers key and time.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct bot;
struct http_exchange;

/* A request for a path under /files/. GET and HEAD, one range, conditions by ETag and by time. */
AISHA_ASYNC void files_handle(struct http_exchange *exchange, struct bot *bot);

/* The URL of a blob until that time (UTC seconds); NULL when the host has no PUBLIC_URL. */
const char *files_url(struct bot *bot, struct arena *arena, const char *key, int64_t expires_at);

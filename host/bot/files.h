/*
 * Blobs for the outside, by signed addresses: /files/KEY to fetch one, /upload/KEY to put one there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct bot;
struct http_exchange;

/* A request for a path under /files/. GET and HEAD, one range, conditions by ETag and by time. */
AISHA_ASYNC void files_handle(struct http_exchange *exchange, struct bot *bot);

/* The URL of a blob until that time (UTC seconds); NULL when the host has no PUBLIC_URL. */
const char *files_url(struct bot *bot, struct arena *arena, const char *key, int64_t expires_at);

/* A request for a path under /upload/: PUT, with a body that is streamed. */
AISHA_ASYNC void files_upload_handle(struct http_exchange *exchange, struct bot *bot);
bool files_upload_is_streamed(const struct http_exchange *exchange);

/* Where a blob of at most max_bytes (0 = no limit) may be put until then; NULL as above. */
const char *files_upload_url(struct bot *bot, struct arena *arena, const char *key,
                             int64_t expires_at, int64_t max_bytes);

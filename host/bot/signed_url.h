/*
 * Addresses of our own HTTP server that let whoever has them do one thing with one blob until a time:
 * read it, or write it with at most so many bytes. The signature covers all of that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct bot;
struct http_exchange;

struct signed_url {
    const char *prefix; /* "/files/" or "/upload/" */
    const char *key;
    int64_t expires_at; /* UTC seconds */
    int64_t max_bytes;  /* of an upload; 0 = no limit */
};

/* NULL when the host has no PUBLIC_URL. */
const char *signed_url_make(struct bot *bot, struct arena *arena, const struct signed_url *url);

/* What the request asks for, whose path begins with the prefix. false when it has no signature of
 * ours or is too late: that is answered then. */
bool signed_url_admits(struct http_exchange *exchange, struct bot *bot, const char *prefix,
                       struct signed_url *ret);

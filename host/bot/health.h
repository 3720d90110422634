/*
 * What the bot needs to work, asked whether it does: for GET /readyz.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct bot;
struct http_exchange;

struct health {
    const char *name;
    bool is_good;
    int64_t latency_us;
    const char *advice; /* when it is not good: what is wrong, and what to do; no secrets */
};

enum { HEALTH_MAX = 8 };

/* Asks all; returns how many there are. Takes at most some seconds. */
AISHA_ASYNC size_t health_check(struct bot *bot, struct arena *arena,
                                struct health ret[HEALTH_MAX]);

/* GET /readyz: all of them as JSON, 503 when one is not good. */
AISHA_ASYNC void health_handle(struct http_exchange *exchange, struct bot *bot);

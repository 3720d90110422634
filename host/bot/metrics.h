/*
 * GET /metrics: figures for Prometheus. The host's own are a table in metrics_host.c, read when they
 * are written; the plugins' are their rows of .metrics (metrics_readings.h).
 *
 * They tell how much money is made, so who asks has to be on this machine, and to ask it directly and by
 * an address of its own; or to show the token of [http] metrics_token. Everybody else finds nothing there.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct arena;
struct bot;
struct http_exchange;
struct plugin;
struct readings;
struct text;

AISHA_ASYNC void metrics_handle(struct http_exchange *exchange, struct bot *bot);

/* Of a peer, as http_exchange has it. */
bool metrics_is_this_machine(const char *address);

/* The name that a plugin's row is shown with. */
const char *metrics_full_name(struct arena *arena, const struct plugin *plugin, const char *name);

/* ---- metrics_host.c ---- */

/* Whether the host has a metric of that name itself. */
bool metrics_is_ours(const char *name);

/* What the host knows. */
void metrics_write_ours(struct text *text, const struct bot *bot);

/*
 * Requests for the webhooks of plugins.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

struct bot;
struct http_exchange;
struct registry;

/* A request for a path under /hooks/. */
AISHA_ASYNC void hook_handle(struct http_exchange *exchange, struct bot *bot);

/* The longest body that any of them takes. */
size_t hook_max_body_bytes(const struct registry *registry);

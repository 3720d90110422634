/*
 * Requests for the webhooks of plugins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>

struct aisha_webhook;
struct bot;
struct http_exchange;
struct registry;

/* A request for a path under /hooks/. */
AISHA_ASYNC void hook_handle(struct http_exchange *exchange, struct bot *bot);

/* The longest body that any of them takes in memory. */
size_t hook_max_body_bytes(const struct registry *registry);

/* Whether the request is for one that reads its body itself. */
bool hook_is_streamed(const struct http_exchange *exchange, const struct bot *bot);

/* 413 above. */
size_t hook_limit(const struct aisha_webhook *webhook);

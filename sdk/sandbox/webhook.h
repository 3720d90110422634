/*
 * Delivery by webhook: one POST for each update. Updates of one chat (or, without a chat, of one
 * user) follow each other; different ones run in parallel, up to max_connections. What was not
 * answered with 2xx is repeated: after Retry-After, or at once and then after 2, 4, 8 … 60 s.
 */
#pragma once

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct sandbox;
struct webhook;

int webhook_new(struct webhook **ret_webhook, struct sandbox *sandbox);

/* After the loop has ended. NULL is fine. */
void webhook_free(struct webhook *webhook);

/* {url, secret_token, max_connections, has_custom_certificate}; NULL removes it. */
void webhook_change(struct webhook *webhook, const cJSON *settings);

/* What is set, or NULL. */
cJSON *webhook_settings(struct webhook *webhook, struct arena *arena);

/* Adds last_error_date and last_error_message to a WebhookInfo, when there are any. */
void webhook_add_failure(const struct webhook *webhook, cJSON *info);

/* There may be something to deliver. */
void webhook_notice(struct webhook *webhook);

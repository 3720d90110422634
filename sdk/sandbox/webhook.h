/*
 * Delivery by webhook: one POST for each update. Updates of one queue (update_kind.h) follow each
 * other; different queues run in parallel, up to max_connections. What was not answered with 2xx is
 * repeated: after Retry-After, or at once and then after 2, 4, 8 … seconds up to one or two minutes,
 * as long as the update is worth it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct sandbox;
struct webhook;

/* Goes on with the one that was set before. */
int webhook_new(struct webhook **ret_webhook, struct sandbox *sandbox);

/* After the loop has ended. NULL is fine. */
void webhook_free(struct webhook *webhook);

/* {url, secret_token?, max_connections, has_custom_certificate, certificate?, ip_address,
 * has_fixed_ip}, copied; NULL removes it. What is under way is broken off. */
void webhook_change(struct webhook *webhook, const cJSON *settings);

/* What is set, borrowed until it changes, or NULL. */
const cJSON *webhook_settings(const struct webhook *webhook);

/* The WebhookInfo. */
cJSON *webhook_info(const struct webhook *webhook, struct arena *arena);

/* There is a new update; nothing happens when no webhook is set. */
void webhook_add(struct webhook *webhook, int64_t update_id, int64_t queue);

/* Those that wait are gone from the world. */
void webhook_drop(struct webhook *webhook);

/* --- webhook_post.c --- */

struct webhook_post {
    const cJSON *settings;
    const char *body;
    bool is_cut; /* the connection breaks after the request has been made */
};

struct webhook_answer {
    const char *failure;   /* NULL = 2xx */
    int status;            /* 0 = none came */
    int64_t retry_after_s; /* 0 = it does not say */
    const struct aisha_http_response *response;
};

struct http_client;

/* -AISHA_E_CANCELED, or 0 with what came of it. */
AISHA_ASYNC AISHA_CHECKED int webhook_post(struct http_client *http, struct arena *arena,
                                           const struct webhook_post *post,
                                           struct webhook_answer *ret_answer);

/* The answer may be a call of a method; its result is not told to anybody. */
AISHA_ASYNC void webhook_run_answer(struct sandbox *sandbox, struct arena *arena,
                                    const struct aisha_http_response *response);

/*
 * How updates come in: by polling, or by a webhook of our own. Both end in the inbox, and both stop
 * taking when too much of it is undone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct bot;
struct http_exchange;

/* Starts polling, or makes Telegram deliver to us and goes on watching that it does. */
AISHA_ASYNC AISHA_CHECKED int incoming_start(struct bot *bot);

/* Takes nothing more. */
void incoming_stop(struct bot *bot);

/* There may be room again. */
void incoming_unit_ended(struct bot *bot);

/*
 * Makes the call (JSON with "method") by way of the answer to the update's delivery, when that is
 * still open; what comes of it is never known. false = make it yourself.
 */
bool incoming_answer(struct bot *bot, int64_t update_id, const char *call);

/* The update has been handled: its delivery need not wait for an answer. */
void incoming_release(struct bot *bot, int64_t update_id);

/* A request for a path under /telegram/. */
AISHA_ASYNC void incoming_handle(struct http_exchange *exchange, struct bot *bot);

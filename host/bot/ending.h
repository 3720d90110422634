/*
 * How a unit ended is told: to the log, and to whoever waits for an answer.
 */
#pragma once

#include <stdbool.h>

#include <aisha/base.h>

struct aisha_ctx;

/* Whether it failed because the person has blocked the bot, which is nobody's mistake. */
bool ending_is_block(const struct aisha_ctx *ctx, int r);

/* r is how the handler ended; nothing is said when that was well, or when the host ends. */
AISHA_ASYNC void ending_explain(struct aisha_ctx *ctx, int r);

/* The callback query that its handler has not answered. */
AISHA_ASYNC void ending_answer_quietly(struct aisha_ctx *ctx);

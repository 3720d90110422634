/*
 * The handlers that run now, the oldest first. What takes longer than the configured time is said
 * once: such work belongs into a job, where it survives a restart and does not hold up its chat.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

struct aisha_ctx;
struct bot;

void running_add(struct aisha_ctx *ctx);

/* Does nothing when it is not there. */
void running_remove(struct aisha_ctx *ctx);

/* Updates that are handled now: those of an album are several. */
size_t running_count(const struct bot *bot);

/* A task that looks at them until the loop ends; arg is the bot. */
AISHA_ASYNC void running_watch(void *arg);

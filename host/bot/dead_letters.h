/*
 * The host's side of the dead letters: putting an update aside, and taking one again that an operator
 * has marked. See host/store/dead_letters.h.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

struct aisha_ctx;
struct inbox_item;

/* The items of the unit, for the reason that it has failed with. They are done then. */
AISHA_ASYNC AISHA_CHECKED int dead_letters_put(struct aisha_ctx *ctx,
                                               const struct inbox_item *items, size_t count);

/* A task that looks for marked ones until the loop ends; arg is the bot. */
AISHA_ASYNC void dead_letters_watch(void *arg);

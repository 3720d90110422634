/*
 * The life of a unit of work: delivered, waiting in its lane, running its handler, and ended in
 * one of the ways there are: done, failed, cancelled, tried again, left for the next start.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;
struct bot;
struct inbox_item;
struct lane_entry;

/* For inbox_open(): user is the bot. */
void unit_deliver(const struct inbox_item *item, void *user);

/* For lanes_new(): user is the bot. */
void unit_start(struct lane_entry *entry, void *user);

/* Suspends until the update is on disk, an album in whole; see inbox_wait_stored(). While the store is
 * down only a question's deadline goes on. */
AISHA_ASYNC AISHA_CHECKED int unit_wait_stored(struct aisha_ctx *ctx);

/* Gives up everything that has not started; it is delivered again at the next start. */
void units_give_up_waiting(struct bot *bot);

/*
 * The life of a unit of work: delivered, waiting in its lane, running its handler, and ended in
 * one of the ways there are: done, failed, cancelled, tried again, left for the next start.
 */
#pragma once

struct bot;
struct inbox_item;
struct lane_entry;

/* For inbox_open(): user is the bot. */
void unit_deliver(const struct inbox_item *item, void *user);

/* For lanes_new(): user is the bot. */
void unit_start(struct lane_entry *entry, void *user);

/* Gives up everything that has not started; it is delivered again at the next start. */
void units_give_up_waiting(struct bot *bot);

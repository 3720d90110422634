/*
 * What outlives a crash: a page of a file that says which task the loop runs, and for which update.
 * It costs a few stores each time a task goes on and no write of its own. After an unclean end the
 * next start reads there who was at it, says so, and counts: an update in which the process ended
 * three times is not run again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bot;

/* Reads what an earlier process left and starts to note. Without a place for the file nothing is
 * noted, which is logged. */
void black_box_open(struct bot *bot);

/* A clean end. */
void black_box_close(struct bot *bot);

/* How often the process has ended while it ran this update. */
int black_box_deaths(const struct bot *bot, int64_t update_id);

/* It was put aside: if it comes again, it starts anew. */
void black_box_forget(struct bot *bot, int64_t update_id);

enum { BLACK_BOX_MAX_DEATHS = 3 };

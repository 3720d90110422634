/*
 * What <aisha/progress.h> shows beside the handler: state of a unit that tasks of their own carry
 * on, so it is not in the unit's arena.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

/* Something else takes the place of the progress: what is not shown yet never will be. */
void progress_drop(struct aisha_ctx *ctx);

/* The handler has returned r: shows the last state, when nothing has taken its place, and ends. */
AISHA_ASYNC void progress_end(struct aisha_ctx *ctx, int r);

/* The same without showing anything. */
void progress_forget(struct aisha_ctx *ctx);

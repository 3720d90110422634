/*
 * What <aisha/progress.h> shows beside the handler: state of a unit that tasks of their own carry
 * on, so it is not in the unit's arena.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

/* Something else is going to take the place of the progress: what is not shown yet never will be. */
void progress_drop(struct aisha_ctx *ctx);

/* Something else has taken its place: a restart has nothing to correct any more. */
AISHA_ASYNC void progress_replaced(struct aisha_ctx *ctx);

/* The handler has done its work: shows the last state, unless something has taken its place. */
AISHA_ASYNC void progress_finish(struct aisha_ctx *ctx);

/* The end of the unit, or of one attempt. */
void progress_forget(struct aisha_ctx *ctx);

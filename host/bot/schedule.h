/*
 * Jobs that come by the clock, each time once on all hosts together.
 */
#pragma once

#include <aisha/base.h>

struct bot;

/* Notes when each schedule is due next, unless that is known for its cron text. */
AISHA_ASYNC AISHA_CHECKED int schedules_start(struct bot *bot);

/* Enqueues the jobs of those that are due. */
AISHA_ASYNC AISHA_CHECKED int schedules_run(struct bot *bot);

/*
 * Times in the way of cron: "minute hour day month weekday", each a list of numbers, ranges and steps
 * (5, 1-5, 1-5/2, 1,3,5, or a star with a step, such as every 15). Weekdays are 0 to 7, both ends
 * Sunday. As cron does: when day and weekday are both restricted, either is enough.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

/* The first minute that fits after the time, in seconds since 1970, UTC. -AISHA_E_INVALID for a text
 * that is no such time, or none that ever comes. */
AISHA_CHECKED int cron_next(const char *text, int64_t after_s, int64_t *ret_s);

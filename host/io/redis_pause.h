/*
 * How long to leave a Redis alone that cannot be reached: longer each time, and not the same for
 * all who lost it at the same moment.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct loop;

struct redis_pause {
    int64_t next_ms; /* 0 = the first */
};

void redis_pause_reset(struct redis_pause *pause);

/* 0, or -AISHA_E_CANCELED. */
AISHA_ASYNC AISHA_CHECKED int redis_pause(struct redis_pause *pause, struct loop *loop);

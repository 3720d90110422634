/*
 * A number of slots that tasks take and give back: first come, first served. One slot is a lock
 * that can be held across waits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>

struct loop;

struct slots {
    struct loop *loop;
    unsigned count, taken;
    TAILQ_HEAD(, slots_waiter) waiting;
};

void slots_init(struct slots *slots, struct loop *loop, unsigned count);

/* Waits for a free slot. -AISHA_E_TIMEOUT or -AISHA_E_CANCELED: none was taken. */
AISHA_ASYNC AISHA_CHECKED int slots_take(struct slots *slots, int64_t timeout_ms);

/* Hands a slot that was taken to whoever has waited longest. */
void slots_give(struct slots *slots);

/* Nobody has a slot, waits for one or has yet to leave the queue: the slots may be freed. */
bool slots_are_unused(const struct slots *slots);

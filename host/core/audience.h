/*
 * Several tasks that wait for the end of the same thing, such as an answer they share.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>

struct audience_member;
struct loop;

/* Zeroed = nobody. */
struct audience {
    LIST_HEAD(, audience_member) members;
};

/* Until audience_end(), but not beyond that time (loop_now_ms()), nor when the task is cancelled. */
AISHA_ASYNC void audience_wait(struct audience *audience, struct loop *loop, int64_t until_ms);

/* Lets all of them go on. */
void audience_end(struct audience *audience);

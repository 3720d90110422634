#include "host/core/slots.h"

#include <assert.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"

struct slots_waiter {
    struct wait wait;
    TAILQ_ENTRY(slots_waiter) link;
};

void slots_init(struct slots *slots, struct loop *loop, unsigned count)
{
    *slots = (struct slots){.loop = loop, .count = count};
    TAILQ_INIT(&slots->waiting);
}

int slots_take(struct slots *slots, int64_t timeout_ms)
{
    struct slots_waiter waiter;

    if (task_is_cancelled(task_current(slots->loop)))
        return -AISHA_E_CANCELED;
    if (slots->taken < slots->count) {
        slots->taken++;
        return 0;
    }
    wait_init(&waiter.wait, slots->loop);
    TAILQ_INSERT_TAIL(&slots->waiting, &waiter, link);
    int r = wait_for(&waiter.wait, timeout_ms);
    if (r < 0)
        TAILQ_REMOVE(&slots->waiting, &waiter, link);
    return r;
}

void slots_give(struct slots *slots)
{
    struct slots_waiter *next;

    assert(slots->taken > 0);
    TAILQ_FOREACH(next, &slots->waiting, link)
        if (!next->wait.is_woken) /* else it has given up, and leaves the queue when it runs */
            break;
    if (!next) {
        slots->taken--;
        return;
    }
    TAILQ_REMOVE(&slots->waiting, next, link);
    wait_wake(&next->wait, 0); /* the slot stays taken */
}

bool slots_are_unused(const struct slots *slots)
{
    return slots->taken == 0 && TAILQ_EMPTY(&slots->waiting);
}

#include "sdk/sandbox/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"

struct clock {
    struct loop *loop;
    int64_t offset_ms;
    int64_t skipped_ms; /* all that it was moved forward, ever */
    LIST_HEAD(, clock_timer) timers;
};

int clock_new(struct clock **ret_clock, struct loop *loop)
{
    struct clock *clock = calloc(1, sizeof *clock);

    if (!clock)
        return -ENOMEM;
    clock->loop = loop;
    LIST_INIT(&clock->timers);
    *ret_clock = clock;
    return 0;
}

void clock_free(struct clock *clock)
{
    free(clock);
}

int64_t clock_now_ms(const struct clock *clock)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + clock->offset_ms;
}

int64_t clock_now(const struct clock *clock)
{
    return clock_now_ms(clock) / 1000;
}

int64_t clock_steady_ms(const struct clock *clock)
{
    return loop_now_ms(clock->loop) + clock->skipped_ms;
}

int64_t clock_offset_ms(const struct clock *clock)
{
    return clock->offset_ms;
}

static void start(struct clock_timer *timer)
{
    int64_t left_ms = timer->due_ms - clock_steady_ms(timer->clock);

    if (left_ms < 0)
        left_ms = 0;
    const struct timeval after = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
    evtimer_add(&timer->event, &after);
}

void clock_set_offset(struct clock *clock, int64_t offset_ms)
{
    struct clock_timer *timer;
    int64_t step_ms = offset_ms - clock->offset_ms;

    clock->offset_ms = offset_ms;
    if (step_ms <= 0)
        return;
    clock->skipped_ms += step_ms;
    LIST_FOREACH(timer, &clock->timers, link)
        start(timer);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct clock_timer *timer = arg;

    (void)fd;
    (void)what;
    LIST_REMOVE(timer, link);
    timer->clock = NULL;
    timer->fn(timer->arg);
}

void clock_timer_set(struct clock_timer *timer, struct clock *clock, int64_t delay_ms,
                     void (*fn)(void *arg), void *arg)
{
    clock_timer_clear(timer);
    timer->clock = clock;
    timer->due_ms = clock_steady_ms(clock) + delay_ms;
    timer->fn = fn;
    timer->arg = arg;
    evtimer_assign(&timer->event, loop_base(clock->loop), on_timer, timer);
    LIST_INSERT_HEAD(&clock->timers, timer, link);
    start(timer);
}

void clock_timer_clear(struct clock_timer *timer)
{
    if (!timer->clock)
        return;
    evtimer_del(&timer->event);
    LIST_REMOVE(timer, link);
    timer->clock = NULL;
}

static void end_wait(void *arg)
{
    wait_wake(arg, -AISHA_E_TIMEOUT);
}

int clock_wait(struct clock *clock, struct wait *wait, int64_t timeout_ms)
{
    struct clock_timer timer = {0};

    if (timeout_ms >= 0)
        clock_timer_set(&timer, clock, timeout_ms, end_wait, wait);
    int r = wait_for(wait, WAIT_FOREVER);
    clock_timer_clear(&timer);
    return r;
}

int clock_sleep(struct clock *clock, int64_t timeout_ms)
{
    struct wait wait;

    wait_init(&wait, clock->loop);
    int r = clock_wait(clock, &wait, timeout_ms);
    return r == -AISHA_E_TIMEOUT ? 0 : r;
}

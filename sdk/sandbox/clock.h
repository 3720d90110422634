/*
 * The sandbox's time: the real one, until somebody moves it. Whatever is dated, expires or waits
 * here follows it, so that a test needs no day to see what happens after a day.
 *
 * Dates can be set forth and back; waiting knows only forward: setting the clock back leaves what
 * is left of every wait as it is.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

#include <aisha/base.h>

struct clock;
struct loop;
struct wait;

int clock_new(struct clock **ret_clock, struct loop *loop);

/* No timer may be set. NULL is fine. */
void clock_free(struct clock *clock);

/* Unix time, in seconds and in milliseconds. */
int64_t clock_now(const struct clock *clock);
int64_t clock_now_ms(const struct clock *clock);

/* For how long something takes or took: milliseconds that never go back. */
int64_t clock_steady_ms(const struct clock *clock);

/* How far it is from the real time. Setting that is moving the clock; whose time has come by it is
 * called or woken soon. */
int64_t clock_offset_ms(const struct clock *clock);
void clock_set_offset(struct clock *clock, int64_t offset_ms);

/* --- timers; all zero before its first use --- */
struct clock_timer {
    struct event event;
    struct clock *clock; /* NULL when it is not set */
    int64_t due_ms;      /* of clock_steady_ms() */
    void (*fn)(void *arg);
    void *arg;
    LIST_ENTRY(clock_timer) link;
};

/* Calls fn(arg) once, from the loop, after that long; instead of what was set before. */
void clock_timer_set(struct clock_timer *timer, struct clock *clock, int64_t delay_ms,
                     void (*fn)(void *arg), void *arg);
void clock_timer_clear(struct clock_timer *timer);

/* --- waiting, as in host/core/wait.h --- */
AISHA_ASYNC int clock_wait(struct clock *clock, struct wait *wait, int64_t timeout_ms);
AISHA_ASYNC AISHA_CHECKED int clock_sleep(struct clock *clock, int64_t timeout_ms);

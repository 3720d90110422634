/*
 * A connection that only listens to a channel; see redis_listen().
 */
#pragma once

#include <aisha/base.h>

struct loop;
struct redis_listener;
struct redis_url;
struct workers;

/* url and workers are borrowed. */
AISHA_CHECKED int redis_listener_new(struct redis_listener **ret_listener, struct loop *loop,
                                     struct workers *workers, const struct redis_url *url,
                                     const char *channel,
                                     void (*notified)(const char *payload, void *user), void *user);

/* Connects, subscribes and connects again, until the task is cancelled. */
AISHA_ASYNC void redis_listener_run(struct redis_listener *listener);

/* Nobody is notified any more. NULL is fine. */
void redis_listener_mute(struct redis_listener *listener);

/* It may not be running. NULL is fine. */
void redis_listener_free(struct redis_listener *listener);

/*
 * A connection that only listens for notifications; see postgres_listen().
 */
#pragma once

#include <aisha/base.h>

struct loop;
struct postgres_listener;
struct workers;

/* url, name (see postgres_dial()) and workers are borrowed. */
AISHA_CHECKED int postgres_listener_new(struct postgres_listener **ret_listener, struct loop *loop,
                                        struct workers *workers, const char *url, const char *name,
                                        const char *channel,
                                        void (*notified)(const char *payload, void *user),
                                        void *user);

/* Connects, listens and connects again, until the task is cancelled. */
AISHA_ASYNC void postgres_listener_run(struct postgres_listener *listener);

/* It may not be running. NULL is fine. */
void postgres_listener_free(struct postgres_listener *listener);

#include "host/io/postgres_listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/postgres_dial.h"

enum { NAME_SIZE = 64, FIRST_PAUSE_MS = 100, LAST_PAUSE_MS = 5000 };

struct postgres_listener {
    struct loop *loop;
    struct workers *workers;
    const char *url, *name;
    char statement[NAME_SIZE + 16];
    void (*notified)(const char *payload, void *user);
    void *user;
    PGconn *pq;
    struct event *read;
    struct wait *broken;
};

/* The answer to LISTEN: from now on nothing is missed. */
static int take_results(struct postgres_listener *listener)
{
    PGresult *result;
    int r = 0;

    while (!PQisBusy(listener->pq) && (result = PQgetResult(listener->pq))) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            listener->notified(NULL, listener->user);
        else
            r = -AISHA_E_UNAVAILABLE;
        PQclear(result);
    }
    return r;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct postgres_listener *listener = arg;
    PGnotify *notification;

    (void)fd, (void)what;
    if (PQconsumeInput(listener->pq) != 1 || take_results(listener) < 0) {
        event_del(listener->read);
        if (listener->broken)
            wait_wake(listener->broken, 0);
        return;
    }
    while ((notification = PQnotifies(listener->pq))) {
        listener->notified(notification->extra, listener->user);
        PQfreemem(notification);
    }
}

static void hang_up(struct postgres_listener *listener)
{
    if (listener->read)
        event_free(listener->read);
    PQfinish(listener->pq);
    listener->read = NULL;
    listener->pq = NULL;
}

static AISHA_ASYNC int connect_and_listen(struct postgres_listener *listener)
{
    char error[POSTGRES_ERROR_SIZE];

    int r = postgres_dial(listener->workers, listener->url, listener->name, &listener->pq, error);
    if (r < 0)
        return r;
    listener->read = event_new(loop_base(listener->loop), PQsocket(listener->pq),
                               EV_READ | EV_PERSIST, on_readable, listener);
    if (!listener->read)
        return -ENOMEM;
    event_add(listener->read, NULL);
    return PQsendQuery(listener->pq, listener->statement) == 1 ? 0 : -AISHA_E_UNAVAILABLE;
}

void postgres_listener_run(struct postgres_listener *listener)
{
    int64_t pause_ms = FIRST_PAUSE_MS;

    for (;;) {
        struct wait broken;
        wait_init(&broken, listener->loop);
        listener->broken = &broken;
        int r = connect_and_listen(listener);
        pause_ms = r == 0                         ? FIRST_PAUSE_MS
                   : 2 * pause_ms < LAST_PAUSE_MS ? 2 * pause_ms
                                                  : LAST_PAUSE_MS;
        if (r == 0)
            r = wait_for(&broken, WAIT_FOREVER);
        listener->broken = NULL;
        hang_up(listener);
        if (r == -AISHA_E_CANCELED || wait_sleep(listener->loop, pause_ms) < 0)
            return;
    }
}

int postgres_listener_new(struct postgres_listener **ret_listener, struct loop *loop,
                          struct workers *workers, const char *url, const char *name,
                          const char *channel, void (*notified)(const char *payload, void *user),
                          void *user)
{
    struct postgres_listener *listener = calloc(1, sizeof *listener);

    if (!listener)
        return -ENOMEM;
    *listener = (struct postgres_listener){.loop = loop,
                                           .workers = workers,
                                           .url = url,
                                           .name = name,
                                           .notified = notified,
                                           .user = user};
    snprintf(listener->statement, sizeof listener->statement, "LISTEN %.*s", NAME_SIZE, channel);
    *ret_listener = listener;
    return 0;
}

void postgres_listener_free(struct postgres_listener *listener)
{
    if (!listener)
        return;
    hang_up(listener);
    free(listener);
}

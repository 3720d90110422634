/*
 * Whether the server is still there shows only when it is asked, since nothing may come for hours.
 */
#include "host/io/redis_listen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/redis_dial.h"
#include "host/io/redis_pause.h"

enum { ASK_EVERY_MS = 5000 };

struct redis_listener {
    struct loop *loop;
    struct workers *workers;
    const struct redis_url *url;
    char *channel;
    void (*notified)(const char *payload, void *user);
    void *user;
    bool is_mute;
    bool is_told; /* the log says that the server refuses */
};

static void notify(const struct redis_listener *listener, const char *payload)
{
    if (!listener->is_mute)
        listener->notified(payload, listener->user);
}

static void on_message(const struct redis_reply *message, void *user)
{
    const struct redis_listener *listener = user;

    if (message->items[2]->type == REDIS_TEXT)
        notify(listener, message->items[2]->text);
}

static void tell(struct redis_listener *listener, const char *refusal)
{
    if (!listener->is_told)
        log_error("redis", "Redis lets nobody listen to %s: %.80s; trying again", listener->channel,
                  refusal);
    listener->is_told = true;
}

static AISHA_ASYNC int ask(struct redis_listener *listener, struct redis_connection *connection,
                           const struct redis_arg *args, size_t count)
{
    struct arena arena = {0};
    struct redis_request request = {.arena = &arena, .args = args, .arg_count = count};

    int r = redis_connection_run(connection, &request);
    if (r == 0 && request.reply->type == REDIS_REFUSAL) {
        tell(listener, request.reply->text);
        r = -AISHA_E_UNAVAILABLE;
    }
    arena_clear(&arena);
    return r;
}

/* Until the connection breaks (0) or the task is cancelled. */
static AISHA_ASYNC int listen_on(struct redis_listener *listener,
                                 struct redis_connection *connection, struct redis_pause *pause)
{
    const struct redis_arg subscribe[] = {REDIS_ARG("SUBSCRIBE"), REDIS_ARG(listener->channel)};
    const struct redis_arg ping[] = {REDIS_ARG("PING")};

    int r = ask(listener, connection, subscribe, 2);
    if (r == 0) {
        redis_pause_reset(pause);
        listener->is_told = false;
        notify(listener, NULL);
    }
    while (r == 0) {
        r = redis_connection_watch(connection, ASK_EVERY_MS);
        if (r != -AISHA_E_TIMEOUT)
            return r;
        r = ask(listener, connection, ping, 1);
    }
    return 0;
}

void redis_listener_run(struct redis_listener *listener)
{
    struct redis_pause pause = {0};
    char reason[REDIS_REASON_SIZE];
    int r;

    do {
        struct redis_connection *connection = NULL;
        r = redis_dial(listener->loop, listener->workers, listener->url, &connection, reason);
        if (r == 0) {
            connection->pushed = on_message;
            connection->user = listener;
            r = listen_on(listener, connection, &pause);
            redis_connection_free(connection);
        }
        if (r != -AISHA_E_CANCELED)
            r = redis_pause(&pause, listener->loop);
    } while (r == 0);
}

int redis_listener_new(struct redis_listener **ret_listener, struct loop *loop,
                       struct workers *workers, const struct redis_url *url, const char *channel,
                       void (*notified)(const char *payload, void *user), void *user)
{
    struct redis_listener *listener = calloc(1, sizeof *listener);

    if (!listener || !(listener->channel = strdup(channel))) {
        free(listener);
        return -ENOMEM;
    }
    listener->loop = loop;
    listener->workers = workers;
    listener->url = url;
    listener->notified = notified;
    listener->user = user;
    *ret_listener = listener;
    return 0;
}

void redis_listener_mute(struct redis_listener *listener)
{
    if (listener)
        listener->is_mute = true;
}

void redis_listener_free(struct redis_listener *listener)
{
    if (!listener)
        return;
    free(listener->channel);
    free(listener);
}

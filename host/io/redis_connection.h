/*
 * One connection to a Redis, and the requests under way on it: sent without waiting for those
 * before, answered in order. What cannot be understood, comes unasked, or does not come in time,
 * ends the connection: after that nobody could tell which answer is whose.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>

#include <aisha/base.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/redis_codec.h"

struct evbuffer;
struct sockaddr;

enum {
    REDIS_PATIENCE_MS = 1000, /* for an answer, and for a connection */
    REDIS_REASON_SIZE = 128,
    REDIS_READ_BYTES = 64 * 1024,
};

/* What a task asks for; on the task's stack. */
struct redis_request {
    struct arena *arena;
    const struct redis_arg *args;
    size_t arg_count;
    /* --- the answer --- */
    const struct redis_reply *reply;
    /* --- the connection's --- */
    int64_t sent_at_ms;
    struct wait wait;
    STAILQ_ENTRY(redis_request) link;
};

struct redis_connection {
    struct loop *loop;
    int fd;
    struct event *read, *write, *timer;
    struct evbuffer *out;
    struct redis_reader *reader;
    struct loop_chore flush; /* what a turn's tasks ask for goes out together */
    STAILQ_HEAD(, redis_request) requests;
    size_t pending; /* requests */
    bool is_broken;
    char reason[REDIS_REASON_SIZE]; /* why */
    struct wait *broken; /* somebody waits for it to break; see redis_connection_watch() */
    /* Messages of channels; NULL = none are expected. */
    void (*pushed)(const struct redis_reply *message, void *user);
    void *user;
    struct arena scratch; /* of a message */
    char came[REDIS_READ_BYTES];
};

/* Connects to the address, within REDIS_PATIENCE_MS. -AISHA_E_UNAVAILABLE, -AISHA_E_CANCELED. */
AISHA_ASYNC AISHA_CHECKED int redis_connection_open(struct redis_connection **ret_connection,
                                                    struct loop *loop,
                                                    const struct sockaddr *address,
                                                    socklen_t address_size,
                                                    char ret_reason[REDIS_REASON_SIZE]);

/* Nothing may be under way. NULL is fine. */
void redis_connection_free(struct redis_connection *connection);

/*
 * Sends the request and waits for its answer, which may be a REDIS_REFUSAL. -AISHA_E_UNAVAILABLE:
 * the connection broke, or too much waits already; whether the command took effect is not known. Not
 * interrupted by cancellation, but over in REDIS_PATIENCE_MS.
 */
AISHA_ASYNC AISHA_CHECKED int redis_connection_run(struct redis_connection *connection,
                                                   struct redis_request *request);

/* Ends it at once: what is under way fails. */
void redis_connection_break(struct redis_connection *connection, const char *reason);

/* Waits until it breaks: 0, -AISHA_E_TIMEOUT or -AISHA_E_CANCELED. For one task. */
AISHA_ASYNC int redis_connection_watch(struct redis_connection *connection, int64_t timeout_ms);

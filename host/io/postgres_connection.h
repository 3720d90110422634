/*
 * One connection in pipeline mode, and the requests under way on it. Each request ends with a sync
 * of its own, so a failure stays within it, and its statements are one transaction unless one is
 * open. Prepared statements are kept by their text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <libpq-fe.h>

#include <aisha/base.h>
#include <aisha/db.h>

#include "host/core/wait.h"

struct arena;
struct event;
struct loop;
struct postgres_connection;

/* What a task asks for; on the task's stack. */
struct postgres_request {
    struct arena *arena;
    const struct aisha_statement *statements;
    size_t count;
    const struct aisha_rows **ret_rows; /* count of them, or NULL */
    const char *script;                 /* instead of statements: several, without parameters */
    const char *who;                    /* for the log; it waits */
    bool is_patient;                    /* it may take any time, such as waiting for a lock */
    /* --- results beside the code --- */
    bool is_lost_race; /* others were in the way: it may be tried again */
    bool is_stale;     /* it was prepared before the tables changed: it may be tried again */
    bool is_sent;      /* the server may have seen it: it is not when a parameter was refused */
    /* --- the connection's --- */
    struct postgres_params *params;
    struct postgres_command *commands; /* what was sent, in order */
    size_t command_count, answered;
    int result;
    struct wait wait;
    STAILQ_ENTRY(postgres_request) link;
};

struct postgres_connection {
    struct loop *loop;
    PGconn *pq;
    struct event *read, *write, *timer;
    STAILQ_HEAD(, postgres_request) requests;
    size_t pending;       /* requests */
    int64_t active_at_ms; /* when something was heard, or asked of a silent server */
    struct postgres_prepared *prepared;
    unsigned prepared_count;
    bool is_broken;
    /* Called once, when it breaks. May be NULL. */
    void (*broken)(struct postgres_connection *connection, void *user);
    void *user;
    LIST_ENTRY(postgres_connection) link; /* the owner's */
};

/* Takes pq, which is connected. */
int postgres_connection_new(struct postgres_connection **ret_connection, struct loop *loop,
                            PGconn *pq);

/* Nothing may be under way. NULL is fine. */
void postgres_connection_free(struct postgres_connection *connection);

/*
 * Sends the request and waits for its answer; 0 or the code of the first failure. Not interrupted
 * by cancellation. A script needs the connection for itself.
 */
AISHA_ASYNC AISHA_CHECKED int postgres_connection_run(struct postgres_connection *connection,
                                                      struct postgres_request *request);

/* Ends it at once: what is under way fails with -AISHA_E_UNAVAILABLE. */
void postgres_connection_break(struct postgres_connection *connection, const char *why);

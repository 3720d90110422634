/*
 * One Redis (7 or later): a connection that all tasks share, since one pipelined connection carries
 * more than several do, and another one that listens to a channel. Both are made again by
 * themselves when they are lost, after pauses that grow, and differ, so that many hosts do not come
 * back at the same moment.
 *
 * While there is no connection commands fail at once with -AISHA_E_UNAVAILABLE; only while the first
 * attempt after the start or after a loss is under way they wait for it, for REDIS_PATIENCE_MS at most.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <aisha/base.h>

#include "host/io/redis_codec.h"
#include "host/io/redis_connection.h"

struct arena;
struct loop;
struct redis;

struct redis_options {
    const char *url;            /* see redis_dial.h */
    const char *const *scripts; /* in Lua; a script's number is its place here */
    size_t script_count;
    /* Runs on each new connection before anybody else may use it: a negative code means that it is
     * not fit for use, and ret_reason says why. May be NULL. */
    AISHA_ASYNC int (*prepare)(struct redis_connection *connection,
                               char ret_reason[REDIS_REASON_SIZE], void *user);
    void *user;
};

/* Returns at once: the connection follows. The scripts are borrowed. On failure ret_error (in arena) says
 * what is wrong with the URL. */
int redis_open(struct redis **ret_redis, struct loop *loop, const struct redis_options *options,
               struct arena *arena, const char **ret_error);

/* Nobody may be using it, and nobody is called back any more. It goes at once, or as soon as the
 * loop lets its tasks end. NULL is fine. */
void redis_close(struct redis *redis);

/* Why it cannot be used now, without the password; "" when it can. */
const char *redis_last_error(const struct redis *redis);

/*
 * One command; the reply is in arena and no refusal. -AISHA_E_UNAVAILABLE: there is no connection,
 * or it broke, and whether the command took effect is not known. -AISHA_E_INVALID: the server
 * refuses the command; ret_reply is then its REDIS_REFUSAL.
 */
AISHA_ASYNC AISHA_CHECKED int redis_run(struct redis *redis, struct arena *arena,
                                        const struct redis_arg *args, size_t count,
                                        const struct redis_reply **ret_reply);

/* One of the scripts, with keys and then other arguments; as redis_run(). */
AISHA_ASYNC AISHA_CHECKED int redis_eval(struct redis *redis, struct arena *arena, size_t script,
                                         const struct redis_arg *args, size_t count,
                                         size_t key_count, const struct redis_reply **ret_reply);

/* Gives the connection up, for a reason that its user knows, and makes a new one. */
void redis_renew(struct redis *redis, const char *reason);

/*
 * Listens to a channel until redis_close(): notified(payload, user) is called for each message, and
 * with NULL when some may have been missed. Once for each redis.
 */
AISHA_CHECKED int redis_listen(struct redis *redis, const char *channel,
                               void (*notified)(const char *payload, void *user), void *user);

/*
 * Where the host ends and a plugin's code begins: a handler is run, and what its author may have got
 * wrong stays within its unit. It fails when it takes too much memory or sends too many messages,
 * and is named in the log when it leaves somebody without an answer.
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>
#include <aisha/plugin.h>

struct aisha_ctx;
struct arena;

/* Returns what the handler does. */
AISHA_ASYNC int handler_run(struct aisha_ctx *ctx, aisha_handler *handler);

/*
 * The unit's arena, for size_bytes more. When that is more than a unit may have this does not return,
 * but handler_run() does, with -AISHA_E_LIMIT: functions that cannot fail have no other way out. For
 * calls of plugins only, since nothing between the two is cleaned up.
 */
struct arena *handler_memory(struct aisha_ctx *ctx, size_t size_bytes);

/* The same for functions that can fail: -AISHA_E_LIMIT when the unit has used its memory up. */
AISHA_CHECKED int handler_has_memory(struct aisha_ctx *ctx);

/* Notes a call of the Bot API; -AISHA_E_LIMIT for one message too many. */
AISHA_CHECKED int handler_may_call(struct aisha_ctx *ctx, const char *method);

/* First in functions of the SDK that wait for something else than the database: in a transaction
 * nobody may, since everybody else's writes wait meanwhile. */
#define REFUSE_TO_WAIT(ctx)                                                                        \
    do {                                                                                           \
        if ((ctx)->tx)                                                                             \
            return aisha_fail((ctx), -AISHA_E_INVALID, "%s() within a transaction", __func__);     \
        int has_memory = handler_has_memory(ctx);                                                  \
        if (has_memory < 0)                                                                        \
            return has_memory;                                                                     \
    } while (0)

/*
 * The order and pace of what goes to Telegram: one lane for each chat, in which one call is sent
 * after the other; limits over all chats, for each private chat and for each group; a chat that
 * Telegram told to wait waits alone.
 *
 * Whoever is more urgent goes first, in a lane and among lanes; calls of the same priority go in
 * the order in which they came. So while answers alone use up the limit, broadcasts stand still.
 *
 * Telegram does not say which of its limits a call broke (429). The chat rests in any case. If our
 * own counting explains it, because the chat's allowance was used up, that is all. If it does not,
 * and a second chat is refused just so within two seconds, the limit is the one over all chats, and
 * everything rests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <aisha/base.h>

#include "host/core/wait.h"

struct lane;
struct loop;
struct outbound;

struct outbound_options {
    double rate;       /* messages per second over all chats; 0 = no limit */
    double chat_rate;  /* the same for one private chat, after a burst of 5 */
    double group_rate; /* messages within any minute for one group or channel; 0 = no limit */
};

enum outbound_priority {
    OUTBOUND_INTERACTIVE, /* somebody waits for the answer */
    OUTBOUND_NOTIFICATION,
    OUTBOUND_BROADCAST,
    OUTBOUND_PRIORITIES,
};

/* A call that wants to go out. Its maker's until outbound_enter() has returned a refusal or
 * outbound_leave() was called. */
struct outbound_call {
    int64_t chat_id; /* groups and channels are negative */
    enum outbound_priority priority;
    unsigned messages; /* as how many it counts; 0 = no limit, only its turn */
    /* The content it replaces: a message, and what kind of edit it is; 0 = not an edit. */
    int64_t edits_message;
    unsigned edit_kind;
    bool is_again; /* it had its turn and failed: goes before others of its priority */

    struct lane *lane; /* private from here */
    struct wait wait;
    TAILQ_ENTRY(outbound_call) link;
};

enum {
    OUTBOUND_REPLACED = 1, /* a later edit of the same kind and message came while this waited */
    OUTBOUND_RESTS = 2, /* Telegram told us to leave the chat alone for longer than a call waits */
    OUTBOUND_PATIENCE_S = 120,
};

int outbound_new(struct outbound **ret_outbound, struct loop *loop,
                 const struct outbound_options *options);

/* Nobody may be waiting. NULL is fine. */
void outbound_free(struct outbound *outbound);

/* Waits for the call's turn; then it alone sends to the chat until outbound_leave(). Returns 0 or
 * one of the two above, or -AISHA_E_CANCELED. */
AISHA_ASYNC AISHA_CHECKED int outbound_enter(struct outbound *outbound, struct outbound_call *call);

/* The call is through, or pauses before it tries again: so long the chat is left alone. */
void outbound_leave(struct outbound *outbound, struct outbound_call *call, int64_t pause_ms);

/* The same after a 429. */
void outbound_leave_flooded(struct outbound *outbound, struct outbound_call *call,
                            int64_t pause_ms);

/*
 * The limit over all chats, when others send for the same bot: what may go is then not counted here
 * but granted. wanted() says that at least so many messages are needed for the next one to go, and
 * that so many in all could go; outbound_grant() is to follow, and wanted() does not come again
 * before. Not with a rate of 0.
 */
typedef void outbound_wanted(unsigned least, unsigned most, void *user);

void outbound_set_supply(struct outbound *outbound, outbound_wanted *wanted, void *user);

/* So many more messages may go, within the next second. */
void outbound_grant(struct outbound *outbound, unsigned messages);

/* How long the chat still rests, in ms. */
int64_t outbound_rest_ms(const struct outbound *outbound, int64_t chat_id);

/* Calls that wait for their turn now. */
size_t outbound_waiting_count(const struct outbound *outbound);

/* Lanes in memory, for tests: a chat that is quiet for long enough has none. */
unsigned outbound_lane_count(const struct outbound *outbound);

/*
 * The order and pace of what goes to Telegram: one lane for each chat, in order; a limit over all
 * chats and one for each; a chat that Telegram told to wait waits alone.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct loop;
struct outbound;

struct outbound_options {
    double rate;      /* messages per second over all chats; 0 = no limit */
    double chat_rate; /* the same for one chat */
};

int outbound_new(struct outbound **ret_outbound, struct loop *loop,
                 const struct outbound_options *options);

/* Nobody may be waiting. NULL is fine. */
void outbound_free(struct outbound *outbound);

/* Waits for this caller's turn in the chat; then it alone sends there until outbound_leave():
 * one that Telegram told to wait just sleeps in between. */
AISHA_ASYNC AISHA_CHECKED int outbound_enter(struct outbound *outbound, int64_t chat_id);
void outbound_leave(struct outbound *outbound, int64_t chat_id);

/*
 * Those who send through the lanes, for scenarios of loop_fixture.h.
 */
#pragma once

#include "host/telegram/outbound.h"
#include "tests/unit/loop_fixture.h"

enum { BURST = 5 /* to one chat, before its rate counts */, NOT_YET = 99 };

/* A task that enters a chat and stays there until it is told to leave. */
struct sender {
    struct loop_fixture *f;
    struct outbound *outbound;
    struct outbound_call call;
    char name, *trace;
    int r;
    struct task *task;
    struct wait leave, done;
};

void start_sender(struct sender *sender, struct loop_fixture *f, struct outbound *outbound,
                  int64_t chat_id);

/* Lets it leave, and waits for its end. */
void finish(struct sender *sender);

struct outbound *new_outbound(struct loop_fixture *f, double rate, double chat_rate);

void send_message(struct loop_fixture *f, struct outbound *outbound, int64_t chat_id);

/* Sends that many messages, to one chat or to a new one each; returns whether it had to wait. */
bool waited_to_send(struct loop_fixture *f, struct outbound *outbound, int count,
                    int64_t first_chat, int step);

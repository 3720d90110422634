#include "tests/unit/outbound_fixture.h"

#include <string.h>

static void send_one(void *arg)
{
    struct sender *sender = arg;

    sender->r = outbound_enter(sender->outbound, &sender->call);
    if (sender->r == 0) {
        if (sender->trace)
            sender->trace[strlen(sender->trace)] = sender->name;
        wait_for_uncancelled(&sender->leave, WAIT_FOREVER);
        outbound_leave(sender->outbound, &sender->call, 0);
    }
    wait_wake(&sender->done, 0);
}

void start_sender(struct sender *sender, struct loop_fixture *f, struct outbound *outbound,
                  int64_t chat_id)
{
    sender->f = f;
    sender->outbound = outbound;
    sender->call.chat_id = chat_id;
    sender->call.messages = 1;
    sender->r = NOT_YET;
    wait_init(&sender->leave, f->loop);
    wait_init(&sender->done, f->loop);
    CHECK(f, task_start(f->loop, "sender", send_one, sender, &sender->task) == 0);
}

void finish(struct sender *sender)
{
    wait_wake(&sender->leave, 0);
    CHECK(sender->f, wait_for(&sender->done, 20000) == 0);
}

struct outbound *new_outbound(struct loop_fixture *f, double rate, double chat_rate)
{
    struct outbound *outbound = NULL;
    const struct outbound_options options = {
        .rate = rate, .chat_rate = chat_rate, .group_rate = 60 * chat_rate + 5};

    CHECK(f, outbound_new(&outbound, f->loop, &options) == 0);
    return outbound;
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

void send_message(struct loop_fixture *f, struct outbound *outbound, int64_t chat_id)
{
    struct outbound_call call = {.chat_id = chat_id, .messages = 1};

    CHECK(f, outbound_enter(outbound, &call) == 0);
    outbound_leave(outbound, &call, 0);
}

bool waited_to_send(struct loop_fixture *f, struct outbound *outbound, int count,
                    int64_t first_chat, int step)
{
    bool *has_waited = arena_alloc(&f->arena, sizeof *has_waited); /* the task may outlive us */

    CHECK(f, task_start(f->loop, "flag", set_flag, has_waited, NULL) == 0);
    for (int i = 0; i < count; i++) {
        send_message(f, outbound, first_chat + (int64_t)i * step);
    }
    return *has_waited;
}

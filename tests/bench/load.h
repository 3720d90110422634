/*
 * The load generator, which is both of a bot's neighbours: Telegram (load_telegram.c) and a plain
 * HTTP server that does not answer (load_slow.c). load.c starts the bot, has it work, measures.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chats.h"
#include "wire.h"

enum { LOAD_BATCH = 100, LOAD_HOOK_CONNECTIONS = 40 }; /* as Telegram does it */

struct load {
    struct wire wire;

    /* what is delivered now */
    struct chats *chats; /* who write; NULL = nobody */
    double rate;         /* updates a second, from since_ns on; 0 = as many as the bot takes */
    uint64_t since_ns;
    bool is_paused;
    uint64_t fed; /* since then */
    int64_t next_update_id;

    /* how they are delivered: to a request that waits, or by ours */
    struct conn *poll;
    char hook_head[1024];
    size_t hook_head_size;
    struct conn *hooks[LOAD_HOOK_CONNECTIONS]; /* that are free */
    size_t hook_count;
    char *batch; /* a response to getUpdates, in the making */

    /* what has come of it */
    uint64_t started; /* the bot takes updates */
    uint64_t answered;
    struct chats *waiting; /* whose handlers wait for the slow server, or NULL */
    uint64_t waiting_answered;
    uint32_t *took_us; /* of each answer since the measurement began, or NULL */
    size_t took_count, took_capacity;

    /* requests that the slow server holds */
    struct conn **slow;
    uint64_t slow_count, slow_capacity;
};

/* Listens; returns the port. */
int telegram_listen(struct load *load);
int slow_listen(struct load *load);

/* Delivers what is due. Returns how long there is nothing to do, in ns. */
uint64_t telegram_deliver(struct load *load);

/* Answers all requests that are open. */
void slow_release(struct load *load);

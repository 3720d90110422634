/*
 * A loop with a server, a client and threads for raw sockets. A test is a scenario, as in
 * loop_fixture.h.
 *
 * The server knows these paths:
 *   /echo            the body back, with its content type
 *   /info            "METHOD path?query size"
 *   /status?code=N   an answer with that status and its number as the body
 *   /bytes?n=N       N bytes of a pattern
 *   /stream?n=N      the same in pieces; &unknown=1 without a size, &short=1 without the last byte
 *   /drain           reads a streamed body and says how many bytes of the pattern it had; &early=1
 *                    answers without reading, &wait=1 first waits for the gate
 *   /silent          returns without an answer
 *   /gate            counts itself, wakes `arrived`, waits for the gate to be opened
 *   /open            opens the gate
 *   /order?n=N       notes N in the order of arrival and how many run at once
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/core/arena.h"
#include "host/core/wait.h"
#include "host/io/http_client.h"
#include "host/io/http_server.h"
#include "tests/unit/loop_fixture.h"

struct fixture;
typedef void scenario(struct fixture *f);

struct fixture {
    struct loop *loop;
    struct workers *workers;
    struct http_server *server;
    struct http_client *client;
    struct arena arena;
    char dir[64], base[64];
    int port;
    scenario *scenario;
    unsigned failures;
    struct wait arrived, gate, left; /* left: a handler at the gate was cancelled */
    bool was_gone;
    int gate_result;
    size_t streamed; /* bytes that /stream could write */
    int stream_result;
    unsigned running, most_running, order_count;
    int order[256];
};

struct setting {
    size_t max_tasks;
    unsigned slots;
    struct http_server_options server;
};

void run_scenario(scenario *run, const struct setting *setting);

/* What a raw socket sent and got until the server closed. */
struct raw {
    int port;
    const char *text;
    size_t size; /* 0 = strlen(text) */
    bool ends_sending;
    char *reply; /* freed with the fixture's arena */
    size_t reply_size;
};

/* On a worker thread. 0, or -errno; -EAGAIN when the server neither answers nor closes. */
int raw_talk(struct fixture *f, struct raw *raw, const char *text);

/* The n-th status in the reply, or 0. */
int raw_status(const struct raw *raw, unsigned n);
unsigned raw_count(const struct raw *raw);

/* Blocking pieces for use on worker threads. */
int raw_connect(int port);
int raw_send(int fd, const char *text, size_t size);
/* Until end of stream. */
int raw_read_all(int fd, char **ret_reply, size_t *ret_size);

/* GETs a path of the fixture's server. */
int fetch(struct fixture *f, const char *path, const struct aisha_http_response **ret_response);

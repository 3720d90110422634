/*
 * Connections as cheap as they get: one epoll, HTTP/1.1 messages with a Content-Length found by
 * searching, output sent at once. For loopback and for peers that we have written ourselves; what
 * they do wrong ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct conn;
struct wire;

/* One request or response. Borrowed for the call. */
struct message {
    const char *head; /* its first line and headers, up to the empty line */
    size_t head_size;
    const char *body;
    size_t body_size;
};

/* message is NULL when the peer has closed: conn is gone after that call. */
typedef void wire_handler(struct conn *conn, const struct message *message, void *user);

struct conn {
    struct wire *wire;
    int fd;
    bool is_listener;
    wire_handler *handler;
    void *user;
    void *data; /* the handler's own, NULL at first */
    char *input, *output;
    size_t input_size, input_capacity, output_size, output_capacity;
    LIST_ENTRY(conn) link;
};

struct wire {
    int epoll;
    LIST_HEAD(, conn) conns;
};

void wire_init(struct wire *wire);

/* Closes everything. */
void wire_done(struct wire *wire);

/* Listens on a free port of 127.0.0.1; returns the port. */
int wire_listen(struct wire *wire, wire_handler *handler, void *user);

struct conn *wire_connect(struct wire *wire, int port, wire_handler *handler, void *user);

/* Handles what there is; waits for it at most so long. */
void wire_wait(struct wire *wire, uint64_t timeout_ns);

void conn_send(struct conn *conn, const char *bytes, size_t size);

/* Prints the reason and ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

uint64_t now_ns(void);

/* Writes exactly `digits` digits, with zeros in front. */
void put_digits(char *at, uint64_t number, int digits);

/* The number that follows the first `name` in the text, or 0. */
int64_t find_number(const char *text, size_t size, const char *name);

/* The inside of the JSON text that follows the first `name` (such as "\"text\":\""), still escaped;
 * NULL when there is none. */
const char *find_text(const char *text, size_t size, const char *name, size_t *ret_size);

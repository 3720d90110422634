/*
 * A small HTTP/1.1 server: libevent carries the bytes, libhttp-parser reads them, each request runs
 * as a task of its own. Strict where leniency lets requests be smuggled; everything is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <aisha/base.h>

struct arena;
struct http_server;
struct loop;

struct http_header {
    const char *name; /* lower case */
    const char *value;
};

/* One request and its answer. Everything lives in arena until the handler returns. */
struct http_exchange {
    struct arena *arena;
    const char *method;
    const char *path;  /* decoded, starts with "/", no "." or ".." segments, no zero byte */
    const char *query; /* what follows "?", still encoded; "" when there is none */
    const struct http_header *headers;
    size_t header_count;
    const char *body; /* ended by a zero byte that is not counted; "" when it is streamed */
    size_t body_size;
    const char *peer; /* address of the other side, without the port */
    bool is_http_1_0;
};

typedef AISHA_ASYNC void http_handler(struct http_exchange *exchange, void *user);

/* Whether the handler reads the body itself, by http_exchange_read(); asked when only the head is
 * there. */
typedef bool http_is_streamed(const struct http_exchange *exchange, void *user);

struct http_server_options {
    size_t max_body_bytes;         /* 413 above; 0 = 1 MiB */
    uint64_t max_stream_bytes;     /* the same for streamed ones; 0 = 1 GiB */
    http_is_streamed *is_streamed; /* NULL = none */
    unsigned max_connections;      /* further ones wait in the kernel; 0 = 1024 */
    /* From the first byte of a request to its last, of a streamed body to the next bytes; 0 = 15 s. */
    int64_t read_timeout_ms;
    int64_t idle_timeout_ms;  /* between requests of one connection; 0 = 60 s */
    int64_t write_timeout_ms; /* for the whole answer to be taken, or of one in pieces for some of
                                 it; 0 = 60 s */
};

/*
 * Listens on address ("127.0.0.1:8080", "[::1]:0"; port 0 = any) and calls handler(exchange, user)
 * for each request, once it is complete but for a streamed body. -AISHA_E_INVALID for an address of
 * another form, -EADDRINUSE and the like from the system.
 */
int http_server_start(struct http_server **ret_server, struct loop *loop, const char *address,
                      const struct http_server_options *options, http_handler *handler, void *user);

/* The port it listens on. */
int http_server_port(const struct http_server *server);

/* Requests answered so far with a status of that class: 2 for 200 to 299, 3, 4 or 5. */
uint64_t http_server_answered(const struct http_server *server, unsigned status_class);

/* Closes the listener and all connections; their handlers are cancelled and end by themselves. */
void http_server_stop(struct http_server *server);

/* After loop_run() has returned. NULL is fine. */
void http_server_free(struct http_server *server);

/* The first header of that name (lower case), or NULL. */
const char *http_exchange_header(const struct http_exchange *exchange, const char *name);

/* The decoded value of a query parameter, or NULL. */
const char *http_exchange_param(const struct http_exchange *exchange, const char *name);

/* Adds a header to the coming answer. Both are copied. A value with control characters is refused
 * by an assertion: it must be ours. */
void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value);

/*
 * Sends the answer; body may be NULL when size is 0. Exactly once for each exchange: a handler that
 * returns without it makes a 500. Never waits for the peer.
 */
void http_exchange_respond(struct http_exchange *exchange, int status, const char *content_type,
                           const void *body, size_t size);

/*
 * The same in pieces. Begins an answer with a body of that many bytes (HTTP_SIZE_UNKNOWN: as many as
 * will be written); http_exchange_write() adds to it, and the handler's return ends it. A body that
 * is then shorter than promised ends in a broken connection, so that the peer notices.
 */
#define HTTP_SIZE_UNKNOWN UINT64_MAX
void http_exchange_begin(struct http_exchange *exchange, int status, const char *content_type,
                         uint64_t size);

/* Waits while the peer is slow. -AISHA_E_CANCELED when it has gone, or took nothing for
 * write_timeout_ms; -AISHA_E_INVALID for more than was promised. */
AISHA_ASYNC AISHA_CHECKED int http_exchange_write(struct http_exchange *exchange, const void *bytes,
                                                  size_t size);

/*
 * The next bytes of a streamed body, at most size (over 0); 0 at its end. Waits for them, and the
 * peer waits while nobody reads. -AISHA_E_CANCELED when the peer has gone or was too slow,
 * -AISHA_E_LIMIT when the body is longer than allowed. A handler may answer before the end; the
 * connection is then closed.
 */
AISHA_ASYNC AISHA_CHECKED ssize_t http_exchange_read(struct http_exchange *exchange, void *bytes,
                                                     size_t size);

/* Closes the connection without an answer, instead of http_exchange_respond(), or resets it: for
 * simulating broken services. */
void http_exchange_drop(struct http_exchange *exchange);
void http_exchange_reset(struct http_exchange *exchange);

/* The other side has gone away; a long-polling handler's wait is then also cancelled. */
bool http_exchange_is_gone(const struct http_exchange *exchange);

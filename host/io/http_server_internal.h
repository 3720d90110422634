/*
 * What the parts of the HTTP server share. Reading (http_server_parse.c) is pure: bytes in, a
 * request or a status out. A connection (http_server_conn.c) moves bytes and phases. An exchange
 * (http_server_answer.c) is one request with its handler's task; it may outlive its connection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <time.h>

#include <event2/event_struct.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"

struct evbuffer;
struct http_conn;
struct task;
struct wait;

enum {
    HTTP_MAX_TARGET_LINE = 8 * 1024,
    HTTP_MAX_HEAD = 16 * 1024,
    HTTP_MAX_HEADERS = 100,
    HTTP_INPUT_BYTES = HTTP_MAX_HEAD + 4096,
};

/* Reading the head: everything from the request line to the empty line. */

struct http_scan {
    size_t seen; /* bytes already looked at */
    size_t start, line_start;
    size_t lines;
};

/* Looks at the bytes that came since the last call. Returns 0 while the head is incomplete, the
 * offset of its end when it is there (it begins at scan->start), or minus the status to refuse it
 * with. What passes has only CRLF line ends, no control bytes and no folded or odd header names. */
int http_scan_head(struct http_scan *scan, const char *data, size_t size);

struct http_head {
    const char *method, *path, *query;
    struct http_header *headers;
    size_t header_count;
    uint64_t content_length;
    bool is_chunked, keeps_alive, is_http_1_0, expects_continue;
};

/* Reads a head that http_scan_head() let pass into arena. 0, or the status to refuse it with. */
int http_parse_head(struct arena *arena, const char *data, size_t size, size_t header_lines,
                    struct http_head *ret_head);

/* Decodes %xx, and "+" to a blank when is_form, into the arena. NULL when an escape is broken or
 * means a zero byte. */
char *http_percent_decode(struct arena *arena, const char *text, size_t size, bool is_form);

/* Reading a chunked body. */

enum http_chunk_state {
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_EXTENSION,
    HTTP_CHUNK_SIZE_LF,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_DATA_CR,
    HTTP_CHUNK_DATA_LF,
    HTTP_CHUNK_TRAILER_START,
    HTTP_CHUNK_TRAILER,
    HTTP_CHUNK_TRAILER_LF,
    HTTP_CHUNK_END_LF,
    HTTP_CHUNK_DONE,
};

struct http_chunks {
    enum http_chunk_state state;
    uint64_t left;       /* of the present chunk */
    unsigned line_bytes; /* of the present size line, or of all trailers */
    unsigned size_digits;
};

/* Takes bytes from data and returns how many, or -1 for broken framing. The first *ret_body of
 * those taken are body, the others framing. */
ssize_t http_chunks_take(struct http_chunks *chunks, const char *data, size_t size,
                         size_t *ret_body);

/* One request, from its head to the return of its handler. */
struct exchange {
    struct http_exchange public; /* first: handlers hold a pointer to it */
    struct http_server *server;
    struct http_conn *conn; /* NULL once answered or gone */
    struct task *task;
    struct arena arena;
    struct http_head head;
    const char *extra_headers; /* complete lines */
    bool is_answered, is_gone;
    bool is_streaming, is_chunked, leaves_body_out;
    bool is_streamed_in, is_received; /* the handler reads the body; all of it has come */
    bool is_too_long;
    struct wait *filled;  /* the handler waits for bytes of it */
    uint64_t left;        /* promised bytes that are not written yet */
    struct wait *drained; /* the handler waits for the peer to take something */
    LIST_ENTRY(exchange) link;
};

struct exchange *exchange_new(struct http_conn *conn);
void exchange_free(struct exchange *exchange);

/* Fills the public part from the head. */
void exchange_describe(struct exchange *exchange);

/* There is something to read, or the end. */
void exchange_filled(struct exchange *exchange);

/* Calls the handler in a task of its own. */
int exchange_start(struct exchange *exchange);

/* The output is short again: the handler may go on writing. */
void exchange_drained(struct exchange *exchange);

/* The connection is closed: tells the handler and lets it end. */
void exchange_abandon(struct exchange *exchange);

struct http_answer {
    int status;
    const char *date;
    const char *extra_headers; /* complete lines */
    const char *content_type;
    const void *body;
    uint64_t size;
    bool leaves_body_out, closes, is_http_1_0;
    bool is_streaming,
        is_chunked; /* the body follows: of size bytes, or in chunks, or up to the end */
};

/* The head with the date that the connection gives it, and the body unless it follows. */
void http_write_answer(struct evbuffer *output, const struct http_answer *answer);

enum http_phase {
    CONN_IDLE,      /* between requests */
    CONN_HEAD,      /* some of the head is there */
    CONN_BODY,      /* some of the body is missing */
    CONN_RECEIVING, /* the handler runs and reads the body */
    CONN_HANDLING,  /* the handler runs */
    CONN_STREAMING, /* the handler runs and writes its answer */
    CONN_WRITING,   /* the answer is on its way */
    CONN_LINGER,    /* closed from our side, the peer may still be sending */
    CONN_CLOSED,
};

struct http_conn {
    struct http_server *server;
    int fd;
    enum http_phase phase;
    bool is_eof, is_probed, closes;
    bool is_readable; /* nothing has said since that there is no more */
    struct event io, timer;
    int64_t timer_at_ms; /* when it rings; 0 = never */
    int64_t deadline_ms; /* of the phase; 0 = none */
    struct evbuffer *output;
    struct exchange *exchange; /* being read or handled */
    struct http_scan scan;
    struct http_chunks chunks;
    char *body;
    size_t body_size, body_capacity;
    uint64_t received; /* of a streamed body */
    char peer[64];
    LIST_ENTRY(http_conn) link;
    size_t input_size;
    char input[HTTP_INPUT_BYTES];
};

/* Takes fd over in any case. */
void http_conn_open(struct http_server *server, int fd, const char *peer);

/* Goes on with the connection as far as it can; may free it. */
void http_conn_run(struct http_conn *conn);

/* Queues the answer to the present request; http_conn_run() sends it. */
void http_conn_answer(struct http_conn *conn, const struct http_answer *answer);

/* The handler has written all of its answer; http_conn_run() sends the rest. */
void http_conn_end_answer(struct http_conn *conn);

/* Answers what runs, then closes. May free it. */
void http_conn_shut(struct http_conn *conn);

/* Closes at once and frees it. */
void http_conn_free(struct http_conn *conn);

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    http_handler *handler;
    void *user;
    int fd; /* -1 once stopped */
    int port;
    struct event accept, retry;
    time_t dated_at; /* when that was what a Date header says */
    char date[40];
    unsigned conn_count;
    uint64_t answered[6]; /* by the first digit of the status */
    bool is_stopping;
    LIST_HEAD(, http_conn) conns;
    LIST_HEAD(, exchange) exchanges; /* whose handlers run */
};

/* A connection has gone: there may be room for another one. */
void http_server_conn_closed(struct http_server *server);

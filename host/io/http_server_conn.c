/*
 * One connection: a small machine of phases, driven by http_conn_run() alone.
 *
 * Its socket is registered once, edge-triggered in both directions, so every run reads and writes
 * until the kernel says no: that a read was short does not tell whether a reset lies behind it. Input
 * is bounded by the buffer in the connection; the next pipelined request is looked at only when the
 * answer before it has been taken.
 *
 * When the peer ends its stream while a handler runs, it may have closed, or only have shut down
 * its sending half and wait for the answer. An interim "100 Continue", which every HTTP/1.1 client
 * has to skip, finds out: the kernel of a peer that has closed resets the connection at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <http_parser.h>

#include "host/core/loop.h"
#include "host/io/http_server_internal.h"

enum {
    LINGER_MS = 2000,
    MAX_ROUNDS = 64,
    FIRST_BODY_BYTES = 1024,
    SHORT_OUTPUT_BYTES = 64 * 1024,
    STREAM_BYTES = 64 * 1024
};

static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";

static int64_t phase_timeout(const struct http_conn *conn)
{
    const struct http_server_options *options = &conn->server->options;

    switch (conn->phase) {
    case CONN_IDLE:
        return options->idle_timeout_ms;
    case CONN_HEAD:
    case CONN_BODY:
    case CONN_RECEIVING:
        return options->read_timeout_ms;
    case CONN_STREAMING:
    case CONN_WRITING:
        return options->write_timeout_ms;
    case CONN_LINGER:
        return LINGER_MS;
    case CONN_HANDLING:
    case CONN_CLOSED:
        break;
    }
    return 0;
}

static void start_timer(struct http_conn *conn, int64_t ms)
{
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    conn->timer_at_ms = loop_now_ms(conn->server->loop) + ms;
    evtimer_add(&conn->timer, &after);
}

/* A timer that rings too early is left as it is: it starts again then, for most deadlines are never
 * reached. */
static void set_phase(struct http_conn *conn, enum http_phase phase)
{
    bool goes_on_reading = phase == CONN_BODY;

    conn->phase = phase;
    if (goes_on_reading)
        return; /* one deadline for the whole request */
    int64_t ms = phase_timeout(conn);
    conn->deadline_ms = ms > 0 ? loop_now_ms(conn->server->loop) + ms : 0;
    if (ms > 0 && (!conn->timer_at_ms || conn->deadline_ms < conn->timer_at_ms))
        start_timer(conn, ms);
}

/* Whether the connection's time is over. */
static bool is_overdue(struct http_conn *conn)
{
    int64_t left_ms = conn->deadline_ms - loop_now_ms(conn->server->loop);

    conn->timer_at_ms = 0;
    if (!conn->deadline_ms)
        return false;
    if (left_ms > 0)
        start_timer(conn, left_ms);
    return left_ms <= 0;
}

/* What a Date header says now: it is asked for more often than once a second. */
static const char *date_of(struct http_server *server)
{
    time_t now = time(NULL);
    struct tm utc;

    if (now != server->dated_at) {
        server->dated_at = now;
        gmtime_r(&now, &utc);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    }
    return server->date;
}

void http_conn_answer(struct http_conn *conn, const struct http_answer *answer)
{
    struct http_answer complete = *answer;

    complete.date = date_of(conn->server);
    complete.closes = answer->closes || conn->closes || conn->server->is_stopping;
    conn->closes = complete.closes;
    conn->server->answered[answer->status / 100]++;
    http_write_answer(conn->output, &complete);
    set_phase(conn, answer->is_streaming ? CONN_STREAMING : CONN_WRITING);
}

void http_conn_end_answer(struct http_conn *conn)
{
    conn->exchange = NULL;
    set_phase(conn, CONN_WRITING);
}

/* The request cannot be read or handled: an answer of our own, and the end of the connection. */
static void refuse(struct http_conn *conn, int status, const char *extra_headers)
{
    exchange_free(conn->exchange);
    conn->exchange = NULL;
    http_conn_answer(conn, &(struct http_answer){
                               .status = status, .extra_headers = extra_headers, .closes = true});
}

static void drop_input(struct http_conn *conn, size_t size)
{
    conn->input_size -= size;
    memmove(conn->input, conn->input + size, conn->input_size);
}

static void start_handler(struct http_conn *conn)
{
    set_phase(conn, CONN_HANDLING);
    conn->is_probed = false;
    if (exchange_start(conn->exchange) < 0)
        refuse(conn, HTTP_STATUS_SERVICE_UNAVAILABLE, "Retry-After: 1\r\n");
}

static bool is_streamed(struct http_conn *conn)
{
    const struct http_server *server = conn->server;

    return server->options.is_streamed &&
           server->options.is_streamed(&conn->exchange->public, server->user);
}

static void begin_body(struct http_conn *conn)
{
    const struct http_head *head = &conn->exchange->head;
    const struct http_server_options *options = &conn->server->options;

    exchange_describe(conn->exchange);
    conn->exchange->is_streamed_in = is_streamed(conn);
    uint64_t limit =
        conn->exchange->is_streamed_in ? options->max_stream_bytes : options->max_body_bytes;
    if (head->content_length > limit) {
        refuse(conn, HTTP_STATUS_PAYLOAD_TOO_LARGE, NULL);
        return;
    }
    if (!head->is_chunked && head->content_length == 0) {
        conn->exchange->is_received = true;
        start_handler(conn);
        return;
    }
    conn->chunks = (struct http_chunks){.state = HTTP_CHUNK_SIZE};
    if (head->expects_continue && conn->input_size == 0)
        evbuffer_add(conn->output, interim, sizeof interim - 1);
    conn->received = 0;
    if (conn->exchange->is_streamed_in)
        start_handler(conn);
    else
        set_phase(conn, CONN_BODY);
    if (conn->phase == CONN_HANDLING)
        set_phase(conn, CONN_RECEIVING);
}

static bool step_head(struct http_conn *conn)
{
    struct http_scan *scan = &conn->scan;
    int end = http_scan_head(scan, conn->input, conn->input_size);

    if (end < 0)
        refuse(conn, -end, NULL);
    else if (end == 0 && conn->is_eof)
        set_phase(conn, CONN_CLOSED);
    if (end <= 0)
        return end < 0;
    conn->exchange = exchange_new(conn);
    int status = http_parse_head(&conn->exchange->arena, conn->input + scan->start,
                                 (size_t)end - scan->start, scan->lines - 1, &conn->exchange->head);
    drop_input(conn, (size_t)end);
    *scan = (struct http_scan){0};
    if (status)
        refuse(conn, status, NULL);
    else
        begin_body(conn);
    return true;
}

static void append_body(struct http_conn *conn, const char *data, size_t size)
{
    if (conn->body_size + size + 1 > conn->body_capacity) {
        size_t capacity = conn->body_capacity ? conn->body_capacity * 2 : FIRST_BODY_BYTES;
        while (capacity < conn->body_size + size + 1)
            capacity *= 2;
        conn->body = realloc(conn->body, capacity);
        if (!conn->body)
            abort();
        conn->body_capacity = capacity;
    }
    memcpy(conn->body + conn->body_size, data, size);
    conn->body_size += size;
    conn->body[conn->body_size] = '\0';
}

static bool step_body(struct http_conn *conn)
{
    const struct http_head *head = &conn->exchange->head;
    size_t body_bytes;
    ssize_t used;

    if (head->is_chunked) {
        used = http_chunks_take(&conn->chunks, conn->input, conn->input_size, &body_bytes);
        if (used < 0) {
            refuse(conn, HTTP_STATUS_BAD_REQUEST, NULL);
            return true;
        }
    } else {
        uint64_t left = head->content_length - conn->body_size;
        body_bytes = left < conn->input_size ? (size_t)left : conn->input_size;
        used = (ssize_t)body_bytes;
    }
    if (body_bytes > conn->server->options.max_body_bytes - conn->body_size) {
        refuse(conn, HTTP_STATUS_PAYLOAD_TOO_LARGE, NULL);
        return true;
    }
    if (body_bytes)
        append_body(conn, conn->input, body_bytes);
    drop_input(conn, (size_t)used);
    bool is_whole = head->is_chunked ? conn->chunks.state == HTTP_CHUNK_DONE
                                     : conn->body_size == head->content_length;
    if (is_whole)
        start_handler(conn);
    else if (used == 0 && conn->is_eof)
        set_phase(conn, CONN_CLOSED);
    return used > 0 || is_whole;
}

/* Bytes of the input that are next for the body, and how many bytes of input they take; -1 = broken. */
static ssize_t next_of_body(struct http_conn *conn, size_t room, size_t *ret_body_bytes)
{
    const struct http_head *head = &conn->exchange->head;
    size_t size = conn->input_size < room ? conn->input_size : room;

    if (head->is_chunked)
        return http_chunks_take(&conn->chunks, conn->input, size, ret_body_bytes);
    uint64_t left = head->content_length - conn->received;
    *ret_body_bytes = left < size ? (size_t)left : size;
    return (ssize_t)*ret_body_bytes;
}

/* Moves what has come to where the handler reads it, as long as there is room. */
static bool step_receiving(struct http_conn *conn)
{
    struct exchange *exchange = conn->exchange;
    const struct http_head *head = &exchange->head;
    size_t body_bytes = 0;

    ssize_t used = next_of_body(conn, STREAM_BYTES - conn->body_size, &body_bytes);
    conn->received += body_bytes;
    exchange->is_too_long = conn->received > conn->server->options.max_stream_bytes;
    if (used < 0 || (used == 0 && conn->is_eof && conn->body_size < STREAM_BYTES)) {
        set_phase(conn, CONN_CLOSED);
        return false;
    }
    if (body_bytes && !exchange->is_too_long)
        append_body(conn, conn->input, body_bytes);
    drop_input(conn, (size_t)used);
    exchange->is_received = head->is_chunked ? conn->chunks.state == HTTP_CHUNK_DONE
                                             : conn->received == head->content_length;
    if (exchange->is_received)
        set_phase(conn, CONN_HANDLING);
    else if (used > 0)
        set_phase(conn, CONN_RECEIVING); /* it goes on: another deadline */
    if (body_bytes || exchange->is_received)
        exchange_filled(exchange);
    return used > 0 && !exchange->is_too_long;
}

/* Goes on as far as the input allows; true when something happened. */
static bool step(struct http_conn *conn)
{
    switch (conn->phase) {
    case CONN_IDLE:
        if (conn->input_size)
            set_phase(conn, CONN_HEAD);
        else if (conn->is_eof)
            set_phase(conn, CONN_CLOSED);
        return conn->input_size > 0;
    case CONN_HEAD:
        return step_head(conn);
    case CONN_BODY:
        return step_body(conn);
    case CONN_RECEIVING:
        return step_receiving(conn);
    case CONN_HANDLING:
        if (!conn->is_eof || conn->is_probed || conn->exchange->head.is_http_1_0)
            return false;
        conn->is_probed = true;
        evbuffer_add(conn->output, interim, sizeof interim - 1);
        return true;
    case CONN_LINGER:
        if (conn->is_eof)
            set_phase(conn, CONN_CLOSED);
        bool has_input = conn->input_size > 0;
        conn->input_size = 0;
        return has_input;
    case CONN_STREAMING:
    case CONN_WRITING:
    case CONN_CLOSED:
        break;
    }
    return false;
}

/* Reads what there is room for; true when bytes came. */
static bool receive(struct http_conn *conn)
{
    size_t room = sizeof conn->input - conn->input_size;

    if (conn->is_eof || room == 0) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error)
            set_phase(conn, CONN_CLOSED);
        return false;
    }
    if (!conn->is_readable)
        return false;
    ssize_t n = recv(conn->fd, conn->input + conn->input_size, room, 0);
    if (n > 0) {
        conn->input_size += (size_t)n;
        return true;
    }
    if (n == 0)
        conn->is_eof = true;
    else if (errno == EAGAIN)
        conn->is_readable = false;
    else if (errno != EINTR)
        set_phase(conn, CONN_CLOSED);
    return n == 0;
}

static void note_room(struct http_conn *conn)
{
    if (conn->phase == CONN_STREAMING && evbuffer_get_length(conn->output) < SHORT_OUTPUT_BYTES)
        exchange_drained(conn->exchange);
}

static void send_output(struct http_conn *conn)
{
    while (evbuffer_get_length(conn->output) > 0) {
        struct evbuffer_iovec pieces[8];
        int count = evbuffer_peek(conn->output, -1, NULL, pieces, 8);
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count < 8 ? (size_t)count : 8};
        ssize_t n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                set_phase(conn, CONN_CLOSED);
            return;
        }
        evbuffer_drain(conn->output, (size_t)n);
        if (conn->phase == CONN_STREAMING)
            set_phase(conn, CONN_STREAMING); /* it takes something: another deadline */
    }
    if (conn->phase != CONN_WRITING)
        return;
    if (conn->closes)
        shutdown(conn->fd, SHUT_WR);
    conn->body_size = 0; /* what the handler has not read of a streamed one */
    set_phase(conn, conn->closes ? CONN_LINGER : CONN_IDLE);
}

void http_conn_run(struct http_conn *conn)
{
    for (int round = 0; conn->phase != CONN_CLOSED; round++) {
        send_output(conn);
        note_room(conn);
        bool goes_on = conn->phase != CONN_CLOSED && receive(conn);
        goes_on |= conn->phase != CONN_CLOSED && step(conn);
        if (!goes_on)
            break;
        if (round == MAX_ROUNDS) {
            event_active(&conn->io, EV_READ, 0); /* others want to be served as well */
            break;
        }
    }
    if (conn->phase == CONN_CLOSED)
        http_conn_free(conn);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    conn->is_readable |= what & EV_READ;
    http_conn_run(conn);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    (void)what;
    if (!is_overdue(conn))
        return;
    if (conn->phase == CONN_WRITING || conn->phase == CONN_STREAMING) {
        const struct linger reset = {.l_onoff = 1}; /* or the kernel would go on trying */
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    if (conn->phase == CONN_HEAD || conn->phase == CONN_BODY)
        refuse(conn, HTTP_STATUS_REQUEST_TIMEOUT, NULL);
    else
        set_phase(conn, CONN_CLOSED);
    http_conn_run(conn);
}

void http_conn_open(struct http_server *server, int fd, const char *peer)
{
    struct http_conn *conn = malloc(sizeof *conn);
    struct event_base *base = loop_base(server->loop);

    if (!conn)
        abort();
    memset(conn, 0, offsetof(struct http_conn, input));
    conn->server = server;
    conn->fd = fd;
    conn->is_readable = true;
    strncpy(conn->peer, peer, sizeof conn->peer - 1);
    conn->output = evbuffer_new();
    if (!conn->output)
        abort();
    event_assign(&conn->io, base, fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_io, conn);
    evtimer_assign(&conn->timer, base, on_timer, conn);
    LIST_INSERT_HEAD(&server->conns, conn, link);
    server->conn_count++;
    set_phase(conn, event_add(&conn->io, NULL) < 0 ? CONN_CLOSED : CONN_IDLE);
    http_conn_run(conn);
}

void http_conn_shut(struct http_conn *conn)
{
    conn->closes = true;
    if (conn->phase == CONN_IDLE || conn->phase == CONN_HEAD || conn->phase == CONN_BODY)
        http_conn_free(conn);
}

void http_conn_free(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (conn->exchange && conn->exchange->task)
        exchange_abandon(conn->exchange);
    else
        exchange_free(conn->exchange);
    event_del(&conn->io);
    evtimer_del(&conn->timer);
    evbuffer_free(conn->output);
    close(conn->fd);
    free(conn->body);
    LIST_REMOVE(conn, link);
    server->conn_count--;
    free(conn);
    http_server_conn_closed(server);
}

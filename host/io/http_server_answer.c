/*
 * One request and its answer: what handlers see, and the task a handler runs in.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <http_parser.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/io/http_server_internal.h"

struct exchange *exchange_new(struct http_conn *conn)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (!exchange)
        abort();
    exchange->server = conn->server;
    exchange->conn = conn;
    exchange->extra_headers = "";
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (!exchange)
        return;
    arena_clear(&exchange->arena);
    free(exchange);
}

void exchange_abandon(struct exchange *exchange)
{
    exchange->conn = NULL;
    exchange->is_gone = true;
    task_cancel(exchange->task);
}

static void end_streaming(struct exchange *exchange)
{
    struct http_conn *conn = exchange->conn;

    if (!conn)
        return;
    exchange->conn = NULL;
    if (exchange->left > 0 && exchange->left != HTTP_SIZE_UNKNOWN) {
        conn->exchange = NULL;
        http_conn_free(conn);
        return;
    }
    if (exchange->is_chunked && !exchange->leaves_body_out)
        evbuffer_add(conn->output, "0\r\n\r\n", 5);
    http_conn_end_answer(conn);
    http_conn_run(conn);
}

static void exchange_run(void *arg)
{
    struct exchange *exchange = arg;
    struct http_server *server = exchange->server;

    server->handler(&exchange->public, server->user);
    if (!exchange->is_answered)
        http_exchange_respond(&exchange->public,
                              server->is_stopping ? HTTP_STATUS_SERVICE_UNAVAILABLE
                                                  : HTTP_STATUS_INTERNAL_SERVER_ERROR,
                              NULL, NULL, 0);
    else if (exchange->is_streaming)
        end_streaming(exchange);
    LIST_REMOVE(exchange, link);
    exchange_free(exchange);
}

void exchange_describe(struct exchange *exchange)
{
    const struct http_head *head = &exchange->head;

    exchange->public = (struct http_exchange){
        .arena = &exchange->arena,
        .method = head->method,
        .path = head->path,
        .query = head->query,
        .headers = head->headers,
        .header_count = head->header_count,
        .body = "",
        .peer = arena_strdup(&exchange->arena, exchange->conn->peer),
        .is_http_1_0 = head->is_http_1_0,
    };
}

/* The body now belongs to the exchange. */
static void take_body(struct exchange *exchange)
{
    struct http_conn *conn = exchange->conn;

    if (!conn->body)
        return;
    exchange->public.body = conn->body;
    exchange->public.body_size = conn->body_size;
    arena_defer(&exchange->arena, free, conn->body);
    conn->body = NULL;
    conn->body_size = conn->body_capacity = 0;
}

int exchange_start(struct exchange *exchange)
{
    if (!exchange->is_streamed_in)
        take_body(exchange);
    int r =
        task_start(exchange->server->loop, "http request", exchange_run, exchange, &exchange->task);
    if (r == 0)
        LIST_INSERT_HEAD(&exchange->server->exchanges, exchange, link);
    return r;
}

static const char *reason_of(int status)
{
    switch (status) {
#define REASON(number, name, text)                                                                 \
    case number:                                                                                   \
        return #text;
        HTTP_STATUS_MAP(REASON)
#undef REASON
    default:
        return "Status";
    }
}

static void add_text(struct evbuffer *output, const char *text)
{
    evbuffer_add(output, text, strlen(text));
}

static void add_number(struct evbuffer *output, uint64_t number)
{
    char digits[20], *end = digits + sizeof digits, *first = end;

    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    evbuffer_add(output, first, (size_t)(end - first));
}

static void add_header(struct evbuffer *output, const char *name, const char *value)
{
    add_text(output, name);
    add_text(output, value);
    evbuffer_add(output, "\r\n", 2);
}

/* Without printf: it would take longer than all else that the server does for a request. */
void http_write_answer(struct evbuffer *output, const struct http_answer *answer)
{
    bool has_body =
        answer->status != HTTP_STATUS_NO_CONTENT && answer->status != HTTP_STATUS_NOT_MODIFIED;

    add_text(output, "HTTP/1.1 ");
    add_number(output, (uint64_t)answer->status);
    add_header(output, " ", reason_of(answer->status));
    add_header(output, "Date: ", answer->date);
    if (answer->content_type)
        add_header(output, "Content-Type: ", answer->content_type);
    if (answer->is_chunked) {
        add_header(output, "Transfer-Encoding: ", "chunked");
    } else if (has_body && answer->size != HTTP_SIZE_UNKNOWN) {
        add_text(output, "Content-Length: ");
        add_number(output, answer->size);
        add_text(output, "\r\n");
    }
    if (answer->closes)
        add_header(output, "Connection: ", "close");
    else if (answer->is_http_1_0)
        add_header(output, "Connection: ", "keep-alive");
    add_header(output, answer->extra_headers ? answer->extra_headers : "", "");
    if (has_body && !answer->leaves_body_out && !answer->is_streaming && answer->size)
        evbuffer_add(output, answer->body, (size_t)answer->size);
}

/* Of the request: then nothing else can be read from the connection. */
static bool is_body_left(const struct exchange *exchange)
{
    return exchange->is_streamed_in && !exchange->is_received;
}

void http_exchange_respond(struct http_exchange *public, int status, const char *content_type,
                           const void *body, size_t size)
{
    struct exchange *exchange = (struct exchange *)public;
    struct http_conn *conn = exchange->conn;

    assert(!exchange->is_answered && "one answer for each request");
    assert(status >= 200 && status <= 599);
    exchange->is_answered = true;
    if (!conn)
        return;
    exchange->conn = NULL;
    conn->exchange = NULL;
    http_conn_answer(conn, &(struct http_answer){
                               .status = status,
                               .extra_headers = exchange->extra_headers,
                               .content_type = content_type,
                               .body = body,
                               .size = size,
                               .leaves_body_out = strcmp(public->method, "HEAD") == 0,
                               .closes = !exchange->head.keeps_alive || is_body_left(exchange),
                               .is_http_1_0 = exchange->head.is_http_1_0,
                           });
    http_conn_run(conn);
}

void http_exchange_begin(struct http_exchange *public, int status, const char *content_type,
                         uint64_t size)
{
    struct exchange *exchange = (struct exchange *)public;
    bool is_unknown = size == HTTP_SIZE_UNKNOWN, is_http_1_0 = exchange->head.is_http_1_0;

    assert(!exchange->is_answered && "one answer for each request");
    exchange->is_answered = exchange->is_streaming = true;
    exchange->is_chunked = is_unknown && !is_http_1_0;
    exchange->leaves_body_out = strcmp(public->method, "HEAD") == 0;
    exchange->left = exchange->leaves_body_out ? HTTP_SIZE_UNKNOWN : size;
    if (!exchange->conn)
        return;
    http_conn_answer(exchange->conn,
                     &(struct http_answer){
                         .status = status,
                         .extra_headers = exchange->extra_headers,
                         .content_type = content_type,
                         .size = size,
                         .closes = !exchange->head.keeps_alive || is_body_left(exchange) ||
                                   (is_unknown && is_http_1_0),
                         .is_http_1_0 = is_http_1_0,
                         .is_streaming = true,
                         .is_chunked = exchange->is_chunked,
                     });
    http_conn_run(exchange->conn);
}

void exchange_drained(struct exchange *exchange)
{
    if (exchange->drained)
        wait_wake(exchange->drained, 0);
}

static void add_piece(struct exchange *exchange, const void *bytes, size_t size)
{
    struct evbuffer *output = exchange->conn->output;

    if (exchange->is_chunked)
        evbuffer_add_printf(output, "%zx\r\n", size);
    evbuffer_add(output, bytes, size);
    if (exchange->is_chunked)
        evbuffer_add(output, "\r\n", 2);
}

int http_exchange_write(struct http_exchange *public, const void *bytes, size_t size)
{
    struct exchange *exchange = (struct exchange *)public;
    struct wait drained;

    assert(exchange->is_streaming && "http_exchange_begin() comes first");
    if (!exchange->conn)
        return -AISHA_E_CANCELED;
    if (exchange->leaves_body_out || size == 0)
        return 0;
    if (size > exchange->left)
        return -AISHA_E_INVALID;
    if (exchange->left != HTTP_SIZE_UNKNOWN)
        exchange->left -= size;
    add_piece(exchange, bytes, size);
    wait_init(&drained, exchange->server->loop);
    exchange->drained = &drained;
    http_conn_run(exchange->conn); /* wakes us at once when the peer keeps up */
    int r = exchange->conn ? wait_for(&drained, WAIT_FOREVER) : -AISHA_E_CANCELED;
    exchange->drained = NULL;
    return r;
}

void exchange_filled(struct exchange *exchange)
{
    if (exchange->filled)
        wait_wake(exchange->filled, 0);
}

static AISHA_ASYNC int wait_until_filled(struct exchange *exchange)
{
    struct wait filled;

    wait_init(&filled, exchange->server->loop);
    exchange->filled = &filled;
    int r = wait_for(&filled, WAIT_FOREVER);
    exchange->filled = NULL;
    return r;
}

ssize_t http_exchange_read(struct http_exchange *public, void *bytes, size_t size)
{
    struct exchange *exchange = (struct exchange *)public;

    assert(exchange->is_streamed_in && size > 0);
    while (exchange->conn && !exchange->is_too_long) {
        struct http_conn *conn = exchange->conn;
        size_t count = conn->body_size < size ? conn->body_size : size;
        if (count > 0) {
            memcpy(bytes, conn->body, count);
            conn->body_size -= count;
            memmove(conn->body, conn->body + count, conn->body_size);
            http_conn_run(conn); /* there is room for more */
            return (ssize_t)count;
        }
        if (exchange->is_received)
            return 0;
        int r = wait_until_filled(exchange);
        if (r < 0)
            return r;
    }
    return exchange->is_too_long ? -AISHA_E_LIMIT : -AISHA_E_CANCELED;
}

static void cut(struct exchange *exchange, bool resets)
{
    const struct linger linger = {.l_onoff = 1}; /* for no time: closing resets */
    struct http_conn *conn = exchange->conn;

    assert(!exchange->is_answered && "one answer for each request");
    exchange->is_answered = true;
    if (!conn)
        return;
    exchange->conn = NULL;
    conn->exchange = NULL;
    if (resets)
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    http_conn_free(conn);
}

void http_exchange_drop(struct http_exchange *public)
{
    cut((struct exchange *)public, false);
}

void http_exchange_reset(struct http_exchange *public)
{
    cut((struct exchange *)public, true);
}

bool http_exchange_is_gone(const struct http_exchange *public)
{
    return ((const struct exchange *)public)->is_gone;
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->header_count; i++)
        if (strcmp(exchange->headers[i].name, name) == 0)
            return exchange->headers[i].value;
    return NULL;
}

const char *http_exchange_param(const struct http_exchange *exchange, const char *name)
{
    for (const char *pair = exchange->query; *pair;) {
        size_t size = strcspn(pair, "&"), name_size = strcspn(pair, "=&");
        const char *key = http_percent_decode(exchange->arena, pair, name_size, true);
        if (key && strcmp(key, name) == 0) {
            size_t start = name_size < size ? name_size + 1 : size;
            return http_percent_decode(exchange->arena, pair + start, size - start, true);
        }
        pair += size + (pair[size] == '&');
    }
    return NULL;
}

static bool is_header_text(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

void http_exchange_add_header(struct http_exchange *public, const char *name, const char *value)
{
    struct exchange *exchange = (struct exchange *)public;

    assert(is_header_text(name) && is_header_text(value));
    exchange->extra_headers =
        arena_printf(&exchange->arena, "%s%s: %s\r\n", exchange->extra_headers, name, value);
}

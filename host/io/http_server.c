/*
 * The listening socket. It accepts only while there is room for a connection; further peers wait
 * in the kernel's queue, and the descriptors of the process are never used up by them.
 */
#include "host/io/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <aisha/error.h>

#include "host/core/loop.h"
#include "host/io/http_server_internal.h"

enum { BACKLOG = 512, ACCEPT_AT_ONCE = 32, ACCEPT_RETRY_MS = 100 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* "1.2.3.4:80" or "[::1]:80". */
static int parse_address(const char *text, union address *ret_address, socklen_t *ret_size)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2] = "";
    union address address = {.any = {.sa_family = AF_UNSPEC}};

    if (!colon || (size_t)(colon - text) >= sizeof host)
        return -AISHA_E_INVALID;
    memcpy(host, text, (size_t)(colon - text));
    size_t digits = strspn(colon + 1, "0123456789");
    unsigned long port = strtoul(colon + 1, NULL, 10);
    if (digits == 0 || digits > 5 || colon[1 + digits] || port > UINT16_MAX)
        return -AISHA_E_INVALID;
    size_t last = strlen(host) - 1;
    if (host[0] == '[' && host[last] == ']') {
        host[last] = '\0';
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons((uint16_t)port);
        *ret_size = sizeof address.v6;
        if (inet_pton(AF_INET6, host + 1, &address.v6.sin6_addr) != 1)
            return -AISHA_E_INVALID;
    } else {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons((uint16_t)port);
        *ret_size = sizeof address.v4;
        if (inet_pton(AF_INET, host, &address.v4.sin_addr) != 1)
            return -AISHA_E_INVALID;
    }
    *ret_address = address;
    return 0;
}

static int listen_on(struct http_server *server, const union address *address, socklen_t size)
{
    const int one = 1;
    union address bound;
    socklen_t bound_size = sizeof bound;

    server->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->fd < 0)
        return -errno;
    if (setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(server->fd, &address->any, size) < 0 || listen(server->fd, BACKLOG) < 0 ||
        getsockname(server->fd, &bound.any, &bound_size) < 0)
        return -errno;
    server->port = ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
    return 0;
}

static void pause_accepting(struct http_server *server)
{
    const struct timeval after = {.tv_usec = ACCEPT_RETRY_MS * 1000};

    event_del(&server->accept);
    if (server->conn_count < server->options.max_connections)
        evtimer_add(&server->retry, &after); /* out of descriptors, not of room */
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;
    const int one = 1;

    (void)what;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        union address peer;
        socklen_t size = sizeof peer;
        char host[INET6_ADDRSTRLEN] = "";

        if (server->conn_count >= server->options.max_connections) {
            pause_accepting(server);
            return;
        }
        int conn_fd = accept4(fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (conn_fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(server);
            return;
        }
        setsockopt(conn_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        getnameinfo(&peer.any, size, host, sizeof host, NULL, 0, NI_NUMERICHOST);
        http_conn_open(server, conn_fd, host);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    http_server_conn_closed(arg);
}

void http_server_conn_closed(struct http_server *server)
{
    if (!server->is_stopping && server->conn_count < server->options.max_connections)
        event_add(&server->accept, NULL);
}

static void set_options(struct http_server *server, const struct http_server_options *options)
{
    struct http_server_options *own = &server->options;

    *own = *options;
    own->max_body_bytes = own->max_body_bytes ? own->max_body_bytes : 1024 * 1024;
    own->max_stream_bytes = own->max_stream_bytes ? own->max_stream_bytes : UINT64_C(1) << 30;
    own->max_connections = own->max_connections ? own->max_connections : 1024;
    own->read_timeout_ms = own->read_timeout_ms ? own->read_timeout_ms : 15000;
    own->idle_timeout_ms = own->idle_timeout_ms ? own->idle_timeout_ms : 60000;
    own->write_timeout_ms = own->write_timeout_ms ? own->write_timeout_ms : 60000;
}

int http_server_start(struct http_server **ret_server, struct loop *loop, const char *address,
                      const struct http_server_options *options, http_handler *handler, void *user)
{
    union address parsed;
    socklen_t size;

    int r = parse_address(address, &parsed, &size);
    if (r < 0)
        return r;
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return -ENOMEM;
    server->loop = loop;
    server->handler = handler;
    server->user = user;
    set_options(server, options);
    LIST_INIT(&server->conns);
    LIST_INIT(&server->exchanges);
    r = listen_on(server, &parsed, size);
    event_assign(&server->accept, loop_base(loop), server->fd, EV_READ | EV_PERSIST, on_accept,
                 server);
    evtimer_assign(&server->retry, loop_base(loop), on_retry, server);
    if (r == 0 && event_add(&server->accept, NULL) < 0)
        r = -ENOMEM;
    if (r < 0) {
        http_server_free(server);
        return r;
    }
    *ret_server = server;
    return 0;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

uint64_t http_server_answered(const struct http_server *server, unsigned status_class)
{
    return server->answered[status_class];
}

void http_server_stop(struct http_server *server)
{
    struct exchange *exchange;
    struct http_conn *conn, *next;

    if (server->is_stopping)
        return;
    server->is_stopping = true;
    event_del(&server->accept);
    evtimer_del(&server->retry);
    if (server->fd >= 0)
        close(server->fd);
    server->fd = -1;
    LIST_FOREACH(exchange, &server->exchanges, link)
        task_cancel(exchange->task);
    for (conn = LIST_FIRST(&server->conns); conn; conn = next) {
        next = LIST_NEXT(conn, link);
        http_conn_shut(conn);
    }
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    http_server_stop(server);
    assert(LIST_EMPTY(&server->exchanges));
    while (!LIST_EMPTY(&server->conns))
        http_conn_free(LIST_FIRST(&server->conns));
    free(server);
}

/*
 * Only what a webhook behind a proxy needs: one request after the other on connections that stay
 * open. The answer does not wait for anything.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <http_parser.h>

#include "raw.h"

struct server {
    struct event_base *base;
    struct event accept;
    const char *secret;
    void (*take)(const char *json, size_t size, void *user);
    void *user;
};

struct peer {
    struct server *server;
    struct event event;
    http_parser parser;
    bool is_secret_next, is_secret;
    char *body;
    size_t size, capacity;
};

static const char secret_header[] = "X-Telegram-Bot-Api-Secret-Token";

static int on_begin(http_parser *parser)
{
    struct peer *peer = parser->data;

    peer->size = 0;
    peer->is_secret = false;
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t size)
{
    struct peer *peer = parser->data;

    peer->is_secret_next =
        size == sizeof secret_header - 1 && strncasecmp(at, secret_header, size) == 0;
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t size)
{
    struct peer *peer = parser->data;
    const char *secret = peer->server->secret;

    if (peer->is_secret_next)
        peer->is_secret = size == strlen(secret) && memcmp(at, secret, size) == 0;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t size)
{
    struct peer *peer = parser->data;

    if (peer->size + size > peer->capacity) {
        peer->capacity = (peer->size + size) * 2;
        peer->body = realloc(peer->body, peer->capacity);
        if (!peer->body)
            die("no memory");
    }
    memcpy(peer->body + peer->size, at, size);
    peer->size += size;
    return 0;
}

static int on_complete(http_parser *parser)
{
    static const char taken[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    static const char refused[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    struct peer *peer = parser->data;
    const char *answer = peer->is_secret ? taken : refused;

    if (peer->is_secret)
        peer->server->take(peer->body, peer->size, peer->server->user);
    return send(peer->event.ev_fd, answer, strlen(answer), MSG_NOSIGNAL) < 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    static const http_parser_settings settings = {
        .on_message_begin = on_begin,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_body = on_body,
        .on_message_complete = on_complete,
    };
    struct peer *peer = arg;
    char bytes[8000];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);

    (void)what;
    if (n > 0 && http_parser_execute(&peer->parser, &settings, bytes, (size_t)n) == (size_t)n)
        return;
    event_del(&peer->event);
    close(fd);
    free(peer->body);
    free(peer);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    const int one = 1;
    int peer_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct peer *peer = calloc(1, sizeof *peer);

    (void)what;
    if (peer_fd < 0 || !peer)
        die("accept failed");
    setsockopt(peer_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer->server = server;
    http_parser_init(&peer->parser, HTTP_REQUEST);
    peer->parser.data = peer;
    event_assign(&peer->event, server->base, peer_fd, EV_READ | EV_PERSIST, on_readable, peer);
    event_add(&peer->event, NULL);
}

int server_start(struct event_base *base, int port, const char *secret,
                 void (*take)(const char *json, size_t size, void *user), void *user)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons((uint16_t)port)};
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct server *server = calloc(1, sizeof *server);

    if (fd < 0 || !server)
        return -1;
    *server = (struct server){.base = base, .secret = secret, .take = take, .user = user};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 512) < 0)
        return -1;
    event_assign(&server->accept, base, fd, EV_READ | EV_PERSIST, on_accept, server);
    return event_add(&server->accept, NULL);
}

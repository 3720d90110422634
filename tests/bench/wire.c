#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_INPUT = 4096, EVENTS_AT_ONCE = 256, BACKLOG = 4096 };

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void put_digits(char *at, uint64_t number, int digits)
{
    while (digits-- > 0) {
        at[digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

int64_t find_number(const char *text, size_t size, const char *name)
{
    const char *at = memmem(text, size, name, strlen(name)), *end = text + size;
    int64_t number = 0;

    if (!at)
        return 0;
    for (at += strlen(name); at < end && *at == ' '; at++)
        ;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (*at - '0');
    return number;
}

const char *find_text(const char *text, size_t size, const char *name, size_t *ret_size)
{
    const char *at = memmem(text, size, name, strlen(name)), *end = text + size, *last;

    if (!at)
        return NULL;
    at += strlen(name);
    for (last = at; last < end && *last != '"'; last++)
        last += *last == '\\';
    *ret_size = (size_t)(last - at);
    return last < end ? at : NULL;
}

void wire_init(struct wire *wire)
{
    LIST_INIT(&wire->conns);
    wire->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (wire->epoll < 0)
        die("epoll: %s", strerror(errno));
}

static struct conn *conn_new(struct wire *wire, int fd, wire_handler *handler, void *user)
{
    struct conn *conn = calloc(1, sizeof *conn);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

    if (!conn)
        die("no memory");
    *conn = (struct conn){.wire = wire, .fd = fd, .handler = handler, .user = user};
    if (epoll_ctl(wire->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    LIST_INSERT_HEAD(&wire->conns, conn, link);
    return conn;
}

static void conn_free(struct conn *conn)
{
    LIST_REMOVE(conn, link);
    close(conn->fd);
    free(conn->input);
    free(conn->output);
    free(conn);
}

void wire_done(struct wire *wire)
{
    while (!LIST_EMPTY(&wire->conns))
        conn_free(LIST_FIRST(&wire->conns));
    close(wire->epoll);
}

static int new_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket: %s", strerror(errno));
    return fd;
}

int wire_listen(struct wire *wire, wire_handler *handler, void *user)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = new_socket();

    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("listen: %s", strerror(errno));
    conn_new(wire, fd, handler, user)->is_listener = true;
    return ntohs(address.sin_port);
}

static void set_no_delay(int fd)
{
    const int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

struct conn *wire_connect(struct wire *wire, int port, wire_handler *handler, void *user)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons((uint16_t)port)};
    int fd = new_socket();

    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        die("connect to port %d: %s", port, strerror(errno));
    set_no_delay(fd);
    return conn_new(wire, fd, handler, user);
}

/* Room for `more` bytes behind the size bytes that are there. */
static char *reserve(char *buffer, size_t size, size_t *capacity, size_t more)
{
    if (size + more <= *capacity)
        return buffer;
    *capacity = (size + more) * 2;
    buffer = realloc(buffer, *capacity);
    if (!buffer)
        die("no memory");
    return buffer;
}

static void watch_output(struct conn *conn, bool is_wanted)
{
    struct epoll_event event = {.events = EPOLLIN | (is_wanted ? EPOLLOUT : 0), .data.ptr = conn};

    epoll_ctl(conn->wire->epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

static size_t send_some(struct conn *conn, const char *bytes, size_t size)
{
    ssize_t n = send(conn->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET)
        die("send: %s", strerror(errno));
    return n > 0 ? (size_t)n : 0;
}

void conn_send(struct conn *conn, const char *bytes, size_t size)
{
    size_t sent = conn->output_size ? 0 : send_some(conn, bytes, size);

    if (sent == size)
        return;
    conn->output = reserve(conn->output, conn->output_size, &conn->output_capacity, size - sent);
    memcpy(conn->output + conn->output_size, bytes + sent, size - sent);
    conn->output_size += size - sent;
    watch_output(conn, true);
}

static void flush(struct conn *conn)
{
    size_t sent = send_some(conn, conn->output, conn->output_size);

    conn->output_size -= sent;
    memmove(conn->output, conn->output + sent, conn->output_size);
    if (conn->output_size == 0)
        watch_output(conn, false);
}

/* The next message at the beginning of the bytes; returns its size, or 0 when it is not all there. */
static size_t parse(const char *bytes, size_t size, struct message *ret)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);

    if (!end)
        return 0;
    size_t head_size = (size_t)(end - bytes) + 4;
    size_t body_size = (size_t)find_number(bytes, head_size, "\r\nContent-Length:");
    if (head_size + body_size > size)
        return 0;
    *ret = (struct message){
        .head = bytes, .head_size = head_size, .body = bytes + head_size, .body_size = body_size};
    return head_size + body_size;
}

static void receive(struct conn *conn)
{
    struct message message;
    size_t used = 0, size;

    conn->input = reserve(conn->input, conn->input_size, &conn->input_capacity, FIRST_INPUT);
    ssize_t n = recv(conn->fd, conn->input + conn->input_size,
                     conn->input_capacity - conn->input_size, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        conn->handler(conn, NULL, conn->user);
        conn_free(conn);
        return;
    }
    conn->input_size += (size_t)n;
    while ((size = parse(conn->input + used, conn->input_size - used, &message))) {
        used += size;
        conn->handler(conn, &message, conn->user);
    }
    conn->input_size -= used;
    memmove(conn->input, conn->input + used, conn->input_size);
}

static void accept_all(struct conn *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        die("accept: %s", strerror(errno));
    set_no_delay(fd);
    conn_new(listener->wire, fd, listener->handler, listener->user);
}

void wire_wait(struct wire *wire, uint64_t timeout_ns)
{
    const struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                                     .tv_nsec = (long)(timeout_ns % 1000000000)};
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_pwait2(wire->epoll, events, EVENTS_AT_ONCE, &timeout, NULL);

    for (int i = 0; i < count; i++) {
        struct conn *conn = events[i].data.ptr;
        if (conn->is_listener) {
            accept_all(conn);
            continue;
        }
        if (events[i].events & EPOLLOUT)
            flush(conn);
        if (events[i].events & ~(unsigned)EPOLLOUT)
            receive(conn);
    }
}

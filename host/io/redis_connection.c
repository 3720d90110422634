#include "host/io/redis_connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include <aisha/error.h>

enum {
    MAX_PENDING = 20000,
    MAX_UNSENT_BYTES = 32 * 1024 * 1024,
};

/* ---- the end ---- */

/* Breaking may free nothing that a caller up the stack still uses: the owner frees later. */
void redis_connection_break(struct redis_connection *connection, const char *reason)
{
    struct redis_request *request;

    if (connection->is_broken)
        return;
    connection->is_broken = true;
    snprintf(connection->reason, sizeof connection->reason, "%s", reason);
    event_del(connection->read);
    event_del(connection->write);
    event_del(connection->timer);
    loop_chore_cancel(&connection->flush);
    shutdown(connection->fd, SHUT_RDWR);
    while ((request = STAILQ_FIRST(&connection->requests))) {
        STAILQ_REMOVE_HEAD(&connection->requests, link);
        connection->pending--;
        wait_wake(&request->wait, -AISHA_E_UNAVAILABLE);
    }
    if (connection->broken)
        wait_wake(connection->broken, 0);
}

int redis_connection_watch(struct redis_connection *connection, int64_t timeout_ms)
{
    struct wait broken;

    if (connection->is_broken)
        return 0;
    wait_init(&broken, connection->loop);
    connection->broken = &broken;
    int r = wait_for(&broken, timeout_ms);
    connection->broken = NULL;
    return r;
}

/* ---- sending ---- */

static void start_timer(struct redis_connection *connection, int64_t after_ms)
{
    const struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000};

    event_add(connection->timer, &after);
}

/* One timer for all: it is only looked at who has waited longest. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis_connection *connection = arg;
    const struct redis_request *oldest = STAILQ_FIRST(&connection->requests);

    (void)fd, (void)what;
    if (!oldest)
        return;
    int64_t left_ms = oldest->sent_at_ms + REDIS_PATIENCE_MS - loop_now_ms(connection->loop);
    if (left_ms > 0)
        start_timer(connection, left_ms);
    else
        redis_connection_break(connection, "it does not answer");
}

static void flush(void *arg)
{
    struct redis_connection *connection = arg;

    while (evbuffer_get_length(connection->out) > 0) {
        if (evbuffer_write(connection->out, connection->fd) >= 0)
            continue;
        if (errno == EAGAIN)
            event_add(connection->write, NULL);
        else if (errno != EINTR)
            redis_connection_break(connection, strerror(errno));
        if (errno != EINTR)
            return;
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    flush(arg);
}

int redis_connection_run(struct redis_connection *connection, struct redis_request *request)
{
    if (connection->pending >= MAX_PENDING ||
        evbuffer_get_length(connection->out) > MAX_UNSENT_BYTES)
        redis_connection_break(connection, "too much waits for its answers");
    if (connection->is_broken)
        return -AISHA_E_UNAVAILABLE;
    redis_write_command(connection->out, request->args, request->arg_count);
    loop_at_end_of_turn(connection->loop, &connection->flush);
    request->sent_at_ms = loop_now_ms(connection->loop);
    wait_init(&request->wait, connection->loop);
    STAILQ_INSERT_TAIL(&connection->requests, request, link);
    if (connection->pending++ == 0 && !event_pending(connection->timer, EV_TIMEOUT, NULL))
        start_timer(connection, REDIS_PATIENCE_MS);
    return wait_for_uncancelled(&request->wait, WAIT_FOREVER);
}

/* ---- answers ---- */

static bool is_message(const struct redis_connection *connection, const struct redis_reply *reply)
{
    return connection->pushed && reply->type == REDIS_LIST && reply->count == 3 &&
           reply->items[0]->type == REDIS_TEXT && strcmp(reply->items[0]->text, "message") == 0;
}

static void take_reply(struct redis_connection *connection, const struct redis_reply *reply)
{
    struct redis_request *request = STAILQ_FIRST(&connection->requests);

    if (is_message(connection, reply)) {
        connection->pushed(reply, connection->user);
        return;
    }
    if (!request) {
        redis_connection_break(connection, "it says what nobody asked for");
        return;
    }
    STAILQ_REMOVE_HEAD(&connection->requests, link);
    connection->pending--;
    request->reply = reply;
    wait_wake(&request->wait, 0);
}

/* A reply is made in the arena of the request it belongs to. */
static void take_replies(struct redis_connection *connection)
{
    const struct redis_reply *reply;

    do {
        const struct redis_request *request = STAILQ_FIRST(&connection->requests);
        struct arena *arena = request ? request->arena : &connection->scratch;
        if (redis_reader_next(connection->reader, arena, &reply) < 0) {
            redis_connection_break(connection, redis_reader_error(connection->reader));
            return;
        }
        if (reply)
            take_reply(connection, reply);
        if (reply && !request)
            arena_clear(&connection->scratch);
    } while (reply && !connection->is_broken);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct redis_connection *connection = arg;

    (void)what;
    ssize_t size = recv(fd, connection->came, sizeof connection->came, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        redis_connection_break(connection, size < 0 ? strerror(errno) : "it hung up");
        return;
    }
    if (redis_reader_feed(connection->reader, connection->came, (size_t)size) < 0)
        redis_connection_break(connection, redis_reader_error(connection->reader));
    else
        take_replies(connection);
}

/* ---- life ---- */

static int connection_new(struct redis_connection **ret_connection, struct loop *loop, int fd)
{
    struct event_base *base = loop_base(loop);
    struct redis_connection *connection = calloc(1, sizeof *connection);

    if (!connection) {
        close(fd);
        return -ENOMEM;
    }
    *connection = (struct redis_connection){
        .loop = loop,
        .fd = fd,
        .out = evbuffer_new(),
        .flush = {.fn = flush, .arg = connection},
    };
    STAILQ_INIT(&connection->requests);
    connection->read = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->write = event_new(base, fd, EV_WRITE, on_writable, connection);
    connection->timer = evtimer_new(base, on_timer, connection);
    if (!connection->out || !connection->read || !connection->write || !connection->timer ||
        redis_reader_new(&connection->reader) < 0) {
        redis_connection_free(connection);
        return -ENOMEM;
    }
    *ret_connection = connection;
    return 0;
}

void redis_connection_free(struct redis_connection *connection)
{
    if (!connection)
        return;
    loop_chore_cancel(&connection->flush);
    if (connection->read)
        event_free(connection->read);
    if (connection->write)
        event_free(connection->write);
    if (connection->timer)
        event_free(connection->timer);
    if (connection->out)
        evbuffer_free(connection->out);
    redis_reader_free(connection->reader);
    arena_clear(&connection->scratch);
    close(connection->fd);
    free(connection);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    wait_wake(arg, 0);
}

/* 0, or the number of what went wrong, negative. */
static AISHA_ASYNC int finish_connect(struct loop *loop, int fd)
{
    struct wait connected;
    int error = 0;
    socklen_t size = sizeof error;

    wait_init(&connected, loop);
    struct event *event = event_new(loop_base(loop), fd, EV_WRITE, on_connected, &connected);
    if (!event)
        return -ENOMEM;
    event_add(event, NULL);
    int r = wait_for(&connected, REDIS_PATIENCE_MS);
    event_free(event);
    if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    return r < 0 ? r : -error;
}

static AISHA_ASYNC int connect_socket(struct loop *loop, int fd, const struct sockaddr *address,
                                      socklen_t address_size)
{
    const int on = 1;

    if (address->sa_family != AF_UNIX)
        aisha_ignore(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    aisha_ignore(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
    if (connect(fd, address, address_size) == 0)
        return 0;
    return errno == EINPROGRESS ? finish_connect(loop, fd) : -errno;
}

int redis_connection_open(struct redis_connection **ret_connection, struct loop *loop,
                          const struct sockaddr *address, socklen_t address_size,
                          char ret_reason[REDIS_REASON_SIZE])
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -errno : connect_socket(loop, fd, address, address_size);

    if (r < 0) {
        if (fd >= 0)
            close(fd);
        snprintf(ret_reason, REDIS_REASON_SIZE, "%s", aisha_error_text(r));
        return r == -AISHA_E_CANCELED ? r : -AISHA_E_UNAVAILABLE;
    }
    r = connection_new(ret_connection, loop, fd);
    if (r == 0)
        event_add((*ret_connection)->read, NULL);
    return r;
}

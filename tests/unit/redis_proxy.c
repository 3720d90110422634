#include "tests/unit/redis_proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "host/core/loop.h"

struct pair {
    struct redis_proxy *proxy;
    struct bufferevent *client, *server;
    bool is_frozen, was_frozen;
    LIST_ENTRY(pair) link;
};

struct redis_proxy {
    struct event_base *base;
    struct evconnlistener *listener;
    int port, server_port;
    LIST_HEAD(, pair) pairs;
};

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void pair_free(struct pair *pair)
{
    LIST_REMOVE(pair, link);
    bufferevent_free(pair->client);
    bufferevent_free(pair->server);
    free(pair);
}

static void on_read(struct bufferevent *from, void *arg)
{
    const struct pair *pair = arg;

    bufferevent_write_buffer(from == pair->client ? pair->server : pair->client,
                             bufferevent_get_input(from));
}

/* What the client has sent before it went reaches the server; the server ends the pair then. */
static void on_event(struct bufferevent *from, short what, void *arg)
{
    struct pair *pair = arg;

    if (what & BEV_EVENT_CONNECTED)
        return;
    if (from == pair->client && pair->was_frozen && (what & BEV_EVENT_EOF))
        on_read(from, arg);
    else
        pair_free(pair);
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *arg)
{
    struct redis_proxy *proxy = arg;
    struct sockaddr_in server = loopback(proxy->server_port);
    struct pair *pair = calloc(1, sizeof *pair);

    (void)listener, (void)address, (void)size;
    if (!pair)
        abort();
    pair->proxy = proxy;
    pair->client = bufferevent_socket_new(proxy->base, fd, BEV_OPT_CLOSE_ON_FREE);
    pair->server = bufferevent_socket_new(proxy->base, -1, BEV_OPT_CLOSE_ON_FREE);
    LIST_INSERT_HEAD(&proxy->pairs, pair, link);
    bufferevent_setcb(pair->client, on_read, NULL, on_event, pair);
    bufferevent_setcb(pair->server, on_read, NULL, on_event, pair);
    bufferevent_enable(pair->client, EV_READ | EV_WRITE);
    bufferevent_enable(pair->server, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(pair->server, (struct sockaddr *)&server, sizeof server) < 0)
        abort();
}

/* At the same port again, once it has one. */
void redis_proxy_allow(struct redis_proxy *proxy)
{
    struct sockaddr_in address = loopback(proxy->port);
    socklen_t size = sizeof address;

    proxy->listener =
        evconnlistener_new_bind(proxy->base, on_client, proxy,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                16, (struct sockaddr *)&address, sizeof address);
    if (!proxy->listener ||
        getsockname(evconnlistener_get_fd(proxy->listener), (struct sockaddr *)&address, &size) < 0)
        abort();
    proxy->port = ntohs(address.sin_port);
}

struct redis_proxy *redis_proxy_new(struct loop *loop, int port)
{
    struct redis_proxy *proxy = calloc(1, sizeof *proxy);

    if (!proxy)
        abort();
    proxy->base = loop_base(loop);
    proxy->server_port = port;
    LIST_INIT(&proxy->pairs);
    redis_proxy_allow(proxy);
    return proxy;
}

void redis_proxy_refuse(struct redis_proxy *proxy)
{
    struct pair *pair;

    if (proxy->listener)
        evconnlistener_free(proxy->listener);
    proxy->listener = NULL;
    while ((pair = LIST_FIRST(&proxy->pairs)))
        pair_free(pair);
}

void redis_proxy_free(struct redis_proxy *proxy)
{
    redis_proxy_refuse(proxy);
    free(proxy);
}

int redis_proxy_port(const struct redis_proxy *proxy)
{
    return proxy->port;
}

void redis_proxy_freeze(struct redis_proxy *proxy)
{
    struct pair *pair;

    LIST_FOREACH(pair, &proxy->pairs, link) {
        pair->is_frozen = pair->was_frozen = true;
        bufferevent_disable(pair->client, EV_READ | EV_WRITE);
        bufferevent_disable(pair->server, EV_READ | EV_WRITE);
    }
}

void redis_proxy_thaw(struct redis_proxy *proxy)
{
    struct pair *pair;

    LIST_FOREACH(pair, &proxy->pairs, link) {
        pair->is_frozen = false;
        bufferevent_enable(pair->client, EV_READ | EV_WRITE);
        bufferevent_enable(pair->server, EV_READ | EV_WRITE);
    }
}

size_t redis_proxy_frozen(const struct redis_proxy *proxy)
{
    const struct pair *pair;
    size_t count = 0;

    LIST_FOREACH(pair, &proxy->pairs, link)
        count += pair->was_frozen;
    return count;
}

void redis_proxy_say(struct redis_proxy *proxy, const char *bytes)
{
    struct pair *pair;

    LIST_FOREACH(pair, &proxy->pairs, link)
        bufferevent_write(pair->client, bytes, strlen(bytes));
}

/*
 * What lies between a test's cache and a real Redis, and can be in its way.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct redis_proxy;

/* Before the Redis at that port of loopback. */
struct redis_proxy *redis_proxy_new(struct loop *loop, int port);
void redis_proxy_free(struct redis_proxy *proxy);

int redis_proxy_port(const struct redis_proxy *proxy);

/* Cuts all connections and refuses further ones. */
void redis_proxy_refuse(struct redis_proxy *proxy);
void redis_proxy_allow(struct redis_proxy *proxy);

/* Nothing passes on the connections there are, until they are thawed: then all that was sent on them
 * comes late. Others may be made meanwhile. */
void redis_proxy_freeze(struct redis_proxy *proxy);
void redis_proxy_thaw(struct redis_proxy *proxy);

/* Connections that were frozen and have not ended. */
size_t redis_proxy_frozen(const struct redis_proxy *proxy);

/* Says that to all clients, as if it came from the server. */
void redis_proxy_say(struct redis_proxy *proxy, const char *bytes);

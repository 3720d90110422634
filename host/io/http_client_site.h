/*
 * Sites: the servers that requests go to, each with a curl multi of its own.
 *
 * curl looks through all connections of a multi whenever a transfer ends, so with one for everybody
 * a thousand requests that wait for one server would make each request to any other one slower.
 */
#pragma once

#include <sys/queue.h>

#include <curl/curl.h>

struct loop;
struct site;

struct sites {
    struct loop *loop;
    unsigned connections; /* that each keeps */
    LIST_HEAD(, site) used;
    TAILQ_HEAD(site_list, site) idle; /* whoever has been so for longest is first */
    unsigned idle_count;
};

void sites_init(struct sites *sites, struct loop *loop, unsigned connections);

/* Closes all connections; no site may be in use. */
void sites_free(struct sites *sites);

/* The site of "scheme://name:port", in use until site_leave(). */
struct site *site_enter(struct sites *sites, const char *key);

/* Its connections stay open for a while, and may then serve others. */
void site_leave(struct site *site);

/* A transfer that is added to it is woken with its CURLcode when it has ended. */
CURLM *site_multi(const struct site *site);

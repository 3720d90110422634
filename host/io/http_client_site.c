#include "host/io/http_client_site.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "host/core/loop.h"
#include "host/io/http_client_internal.h"

enum { MAX_IDLE_SITES = 16, IDLE_S = 120 };

struct site {
    struct sites *sites;
    char *key;
    CURLM *multi;
    struct event timer;    /* curl's; while the site is idle, until it is forgotten */
    struct loop_chore now; /* instead of a timer that has run out when it is set */
    unsigned users;
    LIST_ENTRY(site) link;
    TAILQ_ENTRY(site) idle_link;
};

static void wake_finished(struct site *site)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(site->multi, &left))) {
        struct transfer *t = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
        wait_wake(&t->wait, (int)message->data.result);
    }
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
    struct site *site = arg;
    int running, flags = 0;

    flags |= what & EV_READ ? CURL_CSELECT_IN : 0;
    flags |= what & EV_WRITE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(site->multi, fd, flags, &running);
    wake_finished(site);
}

static int curl_on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket)
{
    struct site *site = user;
    struct event *event = socket;

    (void)easy;
    if (event)
        event_del(event);
    if (what == CURL_POLL_REMOVE) {
        free(event);
        curl_multi_assign(site->multi, fd, NULL);
        return 0;
    }
    if (!event) {
        event = calloc(1, sizeof *event);
        if (!event)
            abort();
        curl_multi_assign(site->multi, fd, event);
    }
    int events =
        EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    event_assign(event, loop_base(site->sites->loop), fd, (short)events, on_socket_event, site);
    event_add(event, NULL);
    return 0;
}

static int curl_on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct site *site = user;
    const struct timeval after = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    (void)multi;
    loop_chore_cancel(&site->now);
    if (timeout_ms > 0)
        evtimer_add(&site->timer, &after);
    else
        evtimer_del(&site->timer);
    if (timeout_ms == 0)
        loop_at_end_of_turn(site->sites->loop, &site->now);
    return 0;
}

static void site_free(struct site *site)
{
    struct sites *sites = site->sites;

    assert(site->users == 0);
    TAILQ_REMOVE(&sites->idle, site, idle_link);
    sites->idle_count--;
    curl_multi_cleanup(site->multi);
    evtimer_del(&site->timer);
    loop_chore_cancel(&site->now);
    free(site->key);
    free(site);
}

static void do_what_is_due(void *arg)
{
    struct site *site = arg;
    int running;

    curl_multi_socket_action(site->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    wake_finished(site);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct site *site = arg;

    (void)fd;
    (void)what;
    if (site->users == 0)
        site_free(site);
    else
        do_what_is_due(site);
}

void sites_init(struct sites *sites, struct loop *loop, unsigned connections)
{
    *sites = (struct sites){.loop = loop, .connections = connections};
    LIST_INIT(&sites->used);
    TAILQ_INIT(&sites->idle);
}

void sites_free(struct sites *sites)
{
    assert(LIST_EMPTY(&sites->used));
    while (!TAILQ_EMPTY(&sites->idle))
        site_free(TAILQ_FIRST(&sites->idle));
}

static struct site *site_new(struct sites *sites, const char *key)
{
    struct site *site = calloc(1, sizeof *site);

    if (!site)
        abort();
    *site = (struct site){.sites = sites, .key = strdup(key), .multi = curl_multi_init()};
    if (!site->key || !site->multi)
        abort();
    evtimer_assign(&site->timer, loop_base(sites->loop), on_timer, site);
    site->now = (struct loop_chore){.fn = do_what_is_due, .arg = site};
    curl_multi_setopt(site->multi, CURLMOPT_SOCKETFUNCTION, curl_on_socket);
    curl_multi_setopt(site->multi, CURLMOPT_SOCKETDATA, site);
    curl_multi_setopt(site->multi, CURLMOPT_TIMERFUNCTION, curl_on_timer);
    curl_multi_setopt(site->multi, CURLMOPT_TIMERDATA, site);
    curl_multi_setopt(site->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(site->multi, CURLMOPT_MAXCONNECTS, (long)sites->connections);
    return site;
}

struct site *site_enter(struct sites *sites, const char *key)
{
    struct site *site;

    LIST_FOREACH(site, &sites->used, link)
        if (strcasecmp(site->key, key) == 0) {
            site->users++;
            return site;
        }
    TAILQ_FOREACH(site, &sites->idle, idle_link)
        if (strcasecmp(site->key, key) == 0)
            break;
    if (site) {
        TAILQ_REMOVE(&sites->idle, site, idle_link);
        sites->idle_count--;
        evtimer_del(&site->timer);
    } else {
        site = site_new(sites, key);
    }
    LIST_INSERT_HEAD(&sites->used, site, link);
    site->users = 1;
    return site;
}

void site_leave(struct site *site)
{
    const struct timeval after = {.tv_sec = IDLE_S};
    struct sites *sites = site->sites;

    if (--site->users > 0)
        return;
    LIST_REMOVE(site, link);
    loop_chore_cancel(&site->now);
    TAILQ_INSERT_TAIL(&sites->idle, site, idle_link);
    evtimer_add(&site->timer, &after);
    if (++sites->idle_count > MAX_IDLE_SITES)
        site_free(TAILQ_FIRST(&sites->idle));
}

CURLM *site_multi(const struct site *site)
{
    return site->multi;
}

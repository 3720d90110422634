/*
 * Runs transfers: curl's multi interface tells libevent what to wait for, and a finished transfer
 * wakes the task that waits for it. No callback of curl resumes a task.
 *
 * Requests never queue inside curl, where each one in the queue makes all the others slower: a
 * host's requests beyond its slots wait here, first come first served.
 */
#include "host/io/http_client.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/slots.h"
#include "host/io/http_client_internal.h"

enum {
    DEFAULT_SLOTS = 64,
    DEFAULT_TIMEOUT_MS = 30000,
    MAX_IDLE_HANDLES = 64,
    CACHED_CONNECTIONS_PER_SLOT = 4, /* fewer, and busy hosts reconnect all the time */
};

/* scheme://name:port, while it has requests. */
struct host {
    char *key;
    struct slots slots;
    unsigned users; /* requests that have or want a slot */
    LIST_ENTRY(host) link;
};

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct event timer;
    unsigned slots;
    char *user_agent, *trusted_pem;
    struct curl_slist *resolve;
    LIST_HEAD(, host) hosts;
    CURL *idle[MAX_IDLE_HANDLES];
    unsigned idle_count;
};

static void wake_finished(struct http_client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct transfer *t = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
        wait_wake(&t->wait, (int)message->data.result);
    }
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    int running, flags = 0;

    flags |= what & EV_READ ? CURL_CSELECT_IN : 0;
    flags |= what & EV_WRITE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(client->multi, fd, flags, &running);
    wake_finished(client);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    int running;

    (void)fd;
    (void)what;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    wake_finished(client);
}

static int curl_on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket)
{
    struct http_client *client = user;
    struct event *event = socket;

    (void)easy;
    if (event)
        event_del(event);
    if (what == CURL_POLL_REMOVE) {
        free(event);
        curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    if (!event) {
        event = calloc(1, sizeof *event);
        if (!event)
            abort();
        curl_multi_assign(client->multi, fd, event);
    }
    int events =
        EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    event_assign(event, loop_base(client->loop), fd, (short)events, on_socket_event, client);
    event_add(event, NULL);
    return 0;
}

static int curl_on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct http_client *client = user;
    const struct timeval after = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0)
        evtimer_del(&client->timer);
    else
        evtimer_add(&client->timer, &after);
    return 0;
}

int http_client_new(struct http_client **ret_client, struct loop *loop,
                    const struct http_client_options *options)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -AISHA_E_UNAVAILABLE;
    struct http_client *client = calloc(1, sizeof *client);
    if (!client)
        abort();
    client->loop = loop;
    client->slots = options->slots ? options->slots : DEFAULT_SLOTS;
    client->user_agent = options->user_agent ? strdup(options->user_agent) : NULL;
    client->trusted_pem = options->trusted_pem ? strdup(options->trusted_pem) : NULL;
    client->resolve = options->resolve ? curl_slist_append(NULL, options->resolve) : NULL;
    LIST_INIT(&client->hosts);
    evtimer_assign(&client->timer, loop_base(loop), on_timer, client);
    client->multi = curl_multi_init();
    if (!client->multi)
        abort();
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, curl_on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, curl_on_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
                      (long)client->slots * CACHED_CONNECTIONS_PER_SLOT);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without MSG_NOSIGNAL */
    *ret_client = client;
    return 0;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    assert(LIST_EMPTY(&client->hosts));
    while (client->idle_count > 0)
        curl_easy_cleanup(client->idle[--client->idle_count]);
    curl_multi_cleanup(client->multi);
    evtimer_del(&client->timer);
    curl_slist_free_all(client->resolve);
    free(client->trusted_pem);
    free(client->user_agent);
    free(client);
    curl_global_cleanup();
}

/* "https://api.example.org:443" and the purpose, in the arena; NULL when it is not such a URL. */
static const char *parsed_key(struct arena *arena, const char *url, const char *purpose)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *name = NULL, *port = NULL;
    const char *key = NULL;

    if (!parts)
        abort();
    if (url && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0))
        key = arena_printf(arena, "%s://%s:%s%s", scheme, name, port, purpose);
    curl_free(scheme);
    curl_free(name);
    curl_free(port);
    curl_url_cleanup(parts);
    return key;
}

static bool is_plain_text(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* The same without taking the URL apart, if there is nothing unusual about it. */
static const char *plain_key(struct arena *arena, const char *url, const char *purpose)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    size_t size = scheme ? scheme + strspn(url + scheme, plain) : 0;
    const char *port = scheme == 7 ? ":80" : ":443";

    if (size == scheme)
        return NULL;
    if (url[size] == ':') {
        size_t digits = strspn(url + size + 1, "0123456789");
        if (digits == 0 || digits > 5 || strtoul(url + size + 1, NULL, 10) > UINT16_MAX)
            return NULL;
        size += 1 + digits;
        port = "";
    }
    if (url[size] != '/' || !is_plain_text(url + size))
        return NULL;
    char *key = arena_alloc(arena, size + strlen(port) + strlen(purpose) + 1);
    stpcpy(stpcpy(mempcpy(key, url, size), port), purpose);
    return key;
}

static struct host *host_enter(struct http_client *client, const char *key)
{
    struct host *host;

    LIST_FOREACH(host, &client->hosts, link)
        if (strcasecmp(host->key, key) == 0)
            break;
    if (!host) {
        host = calloc(1, sizeof *host);
        if (!host || !(host->key = strdup(key)))
            abort();
        slots_init(&host->slots, client->loop, client->slots);
        LIST_INSERT_HEAD(&client->hosts, host, link);
    }
    host->users++;
    return host;
}

static void host_leave(struct host *host)
{
    if (--host->users > 0)
        return;
    LIST_REMOVE(host, link);
    free(host->key);
    free(host);
}

static CURL *handle_take(struct http_client *client)
{
    if (client->idle_count)
        return client->idle[--client->idle_count];
    CURL *easy = curl_easy_init();
    if (!easy)
        abort();
    transfer_dress(easy, client->user_agent);
    return easy;
}

static void handle_give(struct http_client *client, const struct transfer *t)
{
    if (client->idle_count == MAX_IDLE_HANDLES) {
        curl_easy_cleanup(t->easy);
        return;
    }
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
    if (!t->is_plain)
        transfer_dress(t->easy, client->user_agent);
    client->idle[client->idle_count++] = t->easy;
}

static int error_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: /* only the connection has a deadline in curl */
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return -AISHA_E_UNAVAILABLE;
    case CURLE_READ_ERROR: /* a part's file */
        return -EIO;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    default:
        return -AISHA_E_UPSTREAM;
    }
}

/* curl's own text names hosts and certificates, but for a broken answer it quotes the answer. */
static const char *explain(struct transfer *t, int r, CURLcode code)
{
    if (t->failure || r == -AISHA_E_TIMEOUT || r == -AISHA_E_CANCELED)
        return aisha_error_text(r);
    if (r == -AISHA_E_UNAVAILABLE && t->text[0])
        return arena_strdup(t->arena, t->text);
    return curl_easy_strerror(code);
}

/* How this client sees the network; the rest is the same for all (transfer_prepare()). */
static void set_network(const struct http_client *client, CURL *easy)
{
    struct curl_blob trusted = {.data = client->trusted_pem, .flags = CURL_BLOB_NOCOPY};

    if (client->trusted_pem) {
        trusted.len = strlen(client->trusted_pem);
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &trusted);
    }
    curl_easy_setopt(easy, CURLOPT_RESOLVE, client->resolve);
}

/* The transfer has its slot and handle. */
static AISHA_ASYNC int perform(struct http_client *client, struct transfer *t, int64_t timeout_ms,
                               const struct aisha_http_response **ret_response,
                               const char **ret_error)
{
    int r = transfer_prepare(t, ret_error);
    if (r < 0)
        return r;
    set_network(client, t->easy);
    wait_init(&t->wait, client->loop);
    if (curl_multi_add_handle(client->multi, t->easy) != CURLM_OK)
        abort();
    r = wait_for(&t->wait, timeout_ms);
    curl_multi_remove_handle(client->multi, t->easy);
    CURLcode code = r > 0 ? (CURLcode)r : CURLE_OK;
    if (r > 0)
        r = t->failure ? t->failure : error_of(code);
    if (r < 0) {
        *ret_error = explain(t, r, code);
        return r;
    }
    return transfer_finish(t, ret_response, ret_error);
}

static AISHA_ASYNC int fetch_from(struct http_client *client, struct host *host, struct transfer *t,
                                  const struct aisha_http_response **ret_response,
                                  const char **ret_error)
{
    int64_t timeout_ms = t->request.timeout_ms > 0 ? t->request.timeout_ms : DEFAULT_TIMEOUT_MS;
    int64_t deadline = loop_now_ms(client->loop) + timeout_ms;

    int r = slots_take(&host->slots, timeout_ms);
    if (r < 0) {
        *ret_error = "no free slot";
        host_leave(host);
        return r;
    }
    int64_t left = deadline - loop_now_ms(client->loop);
    t->easy = handle_take(client);
    r = perform(client, t, left > 0 ? left : 0, ret_response, ret_error);
    transfer_done(t);
    handle_give(client, t);
    slots_give(&host->slots);
    host_leave(host);
    return r;
}

int http_client_fetch_as(struct http_client *client, const char *purpose, struct arena *arena,
                         const struct aisha_http_request *request,
                         const struct aisha_http_response **ret_response, const char **ret_error)
{
    struct transfer t = {.arena = arena, .file = -1, .body_file = -1};
    size_t known =
        request->size && request->size < sizeof t.request ? request->size : sizeof t.request;
    const char *error = "not an http:// or https:// URL";

    memcpy(&t.request, request, known);
    STAILQ_INIT(&t.headers);
    const char *key = t.request.url ? plain_key(arena, t.request.url, purpose) : NULL;
    if (!key)
        key = parsed_key(arena, t.request.url, purpose);
    int r = key ? transfer_check(&t.request, &error) : -AISHA_E_INVALID;
    if (r == 0)
        r = fetch_from(client, host_enter(client, key), &t, ret_response, &error);
    if (r < 0 && ret_error)
        *ret_error =
            key ? arena_printf(arena, "%.*s: %s", (int)(strlen(key) - strlen(purpose)), key, error)
                : error;
    return r;
}

int http_client_fetch(struct http_client *client, struct arena *arena,
                      const struct aisha_http_request *request,
                      const struct aisha_http_response **ret_response, const char **ret_error)
{
    return http_client_fetch_as(client, "", arena, request, ret_response, ret_error);
}

const char *aisha_http_header(const struct aisha_http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return NULL;
}

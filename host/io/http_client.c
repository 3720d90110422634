/*
 * Runs transfers: a site's curl multi tells libevent what to wait for, and a finished transfer wakes
 * the task that waits for it. No callback of curl resumes a task.
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

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/slots.h"
#include "host/io/http_client_internal.h"
#include "host/io/http_client_site.h"

enum {
    DEFAULT_SLOTS = 64,
    DEFAULT_TIMEOUT_MS = 30000,
    MAX_IDLE_HANDLES = 64,
    CACHED_CONNECTIONS_PER_SLOT = 4, /* fewer, and busy hosts reconnect all the time */
};

/* A site for one purpose, while it has requests for that. */
struct host {
    struct site *site;
    char *purpose;
    struct slots slots;
    unsigned users; /* requests that have or want a slot */
    LIST_ENTRY(host) link;
};

struct http_client {
    struct loop *loop;
    struct sites sites;
    unsigned slots;
    char *user_agent, *trusted_pem;
    struct curl_slist *resolve;
    LIST_HEAD(, host) hosts;
    CURL *idle[MAX_IDLE_HANDLES];
    unsigned idle_count;
};

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
    sites_init(&client->sites, loop, client->slots * CACHED_CONNECTIONS_PER_SLOT);
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
    sites_free(&client->sites);
    curl_slist_free_all(client->resolve);
    free(client->trusted_pem);
    free(client->user_agent);
    free(client);
    curl_global_cleanup();
}

/* "https://api.example.org:443" in the arena; NULL when it is not such a URL. */
static const char *parsed_key(struct arena *arena, const char *url)
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
        key = arena_printf(arena, "%s://%s:%s", scheme, name, port);
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
static const char *plain_key(struct arena *arena, const char *url)
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
    if ((url[size] && !strchr("/?#", url[size])) || !is_plain_text(url + size))
        return NULL;
    char *key = arena_alloc(arena, size + strlen(port) + 1);
    stpcpy(mempcpy(key, url, size), port);
    return key;
}

static struct host *host_enter(struct http_client *client, const char *key, const char *purpose)
{
    struct site *site = site_enter(&client->sites, key);
    struct host *host;

    LIST_FOREACH(host, &client->hosts, link)
        if (host->site == site && strcmp(host->purpose, purpose) == 0)
            break;
    if (!host) {
        host = calloc(1, sizeof *host);
        if (!host || !(host->purpose = strdup(purpose)))
            abort();
        host->site = site;
        slots_init(&host->slots, client->loop, client->slots);
        LIST_INSERT_HEAD(&client->hosts, host, link);
    }
    host->users++;
    return host;
}

static void host_leave(struct host *host)
{
    site_leave(host->site);
    if (--host->users > 0)
        return;
    LIST_REMOVE(host, link);
    free(host->purpose);
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
static AISHA_ASYNC int perform(struct http_client *client, const struct host *host,
                               struct transfer *t, int64_t timeout_ms,
                               const struct aisha_http_response **ret_response,
                               const char **ret_error)
{
    CURLM *multi = site_multi(host->site);

    int r = transfer_prepare(t, ret_error);
    if (r < 0)
        return r;
    set_network(client, t->easy);
    wait_init(&t->wait, client->loop);
    if (curl_multi_add_handle(multi, t->easy) != CURLM_OK)
        abort();
    r = wait_for(&t->wait, timeout_ms);
    curl_multi_remove_handle(multi, t->easy);
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
    r = perform(client, host, t, left > 0 ? left : 0, ret_response, ret_error);
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
    const char *key = t.request.url ? plain_key(arena, t.request.url) : NULL;
    if (!key)
        key = parsed_key(arena, t.request.url);
    int r = key ? transfer_check(&t.request, &error) : -AISHA_E_INVALID;
    if (r == 0)
        r = fetch_from(client, host_enter(client, key, purpose), &t, ret_response, &error);
    if (r < 0 && ret_error)
        *ret_error = key ? arena_printf(arena, "%s: %s", key, error) : error;
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

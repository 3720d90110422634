/*
 * curl's multi interface on libevent. A handle keeps its options; only address and body change.
 */
#include <stdlib.h>
#include <string.h>

#include "raw.h"

enum { CONNECT_TIMEOUT_MS = 10000, TIMEOUT_MS = 600000 };

static size_t on_body(char *data, size_t one, size_t size, void *user)
{
    struct request *request = user;

    (void)one;
    if (request->answer_size + size > request->answer_capacity) {
        request->answer_capacity = (request->answer_size + size) * 2;
        request->answer = realloc(request->answer, request->answer_capacity);
        if (!request->answer)
            die("no memory");
    }
    memcpy(request->answer + request->answer_size, data, size);
    request->answer_size += size;
    return size;
}

static CURL *handle_new(const struct client *client)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        die("no memory");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    return easy;
}

static void start(struct client *client, struct request *request)
{
    request->easy = client->idle_count ? client->idle[--client->idle_count] : handle_new(client);
    curl_easy_setopt(request->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(request->easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(request->easy, CURLOPT_WRITEDATA, request);
    if (request->body)
        curl_easy_setopt(request->easy, CURLOPT_POSTFIELDS, request->body);
    else
        curl_easy_setopt(request->easy, CURLOPT_HTTPGET, 1L);
    curl_multi_add_handle(client->multi, request->easy);
}

static void keep_handle(struct client *client, CURL *easy)
{
    if (client->idle_count == client->idle_capacity) {
        client->idle_capacity = client->idle_capacity * 2 + 64;
        client->idle = reallocarray(client->idle, client->idle_capacity, sizeof(CURL *));
        if (!client->idle)
            die("no memory");
    }
    client->idle[client->idle_count++] = easy;
}

static void finish(struct client *client, struct request *request, CURLcode code)
{
    struct slots *slots = request->slots;
    struct request *next = STAILQ_FIRST(&slots->waiting);
    long status = 0;

    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(client->multi, request->easy);
    keep_handle(client, request->easy);
    if (next) {
        STAILQ_REMOVE_HEAD(&slots->waiting, link);
        start(client, next);
    } else {
        slots->taken--;
    }
    bool is_good = code == CURLE_OK && status == 200;
    request->done(request, is_good ? request->answer : NULL, request->answer_size, request->user);
    free(request->body);
    free(request->answer);
    free(request);
}

static void take_finished(struct client *client)
{
    struct request *request;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left))) {
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        finish(client, request, code);
    }
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;
    int running,
        flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

    curl_multi_socket_action(client->multi, fd, flags, &running);
    take_finished(client);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;
    int running;

    (void)fd;
    (void)what;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(client);
}

static int curl_on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket)
{
    struct client *client = user;
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
            die("no memory");
        curl_multi_assign(client->multi, fd, event);
    }
    int events =
        EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    event_assign(event, client->base, fd, (short)events, on_socket_event, client);
    event_add(event, NULL);
    return 0;
}

static int curl_on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct client *client = user;
    const struct timeval after = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0)
        evtimer_del(&client->timer);
    else
        evtimer_add(&client->timer, &after);
    return 0;
}

void client_init(struct client *client, struct event_base *base, unsigned connections)
{
    *client = (struct client){.base = base};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->headers = curl_slist_append(NULL, "Content-Type: application/json");
    client->headers = curl_slist_append(client->headers, "Expect:");
    evtimer_assign(&client->timer, base, on_timer, client);
    client->multi = curl_multi_init();
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, curl_on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, curl_on_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)connections);
}

void client_send(struct client *client, struct slots *slots, struct request *request)
{
    request->slots = slots;
    if (slots->taken == slots->count) {
        STAILQ_INSERT_TAIL(&slots->waiting, request, link);
        return;
    }
    slots->taken++;
    start(client, request);
}

/*
 * null [wrong|twice]: not a bot but the least that looks like one to the load generator, to
 * see how fast that is: no JSON, no libraries, every text is echoed. As one connection carries all
 * messages of a chat, they stay in order. With an argument it makes that mistake, once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { CONNECTIONS = 64, REQUEST_BYTES = 1024, LENGTH_DIGITS = 6 };

struct outgoing {
    struct outgoing *next;
    size_t size;
    char bytes[REQUEST_BYTES];
};

/* One connection for messages, and what it has to send after the answer to the last. */
struct lane {
    struct conn *conn;
    bool is_busy;
    struct outgoing *first, **last;
};

struct null {
    struct wire wire;
    struct lane lanes[CONNECTIONS];
    struct conn *poll;
    int64_t next_offset;
    struct outgoing *spare;
    const char *mistake; /* still to be made */
};

static void on_sent(struct conn *conn, const struct message *message, void *user)
{
    struct null *null = user;
    struct lane *lane = conn->data;
    struct outgoing *next = lane->first;

    if (!message)
        exit(EXIT_SUCCESS);
    lane->is_busy = next != NULL;
    if (!next)
        return;
    lane->first = next->next;
    lane->last = lane->first ? lane->last : &lane->first;
    conn_send(conn, next->bytes, next->size);
    next->next = null->spare;
    null->spare = next;
}

static void send_message(struct null *null, int64_t chat_id, const char *text, size_t size)
{
    static const char head[] =
        "POST /bot1:bench/sendMessage HTTP/1.1\r\nContent-Length:       \r\n\r\n";
    struct lane *lane = &null->lanes[chat_id % CONNECTIONS];
    struct outgoing *out = null->spare ? null->spare : malloc(sizeof *out);
    const size_t body_at = sizeof head - 1;

    if (!out || size > REQUEST_BYTES / 2)
        die("no room");
    null->spare = out == null->spare ? out->next : null->spare;
    char *at = mempcpy(out->bytes, head, body_at);
    at = mempcpy(at, "{\"chat_id\":", 11);
    put_digits(at, (uint64_t)chat_id, 10);
    at = mempcpy(at + 10, ",\"text\":\"", 9);
    at = mempcpy(mempcpy(at, text, size), "\"}", 2);
    out->size = (size_t)(at - out->bytes);
    put_digits(out->bytes + body_at - 4 - LENGTH_DIGITS, out->size - body_at, LENGTH_DIGITS);
    out->next = NULL;
    if (lane->is_busy) {
        *lane->last = out;
        lane->last = &out->next;
        return;
    }
    lane->is_busy = true;
    conn_send(lane->conn, out->bytes, out->size);
    out->next = null->spare;
    null->spare = out;
}

static bool makes_mistake(struct null *null, const char *mistake)
{
    if (!null->mistake || strcmp(null->mistake, mistake) != 0)
        return false;
    null->mistake = NULL;
    return true;
}

static void echo(struct null *null, int64_t chat_id, const char *text, size_t size)
{
    if (makes_mistake(null, "wrong"))
        size--;
    if (makes_mistake(null, "twice"))
        send_message(null, chat_id, text, size);
    send_message(null, chat_id, text, size);
}

/* Echoes each text in it; returns the highest update_id. */
static int64_t take_updates(struct null *null, const char *json, size_t size)
{
    static const char update[] = "\"update_id\":";
    const char *end = json + size, *at = memmem(json, size, update, sizeof update - 1), *next;
    int64_t update_id = 0;

    for (; at; at = next) {
        next = memmem(at + 1, (size_t)(end - at) - 1, update, sizeof update - 1);
        size_t length = (size_t)((next ? next : end) - at), text_size = 0;
        const char *text = find_text(at, length, "\"text\":\"", &text_size);
        update_id = find_number(at, length, update);
        if (text)
            echo(null, find_number(at, length, "\"chat\":{\"id\":"), text, text_size);
    }
    return update_id;
}

static void poll_next(struct null *null)
{
    char body[64], request[256];
    int size = snprintf(body, sizeof body, "{\"offset\":%lld}", (long long)null->next_offset);

    size = snprintf(request, sizeof request,
                    "POST /bot1:bench/getUpdates HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", size,
                    body);
    conn_send(null->poll, request, (size_t)size);
}

static void on_updates(struct conn *conn, const struct message *message, void *user)
{
    struct null *null = user;

    (void)conn;
    if (!message)
        exit(EXIT_SUCCESS);
    null->next_offset = take_updates(null, message->body, message->body_size) + 1;
    poll_next(null);
}

static void on_post(struct conn *conn, const struct message *message, void *user)
{
    static const char taken[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    if (!message)
        return;
    conn_send(conn, taken, sizeof taken - 1);
    take_updates(user, message->body, message->body_size);
}

static void set_webhook(struct null *null)
{
    char body[128], request[256];
    int port = wire_listen(&null->wire, on_post, null);
    int size = snprintf(body, sizeof body,
                        "{\"url\":\"http://127.0.0.1:%d/null\",\"secret_token\":\"none\"}", port);

    size = snprintf(request, sizeof request,
                    "POST /bot1:bench/setWebhook HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", size,
                    body);
    null->lanes[0].is_busy = true;
    conn_send(null->lanes[0].conn, request, (size_t)size);
}

static void on_term(int number)
{
    (void)number;
    _Exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
    static struct null null;
    const char *url = getenv("TELEGRAM_API_URL"), *mode = getenv("BOT_MODE");
    int port = url ? (int)find_number(url, strlen(url), "http://127.0.0.1:") : 0;

    null.mistake = argc > 1 ? argv[1] : NULL;
    signal(SIGTERM, on_term);
    wire_init(&null.wire);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct lane *lane = &null.lanes[i];
        *lane = (struct lane){.conn = wire_connect(&null.wire, port, on_sent, &null)};
        lane->conn->data = lane;
        lane->last = &lane->first;
    }
    null.poll = wire_connect(&null.wire, port, on_updates, &null);
    if (mode && strcmp(mode, "webhook") == 0)
        set_webhook(&null);
    else
        poll_next(&null);
    for (;;)
        wire_wait(&null.wire, 1000000000);
}

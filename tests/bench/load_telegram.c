/*
 * The Bot API as far as a bot that answers texts needs it. getUpdates is answered when there is a
 * whole batch, so that every bot under full load gets the same batches; at a given rate, as soon as
 * there is one update.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { ID_DIGITS = 10, LENGTH_DIGITS = 6, IDLE_NS = 100000000 };

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "

/* Results of methods that a bot may call when it starts; `true` for all others. */
static const struct {
    const char *method, *result;
} results[] = {
    {"getMe",
     "{\"id\":1000000001,\"is_bot\":true,\"first_name\":\"Bench\",\"username\":\"bench_bot\"}"},
    {"getWebhookInfo",
     "{\"url\":\"\",\"has_custom_certificate\":false,\"pending_update_count\":0}"},
    {"getMyCommands", "[]"},
    {"getMyName", "{\"name\":\"\"}"},
    {"getMyDescription", "{\"description\":\"\"}"},
    {"getMyShortDescription", "{\"short_description\":\"\"}"},
    {"getChatMenuButton", "{\"type\":\"default\"}"},
};

/* ---- what is due ---- */

static uint64_t due_ns(const struct load *load, uint64_t number)
{
    return load->since_ns + (uint64_t)((double)number * 1e9 / load->rate);
}

/* How many updates could be delivered now. */
static size_t due_count(const struct load *load)
{
    size_t ready = load->chats && !load->is_paused ? chats_ready(load->chats) : 0;
    uint64_t now = now_ns(), count = 0;

    if (load->rate <= 0)
        return ready;
    while (count < ready && due_ns(load, load->fed + count) <= now)
        count++;
    return count;
}

static size_t write_update(struct load *load, char update[UPDATE_BYTES])
{
    uint64_t since_ns = load->rate > 0 ? due_ns(load, load->fed) : now_ns();

    load->fed++;
    return chats_write_update(load->chats, load->next_update_id++, since_ns, update);
}

/* ---- polling ---- */

static void answer_poll(struct load *load, size_t count)
{
    static const char head[] = OK_HEAD "      \r\n\r\n{\"ok\":true,\"result\":[";
    const size_t length_at = sizeof OK_HEAD - 1, body_at = length_at + LENGTH_DIGITS + 4;
    char *at = load->batch;

    at = mempcpy(at, head, sizeof head - 1);
    for (size_t i = 0; i < count; i++) {
        if (i)
            *at++ = ',';
        at += write_update(load, at);
    }
    at = mempcpy(at, "]}", 2);
    put_digits(load->batch + length_at, (uint64_t)(at - load->batch) - body_at, LENGTH_DIGITS);
    conn_send(load->poll, load->batch, (size_t)(at - load->batch));
    load->poll = NULL;
}

static void take_poll(struct load *load, struct conn *conn, const struct message *message)
{
    int64_t offset = find_number(message->body, message->body_size, "\"offset\":");

    if (load->poll)
        die("two getUpdates at once");
    if (offset && offset != load->next_update_id)
        die("getUpdates goes on at %lld, not at %lld", (long long)offset,
            (long long)load->next_update_id);
    load->poll = conn;
    load->started = 1;
}

/* ---- webhook ---- */

static void on_hook_answer(struct conn *conn, const struct message *message, void *user)
{
    struct load *load = user;

    if (!message)
        return; /* the bot ends */
    if (memcmp(message->head, "HTTP/1.1 200", 12) != 0)
        die("the webhook answers: %.*s", (int)message->head_size, message->head);
    load->hooks[load->hook_count++] = conn;
}

static void set_webhook(struct load *load, const struct message *message)
{
    size_t url_size = 0, secret_size = 0;
    const char *url = find_text(message->body, message->body_size, "\"url\":\"", &url_size);
    const char *secret =
        find_text(message->body, message->body_size, "\"secret_token\":\"", &secret_size);
    static const char host[] = "http://127.0.0.1:";
    int port = url ? (int)find_number(url, url_size, host) : 0;
    const char *path = port ? memchr(url + sizeof host - 1, '/', url_size - sizeof host + 1) : NULL;

    if (!path || !secret)
        die("setWebhook with: %.*s", (int)message->body_size, message->body);
    load->hook_head_size = (size_t)snprintf(
        load->hook_head, sizeof load->hook_head,
        "POST %.*s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Telegram-Bot-Api-Secret-Token: %.*s\r\n"
        "Content-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: %*s\r\n\r\n",
        (int)(url + url_size - path), path, (int)secret_size, secret, LENGTH_DIGITS, "");
    while (load->hook_count < LOAD_HOOK_CONNECTIONS)
        load->hooks[load->hook_count++] = wire_connect(&load->wire, port, on_hook_answer, load);
    load->started = 1;
}

static void post_update(struct load *load)
{
    char request[sizeof load->hook_head + UPDATE_BYTES];
    size_t head = load->hook_head_size;

    memcpy(request, load->hook_head, head);
    size_t size = write_update(load, request + head);
    put_digits(request + head - 4 - LENGTH_DIGITS, size, LENGTH_DIGITS);
    conn_send(load->hooks[--load->hook_count], request, head + size);
}

uint64_t telegram_deliver(struct load *load)
{
    size_t due = due_count(load), least = load->rate > 0 ? 1 : LOAD_BATCH;

    if (load->poll && due >= least)
        answer_poll(load, due < LOAD_BATCH ? due : LOAD_BATCH);
    for (; load->hook_count > 0 && due > 0; due--)
        post_update(load);
    if (load->rate <= 0 || !load->chats)
        return IDLE_NS;
    uint64_t next_ns = due_ns(load, load->fed), now = now_ns();
    return next_ns > now && next_ns - now < IDLE_NS ? next_ns - now : IDLE_NS;
}

/* ---- calls ---- */

static void send_result(struct conn *conn, const char *result)
{
    char answer[1024];
    int size = snprintf(answer, sizeof answer, OK_HEAD "%zu\r\n\r\n{\"ok\":true,\"result\":%s}",
                        strlen(result) + sizeof "{\"ok\":true,\"result\":}" - 1, result);

    conn_send(conn, answer, (size_t)size);
}

static void note_time(struct load *load, uint64_t took_ns)
{
    if (load->took_us && load->took_count < load->took_capacity)
        load->took_us[load->took_count++] = (uint32_t)(took_ns / 1000);
}

static void check_answer(struct load *load, int64_t chat_id, const char *text, size_t size)
{
    if (load->waiting && chats_has(load->waiting, chat_id)) {
        chats_take_answer(load->waiting, chat_id, text, size);
        load->waiting_answered++;
    } else if (load->chats && chats_has(load->chats, chat_id)) {
        note_time(load, chats_take_answer(load->chats, chat_id, text, size));
        load->answered++;
    } else {
        die("a message to chat %lld, which does not exist", (long long)chat_id);
    }
}

static void send_message(struct load *load, struct conn *conn, const struct message *message)
{
    static const char head[] =
        OK_HEAD "      \r\n\r\n{\"ok\":true,\"result\":{\"message_id\":          ,\"from\":{\"id\":"
                "1000000001,\"is_bot\":true,\"first_name\":\"Bench\",\"username\":\"bench_bot\"},"
                "\"chat\":{\"id\":          ,\"first_name\":\"Ann\",\"last_name\":\"Smith\","
                "\"username\":\"ann_smith\",\"type\":\"private\"},\"date\":1700000000,\"text\":\"";
    static const char id_name[] = "\"message_id\":", chat_name[] = "\"chat\":{\"id\":";
    const size_t length_at = sizeof OK_HEAD - 1, body_at = length_at + LENGTH_DIGITS + 4;
    size_t text_size = 0;
    int64_t chat_id = find_number(message->body, message->body_size, "\"chat_id\":");
    const char *text = find_text(message->body, message->body_size, "\"text\":\"", &text_size);
    char answer[sizeof head + UPDATE_BYTES], *at;

    if (!text || text_size > UPDATE_BYTES - 3)
        die("sendMessage with: %.*s", (int)message->body_size, message->body);
    check_answer(load, chat_id, text, text_size);
    at = mempcpy(answer, head, sizeof head - 1);
    at = mempcpy(mempcpy(at, text, text_size), "\"}}", 3);
    size_t id_at = (size_t)(strstr(head, id_name) - head) + sizeof id_name - 1;
    size_t chat_at = (size_t)(strstr(head, chat_name) - head) + sizeof chat_name - 1;
    put_digits(answer + length_at, (uint64_t)(at - answer) - body_at, LENGTH_DIGITS);
    put_digits(answer + id_at, 2000000000 + load->answered, ID_DIGITS);
    put_digits(answer + chat_at, (uint64_t)chat_id, ID_DIGITS);
    conn_send(conn, answer, (size_t)(at - answer));
}

/* Of "POST /bot<token>/METHOD HTTP/1.1". */
static void method_of(const struct message *message, char ret[64])
{
    static const char begin[] = "POST /bot";
    const char *at = message->head, *end = memchr(at, '\r', message->head_size), *slash = NULL;

    if (strncmp(at, begin, sizeof begin - 1) == 0)
        slash = memchr(at + sizeof begin, '/', (size_t)(end - at) - sizeof begin);
    size_t size = slash ? strcspn(slash + 1, " \r") : 0;
    if (size == 0 || size >= 64)
        die("no call of the Bot API: %.*s", (int)(end - at), at);
    memcpy(ret, slash + 1, size);
    ret[size] = '\0';
}

static void on_call(struct conn *conn, const struct message *message, void *user)
{
    struct load *load = user;
    char method[64];

    if (!message && load->poll == conn)
        load->poll = NULL;
    if (!message)
        return;
    method_of(message, method);
    if (strcmp(method, "sendMessage") == 0) {
        send_message(load, conn, message);
        return;
    }
    if (strcmp(method, "getUpdates") == 0) {
        take_poll(load, conn, message);
        return;
    }
    if (strcmp(method, "setWebhook") == 0)
        set_webhook(load, message);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (strcmp(method, results[i].method) == 0) {
            send_result(conn, results[i].result);
            return;
        }
    send_result(conn, "true");
}

int telegram_listen(struct load *load)
{
    load->batch = malloc((LOAD_BATCH + 1) * (size_t)UPDATE_BYTES);
    if (!load->batch)
        die("no memory");
    load->next_update_id = 1000000000;
    return wire_listen(&load->wire, on_call, load);
}

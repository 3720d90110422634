/*
 * Echo, the dialogue of /order, and /wait for a slow server, in memory: what comes is acknowledged at
 * once, and what was said is lost with the process. The messages of a chat are answered in order.
 */
#include "raw.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uthash.h>

/* As in host/main.c. */
__attribute__((visibility("default"))) extern const char *const malloc_conf;
const char *const malloc_conf = "tcache_nslots_small_min:200,tcache_nslots_small_max:400";

enum { SLOTS = 64, SLOW_SLOTS = 6000 };

enum step { STEP_NONE, STEP_NAME, STEP_NUMBER };

struct message {
    char *text;
    STAILQ_ENTRY(message) link;
};

struct chat {
    struct raw *raw;
    int64_t id;
    enum step step;
    char name[64];
    bool is_busy;
    STAILQ_HEAD(, message) waiting;
    UT_hash_handle hh;
};

struct raw {
    struct event_base *base;
    struct client telegram, others;
    struct slots calls, polls, slow;
    const char *api, *token, *slow_url, *public_url;
    double next_offset;
    struct chat *chats;
};

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("raw: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

/* ---- calls ---- */

static void call(struct raw *raw, struct slots *slots, const char *method, cJSON *params,
                 void (*done)(struct request *request, const char *body, size_t size, void *user),
                 void *user)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request)
        die("no memory");
    snprintf(request->url, sizeof request->url, "%s/bot%s/%s", raw->api, raw->token, method);
    request->body = cJSON_PrintUnformatted(params);
    request->done = done;
    request->user = user;
    cJSON_Delete(params);
    client_send(&raw->telegram, slots, request);
}

static cJSON *result_of(const char *method, const char *body, size_t size, cJSON **ret_result)
{
    cJSON *answer = body ? cJSON_ParseWithLength(body, size) : NULL;

    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok")))
        die("%s was refused: %.*s", method, (int)size, body ? body : "");
    *ret_result = cJSON_GetObjectItemCaseSensitive(answer, "result");
    return answer;
}

/* ---- what is said ---- */

static void handle(struct chat *chat, const char *text);

static void on_sent(struct request *request, const char *body, size_t size, void *user)
{
    struct chat *chat = user;
    struct message *next = STAILQ_FIRST(&chat->waiting);
    cJSON *result, *answer = result_of("sendMessage", body, size, &result);

    (void)request;
    cJSON_Delete(answer);
    chat->is_busy = false;
    if (!next)
        return;
    STAILQ_REMOVE_HEAD(&chat->waiting, link);
    handle(chat, next->text);
    free(next->text);
    free(next);
}

static void say(struct chat *chat, const char *text)
{
    cJSON *params = cJSON_CreateObject();

    cJSON_AddNumberToObject(params, "chat_id", (double)chat->id);
    cJSON_AddStringToObject(params, "text", text);
    call(chat->raw, &chat->raw->calls, "sendMessage", params, on_sent, chat);
}

static void on_slow(struct request *request, const char *body, size_t size, void *user)
{
    (void)request;
    (void)size;
    if (!body)
        die("the slow server was not reached");
    say(user, "It has come.");
}

static void wait_for_slow(struct chat *chat)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request)
        die("no memory");
    snprintf(request->url, sizeof request->url, "%s/", chat->raw->slow_url);
    request->done = on_slow;
    request->user = chat;
    client_send(&chat->raw->others, &chat->raw->slow, request);
}

static void handle(struct chat *chat, const char *text)
{
    char reply[256];

    chat->is_busy = true;
    if (strcmp(text, "/wait") == 0) {
        wait_for_slow(chat);
    } else if (strcmp(text, "/order") == 0) {
        chat->step = STEP_NAME;
        say(chat, "What is your name?");
    } else if (chat->step == STEP_NAME) {
        snprintf(chat->name, sizeof chat->name, "%s", text);
        chat->step = STEP_NUMBER;
        snprintf(reply, sizeof reply, "How many shall it be, %s?", text);
        say(chat, reply);
    } else if (chat->step == STEP_NUMBER) {
        snprintf(reply, sizeof reply, "%ld for %s, thank you!", strtol(text, NULL, 10), chat->name);
        chat->step = STEP_NONE;
        say(chat, reply);
    } else {
        say(chat, text);
    }
}

/* ---- updates ---- */

static struct chat *chat_get(struct raw *raw, int64_t id)
{
    struct chat *chat;

    HASH_FIND(hh, raw->chats, &id, sizeof id, chat);
    if (chat)
        return chat;
    chat = calloc(1, sizeof *chat);
    if (!chat)
        die("no memory");
    chat->raw = raw;
    chat->id = id;
    STAILQ_INIT(&chat->waiting);
    HASH_ADD(hh, raw->chats, id, sizeof chat->id, chat);
    return chat;
}

static void take_update(struct raw *raw, const cJSON *update)
{
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(update, "message");
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(message, "chat");
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(from, "id");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "text"));

    if (!cJSON_IsNumber(id) || !text)
        return;
    struct chat *chat = chat_get(raw, (int64_t)id->valuedouble);
    if (!chat->is_busy) {
        handle(chat, text);
        return;
    }
    struct message *later = malloc(sizeof *later);
    if (!later || !(later->text = strdup(text)))
        die("no memory");
    STAILQ_INSERT_TAIL(&chat->waiting, later, link);
}

static void poll_next(struct raw *raw);

static void on_updates(struct request *request, const char *body, size_t size, void *user)
{
    struct raw *raw = user;
    cJSON *result, *answer = result_of("getUpdates", body, size, &result);
    const cJSON *update;

    (void)request;
    cJSON_ArrayForEach(update, result) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(update, "update_id");
        raw->next_offset = cJSON_GetNumberValue(id) + 1;
    }
    poll_next(raw);
    cJSON_ArrayForEach(update, result)
        take_update(raw, update);
    cJSON_Delete(answer);
}

static void poll_next(struct raw *raw)
{
    cJSON *params = cJSON_CreateObject();

    if (raw->next_offset > 0)
        cJSON_AddNumberToObject(params, "offset", raw->next_offset);
    cJSON_AddNumberToObject(params, "limit", 100);
    cJSON_AddNumberToObject(params, "timeout", 50);
    call(raw, &raw->polls, "getUpdates", params, on_updates, raw);
}

static void on_post(const char *json, size_t size, void *user)
{
    cJSON *update = cJSON_ParseWithLength(json, size);

    take_update(user, update);
    cJSON_Delete(update);
}

static void on_webhook_set(struct request *request, const char *body, size_t size, void *user)
{
    cJSON *result;

    (void)request;
    (void)user;
    cJSON_Delete(result_of("setWebhook", body, size, &result));
}

static void set_webhook(struct raw *raw)
{
    static const char secret[] = "between-us";
    cJSON *params = cJSON_CreateObject();
    char url[256];
    const char *colon = strrchr(raw->public_url, ':');

    snprintf(url, sizeof url, "%s/telegram/raw", raw->public_url);
    if (server_start(raw->base, colon ? (int)strtol(colon + 1, NULL, 10) : 0, secret, on_post,
                     raw) < 0)
        die("cannot listen at PUBLIC_URL, %s", raw->public_url);
    cJSON_AddStringToObject(params, "url", url);
    cJSON_AddStringToObject(params, "secret_token", secret);
    call(raw, &raw->calls, "setWebhook", params, on_webhook_set, raw);
}

/* ---- life ---- */

static const char *setting(const char *name, const char *standard)
{
    const char *value = getenv(name);

    return value ? value : standard;
}

static void slots_init(struct slots *slots, unsigned count)
{
    *slots = (struct slots){.count = count};
    STAILQ_INIT(&slots->waiting);
}

static void on_term(int number)
{
    (void)number;
    _Exit(EXIT_SUCCESS); /* nothing is worth keeping */
}

static void take_all_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();

    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER |
                                      EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int main(void)
{
    struct raw raw = {.base = base_new(),
                      .api = setting("TELEGRAM_API_URL", ""),
                      .token = setting("BOT_TOKEN", "1:bench"),
                      .slow_url = setting("SLOW_URL", ""),
                      .public_url = setting("PUBLIC_URL", "")};

    if (!raw.base)
        die("no memory");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_term);
    take_all_descriptors();
    client_init(&raw.telegram, raw.base, 4 * (SLOTS + 1));
    client_init(&raw.others, raw.base, 4 * SLOW_SLOTS);
    slots_init(&raw.calls, SLOTS);
    slots_init(&raw.polls, 1);
    slots_init(&raw.slow, SLOW_SLOTS);
    if (strcmp(setting("BOT_MODE", "polling"), "webhook") == 0)
        set_webhook(&raw);
    else
        poll_next(&raw);
    event_base_dispatch(raw.base);
    return EXIT_SUCCESS;
}

/*
 * A webhook's answer is "taken" once the update is on disk, as the poller's next offset is. Nothing
 * is read of a request before its secret has been compared.
 */
#include "host/bot/incoming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/lanes.h"
#include "host/bot/text.h"
#include "host/bot/update_kind.h"
#include "host/bot/web.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/redact.h"
#include "host/core/wait.h"
#include "host/io/http_server.h"
#include "host/store/hex.h"
#include "host/store/inbox.h"
#include "host/store/inbox_gate.h"
#include "host/telegram/client.h"
#include "host/telegram/codec.h"
#include "host/telegram/poller.h"
#include "host/telegram/webhook.h"

enum {
    PATH_BYTES = 16,
    WATCH_EVERY_MS = 5 * 60 * 1000,
    RETRY_MS = 5000,
    ANSWER_IN_BODY_MS = 300,
    CERTIFICATE_BYTES = 3 * 1024 * 1024,
};

static bool has_room_for(const struct bot *bot, int64_t max_pending)
{
    return (int64_t)inbox_pending(bot->inbox) < max_pending;
}

static bool is_full(const struct bot *bot)
{
    return !has_room_for(bot, bot->config->limits.max_pending);
}

void incoming_unit_ended(struct bot *bot)
{
    if (bot->room && (int64_t)inbox_pending(bot->inbox) <= bot->config->limits.max_pending / 2)
        wait_wake(bot->room, 0);
}

/* ---- polling ---- */

static AISHA_ASYNC int take_updates(cJSON *updates, const char *text, int64_t *ret_last_id,
                                    void *user)
{
    struct bot *bot = user;
    struct wait room;

    if (is_full(bot)) {
        log_warn("bot", "%zu updates are waiting; taking no more until half of them are done",
                 inbox_pending(bot->inbox));
        wait_init(&room, bot->loop);
        bot->room = &room;
        int r = wait_for(&room, WAIT_FOREVER);
        bot->room = NULL;
        if (r < 0) {
            cJSON_Delete(updates);
            return r;
        }
    }
    return inbox_receive(bot->inbox, updates, text, INBOX_EARLY, ret_last_id);
}

static void on_refused(const char *why, void *user)
{
    bot_refused(user, why);
}

static int start_polling(struct bot *bot)
{
    const struct poller_options options = {
        .take = take_updates,
        .on_refused = on_refused,
        .user = bot,
        .allowed_updates = registry_allowed_updates(bot->registry, &bot->arena),
    };

    return poller_start(&bot->poller, bot->loop, bot->telegram, &options);
}

/* ---- a delivery ---- */

static bool has_secret(const struct http_exchange *exchange, const char *secret)
{
    const char *value = http_exchange_header(exchange, "x-telegram-bot-api-secret-token");
    size_t size = strlen(secret);

    return value && strlen(value) == size && CRYPTO_memcmp(value, secret, size) == 0;
}

/* Of an update that cannot be read: telling Telegram so would make it come again and again, and
 * hold up all that is behind it. */
static bool is_passed_over(const char *body)
{
    int64_t update_id = codec_find_update_id(body);

    if (update_id)
        log_error("webhook", "update=%lld cannot be read and is passed over", (long long)update_id);
    return update_id != 0;
}

/* Who pays has ten seconds, and waits for none of the others. In a text that somebody wrote the
 * quotes would be escaped. */
static bool is_let_through(const struct bot *bot, const char *body)
{
    return strstr(body, "\"pre_checkout_query\"") &&
           has_room_for(bot, 2 * bot->config->limits.max_pending);
}

/* A press whose answer may still go into the answer of its delivery. */
struct incoming_press {
    struct wait answered;
    int64_t update_id;
    char *call; /* malloc'ed */
    LIST_ENTRY(incoming_press) link;
};

bool incoming_answer(struct bot *bot, int64_t update_id, const char *call)
{
    struct incoming_press *press;

    LIST_FOREACH(press, &bot->presses, link)
        if (press->update_id == update_id && !press->call) {
            press->call = strdup(call);
            wait_wake(&press->answered, 0);
            return press->call != NULL;
        }
    return false;
}

void incoming_release(struct bot *bot, int64_t update_id)
{
    struct incoming_press *press;

    LIST_FOREACH(press, &bot->presses, link)
        if (press->update_id == update_id)
            wait_wake(&press->answered, 0);
}

/* Whether it is a press that will be handled at once. */
static bool is_quick_press(const struct bot *bot, const cJSON *update, int64_t update_id)
{
    if (!cJSON_HasObjectItem(update, "callback_query"))
        return false;
    const struct lane_key key = update_lane(update, update_id);
    return !lanes_running(bot->lanes, &key);
}

/* Once it is on disk, Telegram may forget it. That is said at once, but a press is usually answered
 * in a moment, and that saves a call. */
static AISHA_ASYNC void store_and_answer(struct http_exchange *exchange, struct bot *bot,
                                         cJSON *update)
{
    struct incoming_press press = {
        .update_id = codec_integer(cJSON_GetObjectItemCaseSensitive(update, "update_id"))};
    bool is_quick = is_quick_press(bot, update, press.update_id);

    wait_init(&press.answered, bot->loop);
    if (is_quick)
        LIST_INSERT_HEAD(&bot->presses, &press, link);
    int r = inbox_gate_receive(bot->gate, update, exchange->body);
    if (r == 0 && is_quick)
        aisha_ignore(wait_for(&press.answered, ANSWER_IN_BODY_MS));
    if (is_quick)
        LIST_REMOVE(&press, link);
    if (r < 0)
        web_respond_later(exchange);
    else
        http_exchange_respond(exchange, 200, press.call ? "application/json" : NULL, press.call,
                              press.call ? strlen(press.call) : 0);
    free(press.call);
}

static AISHA_ASYNC void take_update(struct http_exchange *exchange, struct bot *bot)
{
    cJSON *update;

    if (!has_secret(exchange, bot->webhook.secret)) {
        web_respond(exchange, 403, "this is not for you\n");
        return;
    }
    if (strcmp(exchange->method, "POST") != 0) {
        http_exchange_add_header(exchange, "Allow", "POST");
        web_respond(exchange, 405, "updates are posted\n");
        return;
    }
    if (bot->is_stopping || (is_full(bot) && !is_let_through(bot, exchange->body))) {
        web_respond_later(exchange);
        return;
    }
    if (codec_parse(exchange->body, exchange->body_size, &update) < 0) {
        bool is_over = is_passed_over(exchange->body);
        web_respond(exchange, is_over ? 200 : 400,
                    is_over ? "passed over\n" : "this is no update\n");
        return;
    }
    if (codec_integer(cJSON_GetObjectItemCaseSensitive(update, "update_id")) <= 0) {
        cJSON_Delete(update);
        web_respond(exchange, 400, "this is no update\n");
        return;
    }
    store_and_answer(exchange, bot, update);
}

void incoming_handle(struct http_exchange *exchange, struct bot *bot)
{
    if (bot->config->telegram.is_webhook && !bot->gate)
        web_respond_later(exchange); /* still starting */
    else if (bot->webhook.path && strcmp(exchange->path, bot->webhook.path) == 0)
        take_update(exchange, bot);
    else
        web_respond(exchange, 404, "there is nothing here\n");
}

/* ---- the webhook ---- */

/* A path that cannot be guessed, and changes with what Telegram would not tell us about. */
static int make_path(struct bot *bot, const char *certificate, size_t certificate_size)
{
    const char *secret = bot->webhook.secret;
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)certificate,
              certificate_size, digest, NULL))
        return -ENOMEM;
    bot->webhook.path =
        arena_printf(&bot->arena, "/telegram/%s", hex_encode(&bot->arena, digest, PATH_BYTES));
    redact_add(secret);
    redact_add(bot->webhook.path);
    return 0;
}

static AISHA_ASYNC int prepare(struct bot *bot)
{
    const struct config *config = bot->config;
    char *certificate = NULL;
    size_t size = 0;
    struct secret random;
    int r = 0;

    bot->webhook.secret = config->telegram.webhook_secret;
    if (!*bot->webhook.secret) {
        r = secret_get(bot->db, "webhook", &random);
        if (r < 0)
            return r;
        bot->webhook.secret = hex_encode(&bot->arena, random.value, sizeof random.value);
    }
    if (*config->telegram.webhook_certificate) {
        r = text_read_file(&bot->arena, config->telegram.webhook_certificate, CERTIFICATE_BYTES,
                           &certificate, &size);
        if (r < 0) {
            log_error("webhook", "webhook_certificate: %s cannot be read: %s",
                      config->telegram.webhook_certificate, aisha_error_text(r));
            return r;
        }
    }
    return make_path(bot, certificate ? certificate : "", size);
}

static AISHA_ASYNC int set(struct bot *bot, int64_t *last_error_date)
{
    const struct config *config = bot->config;
    struct telegram_failure failure = {0};
    struct arena arena = {0};
    const char *certificate = config->telegram.webhook_certificate;
    const struct webhook webhook = {
        .url = arena_printf(&arena, "%s%s", config->http.public_url, bot->webhook.path),
        .secret = bot->webhook.secret,
        .max_connections = config->telegram.webhook_connections,
        .allowed_updates = registry_allowed_updates(bot->registry, &arena),
        .certificate = *certificate ? certificate : NULL,
    };

    int r = webhook_set(bot->telegram, &arena, &webhook, last_error_date, &failure);
    if (r < 0 && r != -AISHA_E_CANCELED)
        log_error("webhook", "the webhook cannot be set: %s",
                  failure.description ? failure.description : aisha_error_text(r));
    arena_clear(&arena);
    return r;
}

/* Somebody may set it elsewhere, and deliveries may fail: looks from time to time. */
static AISHA_ASYNC void watch(void *arg)
{
    struct bot *bot = arg;
    int64_t last_error_date = 0, pause_ms = 0;

    while (wait_sleep(bot->loop, pause_ms) == 0)
        pause_ms = set(bot, &last_error_date) < 0 ? RETRY_MS : WATCH_EVERY_MS;
}

static AISHA_ASYNC int start_webhook(struct bot *bot)
{
    int r = prepare(bot);
    if (r == 0)
        r = inbox_gate_new(&bot->gate, bot->loop, bot->inbox);
    return r < 0 ? r : task_start(bot->loop, "webhook", watch, bot, NULL);
}

int incoming_start(struct bot *bot)
{
    return bot->config->telegram.is_webhook ? start_webhook(bot) : start_polling(bot);
}

void incoming_stop(struct bot *bot)
{
    if (bot->poller)
        poller_stop(bot->poller);
}

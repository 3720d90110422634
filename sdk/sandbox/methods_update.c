/*
 * How a bot receives: getUpdates with its long poll, or a webhook.
 */
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/webhook.h"
#include "sdk/sandbox/world.h"

enum { MOST_UPDATES = 100, LONGEST_POLL_S = 50, LARGEST_DOWNLOAD = 20 * 1024 * 1024 };

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static int get_me(struct call *call)
{
    call->result = world_bot(call->sandbox->world, call->arena);
    json_set_bool(call->result, "can_join_groups", true);
    json_set_bool(call->result, "can_read_all_group_messages",
                  chats_bot_hears_all(call->sandbox->world, call->arena));
    json_set_bool(call->result, "supports_inline_queries", true);
    json_set_bool(call->result, "can_connect_to_business", true);
    json_set_bool(call->result, "has_main_web_app", false);
    return 0;
}

/* Becomes the poller until there is an update, and yields to the next one who wants to. */
static AISHA_ASYNC int wait_for_update(struct sandbox *sandbox, int64_t timeout_ms)
{
    struct wait wait;

    wait_init(&wait, sandbox->loop);
    sandbox->poller = &wait;
    int r = clock_wait(sandbox->clock, &wait, timeout_ms);
    if (sandbox->poller == &wait)
        sandbox->poller = NULL;
    sandbox->polled_at_ms = loop_now_ms(sandbox->loop);
    return r;
}

static AISHA_ASYNC int get_updates(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t limit = clamp(call_int(call, "limit", MOST_UPDATES), 1, MOST_UPDATES);
    int64_t timeout_s = clamp(call_int(call, "timeout", 0), 0, LONGEST_POLL_S);
    int r = 0;

    if (webhook_settings(sandbox->webhook, call->arena))
        return call_fail(call, 409,
                         "Conflict: can't use getUpdates method while webhook is active; use "
                         "deleteWebhook to delete the webhook first");
    if (sandbox->poller)
        wait_wake(sandbox->poller, -AISHA_E_CONFLICT);
    sandbox->polled_at_ms = loop_now_ms(sandbox->loop);
    if (call_get(call, "allowed_updates"))
        world_allow_updates(sandbox->world, call->arena, call_get(call, "allowed_updates"));
    world_confirm_updates(sandbox->world, call_int(call, "offset", 0));
    call->result = world_updates(sandbox->world, call->arena, limit);
    if (!cJSON_GetArraySize(call->result) && timeout_s) {
        r = wait_for_update(sandbox, timeout_s * 1000);
        if (r == -AISHA_E_CONFLICT)
            return call_fail(call, 409,
                             "Conflict: terminated by other getUpdates request; make sure that "
                             "only one bot instance is running");
        if (r == -AISHA_E_DENIED)
            return call_fail(call, 409, "Conflict: terminated by setWebhook request");
        if (r == -AISHA_E_CANCELED)
            return r;
        call->result = world_updates(sandbox->world, call->arena, limit);
    }
    return 0;
}

static bool is_url(const char *text)
{
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

static int delete_webhook(struct call *call)
{
    struct webhook *webhook = call->sandbox->webhook;

    if (call_bool(call, "drop_pending_updates"))
        world_drop_updates(call->sandbox->world);
    call->note = webhook_settings(webhook, call->arena) ? "Webhook was deleted"
                                                        : "Webhook is already deleted";
    webhook_change(webhook, NULL);
    return 0;
}

/* As a local Bot API server: plain HTTP and every port are allowed. */
static int set_webhook(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    const char *url = call_text(call, "url"), *secret = call_text(call, "secret_token");
    int64_t most = call_int(call, "max_connections", 0);
    cJSON *settings = json_keep(call->arena, cJSON_CreateObject());

    if (!url || !*url)
        return delete_webhook(call);
    if (!is_url(url))
        return call_refuse(call, "bad webhook: An HTTPS URL must be provided for webhook");
    if (secret && (strlen(secret) > 256 ||
                   secret[strspn(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789_-")]))
        return call_refuse(call, "secret token contains unallowed characters");
    json_set_text(settings, "url", url);
    if (secret && *secret)
        json_set_text(settings, "secret_token", secret);
    json_set_int(settings, "max_connections", most ? clamp(most, 1, 100000) : 40);
    json_set_bool(settings, "has_custom_certificate",
                  params_upload(&call->params, "certificate") != NULL);
    if (call_get(call, "allowed_updates"))
        world_allow_updates(sandbox->world, call->arena, call_get(call, "allowed_updates"));
    if (call_bool(call, "drop_pending_updates"))
        world_drop_updates(sandbox->world);
    if (sandbox->poller)
        wait_wake(sandbox->poller, -AISHA_E_DENIED);
    const cJSON *old = webhook_settings(sandbox->webhook, call->arena);
    call->note = cJSON_Compare(old, settings, true) ? "Webhook is already set" : "Webhook was set";
    webhook_change(sandbox->webhook, settings);
    return 0;
}

static int get_webhook_info(struct call *call)
{
    const cJSON *allowed = world_allowed_updates(call->sandbox->world, call->arena);
    const cJSON *settings = webhook_settings(call->sandbox->webhook, call->arena);

    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_text(call->result, "url", settings ? json_get_text(settings, "url") : "");
    json_set_bool(call->result, "has_custom_certificate",
                  json_get_bool(settings, "has_custom_certificate"));
    if (settings)
        json_set_copy(call->result, "max_connections", json_get(settings, "max_connections"));
    webhook_add_failure(call->sandbox->webhook, call->result);
    json_set_int(call->result, "pending_update_count", world_update_count(call->sandbox->world));
    json_set_copy(call->result, "allowed_updates", allowed);
    return 0;
}

static int get_file(struct call *call)
{
    const char *file_id = call_text(call, "file_id");
    const cJSON *file = world_file(call->sandbox->world, call->arena, file_id);
    const cJSON *object = json_get(file, "object");

    if (!file)
        return call_refuse(call, "wrong file_id or the file is temporarily unavailable");
    if (json_get_int(object, "file_size", 0) > LARGEST_DOWNLOAD)
        return call_refuse(call, "file is too big");
    world_link_file(call->sandbox->world, file_id);
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_copy(call->result, "file_id", json_get(object, "file_id"));
    json_set_copy(call->result, "file_unique_id", json_get(object, "file_unique_id"));
    json_set_copy(call->result, "file_size", json_get(object, "file_size"));
    json_set_copy(call->result, "file_path", json_get(file, "path"));
    return 0;
}

const struct method update_methods[] = {
    {"getMe", get_me},
    {"getUpdates", get_updates},
    {"setWebhook", set_webhook},
    {"deleteWebhook", delete_webhook},
    {"getWebhookInfo", get_webhook_info},
    {"getFile", get_file},
    {0},
};

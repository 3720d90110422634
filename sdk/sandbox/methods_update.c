/*
 * How a bot receives: getUpdates with its long poll, or a webhook.
 */
#include <string.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/flood.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/updates.h"
#include "sdk/sandbox/webhook.h"
#include "sdk/sandbox/webhook_url.h"
#include "sdk/sandbox/world.h"

enum {
    MOST_UPDATES = 100,
    LONGEST_POLL_S = 50,
    MOST_AHEAD = 10, /* an offset further than so is taken for a mistake */
    LARGEST_ANSWER = 4 * 1024 * 1024,
    GATHER_MS = 1,
    REPEATED_MS = 3000, /* the same offset again within this time is a busy loop */
    HASTY_MS = 500,
    CONFLICT_PAUSE_MS = 3000,
    CHANGE_PAUSE_MS = 1000, /* between two setWebhook */
    LARGEST_CERTIFICATE = 3 * 1024 * 1024,
    LONGEST_SECRET = 256,
    USUAL_CONNECTIONS = 40,
    MOST_CONNECTIONS = 100000,
    LAUNCH_MS = 600000, /* so long after its start a bot cannot be closed */
};

static const char other_poller[] = "Conflict: terminated by other getUpdates request; make sure "
                                   "that only one bot instance is running";

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static int64_t steady_ms(const struct call *call)
{
    return clock_steady_ms(call->sandbox->clock);
}

/* Repeated conflicts are answered late, against busy loops. */
static AISHA_ASYNC int fail_conflict(struct call *call, const char *text)
{
    struct sandbox_poll *poll = &call->sandbox->poll;
    int64_t now_ms = steady_ms(call);

    if (now_ms >= poll->next_conflict_ms) {
        poll->next_conflict_ms = now_ms + CONFLICT_PAUSE_MS;
    } else {
        int r = clock_sleep(call->sandbox->clock, CONFLICT_PAUSE_MS);
        if (r < 0)
            return r;
    }
    return call_fail(call, 409, "%s", text);
}

/* ---- getUpdates ---- */

/* The oldest updates, as many as fit into one answer. */
static cJSON *fetch(struct call *call, int64_t limit)
{
    cJSON *updates = world_updates(call->sandbox->world, call->arena, limit), *item;
    size_t size = 0;

    for (item = updates->child; item && size <= LARGEST_ANSWER; item = item->next)
        size += strlen(item->valuestring) + 50;
    while (item) {
        cJSON *next = item->next;
        cJSON_Delete(cJSON_DetachItemViaPointer(updates, item));
        item = next;
    }
    return updates;
}

/* Forgets what the offset confirms. */
static void confirm(struct call *call, int64_t offset)
{
    struct world *world = call->sandbox->world;
    int64_t next_id = world_last_update_id(world) + 1;
    const cJSON *oldest = world_update_queues(world, call->arena, 1)->child;

    if (offset < 0) /* counted from the end */
        offset += next_id;
    if (!oldest || offset <= 0 || offset > next_id + MOST_AHEAD ||
        (int64_t)oldest->child->valuedouble >= offset)
        return;
    if (!faults_take_kind(call->sandbox->faults, FAULT_DUPLICATE))
        world_confirm_updates(world, offset);
}

/* Becomes the poller until there is an update, and yields to the next one who wants to. */
static AISHA_ASYNC int wait_for_update(struct sandbox *sandbox, int64_t timeout_ms)
{
    struct sandbox_poll *poll = &sandbox->poll;
    struct wait wait;

    if (poll->waiting)
        wait_wake(poll->waiting, -AISHA_E_CONFLICT);
    wait_init(&wait, sandbox->loop);
    poll->waiting = &wait;
    int r = clock_wait(sandbox->clock, &wait, timeout_ms);
    if (poll->waiting == &wait)
        poll->waiting = NULL;
    poll->seen_at_ms = loop_now_ms(sandbox->loop);
    return r < 0 ? r : wait_sleep(sandbox->loop, GATHER_MS);
}

/* Whoever asks again and again for the same is slowed down; part of the limits (flood.h). */
static void slow_down(struct call *call, int64_t offset, int64_t *limit, int64_t *timeout_s)
{
    struct sandbox_poll *poll = &call->sandbox->poll;
    int64_t now_ms = steady_ms(call), passed_ms = now_ms - poll->last_start_ms;

    if (flood_limits(call->sandbox->flood)->enabled && poll->last_start_ms &&
        offset == poll->last_offset) {
        if (*timeout_s * 1000 < REPEATED_MS && passed_ms < REPEATED_MS)
            *timeout_s = REPEATED_MS / 1000;
        if (passed_ms < HASTY_MS)
            *limit = 1;
    }
    poll->last_offset = offset;
    poll->last_start_ms = now_ms;
}

static AISHA_ASYNC int get_updates(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t offset = call_int(call, "offset", 0);
    int64_t limit = clamp(call_int(call, "limit", MOST_UPDATES), 1, MOST_UPDATES);
    int64_t timeout_s = clamp(call_int(call, "timeout", 0), 0, LONGEST_POLL_S);

    if (webhook_settings(sandbox->webhook))
        return fail_conflict(call, "Conflict: can't use getUpdates method while webhook is active; "
                                   "use deleteWebhook to delete the webhook first");
    sandbox->poll.seen_at_ms = loop_now_ms(sandbox->loop);
    if (faults_take_kind(sandbox->faults, FAULT_CONFLICT))
        return fail_conflict(call, other_poller);
    if (call_get(call, "allowed_updates"))
        world_allow_updates(sandbox->world, call->arena, call_get(call, "allowed_updates"));
    slow_down(call, offset, &limit, &timeout_s);
    confirm(call, offset);
    call->result = fetch(call, limit);
    if (call->result->child || !timeout_s)
        return 0;
    int r = wait_for_update(sandbox, timeout_s * 1000);
    if (r == -AISHA_E_CONFLICT)
        return fail_conflict(call, other_poller);
    if (r == -AISHA_E_DENIED)
        return fail_conflict(call, "Conflict: terminated by setWebhook request");
    if (r == -AISHA_E_CANCELED)
        return r;
    call->result = fetch(call, limit);
    return 0;
}

/* ---- webhook ---- */

static void drop_pending(struct call *call)
{
    if (!call_bool(call, "drop_pending_updates"))
        return;
    webhook_drop(call->sandbox->webhook);
    world_drop_updates(call->sandbox->world);
}

static int delete_webhook(struct call *call)
{
    struct webhook *webhook = call->sandbox->webhook;

    call->note = webhook_settings(webhook) ? "Webhook was deleted" : "Webhook is already deleted";
    drop_pending(call);
    webhook_change(webhook, NULL);
    return 0;
}

static const struct upload *certificate(const struct call *call)
{
    static const char protocol[] = "attach://";
    const char *text = call_text(call, "certificate");

    if (text && strncmp(text, protocol, sizeof protocol - 1) == 0)
        return params_upload(&call->params, text + sizeof protocol - 1);
    return params_upload(&call->params, "certificate");
}

/* What the call wants; the address of the host is not yet known unless it is given. */
static cJSON *wanted_settings(struct call *call)
{
    cJSON *settings = json_keep(call->arena, cJSON_CreateObject());
    const char *secret = call_text(call, "secret_token"), *ip = call_text(call, "ip_address");

    json_set_text(settings, "url", call_text(call, "url"));
    if (secret && *secret)
        json_set_text(settings, "secret_token", secret);
    json_set_int(settings, "max_connections",
                 clamp(call_int(call, "max_connections", USUAL_CONNECTIONS), 1, MOST_CONNECTIONS));
    json_set_bool(settings, "has_custom_certificate", certificate(call) != NULL);
    json_set_bool(settings, "has_fixed_ip", ip && *ip);
    if (ip && *ip)
        json_set_text(settings, "ip_address", ip);
    return settings;
}

/* Whether nothing would change; a certificate is always new. */
static bool is_same(struct call *call, const cJSON *settings)
{
    cJSON *old =
        json_keep(call->arena, cJSON_Duplicate(webhook_settings(call->sandbox->webhook), true));

    if (!old || json_get_bool(old, "has_custom_certificate") ||
        call_bool(call, "drop_pending_updates"))
        return false;
    if (!json_get_bool(old, "has_fixed_ip"))
        cJSON_DeleteItemFromObject(old, "ip_address");
    return cJSON_Compare(old, settings, true);
}

/* As a local Bot API server: plain HTTP and every port and address are allowed. */
static AISHA_ASYNC int check_webhook(struct call *call, cJSON *settings)
{
    const char *secret = json_get_text(settings, "secret_token");
    const struct upload *file = certificate(call);
    const char *ip = json_get_text(settings, "ip_address");
    const char *host;
    int port;

    if (!webhook_url_read(call->arena, json_get_text(settings, "url"), &host, &port))
        return call_refuse(call, "invalid webhook URL specified");
    if (secret && strlen(secret) > LONGEST_SECRET)
        return call_refuse(call, "secret token is too long");
    if (secret && secret[strspn(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789_-")])
        return call_refuse(call, "secret token contains unallowed characters");
    if (file && file->size > LARGEST_CERTIFICATE)
        return call_refuse(call, "certificate size is too big (%zu bytes)", file->size);
    if (ip && !webhook_url_is_address(ip))
        return call_refuse(call, "bad webhook: Invalid IP address specified");
    if (!ip) {
        int r = webhook_url_resolve(call->sandbox->workers, call->arena, host, &ip);
        if (r < 0)
            return call_refuse(call, "bad webhook: Failed to resolve host: Name or service not "
                                     "known");
        json_set_text(settings, "ip_address", ip);
    }
    if (file)
        json_set_text(settings, "certificate", arena_strndup(call->arena, file->bytes, file->size));
    return 0;
}

static AISHA_ASYNC int set_webhook(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    const char *url = call_text(call, "url");
    const cJSON *allowed = call_get(call, "allowed_updates");
    int64_t now_ms = steady_ms(call);

    if (!url || !*url)
        return delete_webhook(call);
    if (now_ms < sandbox->poll.next_change_ms)
        return call_retry_after(call, 1);
    sandbox->poll.next_change_ms = now_ms + CHANGE_PAUSE_MS;
    cJSON *settings = wanted_settings(call);
    call->note = is_same(call, settings) ? "Webhook is already set" : "Webhook was set";
    if (is_same(call, settings)) {
        if (allowed)
            world_allow_updates(sandbox->world, call->arena, allowed);
        return 0;
    }
    if (sandbox->poll.waiting)
        wait_wake(sandbox->poll.waiting, -AISHA_E_DENIED);
    webhook_change(sandbox->webhook,
                   NULL); /* the old one is gone, even if the new one is not good */
    drop_pending(call);
    int r = check_webhook(call, settings);
    if (r < 0)
        return r;
    if (allowed)
        world_allow_updates(sandbox->world, call->arena, allowed);
    webhook_change(sandbox->webhook, settings);
    return 0;
}

static int get_webhook_info(struct call *call)
{
    call->result = webhook_info(call->sandbox->webhook, call->arena);
    return 0;
}

/* ---- leaving for another server ---- */

/* From then on this server does not know the bot for ten minutes (call_flood.c). */
static int log_out(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;

    webhook_change(sandbox->webhook, NULL);
    world_drop_updates(sandbox->world);
    if (sandbox->poll.waiting)
        wait_wake(sandbox->poll.waiting, -AISHA_E_CONFLICT);
    sandbox->poll.logged_out_until_ms = steady_ms(call) + LAUNCH_MS;
    return 0;
}

static int close_bot(struct call *call)
{
    struct sandbox_poll *poll = &call->sandbox->poll;
    int64_t left_ms = poll->launched_at_ms + LAUNCH_MS - steady_ms(call);

    if (left_ms > 0)
        return call_retry_after(call, (left_ms + 999) / 1000);
    poll->launched_at_ms = steady_ms(call);
    return 0;
}

const struct method update_methods[] = {
    {"getUpdates", get_updates},
    {"setWebhook", set_webhook},
    {"deleteWebhook", delete_webhook},
    {"getWebhookInfo", get_webhook_info},
    {"logOut", log_out},
    {"close", close_bot},
    {0},
};

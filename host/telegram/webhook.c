#include "host/telegram/webhook.h"

#include <stdbool.h>
#include <string.h>

#include <aisha/bot_api.h>

#include "host/core/log.h"
#include "host/telegram/client.h"

static bool contains(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static bool are_same_names(const char *const *a, const char *const *b)
{
    static const char *const none[] = {NULL};
    size_t count_a = 0, count_b = 0;

    a = a ? a : none;
    b = b ? b : none;
    for (; a[count_a]; count_a++)
        if (!contains(b, a[count_a]))
            return false;
    while (b[count_b])
        count_b++;
    return count_a == count_b;
}

static bool is_set(const struct aisha_webhook_info *info, const struct webhook *webhook)
{
    return strcmp(info->url, webhook->url) == 0 &&
           info->max_connections == webhook->max_connections &&
           info->has_custom_certificate == (webhook->certificate != NULL) &&
           are_same_names(info->allowed_updates, webhook->allowed_updates);
}

static void report_failure(const struct aisha_webhook_info *info, int64_t *last_error_date)
{
    if (info->last_error_date <= *last_error_date)
        return;
    *last_error_date = info->last_error_date;
    log_warn("webhook", "Telegram could not deliver: %s; %lld updates are waiting",
             info->last_error_message ? info->last_error_message : "it does not say why",
             (long long)info->pending_update_count);
}

int webhook_set(struct telegram *telegram, struct arena *arena, const struct webhook *webhook,
                int64_t *last_error_date, struct telegram_failure *failure)
{
    const struct aisha_file certificate = {
        .size = sizeof certificate, .path = webhook->certificate, .file_name = "certificate.pem"};
    const struct aisha_set_webhook_params params = {
        .size = sizeof params,
        .url = webhook->url,
        .secret_token = webhook->secret,
        .max_connections = webhook->max_connections,
        .allowed_updates = webhook->allowed_updates,
        .certificate = webhook->certificate ? &certificate : NULL,
    };
    const struct aisha_webhook_info *info;

    int r = telegram_call(telegram, arena, "getWebhookInfo", NULL, &info, failure);
    if (r < 0)
        return r;
    if (is_set(info, webhook)) {
        report_failure(info, last_error_date);
        return 0;
    }
    r = telegram_call(telegram, arena, "setWebhook", &params, NULL, failure);
    if (r == 0)
        log_info("webhook", "Telegram delivers to it from now on");
    return r;
}

int webhook_remove(struct telegram *telegram, struct arena *arena, struct telegram_failure *failure)
{
    const struct aisha_delete_webhook_params params = {.size = sizeof params};
    const struct aisha_webhook_info *info;

    int r = telegram_call(telegram, arena, "getWebhookInfo", NULL, &info, failure);
    if (r < 0 || !*info->url)
        return r;
    log_info("webhook", "the mode is polling: removing the webhook that is set");
    return telegram_call(telegram, arena, "deleteWebhook", &params, NULL, failure);
}

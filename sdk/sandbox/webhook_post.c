/*
 * One request to the bot, and what its answer means.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/io/http_client.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/params.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/webhook.h"
#include "sdk/sandbox/webhook_url.h"

enum {
    LONGEST_RETRY_AFTER_S = 3600,
    TIMEOUT_MS = 600000, /* whoever calls has a shorter one, by the sandbox's clock */
    LARGEST_ANSWER = 1024 * 1024,
};

/* Telegram's words for what libcurl says. */
static const char *failure_of(const char *error)
{
    static const struct {
        const char *part, *text;
    } known[] = {
        {"Couldn't connect to server", "Connection refused"},
        {"resolve", "Failed to resolve host: Name or service not known"},
        {"SSL", "SSL error {error:certificate verify failed}"},
        {"certificate", "SSL error {error:certificate verify failed}"},
        {"reset", "Connection reset by peer"},
        {"ime", "Connection timed out"}, /* "timed out", "Timeout was reached" */
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(error, known[i].part))
            return known[i].text;
    return "Connection closed";
}

static int64_t retry_after(const struct aisha_http_response *response)
{
    const char *text = aisha_http_header(response, "retry-after");
    int64_t seconds = text && isdigit((unsigned char)*text) ? strtoll(text, NULL, 10) : 0;

    return seconds > LONGEST_RETRY_AFTER_S ? LONGEST_RETRY_AFTER_S : seconds;
}

static void judge(struct arena *arena, const struct aisha_http_response *response,
                  struct webhook_answer *answer)
{
    answer->response = response;
    answer->status = response->status;
    if (response->status >= 200 && response->status < 300)
        return;
    answer->failure =
        arena_printf(arena, "Wrong response from the webhook: %d %s", response->status,
                     http_status_str((enum http_status)response->status));
    answer->retry_after_s = retry_after(response);
}

int webhook_post(struct http_client *http, struct arena *arena, const struct webhook_post *post,
                 struct webhook_answer *ret_answer)
{
    const char *secret = json_get_text(post->settings, "secret_token"), *error;
    const char *url = webhook_url_whole(arena, json_get_text(post->settings, "url"));
    const struct aisha_http_response *response;
    const char *headers[4] = {"Content-Type: application/json", "Accept-Encoding: gzip, deflate"};

    if (secret)
        headers[2] = arena_printf(arena, "X-Telegram-Bot-Api-Secret-Token: %s", secret);
    const struct aisha_http_request request = {
        .size = sizeof request,
        .url = url,
        .headers = headers,
        .body = post->body,
        .body_size = strlen(post->body),
        .timeout_ms = TIMEOUT_MS,
        .max_body_bytes = LARGEST_ANSWER,
    };
    *ret_answer = (struct webhook_answer){0};
    int r = http_client_fetch(http, arena, &request, &response, &error);
    if (r == -AISHA_E_CANCELED)
        return r;
    if (r == -AISHA_E_TIMEOUT)
        ret_answer->failure = "Read timeout expired";
    else if (r < 0)
        ret_answer->failure = failure_of(error);
    else if (post->is_cut)
        ret_answer->failure = "Connection closed";
    else
        judge(arena, response, ret_answer);
    return 0;
}

static bool is_allowed(const char *method)
{
    static const char *const refused[] = {"deleteWebhook", "setWebhook", "close", "logOut"};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcasecmp(method, refused[i]) == 0)
            return false;
    return strncasecmp(method, "get", 3) != 0;
}

void webhook_run_answer(struct sandbox *sandbox, struct arena *arena,
                        const struct aisha_http_response *response)
{
    struct params params;
    const char *type = aisha_http_header(response, "content-type");

    if (!type || params_read_body(arena, type, response->body, response->body_size, &params))
        return;
    const char *method = json_get_text(params.values, "method");
    if (!method || !is_allowed(method))
        return;
    method = arena_strdup(arena, method);
    cJSON_DeleteItemFromObjectCaseSensitive(params.values, "method");
    botapi_execute(sandbox, arena, method, &params);
}

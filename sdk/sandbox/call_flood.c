/*
 * Whether a call is taken at all: which count against the limits, and as how many messages.
 */
#include <string.h>

#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/flood.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/stars.h"

/* Methods whose names begin so send or change messages; list: a parameter with an item for each. */
static const struct counted {
    const char *beginning, *list;
} counted[] = {
    {"sendMediaGroup", "media"},
    {"copyMessages", "message_ids"},
    {"forwardMessages", "message_ids"},
    {"send", NULL},
    {"copyMessage", NULL},
    {"forwardMessage", NULL},
    {"editMessage", NULL},
    {"stopMessageLiveLocation", NULL},
    {"stopPoll", NULL},
};

/* These begin so and do not. */
static const char *const uncounted[] = {"sendChatAction", "sendMessageDraft",
                                        "sendRichMessageDraft", "sendGift",
                                        "sendChatJoinRequestWebApp"};

/* A bot can do these even when it is refused everything else. */
static const char *const always[] = {"getMe",          "getUpdates", "setWebhook", "deleteWebhook",
                                     "getWebhookInfo", "logOut",     "close"};

static bool is_among(const char *method, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], method) == 0)
            return true;
    return false;
}

static int64_t messages_of(const struct call *call)
{
    if (is_among(call->method, uncounted, sizeof uncounted / sizeof *uncounted))
        return 0;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        if (strncmp(call->method, counted[i].beginning, strlen(counted[i].beginning)) != 0)
            continue;
        return counted[i].list ? cJSON_GetArraySize(call_get(call, counted[i].list)) : 1;
    }
    return 0;
}

int call_flood(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t chat_id = call_int(call, "chat_id", 0), seconds = 0, count;
    bool is_paid = false;

    if (clock_steady_ms(sandbox->clock) < sandbox->poll.logged_out_until_ms)
        return call_fail(call, 400, "Logged out");
    if (!is_among(call->method, always, sizeof always / sizeof *always))
        seconds = faults_flooded_s(sandbox->faults, chat_id);
    if (!seconds && chat_id && flood_limits(sandbox->flood)->enabled &&
        (count = messages_of(call)) > 0) {
        bool can_pay = call_bool(call, "allow_paid_broadcast") &&
                       stars_of_bot(sandbox->world, call->arena) > 0;
        seconds = flood_send(sandbox->flood, chat_id, count, can_pay, &is_paid);
        if (is_paid)
            stars_pay_broadcast(sandbox->world, call->arena, count);
    }
    return seconds ? call_retry_after(call, seconds) : 0;
}

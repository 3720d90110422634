/*
 * One request after the other. Errors are waited out, longer each time; each kind is logged when it
 * begins and when it is over, not at every try. A batch that cannot be read is asked for in ever
 * smaller parts, until the one update that is to blame is alone and can be passed over.
 */
#include "host/telegram/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/telegram/client.h"
#include "host/telegram/codec.h"

enum {
    POLL_S = 50, /* Telegram holds a request no longer */
    POLL_TIMEOUT_MS = (POLL_S + 15) * 1000,
    FIRST_PAUSE_MS = 500,
    LAST_PAUSE_MS = 30000,
    CONFLICT_PAUSE_MS = 5000,
    MAX_UPDATES = 100,
};

struct poller {
    struct loop *loop;
    struct telegram *telegram;
    struct poller_options options;
    struct task *task; /* NULL when it has ended */
    bool is_stopping;
    int64_t next_offset; /* 0 at first: whatever Telegram has */
    int limit;           /* updates in one answer */
    int failures;        /* in a row */
    int last_code;       /* of the failure logged last */
};

static const char *request_json(struct arena *arena, const struct poller *poller)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *allowed = cJSON_AddArrayToObject(json, "allowed_updates");

    if (!json || !allowed)
        abort();
    if (poller->next_offset)
        cJSON_AddNumberToObject(json, "offset", (double)poller->next_offset);
    cJSON_AddNumberToObject(json, "limit", poller->limit);
    cJSON_AddNumberToObject(json, "timeout", POLL_S);
    for (const char *const *kind = poller->options.allowed_updates; *kind; kind++)
        cJSON_AddItemToArray(allowed, cJSON_CreateString(*kind));
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text)
        abort();
    arena_defer(arena, free, text);
    return text;
}

/* Returns 0, or how the round failed. */
static AISHA_ASYNC int poll_once(struct poller *poller, struct arena *arena,
                                 struct telegram_failure *failure)
{
    cJSON *updates;
    const char *text;
    int64_t last_id = 0;

    int r = telegram_get_updates(poller->telegram, arena, request_json(arena, poller),
                                 POLL_TIMEOUT_MS, &updates, &text, failure);
    if (r < 0)
        return r;
    if (!updates->child) {
        cJSON_Delete(updates);
        return 0;
    }
    r = poller->options.take(updates, text, &last_id, poller->options.user);
    if (r < 0)
        failure->description = "what came cannot be stored; it is asked for again";
    if (r == 0 && !last_id)
        r = -AISHA_E_UPSTREAM;
    if (r < 0)
        return r;
    poller->next_offset = last_id + 1;
    return wait_yield(poller->loop); /* what answers them goes out before the next request */
}

/* Returns whether the next request differs, so that it may succeed where this one failed. */
static bool pass_over_unreadable(struct poller *poller, const char *body)
{
    if (poller->limit > 1) {
        poller->limit /= 2;
        return true;
    }
    int64_t update_id = codec_find_update_id(body);
    if (!update_id || update_id < poller->next_offset)
        return false;
    log_error("poller", "update=%lld cannot be read and is passed over", (long long)update_id);
    poller->next_offset = update_id + 1;
    return true;
}

static AISHA_ASYNC void remove_webhook(struct poller *poller, struct arena *arena)
{
    struct telegram_failure failure;

    log_warn("poller", "a webhook is set for this bot; removing it, for the mode is polling");
    aisha_ignore(
        telegram_call_json(poller->telegram, arena, "deleteWebhook", "{}", NULL, &failure));
}

static int64_t pause_after(struct poller *poller, const struct telegram_failure *failure)
{
    int64_t pause_ms = LAST_PAUSE_MS;

    if (failure->retry_after_s > 0)
        return failure->retry_after_s * 1000;
    if (failure->error_code == 409)
        return CONFLICT_PAUSE_MS;
    if (poller->failures < 7)
        pause_ms = (int64_t)FIRST_PAUSE_MS << (poller->failures - 1);
    return pause_ms < LAST_PAUSE_MS ? pause_ms : LAST_PAUSE_MS;
}

static void report(struct poller *poller, int r, const struct telegram_failure *failure)
{
    int code = failure->error_code ? failure->error_code : r;

    if (poller->failures > 1 && code == poller->last_code)
        return;
    poller->last_code = code;
    if (failure->error_code == 409)
        log_warn("poller", "code=409 another program is polling with this token: %s",
                 failure->description ? failure->description : "");
    else
        log_warn("poller", "code=%d getUpdates failed: %s; trying again until it works",
                 failure->error_code,
                 failure->description ? failure->description : aisha_error_text(r));
}

/* Returns false when polling makes no sense any more. */
static AISHA_ASYNC bool handle_failure(struct poller *poller, struct arena *arena, int r,
                                       const struct telegram_failure *failure)
{
    if (r == -AISHA_E_CANCELED)
        return false;
    if (r == -AISHA_E_TELEGRAM && (failure->error_code == 401 || failure->error_code == 404)) {
        poller->options.on_refused(failure->description, poller->options.user);
        return false;
    }
    if (r == -AISHA_E_UPSTREAM && failure->error_code == 200 && failure->body &&
        pass_over_unreadable(poller, failure->body))
        return true;
    poller->failures++;
    report(poller, r, failure);
    if (failure->error_code == 409 && failure->description &&
        strcasestr(failure->description, "webhook is active"))
        remove_webhook(poller, arena);
    return wait_sleep(poller->loop, pause_after(poller, failure)) == 0;
}

static void handle_success(struct poller *poller)
{
    if (poller->failures)
        log_info("poller", "getUpdates works again after %d failures", poller->failures);
    poller->failures = 0;
    poller->limit = poller->limit < MAX_UPDATES / 2 ? poller->limit * 2 : MAX_UPDATES;
}

static AISHA_ASYNC void poller_run(void *arg)
{
    struct poller *poller = arg;
    bool goes_on = true;

    while (goes_on && !poller->is_stopping) {
        struct arena arena = {0};
        struct telegram_failure failure = {0};

        int r = poll_once(poller, &arena, &failure);
        if (r < 0)
            goes_on = handle_failure(poller, &arena, r, &failure);
        else
            handle_success(poller);
        arena_clear(&arena);
    }
    poller->task = NULL;
}

int poller_start(struct poller **ret_poller, struct loop *loop, struct telegram *telegram,
                 const struct poller_options *options)
{
    struct poller *poller = calloc(1, sizeof *poller);

    if (!poller)
        return -ENOMEM;
    *poller = (struct poller){
        .loop = loop, .telegram = telegram, .options = *options, .limit = MAX_UPDATES};
    int r = task_start(loop, "poller", poller_run, poller, &poller->task);
    if (r < 0) {
        free(poller);
        return r;
    }
    *ret_poller = poller;
    return 0;
}

void poller_stop(struct poller *poller)
{
    poller->is_stopping = true;
    if (poller->task)
        task_cancel(poller->task);
}

bool poller_is_running(const struct poller *poller)
{
    return poller->task != NULL;
}

void poller_free(struct poller *poller)
{
    free(poller);
}

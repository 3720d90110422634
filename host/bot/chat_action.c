/*
 * The SDK: aisha_chat_action(). Telegram shows an action for five seconds, so a task repeats it.
 * It does not take its turn among the chat's messages and is not tried again: it must never delay
 * one of them.
 */
#include "host/bot/chat_action.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/telegram/api.h"
#include "host/telegram/client.h"
#include "host/telegram/codec.h"

enum { REPEAT_MS = 4500, TIMEOUT_MS = 5000 };

struct chat_action {
    struct bot *bot;
    int64_t chat_id, thread_id;
    const char *name;   /* of the table below; NULL = end */
    struct wait *pause; /* while the task sleeps */
    bool is_over;       /* the task has ended; its unit frees the struct */
    bool is_left;       /* the unit has ended; the task frees it */
};

static const char *find_name(const char *name)
{
    static const char *const names[] = {
        "typing",        "upload_photo",      "record_video",      "upload_video",
        "record_voice",  "upload_voice",      "upload_document",   "choose_sticker",
        "find_location", "record_video_note", "upload_video_note",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    return NULL;
}

static AISHA_ASYNC int send_once(const struct chat_action *action)
{
    const struct aisha_send_chat_action_params params = {.size = sizeof params,
                                                         .chat_id = action->chat_id,
                                                         .message_thread_id = action->thread_id,
                                                         .action = action->name};
    struct arena arena = {0};
    struct telegram_failure failure;
    struct codec_body body;
    const char *field;
    const cJSON *result;

    int r = codec_write(&arena, api_find_method("sendChatAction"), &params, &body, &field);
    if (r == 0)
        r = telegram_request(action->bot->telegram, &arena, "sendChatAction", &body, TIMEOUT_MS,
                             &result, &failure);
    arena_clear(&arena);
    return r;
}

static AISHA_ASYNC int pause_before_next(struct chat_action *action)
{
    struct wait pause;

    wait_init(&pause, action->bot->loop);
    action->pause = &pause;
    int r = wait_for(&pause, REPEAT_MS);
    action->pause = NULL;
    return r == -AISHA_E_TIMEOUT ? 0 : r;
}

static AISHA_ASYNC void keep_alive(void *arg)
{
    struct chat_action *action = arg;
    int r = 0;

    while (r == 0 && action->name) {
        r = send_once(action);
        if (r < 0 && r != -AISHA_E_TELEGRAM && r != -AISHA_E_CANCELED)
            r = 0; /* not reached this time */
        if (r == 0 && action->name)
            r = pause_before_next(action);
    }
    action->is_over = true;
    if (action->is_left)
        free(action);
}

static void change(struct chat_action *action, const char *name)
{
    if (action->name == name)
        return;
    action->name = name;
    if (action->pause)
        wait_wake(action->pause, 0);
}

static void start(struct aisha_ctx *ctx, const char *name)
{
    struct chat_action *action = calloc(1, sizeof *action);

    if (!action)
        abort();
    *action = (struct chat_action){
        .bot = ctx->bot, .chat_id = ctx->chat_id, .thread_id = ctx->thread_id, .name = name};
    if (task_start(ctx->bot->loop, "chat action", keep_alive, action, NULL) < 0)
        free(action);
    else
        ctx->chat_action = action;
}

void aisha_chat_action(struct aisha_ctx *ctx, const char *action)
{
    const char *name = action ? find_name(action) : NULL;

    if (action && !name)
        log_error(ctx->plugin ? ctx->plugin->name : "bot", "there is no chat action \"%s\"",
                  action);
    if (ctx->chat_action && (!name || ctx->chat_action->is_over || !ctx->chat_action->name))
        chat_action_end(ctx);
    if (name && ctx->chat_id && ctx->chat_action)
        change(ctx->chat_action, name);
    else if (name && ctx->chat_id)
        start(ctx, name);
}

void chat_action_end(struct aisha_ctx *ctx)
{
    struct chat_action *action = ctx->chat_action;

    ctx->chat_action = NULL;
    if (!action)
        return;
    if (action->is_over) {
        free(action);
        return;
    }
    action->is_left = true;
    change(action, NULL);
}

#include "host/bot/late_answer.h"

#include <stdlib.h>

#include <event2/event.h>

#include <aisha/bot_api.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/telegram/client.h"

enum {
    ANSWER_AFTER_S = 3,
    MAX_LATE_ANSWERS = 128,
};

static const char *query_id_of(const struct aisha_ctx *ctx)
{
    const cJSON *query = cJSON_GetObjectItemCaseSensitive(ctx->item.update, "callback_query");

    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(query, "id"));
}

struct late_answer {
    struct bot *bot;
    struct arena arena;
    const char *query_id;
};

static AISHA_ASYNC void late_answer_run(void *arg)
{
    struct late_answer *late = arg;
    const struct aisha_answer_callback_query_params params = {.size = sizeof params,
                                                              .callback_query_id = late->query_id};
    struct telegram_failure failure;

    aisha_ignore(telegram_call(late->bot->telegram, &late->arena, "answerCallbackQuery", &params,
                               NULL, &failure));
    late->bot->late_answers--;
    arena_clear(&late->arena);
    free(late);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct aisha_ctx *ctx = arg;
    const struct timeval again = {.tv_sec = 1};

    (void)fd;
    (void)what;
    if (ctx->is_answered)
        return;
    if (ctx->bot->late_answers >= MAX_LATE_ANSWERS) { /* tasks are for the units first */
        evtimer_add(ctx->answer_timer, &again);
        return;
    }
    struct late_answer *late = calloc(1, sizeof *late);
    if (!late)
        abort();
    late->bot = ctx->bot;
    late->query_id = arena_strdup(&late->arena, query_id_of(ctx));
    if (task_start(ctx->bot->loop, "late answer", late_answer_run, late, NULL) < 0) {
        arena_clear(&late->arena);
        free(late);
        return;
    }
    ctx->is_answered = ctx->is_answered_late = true;
    ctx->bot->late_answers++;
}

void late_answer_arm(struct aisha_ctx *ctx)
{
    const struct timeval after = {.tv_sec = ANSWER_AFTER_S};

    if (!query_id_of(ctx))
        return;
    ctx->answer_timer = evtimer_new(loop_base(ctx->bot->loop), on_late, ctx);
    if (ctx->answer_timer)
        evtimer_add(ctx->answer_timer, &after);
}

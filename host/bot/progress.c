/*
 * The SDK: aisha_progress(). The first state is sent by the handler; later ones are left here for a
 * task that edits the message when it is time, and only the newest counts. The edits take their turn
 * in the chat, so one on its way never comes after what the handler shows next. A row in the database
 * says which message it is, so that the next start can correct what a crash leaves behind; see tidy.h.
 */
#include "host/bot/progress.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/job.h"
#include "host/bot/sized.h"
#include "host/bot/split.h"
#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/unfinished.h"
#include "host/telegram/client.h"

enum { EDIT_EVERY_MS = 3000, BAR_LENGTH = 10 };

struct progress {
    struct bot *bot;
    struct arena arena; /* of the button, and of the names of the place */
    const struct aisha_reply_markup *markup;
    int64_t chat_id, message_id;
    const char *business_connection_id, *inline_message_id;
    int64_t edited_at_ms;
    char *last;         /* HTML, the newest state */
    bool is_shown;      /* the message shows last, or will in a moment */
    bool is_current;    /* nothing has taken its place */
    bool is_stored;     /* as unfinished */
    struct wait *pause; /* while the task sleeps */
    bool is_running;    /* the task; it frees the struct when is_left */
    bool is_left;       /* the unit has ended */
};

static void progress_free(struct progress *progress)
{
    arena_clear(&progress->arena);
    free(progress->last);
    free(progress);
}

/* ---- beside the handler ---- */

static AISHA_ASYNC void edit(struct progress *progress)
{
    struct arena arena = {0};
    struct telegram_failure failure;
    const struct aisha_edit_message_text_params params = {
        .size = sizeof params,
        .chat_id = progress->chat_id,
        .message_id = progress->message_id,
        .business_connection_id = progress->business_connection_id,
        .inline_message_id = progress->inline_message_id,
        .text = arena_strdup(&arena, progress->last),
        .parse_mode = "HTML",
        .reply_markup = progress->markup,
    };

    /* What Telegram refuses here shows in what the handler sends next. */
    aisha_ignore(
        telegram_call(progress->bot->telegram, &arena, "editMessageText", &params, NULL, &failure));
    arena_clear(&arena);
}

static AISHA_ASYNC int wait_until_due(struct progress *progress)
{
    struct loop *loop = progress->bot->loop;
    int64_t left_ms = progress->edited_at_ms + EDIT_EVERY_MS - loop_now_ms(loop);
    struct wait pause;

    if (left_ms <= 0)
        return 0;
    wait_init(&pause, loop);
    progress->pause = &pause;
    int r = wait_for(&pause, left_ms);
    progress->pause = NULL;
    return r == -AISHA_E_TIMEOUT ? 0 : r;
}

static AISHA_ASYNC void run(void *arg)
{
    struct progress *progress = arg;

    while (!progress->is_shown && wait_until_due(progress) == 0) {
        if (progress->is_shown)
            break;
        progress->is_shown = true;
        edit(progress);
        progress->edited_at_ms = loop_now_ms(progress->bot->loop);
    }
    progress->is_running = false;
    if (progress->is_left)
        progress_free(progress);
}

/* ---- the handler's side ---- */

static const char *html_of(struct aisha_ctx *ctx, const struct aisha_progress *progress)
{
    const char *html = progress->key    ? ctx_html(ctx, progress->key, NULL)
                       : progress->html ? progress->html
                                        : aisha_html(ctx, "%s", progress->text);

    if (progress->percent > 0) {
        int percent = progress->percent < 100 ? progress->percent : 100;
        int full = percent * BAR_LENGTH / 100;
        const char *bar = "";
        for (int i = 0; i < BAR_LENGTH; i++)
            bar = arena_printf(&ctx->arena, "%s%s", bar, i < full ? "▓" : "░");
        html = arena_printf(&ctx->arena, "%s\n%s %d %%", html, bar, percent);
    }
    return split_text(&ctx->arena, html, SPLIT_HTML, SPLIT_MESSAGE_UNITS)[0];
}

/* The cancel button again, for as long as the task may need it. */
static const struct aisha_reply_markup *copy_button(struct arena *arena,
                                                    const struct aisha_reply_markup *markup)
{
    const struct aisha_inline_keyboard_button *original = markup->inline_keyboard[0][0];
    struct aisha_inline_keyboard_button *button = arena_alloc(arena, sizeof *button);
    const struct aisha_inline_keyboard_button **row = arena_alloc(arena, 2 * sizeof *row);
    const struct aisha_inline_keyboard_button *const **rows = arena_alloc(arena, 2 * sizeof *rows);
    struct aisha_reply_markup *copy = arena_alloc(arena, sizeof *copy);

    *button = (struct aisha_inline_keyboard_button){
        .size = sizeof *button,
        .text = arena_strdup(arena, original->text),
        .callback_data = arena_strdup(arena, original->callback_data)};
    row[0] = button;
    rows[0] = row;
    *copy = (struct aisha_reply_markup){.size = sizeof *copy, .inline_keyboard = rows};
    return copy;
}

static struct progress *progress_new(struct aisha_ctx *ctx)
{
    struct progress *progress = calloc(1, sizeof *progress);

    if (!progress)
        abort();
    progress->bot = ctx->bot;
    progress->business_connection_id = arena_strdup(&progress->arena, ctx->business_connection_id);
    progress->inline_message_id = arena_strdup(&progress->arena, ctx_inline_message_id(ctx));
    return progress;
}

static void remember(struct progress *progress, const char *html)
{
    free(progress->last);
    progress->last = strdup(html);
    if (!progress->last)
        abort();
}

static struct unfinished unfinished_of(const struct aisha_ctx *ctx, const struct progress *progress)
{
    return (struct unfinished){.bot_id = ctx->bot->id,
                               .chat_id = progress->chat_id,
                               .message_id = progress->message_id,
                               .locale = ctx->locale};
}

/* Work goes on without: all that is lost is the correction after a crash. */
static AISHA_ASYNC void store(struct aisha_ctx *ctx, struct progress *progress)
{
    const struct unfinished message = unfinished_of(ctx, progress);

    if (ctx->job || progress->business_connection_id || progress->inline_message_id)
        return; /* a job goes on after a crash; the others are no messages of our own */
    progress->is_stored = unfinished_add(ctx->bot->db, &ctx->arena, &message) == 0;
}

void progress_replaced(struct aisha_ctx *ctx)
{
    if (!ctx->progress || !ctx->progress->is_stored)
        return;
    const struct unfinished message = unfinished_of(ctx, ctx->progress);
    ctx->progress->is_stored = false;
    aisha_ignore(unfinished_remove(ctx->bot->db, &ctx->arena, &message));
}

static AISHA_ASYNC int begin(struct aisha_ctx *ctx, const char *html)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const struct aisha_reply_markup *markup;

    if (!ctx->job || ctx->job->row->is_cancellable)
        aisha_button(keyboard, .key = "cancel", .cancels = true);
    int r = aisha_keyboard_markup(ctx, keyboard, &markup);
    if (r == 0)
        r = aisha_screen(ctx, .html = html, .keyboard = keyboard, .is_quoting = true);
    if (r < 0)
        return r;
    if (!ctx->progress)
        ctx->progress = progress_new(ctx);
    struct progress *progress = ctx->progress;
    if (!progress->markup && markup)
        progress->markup = copy_button(&progress->arena, markup);
    progress->chat_id = ctx->chat_id;
    progress->message_id = ctx->screen_id;
    progress->edited_at_ms = loop_now_ms(ctx->bot->loop);
    progress->is_current = progress->is_shown = true;
    remember(progress, html);
    store(ctx, progress);
    return aisha_is_cancelled(ctx) ? -AISHA_E_CANCELED : 0;
}

int aisha_progress_(struct aisha_ctx *ctx, const struct aisha_progress *given)
{
    struct progress *progress = ctx->progress;
    struct aisha_progress own;

    sized_copy(&own, sizeof own, given);
    if (aisha_is_cancelled(ctx))
        return -AISHA_E_CANCELED;
    if (!!own.text + !!own.html + !!own.key != 1)
        return aisha_fail(ctx, -AISHA_E_INVALID, "progress needs one of .text, .html, .key");
    const char *html = html_of(ctx, &own);
    if (!progress || !progress->is_current)
        return begin(ctx, html);
    if (strcmp(progress->last, html) == 0)
        return 0;
    remember(progress, html);
    progress->is_shown = false;
    if (progress->is_running)
        return 0;
    progress->is_running = task_start(ctx->bot->loop, "progress", run, progress, NULL) == 0;
    return 0; /* without the task the last state is shown at the end */
}

void progress_drop(struct aisha_ctx *ctx)
{
    struct progress *progress = ctx->progress;

    if (!progress)
        return;
    progress->is_current = false;
    progress->is_shown = true;
    if (progress->pause)
        wait_wake(progress->pause, 0);
}

void progress_forget(struct aisha_ctx *ctx)
{
    struct progress *progress = ctx->progress;

    progress_drop(ctx);
    ctx->progress = NULL;
    if (!progress)
        return;
    progress->is_left = true;
    if (!progress->is_running)
        progress_free(progress);
}

void progress_finish(struct aisha_ctx *ctx)
{
    if (ctx->progress && ctx->progress->is_current)
        aisha_ignore(aisha_screen(ctx, .html = arena_strdup(&ctx->arena, ctx->progress->last)));
}

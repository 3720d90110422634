/*
 * A handler that was cancelled cannot wait for anything any more, so what has to be said and stored
 * after it is done by a second task.
 */
#include "host/bot/unit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <event2/event.h>

#include <aisha/ctx.h>
#include <aisha/error.h>

#include "host/bot/album.h"
#include "host/bot/black_box.h"
#include "host/bot/bot.h"
#include "host/bot/chat_action.h"
#include "host/bot/ctx.h"
#include "host/bot/dead_letters.h"
#include "host/bot/ending.h"
#include "host/bot/incoming.h"
#include "host/bot/late_answer.h"
#include "host/bot/memory.h"
#include "host/bot/outage.h"
#include "host/bot/progress.h"
#include "host/bot/router.h"
#include "host/bot/running.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/core/wait.h"
#include "host/store/db.h"
#include "host/telegram/codec.h"

enum {
    HANDLER_DEADLINE_MS = 10 * 60 * 1000,
    ENDING_DEADLINE_MS = 60 * 1000,
    LEFT_TO_REFUSE_MS = 2000, /* of the life of a question that its handler has not answered */
};

static struct aisha_ctx *ctx_of(struct lane_entry *entry)
{
    return (struct aisha_ctx *)((char *)entry - offsetof(struct aisha_ctx, lane));
}

static void ctx_free(struct aisha_ctx *ctx)
{
    running_remove(ctx);
    arena_clear(&ctx->arena);
    album_free(ctx->album);
    if (ctx->answer_timer)
        event_free(ctx->answer_timer);
    free(ctx);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static int64_t id_of(const cJSON *object)
{
    return codec_integer(member(object, "id"));
}

static size_t items_of(const struct aisha_ctx *ctx, const struct inbox_item **ret_items)
{
    *ret_items = ctx->album ? ctx->album->items : &ctx->item;
    return ctx->album ? ctx->album->count : 1;
}

/* ---- cancelling what runs ---- */

static bool is_cancel_command(const struct bot *bot, const cJSON *message)
{
    const char *text = cJSON_GetStringValue(member(message, "text"));

    if (!text || strncasecmp(text, "/cancel", 7) != 0)
        return false;
    text += 7;
    if (*text != '@')
        return *text == '\0' || *text == ' ' || *text == '\n';
    size_t length = strcspn(text + 1, " \n");
    return length == strlen(bot->username) && strncasecmp(text + 1, bot->username, length) == 0;
}

/* Of a handler; what a job shows is cancelled in the lane, and nothing else is meant by it. */
static bool is_cancel_button(const struct bot *bot, const cJSON *query)
{
    const char *data = cJSON_GetStringValue(member(query, "data"));
    const struct button_place place = {.bot_id = bot->id,
                                       .chat_id = id_of(member(member(query, "message"), "chat")),
                                       .telegram_id = id_of(member(query, "from"))};
    struct button button;

    return data && button_decode(&bot->button_key, &place, data, &button) == 0 &&
           button.route == ctx_cancel_route() && !(button.flags & BUTTON_OF_JOB);
}

/* Ends the handler that runs in the same lane for the same person, if this update asks for it. */
static bool cancel_running(const struct bot *bot, const struct aisha_ctx *ctx)
{
    const cJSON *message = member(ctx->item.update, "message");
    const cJSON *query = member(ctx->item.update, "callback_query");

    if (!is_cancel_command(bot, message) && !is_cancel_button(bot, query))
        return false;
    struct lane_entry *entry = lanes_running(bot->lanes, &ctx->lane.key);
    struct aisha_ctx *running = entry ? ctx_of(entry) : NULL;
    /* From the JSON: it may have been started in this moment, and have read nothing yet. */
    if (!running || !running->task ||
        update_person(running->item.update) != update_person(ctx->item.update))
        return false;
    running->cancel = CTX_CANCELLED_BY_USER;
    task_cancel(running->task);
    return true;
}

/* ---- running ---- */

static AISHA_ASYNC int meet(struct aisha_ctx *ctx)
{
    if (!ctx->from || ctx->from->is_bot == 1 || ctx->from->id == 0)
        return 0;
    const struct user_profile profile = {.telegram_id = ctx->from->id,
                                         .first_name = ctx->from->first_name,
                                         .last_name = ctx->from->last_name,
                                         .username = ctx->from->username,
                                         .language_code = ctx->from->language_code};
    int r = users_meet(ctx->bot->db, ctx->bot->users, &ctx->arena, &profile, &ctx->user);
    if (r == 0 && ctx->user.locale)
        ctx->locale = ctx->user.locale;
    return r;
}

/* Whether nobody would take an answer any more. */
static bool is_expired(struct aisha_ctx *ctx)
{
    int64_t age_s = (int64_t)time(NULL) - ctx->item.received_at;

    if (ctx->kind->life_s == 0 || age_s <= ctx->kind->life_s)
        return false;
    uint64_t before = ctx->bot->updates[ctx->kind - update_kinds].ended[UNIT_EXPIRED];
    log_info("bot", "update=%lld kind=%s waited for %lld s and was dropped, count=%llu",
             (long long)ctx->item.update_id, ctx->kind->name, (long long)age_s,
             (unsigned long long)before + 1);
    ctx->is_answered = ctx->is_expired = true;
    return true;
}

/* An update in which the process has ended too often is not run again. Who sent it is told so; if
 * even that was too much, nobody is. */
static AISHA_ASYNC int check_deaths(struct aisha_ctx *ctx, bool is_read)
{
    int deaths = black_box_deaths(ctx->bot, ctx->item.update_id);

    if (deaths < BLACK_BOX_MAX_DEATHS + !is_read)
        return 0;
    int r = aisha_fail(ctx, -AISHA_E_LIMIT,
                       "the process has ended %d times within it; it is not run again", deaths);
    const struct inbox_item *items;
    size_t count = items_of(ctx, &items);
    int stored = dead_letters_put(ctx, items, count);
    ctx->has_store_failed = stored == -AISHA_E_UNAVAILABLE;
    return stored < 0 ? stored : r;
}

static AISHA_ASYNC int attempt(struct aisha_ctx *ctx)
{
    int r = check_deaths(ctx, false);
    if (r == 0)
        r = ctx_read(ctx);
    if (r < 0 || !ctx->kind)
        return r; /* a kind of update that came after this version */
    if (is_expired(ctx))
        return 0;
    r = meet(ctx);
    if (r == 0)
        r = memory_note_update(ctx);
    if (r == -AISHA_E_UNAVAILABLE)
        ctx->has_store_failed = true;
    if (r == 0)
        r = check_deaths(ctx, true);
    if (r < 0)
        return r;
    r = router_run(ctx);
    if (r < 0 || ctx->must_split)
        return r;
    if (ctx->tx) {
        db_rollback(ctx->tx);
        ctx->tx = NULL;
        return aisha_fail(ctx, -AISHA_E_INVALID,
                          "it returned within a transaction, without aisha_db_commit()");
    }
    if (r > 0)
        log_warn(ctx->plugin ? ctx->plugin->name : "bot",
                 "update=%lld handler=\"%s\" returned %d, which means nothing here; taken as 0",
                 (long long)ctx->item.update_id, ctx->handler ? ctx->handler : "", r);
    return ctx_commit(ctx);
}

/* Of a question nobody can use the answer later; and some time is left to say that there is none. */
static int64_t deadline_ms(const struct aisha_ctx *ctx)
{
    const struct update_kind *kind = update_kind_of(ctx->item.update, NULL);

    if (!kind || !kind->is_question)
        return HANDLER_DEADLINE_MS;
    int64_t age_ms = ((int64_t)time(NULL) - ctx->item.received_at) * 1000;
    int64_t left_ms = kind->life_s * 1000 - LEFT_TO_REFUSE_MS - age_ms;
    return left_ms > 1 ? left_ms : 1;
}

/* An outage is not the handler's fault. Of a question nobody can use the answer later. */
static void stop_deadline(struct aisha_ctx *ctx)
{
    if (!ctx->kind || !ctx->kind->is_question)
        task_set_deadline(ctx->task, 0);
}

int unit_wait_stored(struct aisha_ctx *ctx)
{
    const struct inbox_item *items;
    size_t count = items_of(ctx, &items);
    bool has_deadline = ctx->task && ctx->task == task_current(ctx->bot->loop);
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        if (inbox_is_stored(&items[i]))
            continue;
        if (has_deadline)
            stop_deadline(ctx);
        r = inbox_wait_stored(&items[i]);
        if (has_deadline)
            task_set_deadline(ctx->task, deadline_ms(ctx));
    }
    return r;
}

static AISHA_ASYNC int run_until_store_works(struct aisha_ctx *ctx)
{
    for (;;) {
        int r = attempt(ctx);
        if (ctx->tx) {
            db_rollback(ctx->tx);
            ctx->tx = NULL;
        }
        bool may_repeat = r == -AISHA_E_UNAVAILABLE && ctx->has_store_failed && !ctx->is_committed;
        if (!may_repeat || task_is_cancelled(ctx->task))
            return r;
        log_warn("bot", "update=%lld handler=\"%s\" waits for a store that is down",
                 (long long)ctx->item.update_id, ctx->handler ? ctx->handler : "");
        stop_deadline(ctx);
        if (outage_wait(ctx) < 0)
            return -AISHA_E_CANCELED;
        task_set_deadline(ctx->task, deadline_ms(ctx));
        ctx->tries++;
        struct task *task = ctx->task;
        ctx_reset(ctx);
        ctx->task = task;
    }
}

/* ---- the items in the inbox ---- */

static struct update_counts *counts_of(struct bot *bot, const cJSON *update)
{
    const struct update_kind *kind = update_kind_of(update, NULL);

    return &bot->updates[kind ? (size_t)(kind - update_kinds) : update_kind_count];
}

static enum unit_outcome outcome_of(const struct aisha_ctx *ctx, int r)
{
    if (r >= 0)
        return ctx->is_expired ? UNIT_EXPIRED : UNIT_OK;
    if (ctx->cancel != CTX_NOT_CANCELLED)
        return ctx->cancel == CTX_CANCELLED_BY_USER ? UNIT_CANCELLED : UNIT_TIMEOUT;
    return ending_is_block(ctx, r) ? UNIT_BLOCKED : UNIT_FAILED;
}

static void done(struct aisha_ctx *ctx, int r)
{
    const struct inbox_item *items;
    size_t count = items_of(ctx, &items);

    counts_of(ctx->bot, ctx->item.update)->ended[outcome_of(ctx, r)] += count;
    for (size_t i = 0; i < count; i++)
        inbox_done(ctx->bot->inbox, &items[i], ctx->is_committed);
}

static void give_up(struct aisha_ctx *ctx)
{
    const struct inbox_item *items;
    size_t count = items_of(ctx, &items);

    for (size_t i = 0; i < count; i++)
        inbox_give_up(ctx->bot->inbox, &items[i]);
}

static void add_unit(struct bot *bot, const struct inbox_item *item, struct album *album);

/* Whoever this album is for takes single messages: they come next in the lane. */
static void split(struct aisha_ctx *ctx)
{
    for (size_t i = 0; i < ctx->album->count; i++)
        add_unit(ctx->bot, &ctx->album->items[i], NULL);
}

static AISHA_ASYNC void finish(struct aisha_ctx *ctx, int r)
{
    struct bot *bot = ctx->bot;

    chat_action_end(ctx);
    if (r >= 0)
        progress_finish(ctx);
    ending_explain(ctx, r);
    ending_answer_quietly(ctx);
    incoming_release(bot, ctx->item.update_id);
    progress_forget(ctx);
    ctx->task = NULL;
    running_remove(ctx);
    if (ctx->must_split && r == 0 && !ctx->is_committed)
        split(ctx);
    else if (loop_is_stopping(bot->loop) && !ctx->is_committed && r < 0)
        give_up(ctx);
    else
        done(ctx, r);
    lanes_done(bot->lanes, &ctx->lane);
    ctx_free(ctx);
    bot_unit_ended(bot);
}

static AISHA_ASYNC void finish_cancelled(void *arg)
{
    struct aisha_ctx *ctx = arg;

    task_set_deadline(task_current(ctx->bot->loop), ENDING_DEADLINE_MS);
    finish(ctx, -AISHA_E_CANCELED);
}

/* It stays in the inbox for the next start. */
static void leave(struct aisha_ctx *ctx)
{
    struct bot *bot = ctx->bot;

    give_up(ctx);
    lanes_done(bot->lanes, &ctx->lane);
    ctx_free(ctx);
    bot_unit_ended(bot);
}

static AISHA_ASYNC void unit_run(void *arg)
{
    struct aisha_ctx *ctx = arg;

    task_set_subject(ctx->task, ctx->item.update_id);
    int r = ctx->album ? album_wait(ctx->album) : 0;
    if (r < 0 && ctx->cancel == CTX_NOT_CANCELLED) {
        leave(ctx);
        return;
    }
    if (r == 0) {
        task_set_deadline(ctx->task, deadline_ms(ctx));
        running_add(ctx);
        r = run_until_store_works(ctx);
    }
    bool is_cancelled = task_is_cancelled(ctx->task);
    if (is_cancelled && r < 0) {
        if (ctx->cancel == CTX_NOT_CANCELLED)
            ctx->cancel = CTX_CANCELLED_BY_DEADLINE;
        ctx->task = NULL;
        if (!loop_is_stopping(ctx->bot->loop) &&
            task_start(ctx->bot->loop, "cancelled", finish_cancelled, ctx, NULL) == 0)
            return;
        ctx->chat_id = 0; /* nothing can be said any more */
    }
    finish(ctx, r);
}

void unit_start(struct lane_entry *entry, void *user)
{
    struct aisha_ctx *ctx = ctx_of(entry);
    struct bot *bot = user;

    if (task_start(bot->loop, "update", unit_run, ctx, &ctx->task) == 0)
        return;
    log_error("bot", "update=%lld no memory to handle it; it stays for the next start",
              (long long)ctx->item.update_id);
    leave(ctx);
}

static void add_unit(struct bot *bot, const struct inbox_item *item, struct album *album)
{
    struct aisha_ctx *ctx = calloc(1, sizeof *ctx);

    if (!ctx)
        abort();
    ctx->bot = bot;
    ctx->item = *item;
    ctx->album = album;
    ctx->lane.key = update_lane(item->update, item->update_id);
    ctx->lane.order = item->update_id;
    ctx->has_cancelled = cancel_running(bot, ctx);
    late_answer_arm(ctx);
    lanes_add(bot->lanes, &ctx->lane);
}

void unit_deliver(const struct inbox_item *item, void *user)
{
    struct bot *bot = user;

    counts_of(bot, item->update)->received++;
    if (!bot->albums || !album_has(item))
        add_unit(bot, item, NULL);
    else if (!albums_add(bot->albums, item))
        add_unit(bot, item, albums_open(bot->albums, item));
}

void units_give_up_waiting(struct bot *bot)
{
    struct lane_entry *entry;

    while ((entry = lanes_take_waiting(bot->lanes))) {
        struct aisha_ctx *ctx = ctx_of(entry);
        give_up(ctx);
        ctx_free(ctx);
    }
    if (bot->albums)
        albums_stop(bot->albums);
}

/*
 * Reading an update into the few facts that everybody asks for.
 */
#include "host/bot/ctx.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>
#include <aisha/i18n.h>
#include <aisha/log.h>

#include "host/bot/bot.h"
#include "host/bot/chat_action.h"
#include "host/bot/i18n.h"
#include "host/bot/job.h"
#include "host/bot/job_runner.h"
#include "host/bot/loader.h"
#include "host/bot/outage.h"
#include "host/bot/progress.h"
#include "host/bot/unit.h"
#include "host/store/db.h"
#include "host/store/dialog_copies.h"

/* Reads the items of an album, in the order in which they were sent; one that makes no sense is left
 * out. */
static int read_album(struct aisha_ctx *ctx, struct update_view *ret_first)
{
    const struct aisha_message **messages =
        arena_alloc(&ctx->arena, (ALBUM_MAX + 1) * sizeof *messages);
    size_t count = 0;
    int r = -AISHA_E_INVALID;

    for (size_t i = 0; i < ctx->album->count; i++) {
        struct update_view view;
        r = update_read(&ctx->arena, ctx->album->items[i].update, &view);
        if (r < 0 || !view.message)
            continue;
        size_t at = count++;
        for (; at > 0 && messages[at - 1]->message_id > view.message->message_id; at--)
            messages[at] = messages[at - 1];
        messages[at] = view.message;
        if (at == 0)
            *ret_first = view;
    }
    ctx->messages = messages;
    ctx->message_count = count;
    return count > 0 ? 0 : r;
}

static int read_one(struct aisha_ctx *ctx, struct update_view *ret)
{
    const struct aisha_message **messages = arena_alloc(&ctx->arena, 2 * sizeof *messages);

    int r = update_read(&ctx->arena, ctx->item.update, ret);
    if (r < 0)
        return r;
    messages[0] = ret->message;
    ctx->messages = messages;
    ctx->message_count = ret->message != NULL;
    return 0;
}

int ctx_read(struct aisha_ctx *ctx)
{
    struct update_view view;

    int r = ctx->album ? read_album(ctx, &view) : read_one(ctx, &view);
    if (r < 0)
        return r;
    ctx->update = view.update;
    ctx->kind = view.kind;
    ctx->message = view.message;
    ctx->from = view.from;
    ctx->quote_id = ctx->update->message ? ctx->update->message->message_id : 0;
    ctx->chat_id = view.chat_id;
    ctx->thread_id = view.thread_id;
    ctx->direct_topic_id = view.direct_topic_id;
    ctx->business_connection_id = view.business_connection_id;
    ctx->is_private = view.is_private;
    ctx->locale = i18n_locale_for(ctx->from ? ctx->from->language_code : NULL);
    return 0;
}

const char *ctx_inline_message_id(const struct aisha_ctx *ctx)
{
    const struct aisha_callback_query *query = ctx->update ? ctx->update->callback_query : NULL;

    return query && !ctx->chat_id ? query->inline_message_id : NULL;
}

void ctx_reset(struct aisha_ctx *ctx)
{
    struct aisha_ctx fresh = {
        .bot = ctx->bot,
        .lane = ctx->lane,
        .item = ctx->item,
        .album = ctx->album,
        .running_link = ctx->running_link,
        .running_since_ms = ctx->running_since_ms,
        .is_told_slow = ctx->is_told_slow,
        .cancel = ctx->cancel,
        .has_cancelled = ctx->has_cancelled,
        .answer_timer = ctx->answer_timer,
        .is_answered = ctx->is_answered,
        .is_answered_late = ctx->is_answered_late,
        .tries = ctx->tries,
        .screen_id = ctx->screen_id, /* shown again in the next attempt */
        .is_screen_media = ctx->is_screen_media,
    };

    progress_forget(ctx);
    chat_action_end(ctx);
    arena_clear(&ctx->arena);
    *ctx = fresh;
}

struct dialog_key ctx_dialog_key(const struct aisha_ctx *ctx)
{
    return (struct dialog_key){.chat_id = ctx->chat_id,
                               .telegram_id = ctx->from ? ctx->from->id : 0,
                               .thread_id = ctx->thread_id};
}

struct button_place ctx_button_place(const struct aisha_ctx *ctx)
{
    return (struct button_place){.bot_id = ctx->bot->id,
                                 .chat_id = ctx->chat_id,
                                 .telegram_id = ctx->notified_id ? ctx->notified_id
                                                : ctx->from      ? ctx->from->id
                                                                 : 0};
}

uint32_t ctx_cancel_route(void)
{
    return button_route("", "cancel", 0);
}

static bool is_admin(const struct aisha_ctx *ctx)
{
    const struct config *config = ctx->bot->config;

    for (size_t i = 0; ctx->from && i < config->admin.id_count; i++)
        if (config->admin.ids[i] == ctx->from->id)
            return true;
    return false;
}

bool ctx_is_in_scope(const struct aisha_ctx *ctx, enum aisha_scope scope)
{
    switch (scope) {
    case AISHA_SCOPE_EVERYWHERE:
        return true;
    case AISHA_SCOPE_PRIVATE:
        return ctx->is_private;
    case AISHA_SCOPE_GROUPS:
        return ctx->chat_id != 0 && !ctx->is_private;
    case AISHA_SCOPE_ADMINS:
        return ctx->is_private && is_admin(ctx);
    }
    return false;
}

/* ---- texts ---- */

/* NULL when it is in no catalogue. */
static const char *find_text(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                             const char *locale, const char *key, const struct aisha_arg *args,
                             enum i18n_form form)
{
    char *text = NULL;

    if (plugin)
        text = i18n_format(arena, plugin->texts, locale, key, args, form);
    return text ? text : i18n_format(arena, bot->texts, locale, key, args, form);
}

static const char *format(struct aisha_ctx *ctx, const struct plugin *plugin, const char *key,
                          const struct aisha_arg *args, enum i18n_form form)
{
    const char *text = find_text(ctx->bot, &ctx->arena, plugin, ctx->locale, key, args, form);

    if (text)
        return text;
    aisha_log(ctx, AISHA_LOG_ERROR, "handler=\"%s\" the text \"%s\" is in no catalogue: %s",
              ctx->handler ? ctx->handler : "", key, loader_no_text(&ctx->arena, plugin));
    return key;
}

const char *ctx_html(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args)
{
    return format(ctx, ctx->plugin, key, args, I18N_HTML);
}

const char *ctx_plain(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args)
{
    return format(ctx, ctx->plugin, key, args, I18N_PLAIN);
}

const char *ctx_plain_of(struct aisha_ctx *ctx, const struct plugin *plugin, const char *key)
{
    return format(ctx, plugin, key, NULL, I18N_PLAIN);
}

const char *bot_table_text(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                           const char *locale, const char *text)
{
    if (*text != '@')
        return text;
    const char *found = find_text(bot, arena, plugin, locale, text + 1, NULL, I18N_PLAIN);
    return found ? found : text + 1; /* plugin_check() has seen to it that it is there */
}

/* ---- commit ---- */

/* A change of the dialogue that has been given out to be sent. It lives in the unit's arena, whose end
 * is the latest end of the change. */
struct ctx_sent_change {
    struct dialog_copies *copies;
    struct dialog_key key;
    unsigned times; /* more than once: nobody knows what became of the first */
    bool is_over;
};

static void end_change(struct ctx_sent_change *change, bool has_taken_effect,
                       const struct dialog *now)
{
    if (!change->is_over)
        dialog_copies_change_ends(change->copies, &change->key,
                                  has_taken_effect && change->times == 1, now);
    change->is_over = true;
}

static void abandon_change(void *change)
{
    end_change(change, false, NULL);
}

static void begin_change(struct aisha_ctx *ctx, const struct dialog_key *key)
{
    if (!ctx->sent_change) {
        ctx->sent_change = arena_alloc(&ctx->arena, sizeof *ctx->sent_change);
        *ctx->sent_change = (struct ctx_sent_change){.copies = ctx->bot->dialogs, .key = *key};
        dialog_copies_change_begins(ctx->bot->dialogs, key);
        arena_defer(&ctx->arena, abandon_change, ctx->sent_change);
    }
    ctx->sent_change->times++;
}

enum { MAX_BEFORE = ALBUM_MAX + 1 + CTX_MAX_RIDERS };

static size_t statements_before(struct aisha_ctx *ctx, struct aisha_statement ret[MAX_BEFORE])
{
    const struct dialog_key key = ctx_dialog_key(ctx);
    const struct inbox_item *items = ctx->album ? ctx->album->items : &ctx->item;
    size_t item_count = ctx->album ? ctx->album->count : 1, count = 0;

    if (ctx->job)
        ret[count++] = job_unit_guard(ctx->job);
    for (size_t i = 0; !ctx->is_committed && i < item_count; i++)
        ret[count++] = inbox_done_statement(ctx->bot->inbox, &ctx->arena, &items[i]);
    if (ctx->dialog_change != CTX_DIALOG_KEEP) {
        begin_change(ctx, &key);
        ret[count++] = dialog_statement(
            &ctx->arena, &key, ctx->dialog_change == CTX_DIALOG_SET ? &ctx->next_dialog : NULL);
    }
    for (size_t i = 0; i < ctx->rider_count; i++)
        ret[count++] = ctx->riders[i];
    return count;
}

struct ctx_write ctx_write(struct aisha_ctx *ctx, const struct aisha_statement *statements,
                           size_t count)
{
    const struct aisha_statement *behind = NULL;
    size_t behind_count = 0;

    if (ctx->job)
        behind = job_unit_ending(ctx->job, &behind_count);
    struct ctx_write all = {
        .statements =
            arena_alloc(&ctx->arena, (MAX_BEFORE + count + behind_count) * sizeof *all.statements)};
    all.before = statements_before(ctx, all.statements);
    all.count = all.before + count + behind_count;
    if (count)
        memcpy(all.statements + all.before, statements, count * sizeof *statements);
    if (behind_count)
        memcpy(all.statements + all.before + count, behind, behind_count * sizeof *behind);
    return all;
}

void ctx_own_statements_took_effect(struct aisha_ctx *ctx)
{
    ctx->is_committed = true;
    if (ctx->sent_change)
        end_change(ctx->sent_change, ctx->dialog_change != CTX_DIALOG_KEEP,
                   ctx->dialog_change == CTX_DIALOG_SET ? &ctx->next_dialog : NULL);
    ctx->sent_change = NULL;
    ctx->dialog_change = CTX_DIALOG_KEEP;
    ctx->rider_count = 0;
    if (ctx->job)
        job_unit_statements_took_effect(ctx->job);
    if (ctx->has_job_news)
        job_runner_notice(ctx->bot);
    ctx->has_job_news = false;
}

int ctx_commit(struct aisha_ctx *ctx)
{
    if (ctx->dialog_change == CTX_DIALOG_KEEP && ctx->rider_count == 0)
        return 0;
    int r = unit_wait_stored(ctx);
    if (r < 0)
        return r;
    struct ctx_write all = ctx_write(ctx, NULL, 0);
    r = db_batch(ctx->bot->db, &ctx->arena, all.statements, all.count, NULL);
    if (r == -AISHA_E_UNAVAILABLE && !ctx->is_committed) {
        ctx->has_store_failed = true;
        int settled = outage_settle(ctx);
        r = settled == OUTAGE_WITHOUT_EFFECT ? r : settled;
    }
    if (r == 0)
        ctx_own_statements_took_effect(ctx);
    return r;
}

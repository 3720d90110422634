/*
 * Reading an update into the few facts that everybody asks for.
 */
#include "host/bot/ctx.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>
#include <aisha/i18n.h>

#include "host/bot/bot.h"
#include "host/bot/chat_action.h"
#include "host/bot/i18n.h"
#include "host/bot/progress.h"
#include "host/core/log.h"
#include "host/store/db.h"
#include "host/telegram/api.h"
#include "host/telegram/codec.h"

static const struct aisha_message *message_of(const struct aisha_update *update)
{
    const struct aisha_message *const messages[] = {
        update->message,
        update->edited_message,
        update->channel_post,
        update->edited_channel_post,
        update->business_message,
        update->edited_business_message,
        update->callback_query ? update->callback_query->message : NULL,
    };

    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (messages[i])
            return messages[i];
    return NULL;
}

/* Every kind of update that names a person calls the field "from", "user" or "voter". */
static const struct aisha_user *from_of(const struct aisha_update *update,
                                        const struct aisha_message *message)
{
    if (update->callback_query)
        return update->callback_query->from;
    if (update->inline_query)
        return update->inline_query->from;
    if (update->chosen_inline_result)
        return update->chosen_inline_result->from;
    if (update->shipping_query)
        return update->shipping_query->from;
    if (update->pre_checkout_query)
        return update->pre_checkout_query->from;
    if (update->my_chat_member)
        return update->my_chat_member->from;
    if (update->chat_member)
        return update->chat_member->from;
    if (update->chat_join_request)
        return update->chat_join_request->from;
    if (update->message_reaction)
        return update->message_reaction->user;
    if (update->poll_answer)
        return update->poll_answer->user;
    return message ? message->from : NULL;
}

static const struct aisha_chat *chat_of(const struct aisha_update *update,
                                        const struct aisha_message *message)
{
    if (message)
        return message->chat;
    if (update->my_chat_member)
        return update->my_chat_member->chat;
    if (update->chat_member)
        return update->chat_member->chat;
    if (update->chat_join_request)
        return update->chat_join_request->chat;
    if (update->message_reaction)
        return update->message_reaction->chat;
    return NULL;
}

int ctx_read(struct aisha_ctx *ctx)
{
    const void *update;

    int r = codec_read(&ctx->arena, api_update_type, ctx->item.update, &update);
    if (r < 0)
        return r;
    ctx->update = update;
    ctx->kind = codec_update_kind(ctx->update);
    if (!ctx->kind)
        return 0;
    ctx->message = message_of(ctx->update);
    ctx->from = from_of(ctx->update, ctx->message);
    const struct aisha_chat *chat = chat_of(ctx->update, ctx->message);
    if (chat) {
        ctx->chat_id = chat->id;
        ctx->is_private = strcmp(chat->type, "private") == 0;
    }
    /* Replies in ordinary groups carry a thread id too, which must not be sent back. */
    if (ctx->message && ctx->message->is_topic_message == 1)
        ctx->thread_id = ctx->message->message_thread_id;
    ctx->locale = i18n_locale_for(ctx->from ? ctx->from->language_code : NULL);
    return 0;
}

void ctx_reset(struct aisha_ctx *ctx)
{
    struct aisha_ctx fresh = {
        .bot = ctx->bot,
        .lane = ctx->lane,
        .item = ctx->item,
        .cancel = ctx->cancel,
        .has_cancelled = ctx->has_cancelled,
        .answer_timer = ctx->answer_timer,
        .is_answered = ctx->is_answered,
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
                                 .telegram_id = ctx->from ? ctx->from->id : 0};
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

bool ctx_has_command(const struct aisha_ctx *ctx, const struct aisha_command *command)
{
    switch (command->scope) {
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

static const char *format(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                          const char *locale, const char *key, const struct aisha_arg *args,
                          enum i18n_form form)
{
    char *text = NULL;

    if (plugin)
        text = i18n_format(arena, plugin->texts, locale, key, args, form);
    if (!text)
        text = i18n_format(arena, bot->texts, locale, key, args, form);
    if (text)
        return text;
    log_error(plugin ? plugin->name : "bot", "the text \"%s\" is in no catalogue", key);
    return key;
}

const char *ctx_html(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args)
{
    return format(ctx->bot, &ctx->arena, ctx->plugin, ctx->locale, key, args, I18N_HTML);
}

const char *ctx_plain(struct aisha_ctx *ctx, const char *key, const struct aisha_arg *args)
{
    return format(ctx->bot, &ctx->arena, ctx->plugin, ctx->locale, key, args, I18N_PLAIN);
}

const char *bot_table_text(struct bot *bot, struct arena *arena, const struct plugin *plugin,
                           const char *locale, const char *text)
{
    return *text == '@' ? format(bot, arena, plugin, locale, text + 1, NULL, I18N_PLAIN) : text;
}

/* ---- commit ---- */

size_t ctx_own_statements(struct aisha_ctx *ctx, struct aisha_statement ret[CTX_MAX_OWN_STATEMENTS])
{
    const struct dialog_key key = ctx_dialog_key(ctx);
    size_t count = 0;

    if (!ctx->is_committed)
        ret[count++] = inbox_done_statement(ctx->bot->inbox, &ctx->arena, &ctx->item);
    if (ctx->dialog_change != CTX_DIALOG_KEEP)
        ret[count++] = dialog_statement(
            &ctx->arena, &key, ctx->dialog_change == CTX_DIALOG_SET ? &ctx->next_dialog : NULL);
    for (size_t i = 0; i < ctx->rider_count; i++)
        ret[count++] = ctx->riders[i];
    return count;
}

void ctx_own_statements_took_effect(struct aisha_ctx *ctx)
{
    ctx->is_committed = true;
    ctx->dialog_change = CTX_DIALOG_KEEP;
    ctx->rider_count = 0;
}

int ctx_commit(struct aisha_ctx *ctx)
{
    struct aisha_statement statements[CTX_MAX_OWN_STATEMENTS];

    if (ctx->dialog_change == CTX_DIALOG_KEEP && ctx->rider_count == 0)
        return 0;
    size_t count = ctx_own_statements(ctx, statements);
    int r = db_batch(ctx->bot->db, &ctx->arena, statements, count, NULL);
    if (r < 0)
        return r;
    ctx_own_statements_took_effect(ctx);
    return 0;
}

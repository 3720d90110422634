/*
 * The order is the one a person expects: what they typed as a command always works, whatever was
 * asked before.
 */
#include "host/bot/router.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <aisha/error.h>
#include <aisha/i18n.h>
#include <aisha/mem.h>
#include <aisha/reply.h>

#include "host/bot/bot.h"
#include "host/bot/confirm.h"
#include "host/bot/ctx.h"
#include "host/bot/handler.h"
#include "host/bot/job_runner.h"
#include "host/bot/registry.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/core/loop.h"
#include "host/store/dialog_copies.h"
#include "host/telegram/api.h"

static AISHA_ASYNC int run(struct aisha_ctx *ctx, const struct plugin *plugin, const char *what,
                           const char *name, aisha_handler *handler)
{
    ctx->plugin = plugin;
    ctx->handler = aisha_concat(ctx, what, name, NULL);
    if (ctx->task)
        task_rename(ctx->task,
                    arena_printf(&ctx->arena, "plugin %s, handler \"%s\", update %lld",
                                 plugin->name, ctx->handler, (long long)ctx->item.update_id));
    return handler_run(ctx, handler);
}

/* What the host says itself, in private; in a group it keeps quiet. */
static int say(struct aisha_ctx *ctx, const char *key)
{
    ctx->plugin = NULL;
    ctx->handler = key;
    return ctx->is_private ? aisha_reply(ctx, .key = key) : 0;
}

/* ---- commands ---- */

struct command_text {
    const char *name;
    const char *args;
    bool is_for_us;
};

/* "/name@bot args"; false when the text is no command. */
static bool parse_command(struct aisha_ctx *ctx, const char *text, struct command_text *ret)
{
    if (!text || text[0] != '/')
        return false;
    size_t length =
        strspn(text + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (length == 0 || length > 32)
        return false;
    char *name = arena_strndup(&ctx->arena, text + 1, length);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    const char *rest = text + 1 + length;
    *ret = (struct command_text){.name = name, .is_for_us = true};
    if (*rest == '@') {
        size_t bot_length = strcspn(rest + 1, " \t\r\n");
        const char *bot = arena_strndup(&ctx->arena, rest + 1, bot_length);
        ret->is_for_us = strcasecmp(bot, ctx->bot->username) == 0;
        rest += 1 + bot_length;
    }
    if (*rest && !isspace((unsigned char)*rest))
        return false;
    rest += strspn(rest, " \t\r\n");
    size_t size = strlen(rest);
    while (size > 0 && isspace((unsigned char)rest[size - 1]))
        size--;
    ret->args = arena_strndup(&ctx->arena, rest, size);
    return true;
}

/* The command that a link "/start NAME-ARGS" or "/start NAME" is for, or NULL. */
static const struct aisha_command *find_linked(struct aisha_ctx *ctx,
                                               const struct command_text *text,
                                               const struct plugin **ret_plugin,
                                               const char **ret_args)
{
    size_t length = strcspn(text->args, "-");
    const char *name = arena_strndup(&ctx->arena, text->args, length);

    if (strcmp(text->name, "start") != 0)
        return NULL;
    const struct aisha_command *command = registry_command(ctx->bot->registry, name, ret_plugin);
    if (!command || !command->is_linked)
        return NULL;
    *ret_args = text->args + length + (text->args[length] == '-');
    return command;
}

static AISHA_ASYNC int run_command(struct aisha_ctx *ctx, const struct command_text *text)
{
    const struct plugin *plugin;

    if (!text->is_for_us)
        return 0;
    ctx->args = text->args;
    const struct aisha_command *command = find_linked(ctx, text, &plugin, &ctx->args);
    if (!command)
        command = registry_command(ctx->bot->registry, text->name, &plugin);
    if (!command || !ctx_is_in_scope(ctx, command->scope)) {
        ctx->args = NULL;
        return say(ctx, "unknown_command");
    }
    return run(ctx, plugin, "/", command->name, command->run);
}

/* ---- buttons ---- */

static AISHA_ASYNC int answer_key(struct aisha_ctx *ctx, const char *key)
{
    ctx->handler = key;
    return aisha_answer_alert(ctx, ctx_plain(ctx, key, NULL));
}

/* ---- messages ---- */

/* Whether a member of the message's struct is set; all kinds but booleans and numbers are pointers. */
static bool has_field(const struct aisha_message *message, const char *name)
{
    const struct api_type *type = api_find_type("message");

    for (size_t i = 0; i < type->field_count; i++) {
        const struct api_field *field = &type->fields[i];
        if (*field->name != *name || strcmp(field->name, name) != 0)
            continue;
        const char *at = (const char *)message + field->offset;
        switch ((enum api_kind)field->value.kind) {
        case API_INTEGER:
        case API_ID:
            return *(const int64_t *)at != 0;
        case API_FLOAT:
            return *(const double *)at != 0;
        case API_BOOLEAN:
            return *(const int8_t *)at == 1;
        default:
            return *(const void *const *)at != NULL;
        }
    }
    return false;
}

/* Whether the message has it, or one of the album. */
static bool arrived(const struct aisha_ctx *ctx, const char *name)
{
    for (size_t i = 0; i < ctx->message_count; i++)
        if (has_field(ctx->messages[i], name))
            return true;
    return false;
}

/* An album for somebody who takes its messages one by one. */
static bool must_split(struct aisha_ctx *ctx, bool takes_albums)
{
    ctx->must_split = ctx->message_count > 1 && !takes_albums;
    return ctx->must_split;
}

/* What people send on purpose, as opposed to "X joined the group". */
static bool is_content(const struct aisha_ctx *ctx)
{
    static const char *const fields[] = {
        "text",     "photo",   "voice",     "audio",      "video",        "video_note",
        "document", "sticker", "contact",   "location",   "dice",         "poll",
        "story",    "game",    "checklist", "paid_media", "rich_message", "live_photo",
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (arrived(ctx, fields[i]))
            return true;
    return false;
}

/* To who sends something else than what was asked for; the question stays. */
static AISHA_ASYNC int say_awaited(struct aisha_ctx *ctx, const struct aisha_state *state)
{
    static const struct {
        const char *field, *key;
    } rows[] = {
        {"text", "awaited_text"},         {"photo", "awaited_photo"},
        {"voice", "awaited_voice"},       {"audio", "awaited_audio"},
        {"video", "awaited_video"},       {"video_note", "awaited_video_note"},
        {"document", "awaited_document"}, {"sticker", "awaited_sticker"},
        {"contact", "awaited_contact"},   {"location", "awaited_location"},
    };

    const char *key = "awaited_other";

    ctx->plugin = NULL;
    ctx->handler = "awaited";
    if (!ctx->is_private)
        return 0;
    for (size_t i = 0; state->field && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].field, state->field) == 0)
            key = rows[i].key;
    const char *what = ctx_plain(ctx, key, NULL);
    return aisha_reply(ctx, .html = aisha_t(ctx, "awaited", AISHA_ARG("what", what)));
}

/* Ends the pending question unless the handler asks again. */
static AISHA_ASYNC int run_answer(struct aisha_ctx *ctx, const struct plugin *plugin,
                                  const char *what, const char *name, aisha_handler *handler)
{
    ctx->dialog_change = CTX_DIALOG_CLEAR;
    int r = run(ctx, plugin, what, name, handler);
    if (r != 0 && ctx->dialog_change == CTX_DIALOG_CLEAR)
        ctx->dialog_change = CTX_DIALOG_KEEP;
    return r;
}

/* The answer to a question; AISHA_PASS when none is pending or it is not for the handler. ret_awaiting:
 * the state whose question this cannot answer, else unchanged. */
static AISHA_ASYNC int run_state(struct aisha_ctx *ctx, const struct aisha_state **ret_awaiting)
{
    const struct dialog_key key = ctx_dialog_key(ctx);
    const struct plugin *plugin;

    int r = dialog_copies_find(ctx->bot->dialogs, &ctx->arena, &key, &ctx->dialog);
    if (r == -AISHA_E_UNAVAILABLE)
        ctx->has_store_failed = true;
    if (r < 0)
        return r == -AISHA_E_NOT_FOUND ? AISHA_PASS : r;
    const struct aisha_state *state =
        registry_state(ctx->bot->registry, ctx->dialog.plugin, ctx->dialog.state, &plugin);
    if (!state || ctx->dialog.data_size != state->data_size) {
        log_warn("router", "a question of \"%s\" leads to \"%s\", which does not exist any more",
                 ctx->dialog.plugin, ctx->dialog.state);
        ctx->dialog_change = CTX_DIALOG_CLEAR;
        return AISHA_PASS;
    }
    if (state->field ? !arrived(ctx, state->field) : !is_content(ctx)) {
        *ret_awaiting = state;
        return AISHA_PASS;
    }
    if (must_split(ctx, state->takes_albums))
        return 0;
    return run_answer(ctx, plugin, "state ", state->name, state->run);
}

static AISHA_ASYNC int run_message_routes(struct aisha_ctx *ctx)
{
    for (size_t i = 0; i < ctx->bot->registry->count; i++) {
        const struct plugin *plugin = &ctx->bot->registry->plugins[i];
        for (size_t j = 0; j < plugin->d.messages.count; j++) {
            const struct aisha_message_route *route = &plugin->d.messages.rows[j];
            if (!arrived(ctx, route->field))
                continue;
            if (must_split(ctx, route->takes_albums))
                return 0;
            int r = run(ctx, plugin, "message ", route->field, route->run);
            if (r != AISHA_PASS)
                return r;
        }
    }
    return AISHA_PASS;
}

static AISHA_ASYNC int run_message(struct aisha_ctx *ctx)
{
    const struct aisha_state *awaiting = NULL;
    struct command_text command;

    if (parse_command(ctx, ctx->message->text, &command))
        return run_command(ctx, &command);
    int r = run_state(ctx, &awaiting);
    if (r == AISHA_PASS)
        r = run_message_routes(ctx);
    if (r == AISHA_PASS && is_content(ctx))
        r = awaiting ? say_awaited(ctx, awaiting) : say(ctx, "not_understood");
    return r == AISHA_PASS ? 0 : r;
}

/* A button that answers a question: only while that question is the pending one. */
static AISHA_ASYNC int run_answer_button(struct aisha_ctx *ctx, const struct plugin *plugin,
                                         const struct aisha_callback *callback)
{
    const struct dialog_key key = ctx_dialog_key(ctx);
    const struct aisha_state *state = plugin_state(plugin, callback->state);

    int r = dialog_copies_find(ctx->bot->dialogs, &ctx->arena, &key, &ctx->dialog);
    if (r < 0 && r != -AISHA_E_NOT_FOUND) {
        ctx->has_store_failed = r == -AISHA_E_UNAVAILABLE;
        return r;
    }
    if (r < 0 || strcmp(ctx->dialog.plugin, plugin->name) != 0 ||
        strcmp(ctx->dialog.state, state->name) != 0 || ctx->dialog.data_size != state->data_size)
        return answer_key(ctx, "outdated_button");
    return run_answer(ctx, plugin, "callback ", callback->name, callback->run);
}

/* Runs the callback of ctx->button. */
static AISHA_ASYNC int run_button(struct aisha_ctx *ctx)
{
    const struct plugin *plugin;
    const struct aisha_callback *callback =
        registry_callback(ctx->bot->registry, ctx->button.route, &plugin);

    if (!callback || ctx->button.payload_size > callback->payload_size)
        return answer_key(ctx, "outdated_button");
    ctx->payload_size = callback->payload_size;
    if (callback->state)
        return run_answer_button(ctx, plugin, callback);
    return run(ctx, plugin, "callback ", callback->name, callback->run);
}

static AISHA_ASYNC int run_confirmed(struct aisha_ctx *ctx)
{
    int r = confirm_take(ctx);

    if (r == -AISHA_E_NOT_FOUND)
        return answer_key(ctx, "answered_button");
    if (r != 0)
        return r < 0 ? r : 0;
    r = run_button(ctx);
    if (r == 0)
        confirm_done(ctx);
    return r;
}

/* What runs in the chat was cancelled already, before any lane. */
static AISHA_ASYNC int run_cancel(struct aisha_ctx *ctx)
{
    const struct aisha_callback_query *query = ctx->update->callback_query;

    if (ctx->has_cancelled)
        return 0;
    int r = query->message ? job_runner_cancel_shown(ctx, query->message->message_id) : 0;
    if (r < 0)
        return r;
    return r > 0 ? 0 : answer_key(ctx, "nothing_to_cancel");
}

static AISHA_ASYNC int run_callback(struct aisha_ctx *ctx, const struct aisha_callback_query *query)
{
    const struct button_place place = ctx_button_place(ctx);

    int r = query->data ? button_decode(&ctx->bot->button_key, &place, query->data, &ctx->button)
                        : -AISHA_E_INVALID;
    if (r < 0) {
        log_info("router", "update=%lld a button that aisha_button() did not make for this person",
                 (long long)ctx->item.update_id);
        return answer_key(ctx, "foreign_button");
    }
    if (ctx->button.route == ctx_cancel_route())
        return run_cancel(ctx);
    return ctx->button.route == confirm_route() ? run_confirmed(ctx) : run_button(ctx);
}

static AISHA_ASYNC int run_update_routes(struct aisha_ctx *ctx)
{
    for (size_t i = 0; i < ctx->bot->registry->count; i++) {
        const struct plugin *plugin = &ctx->bot->registry->plugins[i];
        for (size_t j = 0; j < plugin->d.updates.count; j++) {
            const struct aisha_update_route *route = &plugin->d.updates.rows[j];
            if (strcmp(route->field, ctx->kind->name) != 0)
                continue;
            int r = run(ctx, plugin, "update ", route->field, route->run);
            if (r != AISHA_PASS)
                return r;
        }
    }
    return 0;
}

/* A message without a chat and a press without an id cannot be answered; Telegram sends neither. */
static bool is_whole(const struct aisha_ctx *ctx)
{
    const struct aisha_callback_query *query = ctx->update->callback_query;

    return (!ctx->message || ctx->chat_id) && (!query || (*query->id && query->from->id));
}

int router_run(struct aisha_ctx *ctx)
{
    if (!is_whole(ctx)) {
        log_warn("router", "update=%lld is incomplete and ignored", (long long)ctx->item.update_id);
        return 0;
    }
    if (ctx->update->callback_query)
        return run_callback(ctx, ctx->update->callback_query);
    if (ctx->update->message)
        return run_message(ctx);
    return run_update_routes(ctx);
}

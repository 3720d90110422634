/*
 * The SDK: messages of reply.h. What Telegram may refuse about a text (its length, its markup, a
 * topic that is gone, a message that cannot be edited) is dealt with here, once.
 */
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/html.h"
#include "host/bot/incoming.h"
#include "host/bot/job.h"
#include "host/bot/media.h"
#include "host/bot/progress.h"
#include "host/bot/sized.h"
#include "host/bot/split.h"
#include "host/core/arena.h"

enum { ANSWER_UNITS = 200 };

/* A reply, with its text chosen and its keyboard built. */
struct outgoing {
    const char *text; /* NULL = none */
    bool is_html;
    struct media media; /* .kind NULL = only the text */
    const struct aisha_reply_markup *markup;
    const struct aisha_reply_parameters *quote;
    int8_t is_silent;
};

static const struct aisha_reply_parameters *quote_of(struct aisha_ctx *ctx)
{
    struct aisha_reply_parameters *quote;

    if (!ctx->quote_id)
        return NULL;
    quote = arena_alloc(&ctx->arena, sizeof *quote);
    *quote = (struct aisha_reply_parameters){
        .size = sizeof *quote, .message_id = ctx->quote_id, .allow_sending_without_reply = true};
    return quote;
}

static AISHA_ASYNC int prepare(struct aisha_ctx *ctx, const struct aisha_reply *reply,
                               struct outgoing *ret)
{
    struct aisha_reply own;

    sized_copy(&own, sizeof own, reply);
    if (!!own.text + !!own.html + !!own.key > 1)
        return aisha_fail(ctx, -AISHA_E_INVALID, "more than one of .text, .html, .key");
    if (own.args && !own.key)
        return aisha_fail(ctx, -AISHA_E_INVALID, ".args without .key");
    *ret = (struct outgoing){.is_silent = own.is_silent,
                             .quote = own.is_quoting ? quote_of(ctx) : NULL};
    if (own.key)
        own.html = ctx_html(ctx, own.key, own.args);
    ret->is_html = own.html != NULL;
    ret->text = own.html ? own.html : own.text;
    if (ret->text)
        ret->text = utf8_repair(&ctx->arena, ret->text, strlen(ret->text), NULL);
    int r = aisha_keyboard_markup(ctx, own.keyboard, &ret->markup);
    if (r == 0)
        r = media_of(ctx, &own, &ret->media);
    if (r < 0)
        return r;
    if (!ret->media.kind && (!ret->text || !*ret->text))
        return aisha_fail(ctx, -AISHA_E_INVALID, "a message needs a text or a file");
    ret->media.markup = ret->markup;
    ret->media.quote = ret->quote;
    ret->media.is_silent = ret->is_silent;
    return 0;
}

/* Whether the last call was refused in a way that this would mend. */
static bool needs(const struct aisha_ctx *ctx, int r, enum telegram_remedy remedy)
{
    return r == -AISHA_E_TELEGRAM && ctx->telegram_failure.remedy == remedy;
}

/* Whether markup was refused, which the log then has: the text will go out without it. */
static bool needs_plain(struct aisha_ctx *ctx, int r, bool is_html)
{
    if (!is_html || !needs(ctx, r, REMEDY_PLAIN))
        return false;
    aisha_log(ctx, AISHA_LOG_WARN,
              "handler=\"%s\" its HTML was refused, so the text goes out without markup: %s",
              ctx->handler ? ctx->handler : "", ctx->telegram_failure.description);
    return true;
}

static enum split_format format_of(const struct outgoing *out)
{
    return out->is_html ? SPLIT_HTML : SPLIT_PLAIN;
}

static AISHA_ASYNC int send_halves(struct aisha_ctx *ctx, const struct outgoing *out,
                                   const char *text, const struct aisha_reply_markup *markup,
                                   const struct aisha_message **ret);

static AISHA_ASYNC int send_text(struct aisha_ctx *ctx, const struct outgoing *out,
                                 const char *text, const struct aisha_reply_markup *markup,
                                 const struct aisha_message **ret)
{
    int r = aisha_send_message(ctx, ret, CTX_PLACE(ctx), .text = text,
                               .parse_mode = out->is_html ? "HTML" : NULL,
                               .disable_notification = out->is_silent,
                               .reply_parameters = out->quote, .reply_markup = markup);
    if (needs_plain(ctx, r, out->is_html))
        r = aisha_send_message(ctx, ret, CTX_PLACE(ctx), .text = html_to_plain(&ctx->arena, text),
                               .disable_notification = out->is_silent,
                               .reply_parameters = out->quote, .reply_markup = markup);
    if (needs(ctx, r, REMEDY_NO_THREAD) && ctx->thread_id) {
        ctx->thread_id = 0;
        r = send_text(ctx, out, text, markup, ret);
    }
    return needs(ctx, r, REMEDY_SPLIT) ? send_halves(ctx, out, text, markup, ret) : r;
}

/* Of a text that fits, but not with its markup: Telegram limits that, too. */
static AISHA_ASYNC int send_halves(struct aisha_ctx *ctx, const struct outgoing *out,
                                   const char *text, const struct aisha_reply_markup *markup,
                                   const struct aisha_message **ret)
{
    size_t length = split_length(text, format_of(out));
    const char *const *parts =
        split_text(&ctx->arena, text, format_of(out), length < 4 ? 2 : (length + 1) / 2);

    if (!parts[0] || !parts[1])
        return -AISHA_E_TELEGRAM;
    for (; *parts; parts++) {
        int r = send_text(ctx, out, *parts, parts[1] ? NULL : markup, ret);
        if (r < 0)
            return r;
    }
    return 0;
}

/* All parts of a long text; the keyboard is under the last. */
static AISHA_ASYNC int send_parts(struct aisha_ctx *ctx, const struct outgoing *out,
                                  const char *const *parts, const struct aisha_message **ret)
{
    for (; *parts; parts++) {
        int r = send_text(ctx, out, *parts, parts[1] ? NULL : out->markup, ret);
        if (r < 0)
            return r;
    }
    return 0;
}

static const char *const *parts_of(struct aisha_ctx *ctx, const struct outgoing *out)
{
    return split_text(&ctx->arena, out->text, format_of(out), SPLIT_MESSAGE_UNITS);
}

/* Whether the text is short enough to be the caption. */
static bool is_caption(const struct outgoing *out)
{
    return !out->text || split_length(out->text, format_of(out)) <= SPLIT_CAPTION_UNITS;
}

static struct media without_markup_language(struct aisha_ctx *ctx, const struct media *media)
{
    struct media plain = *media;

    plain.caption = html_to_plain(&ctx->arena, media->caption);
    plain.is_html = false;
    return plain;
}

static AISHA_ASYNC int send_media(struct aisha_ctx *ctx, const struct outgoing *out,
                                  const struct aisha_message **ret)
{
    struct media media = out->media;

    if (is_caption(out)) {
        media.caption = out->text;
        media.is_html = out->is_html;
    } else {
        struct outgoing text_only = *out;
        text_only.markup = NULL;
        int r = send_parts(ctx, &text_only, parts_of(ctx, out), ret);
        if (r < 0)
            return r;
    }
    int r = media_send(ctx, &media, ret);
    if (needs_plain(ctx, r, media.is_html)) {
        media = without_markup_language(ctx, &media);
        r = media_send(ctx, &media, ret);
    }
    if (needs(ctx, r, REMEDY_NO_THREAD) && ctx->thread_id) {
        ctx->thread_id = 0;
        r = media_send(ctx, &media, ret);
    }
    return r;
}

static AISHA_ASYNC int send_anew(struct aisha_ctx *ctx, const struct outgoing *out,
                                 const struct aisha_message **ret)
{
    if (!ctx->chat_id)
        return aisha_fail(ctx, -AISHA_E_INVALID, "this update has no chat to reply to");
    ctx->has_replied = true;
    return out->media.kind ? send_media(ctx, out, ret)
                           : send_parts(ctx, out, parts_of(ctx, out), ret);
}

int aisha_reply_(struct aisha_ctx *ctx, const struct aisha_reply *reply)
{
    struct outgoing out;

    int r = prepare(ctx, reply, &out);
    return r < 0 ? r : send_anew(ctx, &out, NULL);
}

/* ---- the one message in view ---- */

/* The message to edit: what this unit has shown, else the one whose button was pressed. */
static void find_screen(struct aisha_ctx *ctx)
{
    const struct aisha_callback_query *query = ctx->update ? ctx->update->callback_query : NULL;

    if (ctx->screen_id || !query || !query->message || query->message->date == 0)
        return;
    ctx->screen_id = query->message->message_id;
    ctx->is_screen_media = !query->message->text;
}

static int delete_old(struct aisha_ctx *ctx, int64_t message_id)
{
    if (!ctx->business_connection_id)
        return aisha_delete_message(ctx, NULL, .chat_id = ctx->chat_id, .message_id = message_id);
    return aisha_delete_business_messages(
        ctx, NULL, .business_connection_id = ctx->business_connection_id,
        .message_ids = (const int64_t[]){message_id}, .message_ids_count = 1);
}

static AISHA_ASYNC int show_anew(struct aisha_ctx *ctx, const struct outgoing *out)
{
    const struct aisha_message *sent = NULL;
    int64_t old_id = ctx->screen_id;

    int r = send_anew(ctx, out, &sent);
    if (r < 0 || !sent)
        return r;
    ctx->screen_id = sent->message_id;
    ctx->is_screen_media = out->media.kind != NULL;
    if (ctx->job) { /* the next attempt edits it, too */
        r = job_unit_shown(ctx->job);
        if (r < 0)
            return r;
    }
    if (old_id) { /* may be too old to delete; then it stays */
        r = delete_old(ctx, old_id);
        if (r == -AISHA_E_CANCELED)
            return r;
    }
    return 0;
}

static int edit_text(struct aisha_ctx *ctx, const struct outgoing *out, const char *text,
                     bool is_html)
{
    const struct aisha_message *edited;

    return aisha_edit_message_text(
        ctx, &edited, .chat_id = ctx->chat_id, .message_id = ctx->screen_id,
        .business_connection_id = ctx->business_connection_id,
        .inline_message_id = ctx_inline_message_id(ctx), .text = text,
        .parse_mode = is_html ? "HTML" : NULL, .reply_markup = out->markup);
}

static AISHA_ASYNC int edit_screen_text(struct aisha_ctx *ctx, const struct outgoing *out)
{
    const char *text = parts_of(ctx, out)[0];

    int r = edit_text(ctx, out, text, out->is_html);
    if (needs_plain(ctx, r, out->is_html))
        r = edit_text(ctx, out, html_to_plain(&ctx->arena, text), false);
    return r;
}

static AISHA_ASYNC int edit_screen_media(struct aisha_ctx *ctx, const struct outgoing *out)
{
    struct media media = out->media;

    media.caption = out->text;
    media.is_html = out->is_html;
    int r = media_replace(ctx, &media, ctx->screen_id);
    if (needs_plain(ctx, r, media.is_html)) {
        media = without_markup_language(ctx, &media);
        r = media_replace(ctx, &media, ctx->screen_id);
    }
    if (r == 0)
        ctx->is_screen_media = true;
    return r;
}

/* A text can become media, but not the other way round; and one message stays one message. */
static bool can_be_edited(struct aisha_ctx *ctx, const struct outgoing *out)
{
    if (!ctx->screen_id && !ctx_inline_message_id(ctx))
        return false;
    if (out->media.kind)
        return is_caption(out);
    const char *const *parts = parts_of(ctx, out);
    return !ctx->is_screen_media && parts[0] && !parts[1];
}

static AISHA_ASYNC int show(struct aisha_ctx *ctx, const struct outgoing *out)
{
    find_screen(ctx);
    if (!can_be_edited(ctx, out))
        return show_anew(ctx, out);
    int r = out->media.kind ? edit_screen_media(ctx, out) : edit_screen_text(ctx, out);
    return needs(ctx, r, REMEDY_ANEW) ? show_anew(ctx, out) : r;
}

int aisha_screen_(struct aisha_ctx *ctx, const struct aisha_reply *screen)
{
    struct outgoing out;

    progress_drop(ctx);
    int r = prepare(ctx, screen, &out);
    if (r == 0)
        r = show(ctx, &out);
    if (r == 0)
        progress_replaced(ctx);
    return r;
}

/* ---- answers to a press ---- */

/* As the answer to the webhook's request, when there is one and it still waits. */
static bool answer_by_delivery(struct aisha_ctx *ctx, const struct aisha_callback_query *query,
                               const char *text, bool is_alert)
{
    if (LIST_EMPTY(&ctx->bot->presses))
        return false;
    const char *notice =
        text ? arena_printf(&ctx->arena, ",\"text\":%s,\"show_alert\":%s",
                            aisha_json_quote(ctx, text), is_alert ? "true" : "false")
             : "";
    const char *call =
        arena_printf(&ctx->arena, "{\"method\":\"answerCallbackQuery\",\"callback_query_id\":%s%s}",
                     aisha_json_quote(ctx, query->id), notice);
    return incoming_answer(ctx->bot, ctx->item.update_id, call);
}

static int answer(struct aisha_ctx *ctx, const char *text, bool is_alert)
{
    const struct aisha_callback_query *query = ctx->update ? ctx->update->callback_query : NULL;

    if (!query)
        return aisha_fail(ctx, -AISHA_E_INVALID, "nothing was pressed, so there is no answer");
    if (ctx->is_answered_late) /* that cannot be done again, but what it says must not get lost */
        return text && ctx->is_private ? aisha_reply(ctx, .text = text) : 0;
    if (text)
        text = split_text(&ctx->arena, text, SPLIT_PLAIN, ANSWER_UNITS)[0];
    ctx->is_answered = true;
    if (answer_by_delivery(ctx, query, text, is_alert))
        return 0;
    return aisha_answer_callback_query(ctx, NULL, .callback_query_id = query->id, .text = text,
                                       .show_alert = is_alert);
}

int aisha_answer(struct aisha_ctx *ctx, const char *text)
{
    return answer(ctx, text, false);
}

int aisha_answer_alert(struct aisha_ctx *ctx, const char *text)
{
    return answer(ctx, text, true);
}

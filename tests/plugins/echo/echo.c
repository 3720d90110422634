/*
 * echo: says every text that comes, and who sent it, so that a test can compare both; notes every
 * other kind of update in the log and passes it on.
 */
#include <inttypes.h>
#include <string.h>

#include <aisha/aisha.h>

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static const char *name_of(const struct aisha_user *user)
{
    return user ? or_empty(user->first_name) : "";
}

/* <number|text|name>; messages of odd numbers with markup around the strange. */
static AISHA_ASYNC int say(struct aisha_ctx *ctx, const struct aisha_user *from)
{
    const struct aisha_message *message = aisha_message(ctx);
    const char *text = or_empty(message->text), *name = name_of(from);

    if (message->message_id % 2)
        return aisha_reply(ctx, .html = aisha_html(ctx, "&lt;%" PRId64 "|<b>%s</b>|<i>%s</i>&gt;",
                                                   message->message_id, text, name));
    return aisha_reply(
        ctx, .text = aisha_printf(ctx, "<%" PRId64 "|%s|%s>", message->message_id, text, name));
}

static AISHA_ASYNC int on_text(struct aisha_ctx *ctx)
{
    return say(ctx, aisha_message(ctx)->from);
}

static AISHA_ASYNC int on_press(struct aisha_ctx *ctx)
{
    return say(ctx, aisha_update(ctx)->callback_query->from);
}

static AISHA_ASYNC int cmd_ask(struct aisha_ctx *ctx)
{
    return aisha_ask(ctx, .text = "Which text?", .then = "answer");
}

static AISHA_ASYNC int cmd_button(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .text = "press", .callback = "press");
    return aisha_reply(ctx, .text = "a button", .keyboard = keyboard);
}

static AISHA_ASYNC int on_edited(struct aisha_ctx *ctx)
{
    aisha_log(ctx, AISHA_LOG_INFO, "met edited_message");
    return aisha_message(ctx)->text ? on_text(ctx) : AISHA_PASS;
}

/* The bot is in no channel: who wrote there is told. */
static AISHA_ASYNC int on_post(struct aisha_ctx *ctx)
{
    const struct aisha_message *post = aisha_message(ctx);

    aisha_log(ctx, AISHA_LOG_INFO, "met channel_post");
    if (!post->from)
        return AISHA_PASS;
    return aisha_send_message(ctx, NULL, .chat_id = post->from->id, .parse_mode = "HTML",
                              .text = aisha_html(ctx, "&lt;%" PRId64 "|%s|%s&gt;", post->message_id,
                                                 or_empty(post->text), name_of(post->from)));
}

static AISHA_ASYNC int on_inline(struct aisha_ctx *ctx)
{
    const struct aisha_inline_query *query = aisha_update(ctx)->inline_query;

    aisha_log(ctx, AISHA_LOG_INFO, "met inline_query");
    return aisha_answer_inline_query(
        ctx, NULL, .inline_query_id = query->id,
        .results = AISHA_LIST(
            inline_query_result,
            AISHA_OBJECT(inline_query_result, .type = "article", .id = "1", .title = "an echo",
                         .input_message_content = AISHA_OBJECT(
                             input_message_content,
                             .message_text = aisha_printf(ctx, "<%s>", query->query)))));
}

#define NOTED(kind)                                                                                \
    static AISHA_ASYNC int on_##kind(struct aisha_ctx *ctx)                                        \
    {                                                                                              \
        aisha_log(ctx, AISHA_LOG_INFO, "met " #kind);                                              \
        return AISHA_PASS;                                                                         \
    }
#define NOTED_KINDS(_)                                                                             \
    _(edited_channel_post)                                                                         \
    _(business_connection)                                                                         \
    _(business_message)                                                                            \
    _(edited_business_message)                                                                     \
    _(deleted_business_messages)                                                                   \
    _(guest_message)                                                                               \
    _(message_reaction)                                                                            \
    _(message_reaction_count)                                                                      \
    _(chosen_inline_result)                                                                        \
    _(shipping_query)                                                                              \
    _(pre_checkout_query)                                                                          \
    _(purchased_paid_media)                                                                        \
    _(poll)                                                                                        \
    _(poll_answer)                                                                                 \
    _(my_chat_member)                                                                              \
    _(chat_member)                                                                                 \
    _(chat_join_request)                                                                           \
    _(chat_boost)                                                                                  \
    _(removed_chat_boost)                                                                          \
    _(managed_bot)                                                                                 \
    _(subscription)                                                                                \
    _(stopped_message_generation)
NOTED_KINDS(NOTED)

#define ROW(kind) {.field = #kind, .run = on_##kind},
static const struct aisha_update_route updates[] = {{.field = "edited_message", .run = on_edited},
                                                    {.field = "channel_post", .run = on_post},
                                                    {.field = "inline_query", .run = on_inline},
                                                    NOTED_KINDS(ROW)};

static const struct aisha_command commands[] = {
    {.name = "ask", .summary = "Ask for a text", .run = cmd_ask},
    {.name = "button", .summary = "A button", .run = cmd_button},
};

static const struct aisha_callback callbacks[] = {
    {.name = "press", .run = on_press},
};

static const struct aisha_state states[] = {
    {.name = "answer", .run = on_text, .field = "text"},
};

static const struct aisha_message_route messages[] = {
    {.field = "text", .run = on_text},
};

AISHA_PLUGIN(.name = "echo", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .states = AISHA_TABLE(states), .messages = AISHA_TABLE(messages),
             .updates = AISHA_TABLE(updates))

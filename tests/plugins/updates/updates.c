/*
 * updates: says what arrived, for every kind of update that is not a message in private; takes
 * albums, and answers questions in time or not at all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

/* ---- albums ---- */

/* Keeps each item, in one transaction with the event. */
static AISHA_ASYNC int keep(struct aisha_ctx *ctx, const struct aisha_message *const *items,
                            const char *how)
{
    int r = aisha_db_begin(ctx);

    for (size_t i = 0; r == 0 && items[i]; i++)
        r = aisha_db_exec(
            ctx, "INSERT INTO updates_items (chat_id, message_id, how) VALUES ($1, $2, $3)",
            aisha_chat_id(ctx), items[i]->message_id, how);
    return r < 0 ? r : aisha_db_commit(ctx);
}

static AISHA_ASYNC int say_album(struct aisha_ctx *ctx, const char *how)
{
    const struct aisha_message *const *items;
    size_t count = aisha_album(ctx, &items);
    const char *captions = "";

    int r = keep(ctx, items, how);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        captions =
            aisha_printf(ctx, "%s %s", captions, items[i]->caption ? items[i]->caption : "-");
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s of %zu:%s", how, count, captions));
}

static AISHA_ASYNC int on_document(struct aisha_ctx *ctx)
{
    return say_album(ctx, "album");
}

static AISHA_ASYNC int on_photos(struct aisha_ctx *ctx)
{
    return say_album(ctx, "answer");
}

static AISHA_ASYNC int on_one(struct aisha_ctx *ctx)
{
    return say_album(ctx, "single");
}

static AISHA_ASYNC int cmd_photos(struct aisha_ctx *ctx)
{
    return aisha_ask(ctx, .text = "send them", .then = "photos");
}

static AISHA_ASYNC int cmd_one(struct aisha_ctx *ctx)
{
    return aisha_ask(ctx, .text = "send one", .then = "one");
}

/* ---- where and who ---- */

static AISHA_ASYNC int say_place(struct aisha_ctx *ctx, const char *what)
{
    return aisha_reply(ctx, .text = aisha_printf(ctx,
                                                 "%s chat=%" PRId64 " topic=%" PRId64
                                                 " person=%" PRId64 " args=%s",
                                                 what, aisha_chat_id(ctx), aisha_thread_id(ctx),
                                                 aisha_telegram_id(ctx), aisha_args(ctx)));
}

static AISHA_ASYNC int cmd_where(struct aisha_ctx *ctx)
{
    return say_place(ctx, "here");
}

static AISHA_ASYNC int cmd_promo(struct aisha_ctx *ctx)
{
    return say_place(ctx, "promo");
}

static const char *or_none(const char *text)
{
    return text ? text : "none";
}

static AISHA_ASYNC int cmd_links(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = aisha_printf(ctx, "%s\n%s\n%s",
                                                 or_none(aisha_deep_link(ctx, "promo-X1")),
                                                 or_none(aisha_group_link(ctx, "ref_7")),
                                                 or_none(aisha_deep_link(ctx, "not a word"))));
}

/* An answer typed into a topic is that topic's. */
static AISHA_ASYNC int cmd_name(struct aisha_ctx *ctx)
{
    return aisha_ask(ctx, .text = "which name?", .then = "name");
}

static AISHA_ASYNC int on_name(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = aisha_printf(ctx, "hello, %s", aisha_message(ctx)->text));
}

static AISHA_ASYNC int on_edited(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = aisha_printf(ctx, "edited: %s", aisha_message(ctx)->text),
                       .is_quoting = true);
}

/* ---- in a group ---- */

static AISHA_ASYNC int on_my_member(struct aisha_ctx *ctx)
{
    const struct aisha_chat_member_updated *change = aisha_update(ctx)->my_chat_member;

    return aisha_reply(ctx, .text = aisha_printf(ctx, "in %s as %s", or_none(change->chat->title),
                                                 change->new_chat_member->status));
}

static AISHA_ASYNC int on_reaction(struct aisha_ctx *ctx)
{
    const struct aisha_message_reaction_updated *change = aisha_update(ctx)->message_reaction;
    const struct aisha_reaction_type *reaction = change->new_reaction[0];

    return aisha_reply(ctx, .text = aisha_printf(ctx, "reaction %s to %" PRId64,
                                                 reaction ? or_none(reaction->emoji) : "gone",
                                                 change->message_id));
}

/* Of a kind that has no chat: what is typed and what is not, both go to the log. */
static AISHA_ASYNC int on_poll_answer(struct aisha_ctx *ctx)
{
    const char *json = aisha_update_json(ctx);
    const struct aisha_json *update = aisha_json_parse(ctx, json, strlen(json));

    aisha_log(ctx, AISHA_LOG_INFO, "poll %s, new field %s", aisha_update(ctx)->poll_answer->poll_id,
              or_none(aisha_json_text(update, "poll_answer.new_field[1].name")));
    return 0;
}

static AISHA_ASYNC int on_poll(struct aisha_ctx *ctx)
{
    aisha_log(ctx, AISHA_LOG_INFO, "poll %s has %" PRId64 " votes", aisha_update(ctx)->poll->id,
              aisha_update(ctx)->poll->total_voter_count);
    return 0;
}

/* ---- business ---- */

static AISHA_ASYNC int on_connection(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = "connected to your business");
}

static AISHA_ASYNC int show_business(struct aisha_ctx *ctx, const char *text)
{
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);

    aisha_button(keyboard, .text = "more", .callback = "more");
    return aisha_screen(ctx, .text = text, .keyboard = keyboard);
}

static AISHA_ASYNC int on_business(struct aisha_ctx *ctx)
{
    const char *text = or_none(aisha_message(ctx)->text);

    if (strcmp(text, "fail") == 0)
        return aisha_fail(ctx, -AISHA_E_UPSTREAM, "as it was told to");
    if (strcmp(text, "ask") == 0)
        return aisha_ask(ctx, .text = "which name?", .then = "name");
    return show_business(ctx, aisha_printf(ctx, "business: %s", text));
}

/* ---- inline mode ---- */

static AISHA_ASYNC int on_more(struct aisha_ctx *ctx)
{
    return aisha_screen(ctx, .text = "more of it");
}

static AISHA_ASYNC int on_inline(struct aisha_ctx *ctx)
{
    const struct aisha_inline_query *query = aisha_update(ctx)->inline_query;
    struct aisha_keyboard *keyboard = aisha_keyboard(ctx);
    const struct aisha_reply_markup *markup;

    if (strcmp(query->query, "slow") == 0)
        return aisha_sleep(ctx, 3600 * 1000);
    aisha_button(keyboard, .text = "more", .callback = "more");
    int r = aisha_keyboard_markup(ctx, keyboard, &markup);
    if (r < 0)
        return r;
    return aisha_answer_inline_query(
        ctx, NULL, .inline_query_id = query->id,
        .results = AISHA_LIST(
            inline_query_result,
            AISHA_OBJECT(inline_query_result, .type = "article", .id = "1", .title = query->query,
                         .input_message_content =
                             AISHA_OBJECT(input_message_content, .message_text = query->query),
                         .reply_markup = markup)));
}

static AISHA_ASYNC int on_chosen(struct aisha_ctx *ctx)
{
    aisha_log(ctx, AISHA_LOG_INFO, "chosen %s", aisha_update(ctx)->chosen_inline_result->result_id);
    return 0;
}

/* ---- payments ---- */

static AISHA_ASYNC int on_checkout(struct aisha_ctx *ctx)
{
    const struct aisha_pre_checkout_query *query = aisha_update(ctx)->pre_checkout_query;

    if (strcmp(query->invoice_payload, "fail") == 0)
        return aisha_fail(ctx, -AISHA_E_UPSTREAM, "as it was told to");
    if (strcmp(query->invoice_payload, "slow") == 0)
        return aisha_sleep(ctx, 3600 * 1000);
    return aisha_answer_pre_checkout_query(ctx, NULL, .pre_checkout_query_id = query->id,
                                           .ok = true);
}

static AISHA_ASYNC int cmd_sleep(struct aisha_ctx *ctx)
{
    return aisha_sleep(ctx, strtoll(aisha_args(ctx), NULL, 10));
}

static const struct aisha_command commands[] = {
    {.name = "photos", .summary = "Ask for photos", .run = cmd_photos},
    {.name = "one", .summary = "Ask for one file", .run = cmd_one},
    {.name = "where", .summary = "Where we are", .run = cmd_where},
    {.name = "promo", .summary = "A promotion", .run = cmd_promo, .is_linked = true},
    {.name = "links", .summary = "Links to the bot", .run = cmd_links},
    {.name = "name", .summary = "Ask for a name", .run = cmd_name},
    {.name = "sleep", .summary = "Take long", .run = cmd_sleep},
};

static const struct aisha_callback callbacks[] = {
    {.name = "more", .run = on_more, .is_for_anyone = true},
};

static const struct aisha_state states[] = {
    {.name = "photos", .run = on_photos, .field = "document", .takes_albums = true},
    {.name = "one", .run = on_one, .field = "document"},
    {.name = "name", .run = on_name, .field = "text"},
};

static const struct aisha_message_route messages[] = {
    {.field = "document", .run = on_document, .takes_albums = true},
};

static const struct aisha_update_route updates[] = {
    {.field = "edited_message", .run = on_edited},
    {.field = "my_chat_member", .run = on_my_member},
    {.field = "message_reaction", .run = on_reaction},
    {.field = "poll", .run = on_poll},
    {.field = "poll_answer", .run = on_poll_answer},
    {.field = "business_connection", .run = on_connection},
    {.field = "business_message", .run = on_business},
    {.field = "inline_query", .run = on_inline},
    {.field = "chosen_inline_result", .run = on_chosen},
    {.field = "pre_checkout_query", .run = on_checkout},
};

static const struct aisha_migration migrations[] = {
    {.version = 1,
     .name = "items",
     .sql = "CREATE TABLE updates_items (chat_id BIGINT NOT NULL, message_id BIGINT NOT NULL,"
            " how TEXT NOT NULL)"},
};

AISHA_PLUGIN(.name = "updates", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .callbacks = AISHA_TABLE(callbacks),
             .states = AISHA_TABLE(states), .messages = AISHA_TABLE(messages),
             .updates = AISHA_TABLE(updates), .migrations = AISHA_TABLE(migrations))

/*
 * The SDK: buttons of reply.h. A mistake is kept until the keyboard is sent, so that handlers need
 * not check every button. Only then are they signed and their .key looked up: a notification goes to
 * another person than the one for whom ctx works. The key is one of the plugin that added the button,
 * which may be a service of the one that sends it.
 */
#include "host/bot/keyboard.h"

#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"

enum { MAX_BUTTONS = 100 };

struct made_button {
    const char *text, *key; /* one of them */
    const struct plugin *plugin;
    const char *url; /* NULL = .button */
    struct button button;
};

struct aisha_keyboard {
    struct aisha_ctx *ctx;
    struct made_button *buttons[MAX_BUTTONS];
    size_t row_start[MAX_BUTTONS + 1]; /* index of the first button of each row */
    size_t count, row_count;
    const char *mistake;
};

struct aisha_keyboard *aisha_keyboard(struct aisha_ctx *ctx)
{
    struct aisha_keyboard *keyboard = arena_alloc(&ctx->arena, sizeof *keyboard);

    keyboard->ctx = ctx;
    keyboard->row_count = 1;
    return keyboard;
}

void aisha_row(struct aisha_keyboard *keyboard)
{
    if (keyboard->row_start[keyboard->row_count - 1] < keyboard->count)
        keyboard->row_start[keyboard->row_count++] = keyboard->count;
}

/* What a press will call; all zeros with the mistake set. */
static struct button target_of(struct aisha_keyboard *keyboard, const struct aisha_button *button)
{
    struct aisha_ctx *ctx = keyboard->ctx;
    const struct plugin *plugin =
        button->plugin ? registry_plugin(ctx->bot->registry, button->plugin) : ctx->plugin;
    const struct aisha_callback *callback =
        plugin && button->callback ? plugin_callback(plugin, button->callback) : NULL;
    struct button made = {0};

    if (button->cancels) {
        made.route = ctx_cancel_route();
        made.flags = ctx->job ? BUTTON_OF_JOB : 0;
    } else if (!plugin) {
        keyboard->mistake = arena_printf(&ctx->arena, "there is no enabled plugin \"%s\"",
                                         button->plugin ? button->plugin : "");
    } else if (!callback) {
        keyboard->mistake = arena_printf(&ctx->arena, "there is no callback \"%s\"",
                                         button->callback ? button->callback : "");
    } else if (button->payload_size && button->payload_size != callback->payload_size) {
        keyboard->mistake = arena_printf(
            &ctx->arena, "the payload of \"%s\" has %zu bytes, its .payload_size is %zu",
            callback->name, button->payload_size, callback->payload_size);
    } else if (!button->plugin && button->payload_size != callback->payload_size) {
        keyboard->mistake =
            arena_printf(&ctx->arena, "\"%s\" needs its payload: AISHA_PAYLOAD()", callback->name);
    } else {
        made.route = button_route(plugin->name, callback->name, callback->version);
        made.flags = callback->is_for_anyone ? BUTTON_FOR_ANYONE : 0;
        made.payload_size = button->payload_size;
        if (button->payload_size)
            memcpy(made.payload, button->payload, button->payload_size);
    }
    return made;
}

/* The next button, with its text or the key of it; NULL when there is a mistake. */
static struct made_button *add(struct aisha_keyboard *keyboard, const char *text, const char *key)
{
    struct made_button *made;

    if (keyboard->count == MAX_BUTTONS)
        keyboard->mistake = "more than 100 buttons under one message";
    else if (!key && (!text || !*text))
        keyboard_mistake(keyboard, "a button has no text");
    if (keyboard->mistake)
        return NULL;
    made = arena_alloc(&keyboard->ctx->arena, sizeof *made);
    made->text = text;
    made->key = key ? arena_strdup(&keyboard->ctx->arena, key) : NULL;
    made->plugin = keyboard->ctx->plugin;
    keyboard->buttons[keyboard->count++] = made;
    return made;
}

void aisha_button_(struct aisha_keyboard *keyboard, const struct aisha_button *button)
{
    struct aisha_button own;

    sized_copy(&own, sizeof own, button);
    struct made_button *made = add(keyboard, own.text, own.key);
    if (!made)
        return;
    made->url = own.url;
    if (!own.url)
        made->button = target_of(keyboard, &own);
}

void keyboard_add(struct aisha_keyboard *keyboard, const char *text, const struct button *button)
{
    struct made_button *made = add(keyboard, text, NULL);

    if (made)
        made->button = *button;
}

void keyboard_mistake(struct aisha_keyboard *keyboard, const char *mistake)
{
    if (!keyboard->mistake)
        keyboard->mistake = mistake;
}

const char *keyboard_printf(struct aisha_keyboard *keyboard, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const char *text = arena_vprintf(&keyboard->ctx->arena, format, args);
    va_end(args);
    return text;
}

/* As it is sent: in the language and for the place of now. */
static const struct aisha_inline_keyboard_button *sent_button(struct aisha_ctx *ctx,
                                                              const struct made_button *made)
{
    struct aisha_inline_keyboard_button *sent = arena_alloc(&ctx->arena, sizeof *sent);
    const struct button_place place = ctx_button_place(ctx);

    *sent = (struct aisha_inline_keyboard_button){
        .size = sizeof *sent,
        .text = made->key ? ctx_plain_of(ctx, made->plugin, made->key) : made->text,
        .url = made->url};
    if (!made->url) {
        char *data = arena_alloc(&ctx->arena, BUTTON_TEXT_SIZE);
        button_encode(&ctx->bot->button_key, &place, &made->button, data);
        sent->callback_data = data;
    }
    return sent;
}

int aisha_keyboard_markup(struct aisha_ctx *ctx, const struct aisha_keyboard *keyboard,
                          const struct aisha_reply_markup **ret_markup)
{
    *ret_markup = NULL;
    if (!keyboard || (keyboard->count == 0 && !keyboard->mistake))
        return 0;
    if (keyboard->mistake)
        return aisha_fail(ctx, -AISHA_E_INVALID, "%s", keyboard->mistake);
    struct aisha_reply_markup *markup = arena_alloc(&ctx->arena, sizeof *markup);
    const struct aisha_inline_keyboard_button *const **rows =
        arena_alloc(&ctx->arena, (keyboard->row_count + 1) * sizeof *rows);
    size_t row_count = 0;
    for (size_t i = 0; i < keyboard->row_count; i++) {
        size_t start = keyboard->row_start[i];
        size_t end = i + 1 < keyboard->row_count ? keyboard->row_start[i + 1] : keyboard->count;
        const struct aisha_inline_keyboard_button **row =
            arena_alloc(&ctx->arena, (end - start + 1) * sizeof *row);
        if (start == end)
            continue;
        for (size_t j = start; j < end; j++)
            row[j - start] = sent_button(ctx, keyboard->buttons[j]);
        rows[row_count++] = row;
    }
    *markup = (struct aisha_reply_markup){.size = sizeof *markup, .inline_keyboard = rows};
    *ret_markup = markup;
    return 0;
}

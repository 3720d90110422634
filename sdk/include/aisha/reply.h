/*
 * What we say back. Text is plain in .text; markup is HTML in .html, made by aisha_html() or
 * aisha_t(); .key is a catalogue text, .args its arguments, in the language of who gets it. Text over
 * Telegram's limits is sent as several messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/file.h>

struct aisha_arg;
struct aisha_ctx;
struct aisha_keyboard;
struct aisha_reply_markup;

struct aisha_reply {
    size_t size;
    const char *text;
    const char *html;
    const char *key;
    const struct aisha_keyboard *keyboard;
    const struct aisha_file *document; /* the text becomes its caption */
    bool is_silent;                    /* without a sound on the user's side */
    bool is_quoting; /* shown under a quote of the message that arrived; not when it is edited */
    /* At most one of these, or of .document; as there, the text becomes the caption. */
    const struct aisha_file *photo;
    const struct aisha_file *video;
    const struct aisha_file *animation;
    const struct aisha_file *audio;
    const struct aisha_arg *args; /* of .key, behind it: AISHA_ARGS(AISHA_ARG("n", n)) */
};

/* Sends a new message to where the update came from. */
#define aisha_reply(ctx, ...)                                                                      \
    aisha_reply_((ctx),                                                                            \
                 &(const struct aisha_reply){.size = sizeof(struct aisha_reply), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_reply_(struct aisha_ctx *ctx,
                                                        const struct aisha_reply *reply);

/*
 * Shows the one message that this work is about: the message whose button was pressed, or the one
 * that an earlier aisha_screen() of this unit sent, is edited in place; where that is impossible a
 * new one is sent. Text can be followed by media and media by text. Good for menus and galleries.
 * When the handler fails or is cancelled after it, the host writes that into the same message.
 */
#define aisha_screen(ctx, ...)                                                                     \
    aisha_screen_((ctx),                                                                           \
                  &(const struct aisha_reply){.size = sizeof(struct aisha_reply), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_screen_(struct aisha_ctx *ctx,
                                                         const struct aisha_reply *screen);

/* Answers a pressed button: a short notice, or with alert a box to close. Without it the host
 * answers with nothing when the handler returns, at the latest after 3 s. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_answer(struct aisha_ctx *ctx, const char *text);
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_answer_alert(struct aisha_ctx *ctx,
                                                              const char *text);

/* ---- buttons under a message ---- */

struct aisha_button {
    size_t size;
    const char *text;
    const char *key;      /* instead of text; in the language of who gets it */
    const char *callback; /* a row of this plugin's .callbacks */
    const void *payload;  /* its struct; copied */
    size_t payload_size;
    const char *url; /* instead of a callback */
    /* Instead: ends the handler that is running in this chat, as /cancel does. Made by a job, it ends
     * the job whose progress it is under, and no handler. */
    bool cancels;
    /* Whose callback it is, NULL = this plugin's; another one's payload may be left out: zeros. */
    const char *plugin;
};

/* An empty keyboard; lives as long as ctx. */
AISHA_PUBLIC struct aisha_keyboard *aisha_keyboard(struct aisha_ctx *ctx);

/*
 * Adds a button to the current row:
 *     aisha_button(keyboard, .key = "buy", .callback = "buy", AISHA_PAYLOAD(offer));
 * A mistake (unknown callback, wrong payload size) makes the call that sends the keyboard fail.
 */
#define aisha_button(keyboard, ...)                                                                \
    aisha_button_((keyboard),                                                                      \
                  &(const struct aisha_button){.size = sizeof(struct aisha_button), __VA_ARGS__})
#define AISHA_PAYLOAD(value) .payload = &(value), .payload_size = sizeof(value)

AISHA_PUBLIC void aisha_button_(struct aisha_keyboard *keyboard, const struct aisha_button *button);

/*
 * The buttons as the .reply_markup of a call of the Bot API, or of a result of an inline query, for what
 * aisha_reply() does not send; NULL for an empty keyboard. -AISHA_E_INVALID after a mistake in a button.
 */
AISHA_PUBLIC AISHA_CHECKED int aisha_keyboard_markup(struct aisha_ctx *ctx,
                                                     const struct aisha_keyboard *keyboard,
                                                     const struct aisha_reply_markup **ret_markup);

/* Further buttons go into a new row. */
AISHA_PUBLIC void aisha_row(struct aisha_keyboard *keyboard);

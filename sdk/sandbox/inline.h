/*
 * Messages that users send by way of the bot: chosen inline results, answers of web apps, replies
 * of a guest. The bot knows one by its inline_message_id; it is kept under that as a record of what
 * it says and its "reply_markup", and for an invoice its "invoice_slug". Where it has been sent to a
 * chat of this sandbox, it shows there, too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct call;
struct control;
struct sandbox;

/* The kind of those records. */
extern const char inline_message_kind[];

/* Checks an InlineQueryResult. ret_message is what will be sent when it is chosen. */
AISHA_CHECKED int inline_read(struct call *call, const cJSON *result, cJSON **ret_message);

/* A new message of that content. Returns its id. */
const char *inline_new(struct sandbox *sandbox, struct arena *arena, const cJSON *message);

/* The message shows in a chat, as that one; and what has changed of it shows there, too. */
void inline_show(struct sandbox *sandbox, struct arena *arena, const char *id,
                 const cJSON *message);
void inline_update(struct sandbox *sandbox, struct arena *arena, const char *id,
                   const cJSON *changed);

/* The inline_message_id of a message in a chat, or NULL. */
const char *inline_id_of(struct sandbox *sandbox, struct arena *arena, const cJSON *message);

/* --- control calls (control_inline.c) --- */
void control_ask_inline(struct control *control);
void control_choose_inline(struct control *control);
AISHA_ASYNC void control_inline(struct control *control);
void control_open_web_app(struct control *control);
void control_ask_guest(struct control *control);

/* Presses the button of that inline message. */
void control_press_inline(struct control *control, const cJSON *user, const char *message_id);

/*
 * Questions that Telegram asks the bot on behalf of a user and that have to be answered in time:
 * inline queries, with the messages that come of them, and the last word before a payment.
 */
#pragma once

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct call;
struct control;

/* The kind of the records that inline messages are. */
extern const char inline_message_kind[];

/* Control calls. */
void control_ask_inline(struct control *control);
void control_choose_inline(struct control *control);
void control_inline_message(struct control *control);
void control_checkout(struct control *control);

/* Presses the button of an inline message; the body names it. */
void control_press_inline(struct control *control, const cJSON *user);

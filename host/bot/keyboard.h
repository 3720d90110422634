/*
 * From the SDK's buttons to the Bot API's inline keyboard.
 */
#pragma once

#include <aisha/base.h>
#include <aisha/bot_api.h>

struct aisha_ctx;
struct aisha_keyboard;
struct button;

/* Adds a button of the host's own. */
void keyboard_add(struct aisha_keyboard *keyboard, const char *text, const struct button *button);

/* Makes the call that sends the keyboard fail. */
void keyboard_mistake(struct aisha_keyboard *keyboard, const char *mistake);

/* Text that lives as long as the keyboard. */
const char *keyboard_printf(struct aisha_keyboard *keyboard, const char *format, ...)
    AISHA_PRINTF(2, 3);

/*
 * *ret_markup is NULL for no keyboard or one without buttons. -AISHA_E_INVALID, with the reason given
 * to aisha_fail(), when a button was wrong.
 */
AISHA_CHECKED int keyboard_markup(struct aisha_ctx *ctx, const struct aisha_keyboard *keyboard,
                                  const struct aisha_reply_markup **ret_markup);

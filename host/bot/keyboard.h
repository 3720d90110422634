/*
 * From the SDK's buttons to the Bot API's inline keyboard.
 */
#pragma once

#include <aisha/base.h>
#include <aisha/bot_api.h>

struct aisha_ctx;
struct aisha_keyboard;

/*
 * *ret_markup is NULL for no keyboard or one without buttons. -AISHA_E_INVALID, with the reason given
 * to aisha_fail(), when a button was wrong.
 */
AISHA_CHECKED int keyboard_markup(struct aisha_ctx *ctx, const struct aisha_keyboard *keyboard,
                                  const struct aisha_reply_markup **ret_markup);

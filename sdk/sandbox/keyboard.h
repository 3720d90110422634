/*
 * Keyboards that a bot sends: checked, and written as a message shows them.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct call;

/*
 * Checks a reply_markup of any kind (NULL = none) for a message of the call's method in that chat.
 * ret_keyboard is the inline keyboard as messages have it; NULL when it is none or has no buttons.
 */
AISHA_CHECKED int keyboard_read(struct call *call, int64_t chat_id, const cJSON *markup,
                                cJSON **ret_keyboard);

/*
 * What the host itself does with a keyboard of reply.h.
 */
#pragma once

#include <aisha/base.h>

struct aisha_keyboard;
struct button;

/* Adds a button of the host's own. */
void keyboard_add(struct aisha_keyboard *keyboard, const char *text, const struct button *button);

/* Makes the call that sends the keyboard fail. */
void keyboard_mistake(struct aisha_keyboard *keyboard, const char *mistake);

/* Text that lives as long as the keyboard. */
const char *keyboard_printf(struct aisha_keyboard *keyboard, const char *format, ...)
    AISHA_PRINTF(2, 3);

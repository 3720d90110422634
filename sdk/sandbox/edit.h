/*
 * Changing a message that was sent: one in a chat, one that a user sent with the bot's inline mode,
 * or an ephemeral one.
 */
#pragma once

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct call;

struct edit {
    cJSON *before;
    cJSON *after;          /* a copy of before, to be changed */
    const char *inline_id; /* NULL = it is no inline message */
};

/* Finds what the call wants to edit. */
AISHA_CHECKED int edit_begin(struct call *call, struct edit *ret_edit);

/*
 * Gives it the keyboard of the call, or takes it away, and publishes it, unless it says what it said
 * before. It is the call's result.
 */
AISHA_CHECKED int edit_end(struct call *call, const struct edit *edit);

/*
 * What the bot remembers about those it writes to, in its database: from what Telegram answers
 * (telegram_memory) and from what updates say.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;
struct telegram_memory;

/* user is the bot. */
extern const struct telegram_memory bot_memory;

/*
 * Notes what the update says beside its content: somebody blocked the bot or is back, it was added
 * to a group or removed, a group became a supergroup. Fails as db_query().
 */
AISHA_ASYNC AISHA_CHECKED int memory_note_update(struct aisha_ctx *ctx);

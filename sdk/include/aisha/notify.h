/*
 * Reaching somebody who has not just written: usually from a job.
 *
 * A notification knows a person, not a place: it goes to their private chat, after answers to people
 * who wait. .key of the reply, with its .args, and .key of its buttons are in their language; what
 * aisha_t() made before is in the language of ctx:
 *
 *     aisha_button(keyboard, .key = "open", .callback = "open", AISHA_PAYLOAD(note));
 *     aisha_notify(ctx, user_id, .key = "notes", .args = AISHA_ARGS(AISHA_ARG("n", count)),
 *                  .keyboard = keyboard);
 *
 * Its buttons are theirs to press, whoever ctx is about. Each call makes them anew: one keyboard can
 * go to several people.
 */
#pragma once

#include <aisha/base.h>
#include <aisha/reply.h>

struct aisha_ctx;

/* They have blocked the bot, deleted their account, or never wrote to it. */
enum { AISHA_NOTIFY_AWAY = 1 };

/* user_id: as aisha_user_id() gives it. AISHA_NOTIFY_AWAY: nothing was sent. -AISHA_E_NOT_FOUND: there
 * is no such person. */
#define aisha_notify(ctx, user_id, ...)                                                            \
    aisha_notify_((ctx), (user_id),                                                                \
                  &(const struct aisha_reply){.size = sizeof(struct aisha_reply), __VA_ARGS__})

AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_notify_(struct aisha_ctx *ctx, const char *user_id,
                                                         const struct aisha_reply *reply);

/*
 * Something needs an operator: an account is empty, a key is refused. It goes to the log, and to the
 * private chats of ADMIN_IDS with the bot, the same text at most once an hour. In English, as the log;
 * plain, without secrets. Within a transaction only the log gets it. Never fails: who cannot be
 * reached reads it in the log.
 */
AISHA_PUBLIC AISHA_ASYNC void aisha_alert(struct aisha_ctx *ctx, const char *text);

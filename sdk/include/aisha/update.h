/*
 * What arrived. The update in full is aisha_update(ctx), typed after the Bot API; the short forms
 * are for what everybody asks. What the types do not know is in the JSON.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/bot_api.h>

struct aisha_ctx;

/* The update, or NULL when the work has another origin. */
AISHA_PUBLIC const struct aisha_update *aisha_update(struct aisha_ctx *ctx);

/* The update as it was received, or NULL; read it with json.h. */
AISHA_PUBLIC const char *aisha_update_json(struct aisha_ctx *ctx);

/* The message that arrived, was edited, or carries the pressed button; NULL when there is none. */
AISHA_PUBLIC const struct aisha_message *aisha_message(struct aisha_ctx *ctx);

/*
 * The messages of an album in the order in which they were sent, for a row with .takes_albums; a
 * message that was sent alone is an album of one. Returns their number. A caption for the whole is
 * usually that of one of them. aisha_message() is the first.
 */
AISHA_PUBLIC size_t aisha_album(struct aisha_ctx *ctx,
                                const struct aisha_message *const **ret_messages);

/* The text of a command behind its name, trimmed: "42" of "/add@our_bot 42". "" when there is none. */
AISHA_PUBLIC const char *aisha_args(struct aisha_ctx *ctx);

/*
 * A link that opens the bot and lets the person send "/start ARG"; with a command that is_linked,
 * "promo-X1" runs /promo with "X1". The other one first asks for a group to add the bot to, where
 * "/start@BOT ARG" is sent. NULL unless arg is 1 to 64 of A-Z a-z 0-9 _ -; the link is ctx's.
 */
AISHA_PUBLIC const char *aisha_deep_link(struct aisha_ctx *ctx, const char *arg);
AISHA_PUBLIC const char *aisha_group_link(struct aisha_ctx *ctx, const char *arg);

/* Where it happened and who did it, as Telegram ids; 0 when there is none. What aisha_reply() and
 * its kin send goes to the same topic, and on behalf of the same business account. */
AISHA_PUBLIC int64_t aisha_chat_id(struct aisha_ctx *ctx);
AISHA_PUBLIC int64_t aisha_thread_id(struct aisha_ctx *ctx);
AISHA_PUBLIC int64_t aisha_telegram_id(struct aisha_ctx *ctx);

/* Who did it, as the bot knows them: a version 7 UUID as text (36 characters), made at the first
 * contact and never changed. To be kept: as the key of every table that belongs to users, in a column
 * of type TEXT. NULL when nobody did it: a channel's post, a webhook, a schedule. */
AISHA_PUBLIC const char *aisha_user_id(struct aisha_ctx *ctx);

/* The same for somebody who has dealt with the bot before. -AISHA_E_NOT_FOUND. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int
aisha_find_user(struct aisha_ctx *ctx, int64_t telegram_id, const char **ret_user_id);

/* As they call themselves in Telegram, cut to 64 characters; "" when unknown. */
AISHA_PUBLIC const char *aisha_first_name(struct aisha_ctx *ctx);

/* Copies the pressed button's payload into *ret; exactly the size declared for the callback. */
#define aisha_payload(ctx, ret) aisha_payload_((ctx), (ret), sizeof *(ret))
AISHA_PUBLIC AISHA_CHECKED int aisha_payload_(struct aisha_ctx *ctx, void *ret, size_t size);

struct aisha_telegram_failure {
    size_t size;
    int error_code; /* 0 = the last call did not fail at Telegram */
    const char *description;
    int64_t retry_after_s;
};

/* Why the last Bot API call of this unit returned -AISHA_E_TELEGRAM. */
AISHA_PUBLIC const struct aisha_telegram_failure *aisha_telegram_error(struct aisha_ctx *ctx);

/*
 * Downloads a file that a message names by file_id to a temporary path. -AISHA_E_LIMIT when it is
 * larger than max_bytes (0 = what the Bot API gives: 20 MB, 2000 MB from a local server); say so to the user.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_download(struct aisha_ctx *ctx,
                                                          const char *file_id, int64_t max_bytes,
                                                          const char **ret_path);

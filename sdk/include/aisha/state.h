/*
 * Dialogues: ask, return, and go on in another handler when the answer comes, be it a minute or a
 * restart later. One question at a time for each user in each chat (and topic).
 *
 *     return aisha_ask(ctx, .key = "which_name", .then = "name", AISHA_DATA(draft));
 *
 * It always sends a new message. To turn pages under the question or mark what was chosen, give its
 * keyboard buttons whose callbacks have no .state: they leave the question pending, and
 * aisha_screen() in them edits its message. What changes meanwhile goes into their payloads: .data
 * stays what it was. Buttons whose callbacks have .state answer, as what is typed does.
 *
 * In a group a bot in privacy mode sees only answers that are replies to its question: ask for that.
 * In the chats of a business account nobody can be asked: what is written there is not for the bot.
 * Commands do not touch a pending question, except /cancel, which withdraws it. A state handler
 * that returns 0 without asking again has ended the dialogue; when it fails, or passes the message
 * on with AISHA_PASS, the question stays.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;
struct aisha_keyboard;

struct aisha_question {
    size_t size;
    const char *text; /* as in reply.h */
    const char *html;
    const char *key;
    const struct aisha_keyboard *keyboard;
    const char *then; /* a row of this plugin's .states */
    const void *data; /* its struct; stored with the question */
    size_t data_size;
    int64_t ttl_s; /* forgotten after it; 0 = one day */
};

#define AISHA_DATA(value) .data = &(value), .data_size = sizeof(value)

#define aisha_ask(ctx, ...)                                                                        \
    aisha_ask_((ctx),                                                                              \
               &(const struct aisha_question){.size = sizeof(struct aisha_question), __VA_ARGS__})

/* Sends the question and stores how it goes on; the state takes effect with the unit's next
 * commit, at the latest when the handler returns. */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_ask_(struct aisha_ctx *ctx,
                                                      const struct aisha_question *question);

/* In a state's handler: copies the data stored with the question into *ret. */
#define aisha_state_data(ctx, ret) aisha_state_data_((ctx), (ret), sizeof *(ret))
AISHA_PUBLIC AISHA_CHECKED int aisha_state_data_(struct aisha_ctx *ctx, void *ret, size_t size);

/*
 * What /cancel does: withdraws the pending question, whichever plugin asked it, or else cancels the
 * newest job that is shown in this chat. Returns 1 when there was one, or when this update has stopped a
 * running handler; else 0.
 */
AISHA_PUBLIC AISHA_ASYNC AISHA_CHECKED int aisha_state_clear(struct aisha_ctx *ctx);

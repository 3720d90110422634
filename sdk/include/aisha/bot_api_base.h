/*
 * What the generated <aisha/bot_api.h> stands on. A call of the Bot API reads like this:
 *
 *     const struct aisha_message *sent;
 *     int r = aisha_send_message(ctx, &sent, .chat_id = chat_id, .text = "Which one?",
 *         .reply_markup = AISHA_OBJECT(reply_markup, .keyboard = AISHA_LIST_OF_LISTS(keyboard_button,
 *             AISHA_LIST(keyboard_button,
 *                 AISHA_OBJECT(keyboard_button, .text = "Left"),
 *                 AISHA_OBJECT(keyboard_button, .text = "Right")))));
 *
 * Inline buttons are signed, so they come from aisha_keyboard_markup() (reply.h).
 *
 * Every struct starts with its size, so that it can grow. What is zero is not sent, except for
 * required numbers and booleans; where a zero or a false has to be sent, write AISHA_ZERO or
 * AISHA_FALSE. What arrives has plain values: a boolean is 0 or 1, and 0 if it was not there; what
 * is required is never NULL, at worst an empty text, array or object.
 *
 * Arrays end with NULL; of one of integers, NAME_count is the length. A field whose type differs
 * from case to case is JSON text. Where an id can be a number or a name, NAME_str is the second form
 * of NAME. Types that the Bot API uses in place of each other are one struct with the fields of all.
 *
 * What a call returns lives as long as the handler that made it. ret may always be NULL.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

/* In a field of a call: send 0, send false. */
#define AISHA_ZERO INT64_MIN
#define AISHA_FALSE (-1)

/* One object, a list of objects and a list of lists, as arguments of a call. They live as long as
   the block they are written in. */
#define AISHA_OBJECT(type, ...)                                                                    \
    (&(const struct aisha_##type){__VA_ARGS__, .size = sizeof(struct aisha_##type)})
#define AISHA_LIST(type, ...) ((const struct aisha_##type *const[]){__VA_ARGS__, NULL})
#define AISHA_LIST_OF_LISTS(type, ...)                                                             \
    ((const struct aisha_##type *const *const[]){__VA_ARGS__, NULL})
#define AISHA_TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/*
 * What every call goes through. A host refuses plugins built for a newer Bot API. Fails with -AISHA_E_INVALID if a
 * required parameter is missing, -AISHA_E_TELEGRAM if Telegram refused.
 */
AISHA_PUBLIC AISHA_CHECKED AISHA_ASYNC int aisha_call_(struct aisha_ctx *ctx, const char *method,
                                                       const void *params, void *ret);

/* Any method, with parameters and result as JSON text: for what <aisha/bot_api.h> lacks. */
AISHA_PUBLIC AISHA_CHECKED AISHA_ASYNC int
aisha_call_json(struct aisha_ctx *ctx, const char *method, const char *json, const char **ret_json);

#define AISHA_FIRST_(first, ...) first
#define AISHA_REST_(first, ...) __VA_ARGS__

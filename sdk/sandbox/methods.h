/*
 * One call of a Bot API method, and the tables of those that are simulated.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/params.h"

struct arena;
struct sandbox;

struct call {
    struct sandbox *sandbox;
    struct arena *arena;
    const char *method;
    struct params params; /* checked against the spec, and typed by it */
    cJSON *result;        /* owned by the arena, or a constant of the call's answer; NULL = true */
    const cJSON
        *published; /* the message that was sent or changed last, and its text: usually it is
                               the result, and need not be printed again */
    const char *published_text;
    const char *note; /* goes with a good result as "description" */
    int error_code;
    const char *error;
    cJSON *parameters; /* go with an error, or NULL; owned by the arena */
};

/* 0, or a negative value: call_fail()'s, or that of a wait when the caller has gone. */
typedef AISHA_ASYNC int method_fn(struct call *call);

struct method {
    const char *name;
    method_fn *run;
};

/* Each ends with a row without a name. */
extern const struct method self_methods[], update_methods[], message_methods[], edit_methods[],
    media_methods[], album_methods[], share_methods[], poll_methods[], copy_methods[],
    pin_methods[], reaction_methods[], ephemeral_methods[], profile_methods[], command_methods[],
    query_methods[], payment_methods[], topic_methods[], member_methods[], chat_methods[],
    invite_methods[], sticker_methods[], game_methods[], paid_methods[], draft_methods[],
    rich_methods[], business_methods[], other_methods[];

/* A method that is in none of the tables. */
AISHA_CHECKED int call_other(struct call *call);

/* Makes the call fail with that code and text; the prefix ("Bad Request: ") belongs to it. */
AISHA_CHECKED int call_fail(struct call *call, int error_code, const char *format, ...)
    AISHA_PRINTF(3, 4);
AISHA_CHECKED int call_refuse(struct call *call, const char *format, ...) AISHA_PRINTF(2, 3);

/* 429, to be repeated after that. */
AISHA_CHECKED int call_retry_after(struct call *call, int64_t seconds);

/* Refuses it so when there were too many of its kind (call_flood.c). */
AISHA_CHECKED int call_flood(struct call *call);

/* A parameter, or NULL; a text, or NULL; a number, or missing. */
cJSON *call_get(const struct call *call, const char *name);
const char *call_text(const struct call *call, const char *name);
int64_t call_int(const struct call *call, const char *name, int64_t missing);
bool call_bool(const struct call *call, const char *name);

/* The language_code that the call has, or "". */
AISHA_CHECKED int call_language(struct call *call, const char **ret_language);

/* --- groups (access.c) --- */

enum access {
    ACCESS_READ,
    ACCESS_READ_MEMBERS,
    ACCESS_WRITE,
};

/* Whether the bot has that access to the chat, which exists: refuses when it has been removed, or
 * the group has become a supergroup. */
AISHA_CHECKED int call_access(struct call *call, int64_t chat_id, enum access access);

/* Whether the bot may send to the group what the call's method sends. */
AISHA_CHECKED int call_may_send(struct call *call, int64_t chat_id);

/* The chat of chat_id, a private one or a group, with that access. */
AISHA_CHECKED int call_any_chat(struct call *call, enum access access, int64_t *ret_chat_id);

/* Whether the bot is an administrator with that right, where anybody else would be refused so. */
AISHA_CHECKED int call_right(struct call *call, int64_t chat_id, const char *right,
                             const char *refusal);

/* --- what several methods need --- */

/* The chat of chat_id, when the bot may write there, and in the place within it. */
AISHA_CHECKED int call_chat(struct call *call, int64_t *ret_chat_id);

/* The message of chat_id and message_id; what it is wanted for is said when there is none: "message
 * to edit". */
AISHA_CHECKED int call_message(struct call *call, const char *what, cJSON **ret_message);

/* Checks reply_markup; ret_keyboard is the inline keyboard, or NULL when it is none or empty. */
AISHA_CHECKED int call_markup(struct call *call, const cJSON **ret_keyboard);

/* A new message of the bot to chat_id, with reply_markup and what it replies to; not yet sent. */
AISHA_CHECKED int call_new_message(struct call *call, cJSON **ret_message);

/* As sandbox_publish(). */
void call_publish(struct call *call, const cJSON *message, const char *type);

/* Sends it: for all to see, and with its reply keyboard in place. It is the call's result. */
void call_send(struct call *call, cJSON *message);

/* Both, for a message with these members. */
AISHA_CHECKED int call_send_content(struct call *call, const cJSON *content);

/* Whether it is the bot's own, and whether it came with a keyboard below the text field: such a
 * message cannot be edited. */
bool message_is_own(const cJSON *message);
bool message_is_sealed(struct sandbox *sandbox, struct arena *arena, const cJSON *message);

/* A new media_group_id. */
const char *message_group_id(struct arena *arena);

/* Deletes it from the chat: for all, and from what else knows it. */
void message_delete(struct sandbox *sandbox, struct arena *arena, const cJSON *message);

/* --- texts with formatting (formatting.c) --- */

/* The text of an object, or of call->params.values, by the names of its members; may be empty. */
AISHA_CHECKED int call_format(struct call *call, const cJSON *from, const char *text_name,
                              const char *mode_name, const char *entities_name,
                              struct formatted *ret_formatted);

/* The text of that parameter with its formatting, within the limit of characters; may be empty. */
AISHA_CHECKED int call_formatted(struct call *call, const char *text_name,
                                 const char *entities_name, size_t most_characters,
                                 struct formatted *ret_formatted);

/* The text of a message, and the preview of its links, into the content. */
AISHA_CHECKED int call_message_text(struct call *call, cJSON *content);

/* The caption of an object such as InputMedia, or of call->params.values, into the content. */
AISHA_CHECKED int call_caption(struct call *call, const cJSON *from, cJSON *content);

/* Puts text and entities into the message under these names; an empty text removes both. */
void message_set_text(cJSON *message, const char *text_name, const char *entities_name,
                      const struct formatted *formatted);

/* --- files (methods_media.c) --- */

/*
 * The file object of that kind: uploaded as the part of that name (NULL = under no name of its own)
 * or as "attach://…", fetched from an address, or a file_id seen before; value is what the request
 * has in its place, and from has its duration, width, …
 */
AISHA_ASYNC AISHA_CHECKED int call_media(struct call *call, const char *kind, const char *part,
                                         const char *value, const cJSON *from, cJSON **ret_object);

/* File and caption of an InputMedia into the content. */
AISHA_ASYNC AISHA_CHECKED int call_input_media(struct call *call, const cJSON *media,
                                               cJSON *content);

/* Whether the caption stands above, and whether a spoiler hides it, where that kind can have it. */
void media_set_placement(cJSON *message, const cJSON *from, const char *kind);

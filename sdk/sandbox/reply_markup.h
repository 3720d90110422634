/*
 * What a bot has put below a chat's text field: a reply keyboard, or a request for a reply. It belongs
 * to the chat: it stays until another takes its place, the bot removes it or deletes its message.
 *
 * Kept and shown as the bot sent it, with "message_id" of its message, and "used": true once a
 * keyboard for one time has been used.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;

/* The bot has sent message with that reply_markup; NULL and inline keyboards change nothing. */
void reply_markup_place(struct sandbox *sandbox, struct arena *arena, const cJSON *message,
                        const cJSON *markup);

/* The user has sent message. */
void reply_markup_answer(struct sandbox *sandbox, struct arena *arena, const cJSON *message);

/* The bot has deleted that message. */
void reply_markup_forget(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                         int64_t message_id);

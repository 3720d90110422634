/*
 * Reactions to messages: an emoji of the bot, and of every user one.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct control;
struct sandbox;

/* By the id of who reacts, lists of ReactionType; NULL when there are none. */
const cJSON *reactions_to(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                          int64_t message_id);

/* Forgets those of a deleted message. */
void reactions_forget(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                      int64_t message_id);

/* Control call. */
void control_react(struct control *control);

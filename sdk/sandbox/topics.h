/*
 * Topics of forums. A topic is a ForumTopic of the Bot API, and besides "is_closed" and
 * "is_by_bot"; its message_thread_id is the id of the message that tells of its making. The general
 * topic is part of the chat's info (chats.h): it has no thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;
struct world;

enum { GENERAL_TOPIC = 1, DEFAULT_TOPIC_COLOR = 7322096 };

bool topics_are_in(struct world *world, struct arena *arena, int64_t chat_id);

/* The topic, or NULL. */
cJSON *topics_find(struct world *world, struct arena *arena, int64_t chat_id, int64_t thread_id);
cJSON *topics_list(struct world *world, struct arena *arena, int64_t chat_id);
void topics_save(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *topic);

/* Takes color and icon (a custom emoji's id, or NULL) as they are. Shows forum_topic_created. */
cJSON *topics_create(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                     const cJSON *from, const char *name, int64_t color, const char *icon);

/* Makes a topic of that id unless there is one, without a word. */
void topics_ensure(struct world *world, struct arena *arena, int64_t chat_id, int64_t thread_id);

/* Deletes it with its messages. */
void topics_delete(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                   int64_t thread_id);

/* The ForumTopic without what only the sandbox knows. */
cJSON *topic_object(struct arena *arena, const cJSON *topic);

/* A message in a topic that replies to nothing replies to the one that made the topic. */
void topics_anchor(struct world *world, struct arena *arena, cJSON *message);

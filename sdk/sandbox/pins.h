/*
 * Messages that are pinned in a chat.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;

/* The newest of them, or NULL. */
cJSON *pins_newest(struct sandbox *sandbox, struct arena *arena, int64_t chat_id);

/* Unpins it, if it is pinned; 0 = all of the chat, or of the topic (0 = any). */
void pins_remove(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, int64_t message_id);
void pins_remove_all(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                     int64_t thread_id);

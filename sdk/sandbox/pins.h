/*
 * Messages that are pinned in a chat.
 */
#pragma once

#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct control;
struct sandbox;

/* Their message_ids in order, never NULL. */
cJSON *pins_all(struct sandbox *sandbox, struct arena *arena, int64_t chat_id);

/* The newest of them, or NULL. */
cJSON *pins_newest(struct sandbox *sandbox, struct arena *arena, int64_t chat_id);

/* Unpins it, if it is pinned. */
void pins_remove(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, int64_t message_id);

/* Control call. */
void control_pin(struct control *control);

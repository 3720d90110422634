/*
 * Messages of a group that only one of its members sees. They are no part of the chat: each has a
 * number of its own, and is kept until it is deleted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct call;
struct place;
struct sandbox;

/* Reads ephemeral_message_parameters, if there are any, into the place. */
AISHA_CHECKED int ephemeral_read(struct call *call, struct place *place);

/* A new one of the bot, not yet sent. */
cJSON *ephemeral_new(struct call *call, const struct place *place);

/* Keeps it, new or changed, and tells those who watch. */
void ephemeral_publish(struct sandbox *sandbox, struct arena *arena, const cJSON *message);

/* The one of that number, or NULL. */
cJSON *ephemeral_find(struct call *call, int64_t chat_id, int64_t id);

/*
 * Invite links of groups and the requests to join by them. A link is a ChatInviteLink of the Bot
 * API; besides it has "uses".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;
struct world;

/* A new link of the bot, kept. */
cJSON *invites_new(struct world *world, struct arena *arena, int64_t chat_id);
void invites_save(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *link);

/* The link, by its whole address; NULL when the chat has no such. */
cJSON *invites_find(struct world *world, struct arena *arena, int64_t chat_id, const char *link);

/* The chat of a link, or 0. */
int64_t invites_chat_of(struct world *world, struct arena *arena, const char *link);

/* The ChatInviteLink, with the requests that wait. */
cJSON *invite_object(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *link);

/* NULL, or why nobody can come by that link any more. */
const char *invites_refusal(struct world *world, const cJSON *link);

/* The user comes by the link: becomes a member, or asks to. Returns whether he has only asked. */
bool invites_use(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, const cJSON *user,
                 cJSON *link);

/* Takes the user's request to join: {"link"}; NULL when there is none. */
cJSON *invites_take_request(struct world *world, struct arena *arena, int64_t chat_id,
                            int64_t user_id);

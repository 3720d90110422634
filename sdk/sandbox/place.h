/*
 * Where a message stands besides the private chats: in a group, in a topic of a forum, in a chat of
 * a business account that the bot is connected to.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct call;
struct control;
struct world;

struct place {
    int64_t chat_id;
    int64_t thread_id;                  /* 0 = none, or the general topic */
    int64_t receiver_id;                /* 0 = all can see it */
    const char *business_connection_id; /* NULL = a chat with the bot itself */
};

/* Where a user writes, from "chat_id" (missing = the private chat), "message_thread_id" and
 * "business_connection_id" of the body. false after having answered. */
bool place_read(struct control *control, int64_t user_id, struct place *ret);

/* Writes it into a message that has its chat already. */
void place_set(cJSON *message, const struct place *place);

/* Where a call sends: its chat has been found. */
AISHA_CHECKED int call_place(struct call *call, int64_t chat_id, struct place *ret);

/* Whose connection that is, or 0. */
int64_t business_owner(struct world *world, struct arena *arena, const char *id);

/*
 * What there is to know about groups and channels: where they moved, and that the bot was removed.
 * A group without a row is where it was, with the bot in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct db;

/* The group is now the supergroup new_id; ids that are stored stay good with chats_now(). */
AISHA_ASYNC AISHA_CHECKED int chats_set_moved(struct db *db, struct arena *arena, int64_t chat_id,
                                              int64_t new_id);

/* The id to send to: chat_id, unless the group has moved. */
AISHA_ASYNC AISHA_CHECKED int chats_now(struct db *db, struct arena *arena, int64_t chat_id,
                                        int64_t *ret_chat_id);

/* The bot was removed, from when on, or is back. */
AISHA_ASYNC AISHA_CHECKED int chats_set_gone(struct db *db, struct arena *arena, int64_t chat_id,
                                             bool is_gone);

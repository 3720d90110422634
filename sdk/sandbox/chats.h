/*
 * Groups: what is known of one besides its Chat, the service messages in it, and what of it reaches
 * the bot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct sandbox;
struct world;

/*
 * "permissions" (always), "description", "photo", "invite_link", "sticker_set_name",
 * "migrated_to", "migrated_from", "is_deleted", "general": {"name", "is_closed", "is_hidden"}.
 */
cJSON *chats_info(struct world *world, struct arena *arena, int64_t chat_id);
void chats_set_info(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *info);

/* The group with that @username, or 0. */
int64_t chats_of_username(struct world *world, struct arena *arena, const char *username);

bool chat_is_supergroup(const cJSON *chat);

/* The first characters of a text: names that are too long are cut, not refused. */
char *text_cut(struct arena *arena, const char *text, size_t most_characters);

/* Tells those who watch that the chat, or that user's place in it, has changed. */
void chats_emit(struct sandbox *sandbox, int64_t chat_id, int64_t user_id);

struct announcement {
    int64_t chat_id;
    const cJSON *from;  /* User */
    const char *field;  /* of the message */
    cJSON *content;     /* taken */
    int64_t message_id; /* 0 = a new one */
    int64_t thread_id;  /* 0 = none */
};

/* Shows a service message and tells the bot. Returns the message. */
cJSON *chats_announce(struct sandbox *sandbox, struct arena *arena,
                      const struct announcement *announcement);

/*
 * A user has written or edited that message of a group or a private chat: the bot gets an update of
 * that kind, unless it is not there or does not hear it.
 */
void chats_tell(struct sandbox *sandbox, struct arena *arena, const char *kind,
                const cJSON *message);

/* Whether the bot gets all that is written in groups. */
bool chats_bot_hears_all(struct world *world, struct arena *arena);
void chats_set_bot_hears_all(struct world *world, bool hears_all);

/* Deletes the message, and tells those who watch. */
void chats_delete_message(struct sandbox *sandbox, int64_t chat_id, int64_t message_id);

/* Makes a supergroup of the group. Returns the id of the new chat. */
int64_t chats_migrate(struct sandbox *sandbox, struct arena *arena, int64_t chat_id);

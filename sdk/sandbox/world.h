/*
 * What Telegram would know: users, their chats with the bot, messages, pending updates, files.
 *
 * All of it is in memory (world_internal.h); when the sandbox has a data directory, a database there
 * follows a moment behind (store.h). One bot lives in this world: whichever token was used last says
 * its id.
 *
 * Objects are returned as trees in the shape of the Bot API: copies, free to be changed, owned by the
 * arena. world_bot(), world_user() and world_chat() also do without one: the tree is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct clock;
struct loop;
struct world;

/* directory NULL = nothing outlives the world. Borrows the clock. On failure logs why. */
int world_open(struct world **ret_world, struct loop *loop, const char *directory,
               const struct clock *clock);
void world_close(struct world *world);

/* Forgets everything but the bot's id, and makes the first users anew. */
void world_reset(struct world *world);

/* Whether writing to the data directory has failed since the last question. */
bool world_take_failure(struct world *world);

/* Of users and bots: what JSON carries as a whole number everywhere. */
#define WORLD_LARGEST_ID INT64_C(999999999999999)

/* Unix time, by the sandbox's clock. */
int64_t world_now(const struct world *world);

/* 32 hexadecimal digits nobody can guess. */
char *world_random_name(struct arena *arena);

/* Such a name of digits. */
char *world_random_number(struct arena *arena);

/* --- the bot --- */
void world_set_bot_id(struct world *world, int64_t id);
cJSON *world_bot(struct world *world, struct arena *arena);

/* Named texts, one for each language ("" = all others); NULL when unset. An empty value unsets. */
const char *world_text(struct world *world, struct arena *arena, const char *name,
                       const char *language);
void world_set_text(struct world *world, const char *name, const char *language, const char *value);

/* --- users; a private chat has the id of its user --- */
cJSON *world_users(struct world *world, struct arena *arena);
cJSON *world_user(struct world *world, struct arena *arena, int64_t id);
cJSON *world_chat(struct world *world, struct arena *arena, int64_t id);

/* A group: gives chat its id, a negative one, by its type. */
void world_add_chat(struct world *world, struct arena *arena, cJSON *chat);

/* Replaces what is known of that group. */
void world_set_chat(struct world *world, struct arena *arena, const cJSON *chat);

/* All groups, the oldest of each type first. */
cJSON *world_groups(struct world *world, struct arena *arena);

/* id 0 = the next free one. Returns the id, or 0 when it is taken. */
int64_t world_add_user(struct world *world, int64_t id, const char *first_name,
                       const char *language_code);

enum chat_standing {
    CHAT_UNKNOWN,
    CHAT_SILENT, /* the user has never written */
    CHAT_OPEN,
    CHAT_BLOCKED, /* by the user */
};

enum chat_standing world_standing(struct world *world, int64_t chat_id);
void world_set_standing(struct world *world, int64_t chat_id, enum chat_standing standing);

/* What the bot is doing in that chat, for five seconds; NULL = nothing. */
void world_set_action(struct world *world, int64_t chat_id, const char *action);
const char *world_action(struct world *world, struct arena *arena, int64_t chat_id);

/* --- messages; when they are too many, the oldest are forgotten --- */
int64_t world_next_message_id(struct world *world);
cJSON *world_message(struct world *world, struct arena *arena, int64_t chat_id, int64_t message_id);
cJSON *world_messages(struct world *world, struct arena *arena, int64_t chat_id);

/* The newest one of the chat, or NULL. */
cJSON *world_last_message(struct world *world, struct arena *arena, int64_t chat_id);

/* Adds the message, or replaces the one of its id. Returns its text, in the arena. */
const char *world_save_message(struct world *world, struct arena *arena, const cJSON *message);
void world_delete_message(struct world *world, int64_t message_id);

/* What stands below that chat's text field (reply_markup.h); NULL = nothing. */
cJSON *world_reply_markup(struct world *world, struct arena *arena, int64_t chat_id);
void world_set_reply_markup(struct world *world, struct arena *arena, int64_t chat_id,
                            const cJSON *markup);

/* --- updates --- */

/* Queues the update when its kind is allowed and there is room; update_id 0 = the next one. Returns
 * its id, or 0. */
int64_t world_push_update(struct world *world, struct arena *arena, const char *kind,
                          const cJSON *payload, int64_t update_id);

/* The oldest, as an array of raw items: their texts, to be printed. */
cJSON *world_updates(struct world *world, struct arena *arena, int64_t limit);

/* Their ids and queues (update_kind.h), as pairs; and one of them as a raw item, or NULL when it
 * has expired or is not there. */
cJSON *world_update_queues(struct world *world, struct arena *arena, int64_t limit);
cJSON *world_update(struct world *world, struct arena *arena, int64_t update_id,
                    int64_t *ret_expires_at);

/* The greatest there ever was. */
int64_t world_last_update_id(struct world *world);
int64_t world_update_count(struct world *world);

/* Forgets updates with a smaller id; a negative offset keeps that many of the newest. */
void world_confirm_updates(struct world *world, int64_t offset);
void world_forget_update(struct world *world, int64_t update_id);
void world_drop_updates(struct world *world);

/* kinds is an array of strings; when none of them is known, it is the default. */
void world_allow_updates(struct world *world, struct arena *arena, const cJSON *kinds);
cJSON *world_allowed_updates(struct world *world, struct arena *arena);

/* --- queries of all kinds --- */
void world_add_query(struct world *world, const char *id, int64_t chat_id, int64_t seconds);
void world_add_callback(struct world *world, const char *id, int64_t chat_id);

/* Ends the query. Returns its chat, or 0 when it is unknown, answered or too old. */
int64_t world_take_callback(struct world *world, const char *id);

/* --- commands, by scope ("default", "chat:17", …) and language --- */
void world_set_commands(struct world *world, struct arena *arena, const char *scope,
                        const char *language, const cJSON *commands);

/* Never NULL. */
cJSON *world_commands(struct world *world, struct arena *arena, const char *scope,
                      const char *language);

/* --- records: whatever else there is to know, as JSON by kind ("poll", "invoice", …) and id;
 * of more than 100,000 of a kind the oldest are forgotten --- */

/* The record, or NULL. */
cJSON *world_record(struct world *world, struct arena *arena, const char *kind, const char *id);

/* Adds it, or replaces the one of that id in its place. */
void world_put_record(struct world *world, struct arena *arena, const char *kind, const char *id,
                      const cJSON *record);
void world_remove_record(struct world *world, const char *kind, const char *id);

/* All of that kind, in the order in which they were added. */
cJSON *world_records(struct world *world, struct arena *arena, const char *kind);

/* --- files; when they are too many, the oldest are forgotten --- */

/*
 * Stores the bytes. object is what messages will say about the file; it gets file_id,
 * file_unique_id and, unless it has one, file_size. kind is the Message field: "voice", "document", …
 */
void world_add_file(struct world *world, struct arena *arena, const char *kind, cJSON *object,
                    const void *bytes, size_t size);

/* {kind, path, object}, or NULL. */
cJSON *world_file(struct world *world, struct arena *arena, const char *file_id);

/* Makes the file's path downloadable for an hour. */
void world_link_file(struct world *world, const char *file_id);

/* NULL when unknown; by path also when it is not linked. */
const void *world_file_bytes(struct world *world, struct arena *arena, const char *file_id,
                             size_t *ret_size);
const void *world_linked_bytes(struct world *world, struct arena *arena, const char *path,
                               size_t *ret_size);

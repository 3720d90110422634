/*
 * What the files of the world share: its tables.
 *
 * Everything is in memory and owned by the world; bodies are JSON as text, in one malloc each, and
 * are parsed for whoever asks. Each change is told to the store, which writes it behind and gives
 * it back at the next start: every kind of row has a …_load() that is the inverse of its
 * store_put().
 *
 *   world_chats.c     users and groups by id, with what stands below their text field
 *   world_messages.c  messages by id, and by chat; the oldest go when there are too many
 *   world_updates.c   updates by id; the queries they ask
 *   world_files.c     files by id, with their bytes; the oldest go when there are too many
 *   world_records.c   all else, by kind and id
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include <cjson/cJSON.h>

#include "sdk/sandbox/store.h"
#include "sdk/sandbox/world.h"

struct message {
    int64_t id;
    struct chat *chat;
    char *body;
    size_t size;
    TAILQ_ENTRY(message) in_chat, in_world;
    UT_hash_handle hh;
};

TAILQ_HEAD(message_list, message);

/* A user with the private chat, or a group. */
struct chat {
    int64_t id;
    char *body;         /* User or Chat; NULL while there are only messages of it */
    char *private_chat; /* the Chat of a user */
    enum chat_standing standing;
    char action[32]; /* "" = none */
    int64_t action_until;
    char *reply_markup; /* NULL = none */
    struct message_list messages;
    size_t message_count;
    UT_hash_handle hh;
};

struct update {
    int64_t id, queue, expires_at;
    char *body; /* the whole Update */
    size_t size;
    TAILQ_ENTRY(update) link;
    UT_hash_handle hh;
};

TAILQ_HEAD(update_list, update);

struct query {
    char *id;
    int64_t chat_id, expires_at;
    TAILQ_ENTRY(query) link;
    UT_hash_handle hh;
};

struct file {
    char *id, *path;
    char *body; /* {kind, path, object} */
    char *bytes;
    size_t size;
    int64_t linked_until;
    TAILQ_ENTRY(file) link;
    UT_hash_handle by_id, by_path;
};

struct record {
    char *id, *body;
    TAILQ_ENTRY(record) link;
    UT_hash_handle hh;
};

struct record_kind {
    char *name;
    struct record *by_id;
    TAILQ_HEAD(, record) records; /* as they were added */
    UT_hash_handle hh;
};

/* Numbers that outlive a reset. */
enum counter {
    COUNTER_BOT_ID,
    COUNTER_MESSAGE,
    COUNTER_UPDATE,
    COUNTER_UPDATE_DATE, /* of the last one */
    COUNTER_FILE,
    COUNTERS
};

struct world {
    struct store *store; /* NULL = nothing outlives the world */
    const struct clock *clock;
    int64_t counters[COUNTERS];
    cJSON *bot; /* its User, made of the texts; NULL = to be made again */

    struct chat *chats;
    int64_t last_user_id, last_group_id, last_supergroup_id; /* the highest, and the lowest */

    struct message *messages;
    struct message_list message_order; /* as they were sent */
    size_t message_bytes;

    struct update *updates;
    struct update_list update_order; /* by id */
    size_t update_bytes;
    int64_t next_expiry;    /* nothing expires before */
    bool is_full;           /* an update has been dropped since there was room */
    cJSON *allowed_updates; /* NULL = the default */

    struct query *queries;
    TAILQ_HEAD(, query) query_order;

    struct file *files_by_id, *files_by_path;
    TAILQ_HEAD(, file) file_order;
    size_t file_bytes;

    struct record_kind *record_kinds;
};

/* A copy; the caller owns it. */
char *world_strdup(const char *text);

/* What it is made of has changed. */
void world_forget_bot(struct world *world);

void world_set_counter(struct world *world, enum counter counter, int64_t value);

/* The row of that kind whose key is a number. */
void world_put_row(struct world *world, const char *kind, int64_t key, const char *body,
                   int64_t first, int64_t second);
void world_remove_row(struct world *world, const char *kind, int64_t key);

/* A kind of row: reads one that was stored, forgets all in memory. */
void chats_load(struct world *world, const struct store_row *row);
void reply_markups_load(struct world *world, const struct store_row *row);
void messages_load(struct world *world, const struct store_row *row);
void updates_load(struct world *world, const struct store_row *row);
void allowed_updates_load(struct world *world); /* after the records */
void queries_load(struct world *world, const struct store_row *row);
void files_load(struct world *world, const struct store_row *row);
void file_bytes_load(struct world *world, const struct store_row *row);
void records_load(struct world *world, const struct store_row *row);

void chats_forget(struct world *world); /* after the messages */
void messages_forget(struct world *world);
void updates_forget(struct world *world);
void queries_forget(struct world *world);
void files_forget(struct world *world);
void records_forget(struct world *world);

/* The chat, or NULL; and the same, made when there is none. */
struct chat *world_find_chat(struct world *world, int64_t id);
struct chat *world_chat_of(struct world *world, int64_t id);

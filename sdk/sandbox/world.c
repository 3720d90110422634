#include "sdk/sandbox/world.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/db.h"
#include "sdk/sandbox/json.h"

#define FIRST_CHAT_ID INT64_C(-1001000000001)

enum {
    FIRST_USER_ID = 1001,
    SHOWN_MESSAGES = 500,
    ACTION_SECONDS = 5,
    DAY_SECONDS = 86400,
    QUERY_UPDATE_SECONDS = 150, /* how long an unread callback query stays in the queue */
    CALLBACK_SECONDS = 60,      /* how long a read one can be answered */
    LINK_SECONDS = 3600,
};

struct world {
    struct db *db;
    const struct clock *clock;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS texts (name TEXT, language TEXT, value TEXT NOT NULL,"
    "  PRIMARY KEY (name, language));"
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, body TEXT NOT NULL,"
    "  standing INTEGER NOT NULL, action TEXT, action_until INTEGER);"
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, chat_id INTEGER NOT NULL,"
    "  body TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS messages_by_chat ON messages (chat_id, id);"
    "CREATE TABLE IF NOT EXISTS reply_markups (chat_id INTEGER PRIMARY KEY, body TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS updates (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
    "  body TEXT NOT NULL, expires_at INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS update_queues (id INTEGER PRIMARY KEY, queue INTEGER NOT NULL);"
    "CREATE TRIGGER IF NOT EXISTS forget_queue AFTER DELETE ON updates BEGIN"
    " DELETE FROM update_queues WHERE id = old.id; END;"
    "CREATE TABLE IF NOT EXISTS callbacks (id TEXT PRIMARY KEY, chat_id INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS commands (scope TEXT, language TEXT, body TEXT NOT NULL,"
    "  PRIMARY KEY (scope, language));"
    "CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
    "  id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id));"
    "CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, kind TEXT NOT NULL,"
    "  path TEXT UNIQUE NOT NULL, linked_until INTEGER NOT NULL, object TEXT NOT NULL,"
    "  bytes BLOB NOT NULL);"
    "INSERT OR IGNORE INTO counters VALUES ('message', 0), ('bot', 0), ('file', 0);"
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'updates', 700000000"
    "  WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence);";

static void add_first_users(struct world *world)
{
    if (db_int(world->db, 0, "SELECT count(*) FROM users", ""))
        return;
    world_add_user(world, FIRST_USER_ID, "Alice", "en");
    world_add_user(world, FIRST_USER_ID + 1, "Борис", "ru");
}

int world_open(struct world **ret_world, const char *directory, const struct clock *clock)
{
    char path[4096] = ":memory:";
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        return -ENOMEM;
    world->clock = clock;
    if (directory) {
        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
            log_error("sandbox", "cannot create directory path=%s error=%s", directory,
                      strerror(errno));
        snprintf(path, sizeof path, "%s/sandbox.db", directory);
    }
    int r = db_open(&world->db, path, schema);
    if (r < 0) {
        free(world);
        return r;
    }
    add_first_users(world);
    *ret_world = world;
    return 0;
}

void world_close(struct world *world)
{
    if (!world)
        return;
    db_close(world->db);
    free(world);
}

void world_reset(struct world *world)
{
    db_run(world->db, "DELETE FROM texts", "");
    db_run(world->db, "DELETE FROM users", "");
    db_run(world->db, "DELETE FROM messages", "");
    db_run(world->db, "DELETE FROM reply_markups", "");
    db_run(world->db, "DELETE FROM updates", "");
    db_run(world->db, "DELETE FROM callbacks", "");
    db_run(world->db, "DELETE FROM commands", "");
    db_run(world->db, "DELETE FROM records", "");
    db_run(world->db, "DELETE FROM files", "");
    add_first_users(world);
}

bool world_take_failure(struct world *world)
{
    return db_take_failure(world->db);
}

int64_t world_now(const struct world *world)
{
    return clock_now(world->clock);
}

static int64_t next(struct world *world, const char *counter)
{
    return db_int(world->db, 0,
                  "UPDATE counters SET value = value + 1 WHERE name = ?1 RETURNING value", "t",
                  counter);
}

void world_set_bot_id(struct world *world, int64_t id)
{
    db_run(world->db, "UPDATE counters SET value = ?1 WHERE name = 'bot' AND value <> ?1", "i", id);
}

cJSON *world_bot(struct world *world, struct arena *arena)
{
    cJSON *bot = json_keep(arena, cJSON_CreateObject());
    const char *name = world_text(world, arena, "name", "");

    json_set_int(bot, "id",
                 db_int(world->db, 0, "SELECT value FROM counters WHERE name = 'bot'", ""));
    json_set_bool(bot, "is_bot", true);
    json_set_text(bot, "first_name", name ? name : "Aisha");
    json_set_text(bot, "username", "aisha_sandbox_bot");
    return bot;
}

const char *world_text(struct world *world, struct arena *arena, const char *name,
                       const char *language)
{
    return db_text(world->db, arena, "SELECT value FROM texts WHERE name = ?1 AND language = ?2",
                   "tt", name, language);
}

void world_set_text(struct world *world, const char *name, const char *language, const char *value)
{
    if (*value)
        db_run(world->db, "INSERT OR REPLACE INTO texts VALUES (?1, ?2, ?3)", "ttt", name, language,
               value);
    else
        db_run(world->db, "DELETE FROM texts WHERE name = ?1 AND language = ?2", "tt", name,
               language);
}

cJSON *world_users(struct world *world, struct arena *arena)
{
    return db_json_rows(world->db, arena, "SELECT body FROM users WHERE id > 0 ORDER BY id", "");
}

cJSON *world_user(struct world *world, struct arena *arena, int64_t id)
{
    return db_json(world->db, arena, "SELECT body FROM users WHERE id = ?1 AND id > 0", "i", id);
}

cJSON *world_chat(struct world *world, struct arena *arena, int64_t id)
{
    if (id < 0)
        return db_json(world->db, arena, "SELECT body FROM users WHERE id = ?1", "i", id);
    const cJSON *user = world_user(world, arena, id);
    cJSON *chat = json_keep(arena, cJSON_CreateObject());

    json_set_int(chat, "id", id);
    json_set_copy(chat, "first_name", json_get(user, "first_name"));
    json_set_text(chat, "type", "private");
    return chat;
}

void world_add_chat(struct world *world, struct arena *arena, cJSON *chat)
{
    int64_t id = db_int(world->db, FIRST_CHAT_ID, "SELECT min(id) - 1 FROM users WHERE id < 0", "");

    json_set_int(chat, "id", id);
    db_run(world->db, "INSERT INTO users (id, body, standing) VALUES (?1, ?2, ?3)", "iti", id,
           json_text(arena, chat), (int64_t)CHAT_OPEN);
}

int64_t world_add_user(struct world *world, int64_t id, const char *first_name,
                       const char *language_code)
{
    if (!id)
        id = db_int(world->db, FIRST_USER_ID, "SELECT max(id) + 1 FROM users", "");
    else if (world_standing(world, id) != CHAT_UNKNOWN)
        return 0;
    cJSON *user = cJSON_CreateObject();
    json_set_int(user, "id", id);
    json_set_bool(user, "is_bot", false);
    json_set_text(user, "first_name", first_name);
    if (language_code && *language_code)
        json_set_text(user, "language_code", language_code);
    char *body = cJSON_PrintUnformatted(user);
    db_run(world->db, "INSERT INTO users (id, body, standing) VALUES (?1, ?2, ?3)", "iti", id, body,
           (int64_t)CHAT_SILENT);
    cJSON_free(body);
    cJSON_Delete(user);
    return id;
}

enum chat_standing world_standing(struct world *world, int64_t chat_id)
{
    return (enum chat_standing)db_int(world->db, CHAT_UNKNOWN,
                                      "SELECT standing FROM users WHERE id = ?1", "i", chat_id);
}

void world_set_standing(struct world *world, int64_t chat_id, enum chat_standing standing)
{
    db_run(world->db, "UPDATE users SET standing = ?2 WHERE id = ?1", "ii", chat_id,
           (int64_t)standing);
}

void world_set_action(struct world *world, int64_t chat_id, const char *action)
{
    db_run(world->db, "UPDATE users SET action = ?2, action_until = ?3 WHERE id = ?1", "iti",
           chat_id, action, world_now(world) + ACTION_SECONDS);
}

const char *world_action(struct world *world, struct arena *arena, int64_t chat_id)
{
    return db_text(world->db, arena, "SELECT action FROM users WHERE id = ?1 AND action_until > ?2",
                   "ii", chat_id, world_now(world));
}

int64_t world_next_message_id(struct world *world)
{
    return next(world, "message");
}

cJSON *world_message(struct world *world, struct arena *arena, int64_t chat_id, int64_t message_id)
{
    return db_json(world->db, arena, "SELECT body FROM messages WHERE id = ?1 AND chat_id = ?2",
                   "ii", message_id, chat_id);
}

cJSON *world_messages(struct world *world, struct arena *arena, int64_t chat_id)
{
    return db_json_rows(world->db, arena,
                        "SELECT body FROM (SELECT id, body FROM messages WHERE chat_id = ?1"
                        " ORDER BY id DESC LIMIT ?2) ORDER BY id",
                        "ii", chat_id, (int64_t)SHOWN_MESSAGES);
}

void world_save_message(struct world *world, struct arena *arena, const cJSON *message)
{
    db_run(world->db, "INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3)", "iit",
           json_get_int(message, "message_id", 0), json_get_int(json_get(message, "chat"), "id", 0),
           json_text(arena, message));
}

void world_delete_message(struct world *world, int64_t message_id)
{
    db_run(world->db, "DELETE FROM messages WHERE id = ?1", "i", message_id);
}

cJSON *world_reply_markup(struct world *world, struct arena *arena, int64_t chat_id)
{
    return db_json(world->db, arena, "SELECT body FROM reply_markups WHERE chat_id = ?1", "i",
                   chat_id);
}

void world_set_reply_markup(struct world *world, struct arena *arena, int64_t chat_id,
                            const cJSON *markup)
{
    if (markup)
        db_run(world->db, "INSERT OR REPLACE INTO reply_markups VALUES (?1, ?2)", "it", chat_id,
               json_text(arena, markup));
    else
        db_run(world->db, "DELETE FROM reply_markups WHERE chat_id = ?1", "i", chat_id);
}

static bool is_allowed(struct world *world, struct arena *arena, const char *kind)
{
    static const char *const on_request[] = {"chat_member", "message_reaction",
                                             "message_reaction_count"};
    const cJSON *allowed = world_allowed_updates(world, arena), *item;

    cJSON_ArrayForEach(item, allowed) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, kind) == 0)
            return true;
    }
    if (cJSON_GetArraySize(allowed))
        return false;
    for (size_t i = 0; i < sizeof on_request / sizeof *on_request; i++)
        if (strcmp(on_request[i], kind) == 0)
            return false;
    return true;
}

/* The chat it is about, else the user: updates of one queue are delivered one after the other. */
static int64_t queue_of(const cJSON *payload)
{
    static const char *const people[] = {"from", "user"};
    const cJSON *message = json_get(payload, "message") ? json_get(payload, "message") : payload;
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);

    for (size_t i = 0; i < 2 && !chat_id; i++)
        chat_id = json_get_int(json_get(payload, people[i]), "id", 0);
    return chat_id;
}

bool world_push_update(struct world *world, struct arena *arena, const char *kind,
                       const cJSON *payload, int64_t update_id)
{
    bool is_query = strcmp(kind, "callback_query") == 0;
    int64_t expires_at = world_now(world) + (is_query ? QUERY_UPDATE_SECONDS : DAY_SECONDS);
    const char *body = json_text(arena, payload);

    if (!is_allowed(world, arena, kind))
        return false;
    if (update_id)
        db_run(world->db, "INSERT OR REPLACE INTO updates VALUES (?1, ?2, ?3, ?4)", "itti",
               update_id, kind, body, expires_at);
    else
        db_run(world->db, "INSERT INTO updates (kind, body, expires_at) VALUES (?1, ?2, ?3)", "tti",
               kind, body, expires_at);
    db_run(world->db, "INSERT OR REPLACE INTO update_queues VALUES (last_insert_rowid(), ?1)", "i",
           queue_of(payload));
    return true;
}

cJSON *world_updates(struct world *world, struct arena *arena, int64_t limit)
{
    db_run(world->db, "DELETE FROM updates WHERE expires_at < ?1", "i", world_now(world));
    return db_json_rows(world->db, arena,
                        "SELECT json_object('update_id', id, kind, json(body)) FROM updates"
                        " ORDER BY id LIMIT ?1",
                        "i", limit);
}

cJSON *world_update_queues(struct world *world, struct arena *arena, int64_t limit)
{
    return db_json_rows(world->db, arena,
                        "SELECT json_array(updates.id, coalesce(queue, 0)) FROM updates"
                        " LEFT JOIN update_queues USING (id) ORDER BY updates.id LIMIT ?1",
                        "i", limit);
}

cJSON *world_update(struct world *world, struct arena *arena, int64_t update_id)
{
    return db_json(world->db, arena,
                   "SELECT json_object('update_id', id, kind, json(body)) FROM updates"
                   " WHERE id = ?1",
                   "i", update_id);
}

int64_t world_update_count(struct world *world)
{
    return db_int(world->db, 0, "SELECT count(*) FROM updates", "");
}

void world_confirm_updates(struct world *world, int64_t offset)
{
    if (offset > 0)
        db_run(world->db, "DELETE FROM updates WHERE id < ?1", "i", offset);
    else if (offset < 0)
        db_run(world->db,
               "DELETE FROM updates WHERE id NOT IN"
               " (SELECT id FROM updates ORDER BY id DESC LIMIT -?1)",
               "i", offset);
}

void world_forget_update(struct world *world, int64_t update_id)
{
    db_run(world->db, "DELETE FROM updates WHERE id = ?1", "i", update_id);
}

void world_drop_updates(struct world *world)
{
    db_run(world->db, "DELETE FROM updates", "");
}

void world_allow_updates(struct world *world, struct arena *arena, const cJSON *kinds)
{
    world_set_text(world, "allowed_updates", "",
                   cJSON_GetArraySize(kinds) ? json_text(arena, kinds) : "");
}

cJSON *world_allowed_updates(struct world *world, struct arena *arena)
{
    return db_json(world->db, arena, "SELECT value FROM texts WHERE name = 'allowed_updates'", "");
}

void world_add_query(struct world *world, const char *id, int64_t chat_id, int64_t seconds)
{
    db_run(world->db, "INSERT INTO callbacks VALUES (?1, ?2, ?3)", "tii", id, chat_id,
           world_now(world) + seconds);
}

void world_add_callback(struct world *world, const char *id, int64_t chat_id)
{
    world_add_query(world, id, chat_id, CALLBACK_SECONDS);
}

int64_t world_take_callback(struct world *world, const char *id)
{
    db_run(world->db, "DELETE FROM callbacks WHERE expires_at < ?1", "i", world_now(world));
    return db_int(world->db, 0, "DELETE FROM callbacks WHERE id = ?1 RETURNING chat_id", "t", id);
}

void world_set_commands(struct world *world, struct arena *arena, const char *scope,
                        const char *language, const cJSON *commands)
{
    if (cJSON_GetArraySize(commands))
        db_run(world->db, "INSERT OR REPLACE INTO commands VALUES (?1, ?2, ?3)", "ttt", scope,
               language, json_text(arena, commands));
    else
        db_run(world->db, "DELETE FROM commands WHERE scope = ?1 AND language = ?2", "tt", scope,
               language);
}

cJSON *world_commands(struct world *world, struct arena *arena, const char *scope,
                      const char *language)
{
    cJSON *commands =
        db_json(world->db, arena, "SELECT body FROM commands WHERE scope = ?1 AND language = ?2",
                "tt", scope, language);

    return commands ? commands : json_keep(arena, cJSON_CreateArray());
}

cJSON *world_commands_for(struct world *world, struct arena *arena, int64_t chat_id)
{
    const char *scopes[] = {arena_printf(arena, "chat:%" PRId64, chat_id),
                            chat_id < 0 ? "all_group_chats" : "all_private_chats", "default"};
    const char *language = json_get_text(world_user(world, arena, chat_id), "language_code");
    cJSON *commands = NULL;

    for (size_t i = 0; i < 3; i++) {
        commands = world_commands(world, arena, scopes[i], language ? language : "");
        if (!cJSON_GetArraySize(commands))
            commands = world_commands(world, arena, scopes[i], "");
        if (cJSON_GetArraySize(commands))
            break;
    }
    return commands;
}

cJSON *world_record(struct world *world, struct arena *arena, const char *kind, const char *id)
{
    return db_json(world->db, arena, "SELECT body FROM records WHERE kind = ?1 AND id = ?2", "tt",
                   kind, id);
}

void world_put_record(struct world *world, struct arena *arena, const char *kind, const char *id,
                      const cJSON *record)
{
    db_run(world->db,
           "INSERT INTO records (kind, id, body) VALUES (?1, ?2, ?3)"
           " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
           "ttt", kind, id, json_text(arena, record));
}

void world_remove_record(struct world *world, const char *kind, const char *id)
{
    db_run(world->db, "DELETE FROM records WHERE kind = ?1 AND id = ?2", "tt", kind, id);
}

cJSON *world_records(struct world *world, struct arena *arena, const char *kind)
{
    return db_json_rows(world->db, arena,
                        "SELECT body FROM records WHERE kind = ?1 ORDER BY number", "t", kind);
}

static const struct file_kind {
    const char *kind, *id_prefix, *folder, *extension;
} file_kinds[] = {
    {"voice", "AwACAgIAAxkBAAI", "voice", "oga"},
    {"audio", "CQACAgIAAxkBAAI", "music", "mp3"},
    {"video_note", "DQACAgIAAxkBAAI", "video_notes", "mp4"},
    {"video", "BAACAgIAAxkBAAI", "videos", "mp4"},
    {"animation", "CgACAgIAAxkBAAI", "animations", "mp4"},
    {"photo", "AgACAgIAAxkBAAI", "photos", "jpg"},
    {"document", "BQACAgIAAxkBAAI", "documents", "bin"},
};

static const struct file_kind *find_file_kind(const char *kind)
{
    size_t count = sizeof file_kinds / sizeof *file_kinds;

    for (size_t i = 0; i < count - 1; i++)
        if (strcmp(file_kinds[i].kind, kind) == 0)
            return &file_kinds[i];
    return &file_kinds[count - 1];
}

/* Letters and digits of the file's own extension, or the usual one of its kind. */
static const char *extension_of(struct arena *arena, const char *file_name,
                                const struct file_kind *kind)
{
    const char *dot = file_name ? strrchr(file_name, '.') : NULL;
    size_t length = dot ? strlen(dot + 1) : 0;

    if (strcmp(kind->kind, "voice") == 0 || !length || length > 8)
        return kind->extension;
    for (const char *c = dot + 1; *c; c++)
        if (!isalnum((unsigned char)*c))
            return kind->extension;
    return arena_strdup(arena, dot + 1);
}

char *world_random_name(struct arena *arena)
{
    uint64_t random[2] = {0};

    if (getrandom(random, sizeof random, 0) != sizeof random)
        log_warn("sandbox", "no random bytes");
    return arena_printf(arena, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

void world_add_file(struct world *world, struct arena *arena, const char *kind_name, cJSON *object,
                    const void *bytes, size_t size)
{
    const struct file_kind *kind = find_file_kind(kind_name);
    const char *name = world_random_name(arena);
    const char *id = arena_printf(arena, "%s%s", kind->id_prefix, name);
    const char *extension = extension_of(arena, json_get_text(object, "file_name"), kind);
    const char *path =
        arena_printf(arena, "%s/file_%" PRId64 ".%s", kind->folder, next(world, "file"), extension);

    json_set_text(object, "file_id", id);
    json_set_text(object, "file_unique_id", arena_strndup(arena, name, 15));
    if (!json_get(object, "file_size"))
        json_set_int(object, "file_size", (int64_t)size);
    db_run(world->db, "INSERT INTO files VALUES (?1, ?2, ?3, 0, ?4, ?5)", "ttttb", id, kind->kind,
           path, json_text(arena, object), size ? bytes : "", size);
}

cJSON *world_file(struct world *world, struct arena *arena, const char *file_id)
{
    return db_json(world->db, arena,
                   "SELECT json_object('kind', kind, 'path', path, 'object', json(object))"
                   " FROM files WHERE id = ?1",
                   "t", file_id);
}

void world_link_file(struct world *world, const char *file_id)
{
    db_run(world->db, "UPDATE files SET linked_until = ?2 WHERE id = ?1", "ti", file_id,
           world_now(world) + LINK_SECONDS);
}

const void *world_file_bytes(struct world *world, struct arena *arena, const char *file_id,
                             size_t *ret_size)
{
    return db_bytes(world->db, arena, ret_size, "SELECT bytes FROM files WHERE id = ?1", "t",
                    file_id);
}

const void *world_linked_bytes(struct world *world, struct arena *arena, const char *path,
                               size_t *ret_size)
{
    return db_bytes(world->db, arena, ret_size,
                    "SELECT bytes FROM files WHERE path = ?1 AND linked_until > ?2", "ti", path,
                    world_now(world));
}

#include "sdk/sandbox/chats.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/world.h"

static const char info_kind[] = "chat_info", privacy_name[] = "privacy_mode";

static const char *id_of(struct arena *arena, int64_t chat_id)
{
    return arena_printf(arena, "%" PRId64, chat_id);
}

cJSON *chats_info(struct world *world, struct arena *arena, int64_t chat_id)
{
    cJSON *info = world_record(world, arena, info_kind, id_of(arena, chat_id));

    if (!info)
        info = json_keep(arena, cJSON_CreateObject());
    if (!json_get(info, "permissions")) {
        cJSON *permissions = cJSON_AddObjectToObject(info, "permissions");
        for (size_t i = 0; member_permissions[i]; i++)
            json_set_bool(permissions, member_permissions[i], true);
    }
    return info;
}

void chats_set_info(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *info)
{
    world_put_record(world, arena, info_kind, id_of(arena, chat_id), info);
}

int64_t chats_of_username(struct world *world, struct arena *arena, const char *username)
{
    const cJSON *groups = world_groups(world, arena), *chat;

    cJSON_ArrayForEach(chat, groups) {
        const char *name = json_get_text(chat, "username");
        if (name && strcasecmp(name, username + (*username == '@')) == 0)
            return json_get_int(chat, "id", 0);
    }
    return 0;
}

bool chat_is_supergroup(const cJSON *chat)
{
    const char *type = json_get_text(chat, "type");

    return type && strcmp(type, "supergroup") == 0;
}

char *text_cut(struct arena *arena, const char *text, size_t most_characters)
{
    size_t characters = 0, bytes = 0;

    while (text[bytes]) {
        if (((unsigned char)text[bytes] & 0xC0) != 0x80 && ++characters > most_characters)
            break;
        bytes++;
    }
    return arena_strndup(arena, text, bytes);
}

void chats_emit(struct sandbox *sandbox, int64_t chat_id, int64_t user_id)
{
    cJSON *details = cJSON_CreateObject();

    if (user_id)
        json_set_int(details, "user_id", user_id);
    sandbox_emit(sandbox, "chat", chat_id, details);
}

/* ---- service messages ---- */

/* Of what the bot does itself it is told only these. */
static bool is_told_of_own(const char *field)
{
    static const char *const fields[] = {"new_chat_title",
                                         "new_chat_photo",
                                         "delete_chat_photo",
                                         "left_chat_member",
                                         "pinned_message",
                                         "forum_topic_created",
                                         "forum_topic_edited",
                                         "forum_topic_closed",
                                         "forum_topic_reopened",
                                         "general_forum_topic_hidden",
                                         "general_forum_topic_unhidden"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i], field) == 0)
            return true;
    return false;
}

/* Whether the bot is in the chat, or it is its own leaving that the message tells of. */
static bool reaches_bot(struct world *world, struct arena *arena, const cJSON *message)
{
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);

    return chat_id > 0 || json_get_bool(json_get(message, "left_chat_member"), "is_bot") ||
           member_is_there(members_find(world, arena, chat_id, THE_BOT));
}

cJSON *chats_announce(struct sandbox *sandbox, struct arena *arena,
                      const struct announcement *announcement)
{
    cJSON *message = sandbox_new_message(sandbox, arena, announcement->chat_id, announcement->from);

    if (announcement->message_id)
        json_set_int(message, "message_id", announcement->message_id);
    if (announcement->thread_id) {
        json_set_int(message, "message_thread_id", announcement->thread_id);
        json_set_bool(message, "is_topic_message", true);
    }
    json_set(message, announcement->field, announcement->content);
    if (announcement->thread_id != announcement->message_id)
        topics_anchor(sandbox->world, arena, message);
    sandbox_publish(sandbox, arena, message, "message");
    if (reaches_bot(sandbox->world, arena, message) &&
        (!json_get_bool(announcement->from, "is_bot") || is_told_of_own(announcement->field)))
        sandbox_push_update(sandbox, arena, "message", message, 0);
    return message;
}

/* ---- what the bot hears ---- */

bool chats_bot_hears_all(struct world *world, struct arena *arena)
{
    return !world_text(world, arena, privacy_name, "");
}

void chats_set_bot_hears_all(struct world *world, bool hears_all)
{
    world_set_text(world, privacy_name, "", hears_all ? "" : "on");
}

/* A command for this bot, or for whoever listens. */
static bool is_command(struct world *world, struct arena *arena, const char *text)
{
    const char *username = json_get_text(world_bot(world, arena), "username");
    size_t length = text && *text == '/' ? strcspn(text, " \t\r\n") : 0;
    const char *at = length ? memchr(text, '@', length) : NULL;

    if (length < 2)
        return false;
    return !at || ((size_t)(text + length - at - 1) == strlen(username) &&
                   strncasecmp(at + 1, username, strlen(username)) == 0);
}

/* With privacy mode on a bot that is no administrator gets commands and replies to it. */
static bool hears(struct world *world, struct arena *arena, const cJSON *message)
{
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);

    if (chat_id > 0 || chats_bot_hears_all(world, arena) ||
        member_is_administrator(members_find(world, arena, chat_id, THE_BOT)))
        return true;
    const cJSON *replied = json_get(json_get(message, "reply_to_message"), "from");
    return json_get_bool(replied, "is_bot") ||
           json_get_bool(json_get(message, "via_bot"), "is_bot") ||
           is_command(world, arena, json_get_text(message, "text"));
}

void chats_tell(struct sandbox *sandbox, struct arena *arena, const char *kind,
                const cJSON *message)
{
    if (reaches_bot(sandbox->world, arena, message) && hears(sandbox->world, arena, message))
        sandbox_push_update(sandbox, arena, kind, message, 0);
}

void chats_delete_message(struct sandbox *sandbox, int64_t chat_id, int64_t message_id)
{
    cJSON *details = cJSON_CreateObject();

    world_delete_message(sandbox->world, message_id);
    json_set_int(details, "message_id", message_id);
    sandbox_emit(sandbox, "delete", chat_id, details);
}

/* ---- a group becomes a supergroup ---- */

static void announce_number(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                            const char *field, int64_t number)
{
    const cJSON *owner = members_list(sandbox->world, arena, chat_id)->child;

    chats_announce(sandbox, arena,
                   &(struct announcement){.chat_id = chat_id,
                                          .from = json_get(owner, "user"),
                                          .field = field,
                                          .content = cJSON_CreateNumber((double)number)});
}

int64_t chats_migrate(struct sandbox *sandbox, struct arena *arena, int64_t chat_id)
{
    struct world *world = sandbox->world;
    cJSON *chat = json_keep(arena, cJSON_Duplicate(world_chat(world, arena, chat_id), true));
    cJSON *info = chats_info(world, arena, chat_id);
    const cJSON *member;

    json_set_text(chat, "type", "supergroup");
    world_add_chat(world, arena, chat);
    int64_t new_id = json_get_int(chat, "id", 0);
    json_set_int(info, "migrated_from", chat_id);
    chats_set_info(world, arena, new_id, info);
    cJSON_ArrayForEach(member, members_list(world, arena, chat_id))
        members_change(
            sandbox, arena,
            &(struct member_change){.chat_id = new_id, .member = member, .is_silent = true});
    announce_number(sandbox, arena, chat_id, "migrate_to_chat_id", new_id);
    announce_number(sandbox, arena, new_id, "migrate_from_chat_id", chat_id);
    info = chats_info(world, arena, chat_id);
    json_set_int(info, "migrated_to", new_id);
    chats_set_info(world, arena, chat_id, info);
    chats_emit(sandbox, chat_id, 0);
    chats_emit(sandbox, new_id, 0);
    return new_id;
}

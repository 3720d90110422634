/*
 * Kept per message as the record {"<id of the user or bot>": [ReactionType]}.
 */
#include "sdk/sandbox/reactions.h"

#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char kind[] = "reactions";

/* What everybody can react with. */
static bool is_reaction(const char *emoji)
{
    static const char *const known[] = {
        "❤",    "👍",    "👎",    "🔥",    "🥰", "👏",    "😁",          "🤔", "🤯",
        "😱",    "🤬", "😢",    "🎉",    "🤩", "🤮", "💩",          "🙏",    "👌",
        "🕊", "🤡", "🥱", "🥴", "😍",    "🐳",    "❤‍🔥", "🌚",    "🌭",
        "💯",    "🤣", "⚡",    "🍌",    "🏆",    "💔",    "🤨",       "😐",    "🍓",
        "🍾", "💋",    "🖕", "😈",    "😴",    "😭",    "🤓",       "👻",    "👨‍💻",
        "👀",    "🎃",    "🙈",    "😇",    "😨",    "🤝", "✍",          "🤗", "🫡",
        "🎅",    "🎄",    "☃",    "💅",    "🤪", "🗿",    "🆒",          "💘",    "🙉",
        "🦄", "😘",    "💊",    "🙊",    "😎",    "👾",    "🤷‍♂", "🤷", "🤷‍♀",
        "😡",
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], emoji) == 0)
            return true;
    return false;
}

static const char *name_of(struct arena *arena, int64_t chat_id, int64_t message_id)
{
    return arena_printf(arena, "%lld:%lld", (long long)chat_id, (long long)message_id);
}

/* Never NULL. */
static cJSON *load(struct sandbox *sandbox, struct arena *arena, const char *name)
{
    cJSON *record = world_record(sandbox->world, arena, kind, name);

    return record ? record : json_keep(arena, cJSON_CreateObject());
}

/* Tells those who watch what there is now. */
static void save(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, int64_t message_id,
                 const cJSON *record)
{
    const char *name = name_of(arena, chat_id, message_id);
    cJSON *details = cJSON_CreateObject();

    if (record->child)
        world_put_record(sandbox->world, arena, kind, name, record);
    else
        world_remove_record(sandbox->world, kind, name);
    json_set_int(details, "message_id", message_id);
    json_set_copy(details, "reactions", record);
    sandbox_emit(sandbox, "reaction", chat_id, details);
}

const cJSON *reactions_to(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                          int64_t message_id)
{
    return world_record(sandbox->world, arena, kind, name_of(arena, chat_id, message_id));
}

void reactions_forget(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                      int64_t message_id)
{
    world_remove_record(sandbox->world, kind, name_of(arena, chat_id, message_id));
}

/* Sets those of one actor, none = takes them away. The old ones, never NULL; the arena owns them. */
static cJSON *set(struct sandbox *sandbox, struct arena *arena, const cJSON *message, int64_t actor,
                  const cJSON *types)
{
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    int64_t message_id = json_get_int(message, "message_id", 0);
    const char *who = arena_printf(arena, "%lld", (long long)actor);
    cJSON *record = load(sandbox, arena, name_of(arena, chat_id, message_id));
    cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(record, who);

    old = json_keep(arena, old ? old : cJSON_CreateArray());
    if (cJSON_GetArraySize(types))
        json_set_copy(record, who, types);
    if (!cJSON_Compare(old, types, true) && (cJSON_GetArraySize(old) || cJSON_GetArraySize(types)))
        save(sandbox, arena, chat_id, message_id, record);
    return old;
}

static int check_types(struct call *call, const cJSON *types)
{
    const cJSON *type;

    if (cJSON_GetArraySize(types) > 1)
        return call_refuse(call, "REACTIONS_TOO_MANY");
    cJSON_ArrayForEach(type, types) {
        const char *emoji = json_get_text(type, "emoji");
        if (!emoji || !is_reaction(emoji))
            return call_refuse(call, "REACTION_INVALID");
    }
    return 0;
}

/* Of an album it is the first message that has the reactions. */
static const cJSON *target_of(struct call *call, const cJSON *message)
{
    const char *group = json_get_text(message, "media_group_id");
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    const cJSON *other;

    if (!group)
        return message;
    const cJSON *all = world_messages(call->sandbox->world, call->arena, chat_id);
    cJSON_ArrayForEach(other, all) {
        const char *its = json_get_text(other, "media_group_id");
        if (its && strcmp(its, group) == 0)
            return other;
    }
    return message;
}

static int set_reaction(struct call *call)
{
    cJSON *message;
    cJSON *none = json_keep(call->arena, cJSON_CreateArray());
    const cJSON *types = call_get(call, "reaction") ? call_get(call, "reaction") : none;
    const cJSON *bot = world_bot(call->sandbox->world, call->arena);

    int r = call_message(call, "message to react", &message);
    if (r == 0)
        r = check_types(call, types);
    if (r == 0 && !content_is_any(message))
        r = call_refuse(call, "MESSAGE_ID_INVALID");
    if (r < 0)
        return r;
    set(call->sandbox, call->arena, target_of(call, message), json_get_int(bot, "id", 0), types);
    return 0;
}

/* ---- what administrators take away ---- */

static int check_actor(struct call *call, int64_t *ret_user_id)
{
    int64_t user_id = call_int(call, "user_id", call_int(call, "actor_chat_id", 0));

    int64_t chat_id = call_int(call, "chat_id", 0);

    if (chat_id > 0)
        return call_refuse(call, "method is available only for groups and supergroups");
    if (!user_id)
        return call_refuse(call, "invalid user_id specified");
    *ret_user_id = user_id;
    return call_right(call, chat_id, "can_delete_messages", "CHAT_ADMIN_REQUIRED");
}

static int delete_reaction(struct call *call)
{
    cJSON *message;
    int64_t user_id;

    int r = call_message(call, "message to delete reaction", &message);
    if (r == 0)
        r = check_actor(call, &user_id);
    if (r == 0)
        set(call->sandbox, call->arena, message, user_id, NULL);
    return r;
}

static int delete_all_reactions(struct call *call)
{
    const cJSON *messages, *message;
    int64_t user_id, chat_id;

    int r = call_chat(call, &chat_id);
    if (r == 0)
        r = check_actor(call, &user_id);
    if (r < 0)
        return r;
    messages = world_messages(call->sandbox->world, call->arena, chat_id);
    cJSON_ArrayForEach(message, messages)
        set(call->sandbox, call->arena, message, user_id, NULL);
    return 0;
}

const struct method reaction_methods[] = {
    {"setMessageReaction", set_reaction},
    {"deleteMessageReaction", delete_reaction},
    {"deleteAllMessageReactions", delete_all_reactions},
    {0},
};

/* ---- what users do ---- */

static void tell_reaction(struct control *control, const cJSON *message, const cJSON *user,
                          const cJSON *old, const cJSON *new)
{
    struct sandbox *sandbox = control->sandbox;
    cJSON *change = json_keep(control->arena, cJSON_CreateObject());

    json_set_copy(change, "chat", json_get(message, "chat"));
    json_set_copy(change, "message_id", json_get(message, "message_id"));
    json_set_copy(change, "user", user);
    json_set_int(change, "date", world_now(sandbox->world));
    json_set_copy(change, "old_reaction", old);
    json_set_copy(change, "new_reaction", new);
    sandbox_push_update(sandbox, control->arena, "message_reaction", change, 0);
}

/* In a group the bot has to be an administrator. */
static bool is_told(struct control *control, int64_t chat_id)
{
    return chat_id > 0 || member_is_administrator(members_find(control->sandbox->world,
                                                               control->arena, chat_id, THE_BOT));
}

void control_react(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t user_id = json_get_int(control->body, "user_id", 0);
    const char *emoji = json_get_text(control->body, "emoji");
    cJSON *types = json_keep(control->arena, cJSON_CreateArray());
    struct place place;

    const cJSON *user = control_user(control, user_id);
    if (!user || !place_read(control, user_id, &place))
        return;
    const cJSON *message = world_message(sandbox->world, control->arena, place.chat_id,
                                         json_get_int(control->body, "message_id", 0));
    if (!message || !content_is_any(message)) {
        control_fail(control, 400, "message_id: there is no such message in this chat");
        return;
    }
    if (!emoji || (*emoji && !is_reaction(emoji))) {
        control_fail(control, 400, "emoji must be one of Telegram's reactions, or empty");
        return;
    }
    if (*emoji) {
        cJSON *type = cJSON_CreateObject();
        json_set_text(type, "type", "emoji");
        json_set_text(type, "emoji", emoji);
        cJSON_AddItemToArray(types, type);
    }
    const cJSON *old = set(sandbox, control->arena, message, user_id, types);
    if (!cJSON_Compare(old, types, true) && is_told(control, place.chat_id))
        tell_reaction(control, message, user, old, types);
    respond_json(control->exchange, 200, json_keep(control->arena, cJSON_CreateObject()));
}

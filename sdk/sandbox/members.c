#include "sdk/sandbox/members.h"

#include <inttypes.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

const char *const member_rights[] = {"can_manage_chat",           "can_delete_messages",
                                     "can_manage_video_chats",    "can_restrict_members",
                                     "can_promote_members",       "can_change_info",
                                     "can_invite_users",          "can_post_stories",
                                     "can_edit_stories",          "can_delete_stories",
                                     "can_pin_messages",          "can_manage_topics",
                                     "can_manage_tags",           "is_anonymous",
                                     "can_send_welcome_messages", NULL};

const char *const member_permissions[] = {"can_send_messages",
                                          "can_send_audios",
                                          "can_send_documents",
                                          "can_send_photos",
                                          "can_send_videos",
                                          "can_send_video_notes",
                                          "can_send_voice_notes",
                                          "can_send_polls",
                                          "can_send_other_messages",
                                          "can_react_to_messages",
                                          "can_add_web_page_previews",
                                          "can_edit_tag",
                                          "can_change_info",
                                          "can_invite_users",
                                          "can_pin_messages",
                                          "can_manage_topics",
                                          NULL};

/* ---- what is kept: by chat, under the user's id; without the User, who can change ---- */

static const char *kind_of(struct arena *arena, int64_t chat_id)
{
    return arena_printf(arena, "members:%" PRId64, chat_id);
}

static int64_t bot_id(struct world *world, struct arena *arena)
{
    return json_get_int(world_bot(world, arena), "id", 0);
}

static const char *id_of(struct arena *arena, int64_t user_id)
{
    return arena_printf(arena, "%" PRId64, user_id);
}

static int64_t key_of(struct world *world, struct arena *arena, int64_t user_id)
{
    return user_id == bot_id(world, arena) ? THE_BOT : user_id;
}

static cJSON *user_of(struct world *world, struct arena *arena, int64_t key)
{
    return key == THE_BOT ? world_bot(world, arena) : world_user(world, arena, key);
}

static void save(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *member)
{
    int64_t key = key_of(world, arena, json_get_int(json_get(member, "user"), "id", 0));
    cJSON *record = json_keep(arena, cJSON_Duplicate(member, true));

    cJSON_DeleteItemFromObjectCaseSensitive(record, "user");
    json_set_int(record, "key", key);
    world_put_record(world, arena, kind_of(arena, chat_id), id_of(arena, key), record);
}

/* Time ends bans and restrictions. */
static const char *status_now(struct world *world, const cJSON *record)
{
    const char *status = record ? json_get_text(record, "status") : "left";
    int64_t until = json_get_int(record, "until_date", 0);

    if (!until || until > world_now(world))
        return status;
    if (strcmp(status, "kicked") == 0)
        return "left";
    if (strcmp(status, "restricted") == 0)
        return json_get_bool(record, "is_member") ? "member" : "left";
    return status;
}

static cJSON *member_of(struct world *world, struct arena *arena, int64_t chat_id, int64_t key,
                        cJSON *record)
{
    const char *status = status_now(world, record);

    if (!record || strcmp(json_get_text(record, "status"), status) != 0)
        return members_new(world, arena, chat_id, key, status);
    cJSON_DeleteItemFromObjectCaseSensitive(record, "key");
    json_set_copy(record, "user", user_of(world, arena, key));
    return record;
}

cJSON *members_find(struct world *world, struct arena *arena, int64_t chat_id, int64_t user_id)
{
    int64_t key = key_of(world, arena, user_id);
    const char *kind = kind_of(arena, chat_id);

    return member_of(world, arena, chat_id, key,
                     world_record(world, arena, kind, id_of(arena, key)));
}

cJSON *members_list(struct world *world, struct arena *arena, int64_t chat_id)
{
    cJSON *list = json_keep(arena, cJSON_CreateArray());
    cJSON *records = world_records(world, arena, kind_of(arena, chat_id)), *record;

    cJSON_ArrayForEach(record, records) {
        int64_t key = json_get_int(record, "key", THE_BOT);
        cJSON *copy = json_keep(arena, cJSON_Duplicate(record, true));
        const cJSON *member = member_of(world, arena, chat_id, key, copy);
        if (member_is(member, "creator"))
            json_insert(list, 0, cJSON_Duplicate(member, true));
        else if (member_is_there(member))
            cJSON_AddItemToArray(list, cJSON_Duplicate(member, true));
    }
    return list;
}

bool member_is(const cJSON *member, const char *status)
{
    return strcmp(json_get_text(member, "status"), status) == 0;
}

bool member_is_there(const cJSON *member)
{
    if (member_is(member, "restricted"))
        return json_get_bool(member, "is_member");
    return !member_is(member, "left") && !member_is(member, "kicked");
}

bool member_is_administrator(const cJSON *member)
{
    return member_is(member, "creator") || member_is(member, "administrator");
}

/* Rights that only supergroups have. */
static bool is_of_groups(struct world *world, struct arena *arena, int64_t chat_id,
                         const char *right)
{
    const char *type = json_get_text(world_chat(world, arena, chat_id), "type");

    return strcmp(right, "can_manage_topics") != 0 || (type && strcmp(type, "supergroup") == 0);
}

cJSON *members_new(struct world *world, struct arena *arena, int64_t chat_id, int64_t user_id,
                   const char *status)
{
    cJSON *member = json_keep(arena, cJSON_CreateObject());
    bool is_administrator = strcmp(status, "administrator") == 0;
    bool is_restricted = strcmp(status, "restricted") == 0;

    json_set_text(member, "status", status);
    json_set_copy(member, "user", user_of(world, arena, key_of(world, arena, user_id)));
    if (strcmp(status, "creator") == 0)
        json_set_bool(member, "is_anonymous", false);
    if (is_administrator)
        json_set_bool(member, "can_be_edited", false);
    for (size_t i = 0; is_administrator && member_rights[i]; i++)
        if (is_of_groups(world, arena, chat_id, member_rights[i]))
            json_set_bool(member, member_rights[i],
                          strcmp(member_rights[i], "can_promote_members") != 0 &&
                              strcmp(member_rights[i], "is_anonymous") != 0);
    for (size_t i = 0; is_restricted && member_permissions[i]; i++)
        json_set_bool(member, member_permissions[i], false);
    if (is_restricted)
        json_set_bool(member, "is_member", true);
    if (is_restricted || strcmp(status, "kicked") == 0)
        json_set_int(member, "until_date", 0);
    return member;
}

bool members_may(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *member,
                 const char *right)
{
    if (member_is(member, "creator"))
        return true;
    if (!member_is_there(member))
        return false;
    if (member_is(member, "administrator") && json_get(member, right))
        return json_get_bool(member, right);
    if (member_is(member, "restricted") && !json_get_bool(member, right))
        return false;
    return member_is(member, "administrator") ||
           json_get_bool(json_get(chats_info(world, arena, chat_id), "permissions"), right);
}

/* ---- changes ---- */

/* The service message of a change, where it shows: who came or went. */
static void announce(struct sandbox *sandbox, struct arena *arena,
                     const struct member_change *change, bool was_there)
{
    bool is_there = member_is_there(change->member);
    const cJSON *user = json_get(change->member, "user");
    cJSON *content;

    if (was_there == is_there || change->is_unannounced)
        return;
    if (is_there) {
        content = cJSON_CreateArray();
        cJSON_AddItemToArray(content, cJSON_Duplicate(user, true));
    } else {
        content = cJSON_Duplicate(user, true);
    }
    chats_announce(
        sandbox, arena,
        &(struct announcement){.chat_id = change->chat_id,
                               .from = change->actor,
                               .field = is_there ? "new_chat_members" : "left_chat_member",
                               .content = content});
}

static void tell(struct sandbox *sandbox, struct arena *arena, const struct member_change *change,
                 const cJSON *old)
{
    struct world *world = sandbox->world;
    bool is_bot = key_of(world, arena, json_get_int(json_get(old, "user"), "id", 0)) == THE_BOT;
    const cJSON *bot = members_find(world, arena, change->chat_id, THE_BOT);
    cJSON *update = json_keep(arena, cJSON_CreateObject());

    if (!is_bot && !member_is_administrator(bot))
        return;
    json_set_copy(update, "chat", world_chat(world, arena, change->chat_id));
    json_set_copy(update, "from", change->actor);
    json_set_int(update, "date", world_now(world));
    json_set_copy(update, "old_chat_member", old);
    json_set_copy(update, "new_chat_member", change->member);
    json_set_copy(update, "invite_link", change->invite_link);
    if (change->is_request)
        json_set_bool(update, "via_join_request", true);
    sandbox_push_update(sandbox, arena, is_bot ? "my_chat_member" : "chat_member", update, 0);
}

void members_change(struct sandbox *sandbox, struct arena *arena,
                    const struct member_change *change)
{
    int64_t user_id = json_get_int(json_get(change->member, "user"), "id", 0);
    const cJSON *old = members_find(sandbox->world, arena, change->chat_id, user_id);

    save(sandbox->world, arena, change->chat_id, change->member);
    if (!change->is_silent && !cJSON_Compare(old, change->member, true)) {
        tell(sandbox, arena, change, old);
        announce(sandbox, arena, change, member_is_there(old));
    }
    chats_emit(sandbox, change->chat_id, user_id);
}

bool members_enter(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, int64_t user_id)
{
    const cJSON *member = members_find(sandbox->world, arena, chat_id, user_id);

    if (member_is_there(member))
        return true;
    if (member_is(member, "kicked"))
        return false;
    struct member_change change = {
        .chat_id = chat_id,
        .member = members_new(sandbox->world, arena, chat_id, user_id, "member"),
        .is_silent = true,
    };
    if (member_is(member, "restricted")) {
        cJSON *back = json_keep(arena, cJSON_Duplicate(member, true));
        json_set_bool(back, "is_member", true);
        change.member = back;
    }
    members_change(sandbox, arena, &change);
    return true;
}

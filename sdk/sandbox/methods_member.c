/*
 * Who is in a chat, and what becomes of them: bans, restrictions, promotions.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LEAST_SECONDS = 30, /* what ends sooner, or in more than 366 days, does not end */
    MOST_SECONDS = 366 * 86400,
    LONGEST_TITLE = 16,
};

#define NO_RESTRICTING "not enough rights to restrict/unrestrict chat member"
#define FOR_CHANNELS "method is available for supergroup and channel chats only"
#define FOR_SUPERGROUPS "method is available only for supergroups"

/* The chat, the user and what he is in it. */
struct target {
    int64_t chat_id, user_id;
    bool is_supergroup, is_bot;
    cJSON *member;
};

static bool is_bot(struct call *call, int64_t user_id)
{
    return user_id == json_get_int(world_bot(call->sandbox->world, call->arena), "id", 0);
}

static int find_target(struct call *call, enum access access, struct target *ret)
{
    struct world *world = call->sandbox->world;
    struct target target = {.user_id = call_int(call, "user_id", 0)};

    if (target.user_id <= 0)
        return call_refuse(call, "invalid user_id specified");
    target.is_bot = is_bot(call, target.user_id);
    int r = call_any_chat(call, access, &target.chat_id);
    if (r < 0)
        return r;
    target.is_supergroup = chat_is_supergroup(world_chat(world, call->arena, target.chat_id));
    if (!target.is_bot && !world_user(world, call->arena, target.user_id))
        return call_refuse(call, "member not found");
    target.member = members_find(world, call->arena, target.chat_id, target.user_id);
    *ret = target;
    return 0;
}

static void change(struct call *call, const struct target *target, const cJSON *member)
{
    members_change(call->sandbox, call->arena,
                   &(struct member_change){.chat_id = target->chat_id,
                                           .actor = world_bot(call->sandbox->world, call->arena),
                                           .member = member});
}

/* A new ChatMember of that user with that status. */
static cJSON *with_status(struct call *call, const struct target *target, const char *status)
{
    return members_new(call->sandbox->world, call->arena, target->chat_id, target->user_id, status);
}

/* ---- questions ---- */

static int get_chat_member(struct call *call)
{
    struct target target;
    bool is_own = is_bot(call, call_int(call, "user_id", 0));

    int r = find_target(call, is_own ? ACCESS_READ : ACCESS_READ_MEMBERS, &target);
    if (r < 0)
        return r;
    call->result = target.member;
    if (target.chat_id < 0)
        return 0;
    if (!target.is_bot && target.user_id != target.chat_id)
        return call_refuse(call, "member not found");
    call->result = with_status(call, &target, "member");
    return 0;
}

static int get_chat_administrators(struct call *call)
{
    const cJSON *member;
    int64_t chat_id;

    int r = call_any_chat(call, ACCESS_READ_MEMBERS, &chat_id);
    if (r < 0)
        return r;
    if (chat_id > 0)
        return call_refuse(call, "there are no administrators in the private chat");
    call->result = json_keep(call->arena, cJSON_CreateArray());
    cJSON_ArrayForEach(member, members_list(call->sandbox->world, call->arena, chat_id)) {
        if (member_is_administrator(member))
            cJSON_AddItemToArray(call->result, cJSON_Duplicate(member, true));
    }
    return 0;
}

static int get_chat_member_count(struct call *call)
{
    int64_t chat_id;

    int r = call_any_chat(call, ACCESS_READ_MEMBERS, &chat_id);
    if (r < 0)
        return r;
    int count = chat_id > 0
                    ? 2
                    : cJSON_GetArraySize(members_list(call->sandbox->world, call->arena, chat_id));
    call->result = json_keep(call->arena, cJSON_CreateNumber(count));
    return 0;
}

/* ---- out and in again ---- */

static int64_t until_date(struct call *call)
{
    int64_t until = call_int(call, "until_date", 0), now = world_now(call->sandbox->world);

    return until < now + LEAST_SECONDS || until > now + MOST_SECONDS ? 0 : until;
}

/* Whether the bot may throw out, restrict or let in again that member. */
static int check_restricting(struct call *call, const struct target *target)
{
    if (member_is(target->member, "creator"))
        return call_refuse(call, "can't remove chat owner");
    if (target->is_bot)
        return call_refuse(call, "can't restrict self");
    int r = call_right(call, target->chat_id, "can_restrict_members", NO_RESTRICTING);
    if (r < 0)
        return r;
    if (member_is(target->member, "administrator") &&
        !json_get_bool(target->member, "can_be_edited"))
        return call_refuse(call, "user is an administrator of the chat");
    return 0;
}

static void delete_messages_of(struct call *call, const struct target *target)
{
    const cJSON *message;

    cJSON_ArrayForEach(message,
                       world_messages(call->sandbox->world, call->arena, target->chat_id)) {
        if (json_get_int(json_get(message, "from"), "id", 0) == target->user_id)
            chats_delete_message(call->sandbox, target->chat_id,
                                 json_get_int(message, "message_id", 0));
    }
}

static int ban_chat_member(struct call *call)
{
    struct target target;

    int r = find_target(call, ACCESS_WRITE, &target);
    if (r == 0 && target.chat_id > 0)
        r = call_refuse(call, "can't ban members in private chats");
    if (r == 0)
        r = check_restricting(call, &target);
    if (r == 0 && !target.is_supergroup && !member_is_there(target.member))
        r = call_refuse(call, "USER_NOT_PARTICIPANT");
    if (r < 0)
        return r;
    cJSON *member = with_status(call, &target, "kicked");
    json_set_int(member, "until_date", until_date(call));
    change(call, &target, member);
    if (target.is_supergroup || call_bool(call, "revoke_messages"))
        delete_messages_of(call, &target);
    return 0;
}

static int unban_chat_member(struct call *call)
{
    struct target target;

    int r = find_target(call, ACCESS_WRITE, &target);
    if (r == 0 && !target.is_supergroup)
        r = call_refuse(call, FOR_CHANNELS);
    if (r < 0)
        return r;
    if (call_bool(call, "only_if_banned") && !member_is(target.member, "kicked"))
        return 0;
    r = check_restricting(call, &target);
    if (r == 0)
        change(call, &target, with_status(call, &target, "left"));
    return r;
}

/* ---- permissions ---- */

/* What media and previews imply, unless they are to be independent. */
static cJSON *read_permissions(struct call *call)
{
    static const char *const media[] = {"can_send_audios",      "can_send_documents",
                                        "can_send_photos",      "can_send_videos",
                                        "can_send_video_notes", "can_send_voice_notes"};
    const cJSON *given = call_get(call, "permissions");
    bool is_independent = call_bool(call, "use_independent_chat_permissions");
    bool has_extras = json_get_bool(given, "can_send_other_messages") ||
                      json_get_bool(given, "can_add_web_page_previews");
    bool pins = json_get_bool(given, "can_pin_messages");
    cJSON *permissions = json_keep(call->arena, cJSON_CreateObject());

    for (size_t i = 0; member_permissions[i]; i++)
        json_set_bool(permissions, member_permissions[i],
                      json_get_bool(given, member_permissions[i]));
    for (size_t i = 0; has_extras && !is_independent && i < sizeof media / sizeof *media; i++)
        json_set_bool(permissions, media[i], true);
    if (!is_independent && (has_extras || json_get_bool(given, "can_send_polls")))
        json_set_bool(permissions, "can_send_messages", true);
    if (!json_get(given, "can_manage_topics"))
        json_set_bool(permissions, "can_manage_topics", pins);
    if (!json_get(given, "can_edit_tag"))
        json_set_bool(permissions, "can_edit_tag", pins);
    if (!json_get(given, "can_react_to_messages"))
        json_set_copy(permissions, "can_react_to_messages",
                      json_get(permissions, "can_send_messages"));
    return permissions;
}

static bool are_all_given(const cJSON *permissions)
{
    for (size_t i = 0; member_permissions[i]; i++)
        if (!json_get_bool(permissions, member_permissions[i]))
            return false;
    return true;
}

static int restrict_chat_member(struct call *call)
{
    struct target target;

    int r = find_target(call, ACCESS_WRITE, &target);
    if (r == 0 && !target.is_supergroup)
        r = call_refuse(call, FOR_SUPERGROUPS);
    if (r == 0)
        r = check_restricting(call, &target);
    if (r < 0)
        return r;
    bool is_there = member_is_there(target.member);
    const cJSON *permissions = read_permissions(call), *permission;
    if (are_all_given(permissions)) {
        change(call, &target, with_status(call, &target, is_there ? "member" : "left"));
        return 0;
    }
    cJSON *member = with_status(call, &target, "restricted");
    json_set_bool(member, "is_member", is_there);
    json_set_int(member, "until_date", until_date(call));
    cJSON_ArrayForEach(permission, permissions)
        json_set_copy(member, permission->string, permission);
    change(call, &target, member);
    return 0;
}

static int set_chat_permissions(struct call *call)
{
    struct world *world = call->sandbox->world;
    int64_t chat_id;

    int r = call_any_chat(call, ACCESS_WRITE, &chat_id);
    if (r == 0 && chat_id > 0)
        r = call_refuse(call, "can't change private chat permissions");
    if (r == 0)
        r = call_right(call, chat_id, "can_restrict_members",
                       "not enough rights to change chat permissions");
    if (r < 0)
        return r;
    cJSON *info = chats_info(world, call->arena, chat_id);
    const cJSON *permissions = read_permissions(call);
    if (cJSON_Compare(permissions, json_get(info, "permissions"), true))
        return call_refuse(call, "CHAT_NOT_MODIFIED");
    json_set_copy(info, "permissions", permissions);
    chats_set_info(world, call->arena, chat_id, info);
    chats_emit(call->sandbox, chat_id, 0);
    return 0;
}

/* ---- ranks ---- */

static int check_promoting(struct call *call, const struct target *target)
{
    struct world *world = call->sandbox->world;
    const cJSON *bot = members_find(world, call->arena, target->chat_id, THE_BOT);

    if (!target->is_supergroup)
        return call_refuse(call, FOR_CHANNELS);
    if (member_is(target->member, "creator"))
        return call_refuse(call, "can't remove chat owner");
    if (target->is_bot)
        return call_refuse(call, "can't promote self");
    if (!member_is_administrator(bot) || !json_get_bool(bot, "can_promote_members"))
        return call_refuse(call, "not enough rights");
    if (!member_is_there(target->member))
        return call_refuse(call, "USER_NOT_PARTICIPANT");
    if (member_is(target->member, "administrator") &&
        !json_get_bool(target->member, "can_be_edited"))
        return call_refuse(call, "CHAT_ADMIN_REQUIRED");
    for (size_t i = 0; member_rights[i]; i++)
        if (call_bool(call, member_rights[i]) && strcmp(member_rights[i], "is_anonymous") != 0 &&
            !json_get_bool(bot, member_rights[i]))
            return call_refuse(call, "RIGHT_FORBIDDEN");
    return 0;
}

static int promote_chat_member(struct call *call)
{
    struct target target;
    bool has_rights = false;

    int r = find_target(call, ACCESS_WRITE, &target);
    if (r == 0)
        r = check_promoting(call, &target);
    if (r < 0)
        return r;
    cJSON *member = with_status(call, &target, "administrator");
    for (size_t i = 0; member_rights[i]; i++) {
        bool is_given = call_bool(call, member_rights[i]);
        has_rights = has_rights || is_given;
        json_set_bool(member, member_rights[i], is_given);
    }
    json_set_bool(member, "can_be_edited", true);
    json_set_bool(member, "can_manage_chat", has_rights);
    json_set_copy(member, "custom_title", json_get(target.member, "custom_title"));
    if (has_rights)
        change(call, &target, member);
    else if (member_is(target.member, "administrator"))
        change(call, &target, with_status(call, &target, "member"));
    return 0;
}

static int set_chat_administrator_custom_title(struct call *call)
{
    const char *given = call_text(call, "custom_title"), *title = given ? given : "";
    struct target target;

    int r = find_target(call, ACCESS_WRITE, &target);
    if (r < 0)
        return r;
    if (!target.is_supergroup)
        return call_refuse(call, FOR_SUPERGROUPS);
    if (member_is(target.member, "creator"))
        return call_refuse(call, "only creator can edit their custom title");
    if (!member_is(target.member, "administrator"))
        return call_refuse(call, "user is not an administrator");
    if (!json_get_bool(target.member, "can_be_edited"))
        return call_refuse(call, "not enough rights to change custom title of the user");
    if (utf8_length(title) > LONGEST_TITLE)
        return call_refuse(call, "ADMIN_RANK_INVALID");
    cJSON *member = json_keep(call->arena, cJSON_Duplicate(target.member, true));
    cJSON_DeleteItemFromObjectCaseSensitive(member, "custom_title");
    if (*title)
        json_set_text(member, "custom_title", title);
    change(call, &target, member);
    return 0;
}

static int set_chat_member_tag(struct call *call)
{
    const char *tag = call_text(call, "tag");
    struct target target;

    int r = find_target(call, ACCESS_WRITE, &target);
    if (r == 0 && target.chat_id > 0)
        r = call_refuse(call, "can't change member tags in private chats");
    if (r == 0)
        r = call_right(call, target.chat_id, "can_manage_tags",
                       "not enough rights to change the tag of the user");
    if (r == 0 && !member_is(target.member, "member") && !member_is(target.member, "restricted"))
        r = call_refuse(call, "USER_NOT_PARTICIPANT");
    if (r == 0 && tag && utf8_length(tag) > LONGEST_TITLE)
        r = call_refuse(call, "ADMIN_RANK_INVALID");
    if (r < 0)
        return r;
    cJSON *member = json_keep(call->arena, cJSON_Duplicate(target.member, true));
    cJSON_DeleteItemFromObjectCaseSensitive(member, "tag");
    if (tag && *tag)
        json_set_text(member, "tag", tag);
    change(call, &target, member);
    return 0;
}

const struct method member_methods[] = {
    {"getChatMember", get_chat_member},
    {"getChatAdministrators", get_chat_administrators},
    {"getChatMemberCount", get_chat_member_count},
    {"banChatMember", ban_chat_member},
    {"unbanChatMember", unban_chat_member},
    {"restrictChatMember", restrict_chat_member},
    {"setChatPermissions", set_chat_permissions},
    {"promoteChatMember", promote_chat_member},
    {"setChatAdministratorCustomTitle", set_chat_administrator_custom_title},
    {"setChatMemberTag", set_chat_member_tag},
    {0},
};

/*
 * Invite links, and the requests to join that come of some.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/invites.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_NAME = 32, MOST_MEMBERS = 100000 };

/* The group whose links, or whose requests, the bot may manage. */
static int find_group(struct call *call, const char *what, int64_t *ret_chat_id)
{
    struct world *world = call->sandbox->world;

    int r = call_any_chat(call, ACCESS_WRITE, ret_chat_id);
    if (r < 0)
        return r;
    if (*ret_chat_id > 0)
        return call_refuse(call, "can't invite members to a private chat");
    const cJSON *bot = members_find(world, call->arena, *ret_chat_id, THE_BOT);
    if (!member_is_administrator(bot) ||
        !members_may(world, call->arena, *ret_chat_id, bot, "can_invite_users"))
        return call_refuse(call, "not enough rights to manage chat %s", what);
    return 0;
}

/* The chat's own link, of which there is one. */
static const cJSON *new_primary(struct call *call, int64_t chat_id)
{
    struct world *world = call->sandbox->world;
    cJSON *info = chats_info(world, call->arena, chat_id);
    const char *old = json_get_text(info, "invite_link");
    cJSON *before = old ? invites_find(world, call->arena, chat_id, old) : NULL;

    if (before) {
        json_set_bool(before, "is_revoked", true);
        invites_save(world, call->arena, chat_id, before);
    }
    cJSON *link = invites_new(world, call->arena, chat_id);
    json_set_bool(link, "is_primary", true);
    invites_save(world, call->arena, chat_id, link);
    json_set_copy(info, "invite_link", json_get(link, "invite_link"));
    chats_set_info(world, call->arena, chat_id, info);
    return link;
}

static int export_chat_invite_link(struct call *call)
{
    int64_t chat_id;

    int r = find_group(call, "invite link", &chat_id);
    if (r < 0)
        return r;
    call->result = json_keep(
        call->arena, cJSON_Duplicate(json_get(new_primary(call, chat_id), "invite_link"), true));
    return 0;
}

/* What the call says of a link, into it. */
static int describe(struct call *call, cJSON *link)
{
    static const char *const fields[] = {"name", "expire_date", "member_limit"};
    const char *name = call_text(call, "name");
    int64_t expires_at = call_int(call, "expire_date", 0), most = call_int(call, "member_limit", 0);
    bool asks = call_bool(call, "creates_join_request");

    if (asks && most > 0)
        return call_refuse(call, "member limit can't be specified for links requiring "
                                 "administrator approval");
    if (expires_at > 0 && expires_at <= world_now(call->sandbox->world))
        return call_refuse(call, "EXPIRE_DATE_INVALID");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(link, fields[i]);
    if (name && *name)
        json_set_text(link, "name", text_cut(call->arena, name, LONGEST_NAME));
    if (expires_at > 0)
        json_set_int(link, "expire_date", expires_at);
    if (most > 0)
        json_set_int(link, "member_limit", most < MOST_MEMBERS ? most : MOST_MEMBERS - 1);
    json_set_bool(link, "creates_join_request", asks);
    return 0;
}

/* Keeps the link, which is the call's result. */
static void give(struct call *call, int64_t chat_id, const cJSON *link)
{
    invites_save(call->sandbox->world, call->arena, chat_id, link);
    call->result = invite_object(call->sandbox->world, call->arena, chat_id, link);
}

static int create_chat_invite_link(struct call *call)
{
    cJSON *draft = json_keep(call->arena, cJSON_CreateObject());
    const cJSON *field;
    int64_t chat_id;

    int r = find_group(call, "invite link", &chat_id);
    if (r == 0)
        r = describe(call, draft);
    if (r < 0)
        return r;
    cJSON *link = invites_new(call->sandbox->world, call->arena, chat_id);
    cJSON_ArrayForEach(field, draft)
        json_set_copy(link, field->string, field);
    give(call, chat_id, link);
    return 0;
}

static int find_link(struct call *call, int64_t *ret_chat_id, cJSON **ret_link)
{
    int r = find_group(call, "invite link", ret_chat_id);
    if (r < 0)
        return r;
    *ret_link = invites_find(call->sandbox->world, call->arena, *ret_chat_id,
                             call_text(call, "invite_link"));
    if (!*ret_link)
        return call_refuse(call, "INVITE_HASH_INVALID");
    if (json_get_bool(*ret_link, "is_revoked"))
        return call_refuse(call, "INVITE_HASH_EXPIRED");
    return 0;
}

static int edit_chat_invite_link(struct call *call)
{
    cJSON *link;
    int64_t chat_id;

    int r = find_link(call, &chat_id, &link);
    if (r == 0 && json_get_bool(link, "is_primary"))
        r = call_refuse(call, "CHAT_INVITE_PERMANENT");
    if (r == 0)
        r = describe(call, link);
    if (r == 0)
        give(call, chat_id, link);
    return r;
}

/* The primary one is replaced at once. */
static int revoke_chat_invite_link(struct call *call)
{
    cJSON *link;
    int64_t chat_id;

    int r = find_link(call, &chat_id, &link);
    if (r < 0)
        return r;
    if (json_get_bool(link, "is_primary"))
        new_primary(call, chat_id);
    json_set_bool(link, "is_revoked", true);
    give(call, chat_id, link);
    return 0;
}

/* ---- requests ---- */

static int take_request(struct call *call, int64_t *ret_chat_id, const cJSON **ret_request)
{
    struct world *world = call->sandbox->world;
    int64_t user_id = call_int(call, "user_id", 0);

    if (user_id <= 0)
        return call_refuse(call, "invalid user_id specified");
    int r = find_group(call, "join requests", ret_chat_id);
    if (r < 0)
        return r;
    if (!world_user(world, call->arena, user_id))
        return call_refuse(call, "USER_ID_INVALID");
    if (member_is_there(members_find(world, call->arena, *ret_chat_id, user_id)))
        return call_refuse(call, "USER_ALREADY_PARTICIPANT");
    *ret_request = invites_take_request(world, call->arena, *ret_chat_id, user_id);
    return *ret_request ? 0 : call_refuse(call, "HIDE_REQUESTER_MISSING");
}

static int approve_chat_join_request(struct call *call)
{
    struct world *world = call->sandbox->world;
    const cJSON *request;
    int64_t chat_id, user_id = call_int(call, "user_id", 0);

    int r = take_request(call, &chat_id, &request);
    if (r < 0)
        return r;
    const cJSON *link = invites_find(world, call->arena, chat_id, json_get_text(request, "link"));
    members_change(
        call->sandbox, call->arena,
        &(struct member_change){
            .chat_id = chat_id,
            .actor = world_bot(world, call->arena),
            .member = members_new(world, call->arena, chat_id, user_id, "member"),
            .invite_link = link ? invite_object(world, call->arena, chat_id, link) : NULL,
            .is_unannounced = true});
    cJSON *joined = cJSON_CreateArray();
    const cJSON *user = world_user(world, call->arena, user_id);
    cJSON_AddItemToArray(joined, cJSON_Duplicate(user, true));
    chats_announce(
        call->sandbox, call->arena,
        &(struct announcement){
            .chat_id = chat_id, .from = user, .field = "new_chat_members", .content = joined});
    return 0;
}

static int decline_chat_join_request(struct call *call)
{
    const cJSON *request;
    int64_t chat_id;

    return take_request(call, &chat_id, &request);
}

const struct method invite_methods[] = {
    {"exportChatInviteLink", export_chat_invite_link},
    {"createChatInviteLink", create_chat_invite_link},
    {"editChatInviteLink", edit_chat_invite_link},
    {"revokeChatInviteLink", revoke_chat_invite_link},
    {"approveChatJoinRequest", approve_chat_join_request},
    {"declineChatJoinRequest", decline_chat_join_request},
    {0},
};

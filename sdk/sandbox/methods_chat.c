/*
 * What a chat is: its description in full, title, photo, stickers; leaving it.
 */
#include <ctype.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/pins.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_TITLE = 128, LONGEST_DESCRIPTION = 255, MOST_REACTIONS = 11 };

#define FOR_SUPERGROUPS "method is available only for supergroups"

/* ---- getChat ---- */

static void describe_group(struct call *call, cJSON *full, int64_t chat_id)
{
    static const char *const shown[] = {"permissions", "description", "photo", "sticker_set_name"};
    struct world *world = call->sandbox->world;
    const cJSON *info = chats_info(world, call->arena, chat_id);
    const cJSON *bot = members_find(world, call->arena, chat_id, THE_BOT);
    bool is_supergroup = chat_is_supergroup(full);

    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        json_set_copy(full, shown[i], json_get(info, shown[i]));
    if (json_get(full, "username"))
        cJSON_AddItemToArray(cJSON_AddArrayToObject(full, "active_usernames"),
                             cJSON_Duplicate(json_get(full, "username"), true));
    if (!member_is_administrator(bot))
        return;
    if (json_get_bool(bot, "can_invite_users"))
        json_set_copy(full, "invite_link", json_get(info, "invite_link"));
    json_set_bool(full, "has_visible_history", true);
    if (is_supergroup && json_get_bool(bot, "can_change_info"))
        json_set_bool(full, "can_set_sticker_set", true);
}

static int get_chat(struct call *call)
{
    static const char *const gifts[] = {"unlimited_gifts", "limited_gifts", "unique_gifts",
                                        "premium_subscription", "gifts_from_channels"};
    struct world *world = call->sandbox->world;
    int64_t chat_id;

    int r = call_any_chat(call, ACCESS_READ, &chat_id);
    if (r < 0)
        return r;
    cJSON *full = world_chat(world, call->arena, chat_id);
    json_set_int(full, "accent_color_id", (chat_id < 0 ? -chat_id : chat_id) % 7);
    json_set_int(full, "max_reaction_count", MOST_REACTIONS);
    cJSON *accepted = cJSON_AddObjectToObject(full, "accepted_gift_types");
    for (size_t i = 0; i < sizeof gifts / sizeof *gifts; i++)
        json_set_bool(accepted, gifts[i], chat_id > 0);
    json_set_copy(full, "pinned_message", pins_newest(call->sandbox, call->arena, chat_id));
    if (chat_id < 0)
        describe_group(call, full, chat_id);
    call->result = full;
    return 0;
}

/* ---- changes ---- */

/* The group, which the bot may change. */
static int find_group(struct call *call, const char *what, const char *verb, int64_t *ret_chat_id)
{
    int r = call_any_chat(call, ACCESS_WRITE, ret_chat_id);
    if (r < 0)
        return r;
    if (*ret_chat_id > 0)
        return call_refuse(call, "can't change private chat %s", what);
    return call_right(call, *ret_chat_id, "can_change_info",
                      arena_printf(call->arena, "not enough rights to %s chat %s", verb, what));
}

static void announce(struct call *call, int64_t chat_id, const char *field, cJSON *content)
{
    chats_announce(call->sandbox, call->arena,
                   &(struct announcement){.chat_id = chat_id,
                                          .from = world_bot(call->sandbox->world, call->arena),
                                          .field = field,
                                          .content = content});
    chats_emit(call->sandbox, chat_id, 0);
}

static int set_chat_title(struct call *call)
{
    struct world *world = call->sandbox->world;
    int64_t chat_id;

    int r = find_group(call, "title", "change", &chat_id);
    if (r < 0)
        return r;
    const char *title = text_cut(call->arena, call_text(call, "title"), LONGEST_TITLE);
    cJSON *chat = world_chat(world, call->arena, chat_id);
    if (strcmp(json_get_text(chat, "title"), title) == 0)
        return 0;
    json_set_text(chat, "title", title);
    world_set_chat(world, call->arena, chat);
    announce(call, chat_id, "new_chat_title", cJSON_CreateString(title));
    return 0;
}

static int set_chat_description(struct call *call)
{
    struct world *world = call->sandbox->world;
    const char *text = call_text(call, "description");
    int64_t chat_id;

    int r = find_group(call, "description", "set", &chat_id);
    if (r < 0)
        return r;
    text = text_cut(call->arena, text ? text : "", LONGEST_DESCRIPTION);
    cJSON *info = chats_info(world, call->arena, chat_id);
    const char *old = json_get_text(info, "description");
    if (strcmp(old ? old : "", text) == 0)
        return call_refuse(call, "chat description is not modified");
    cJSON_DeleteItemFromObjectCaseSensitive(info, "description");
    if (*text)
        json_set_text(info, "description", text);
    chats_set_info(world, call->arena, chat_id, info);
    chats_emit(call->sandbox, chat_id, 0);
    return 0;
}

/* Keeps the photo, in both sizes that a ChatPhoto has. NULL when it is none. */
static cJSON *store_photo(struct call *call, const struct upload *upload, cJSON **ret_size)
{
    static const char *const names[] = {"small", "big"};
    const struct media media = {.kind = "photo", .bytes = upload->bytes, .size = upload->size};
    cJSON *photo = json_keep(call->arena, cJSON_CreateObject());

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *ret_size = media_store(call->sandbox->world, call->arena, &media);
        if (!*ret_size)
            return NULL;
        json_set_copy(photo, arena_printf(call->arena, "%s_file_id", names[i]),
                      json_get(*ret_size, "file_id"));
        json_set_copy(photo, arena_printf(call->arena, "%s_file_unique_id", names[i]),
                      json_get(*ret_size, "file_unique_id"));
    }
    return photo;
}

static int set_chat_photo(struct call *call)
{
    const struct upload *upload = params_upload(&call->params, "photo");
    const char *value = call_text(call, "photo");
    int64_t chat_id;
    cJSON *size;

    if (value && strncmp(value, "attach://", 9) == 0)
        upload = params_upload(&call->params, value + 9);
    if (!upload)
        return call_refuse(call, value && *value ? "photo must be uploaded as an InputFile"
                                                 : "there is no photo in the request");
    int r = find_group(call, "photo", "change", &chat_id);
    if (r < 0)
        return r;
    cJSON *photo = store_photo(call, upload, &size);
    if (!photo)
        return call_refuse(call, "IMAGE_PROCESS_FAILED");
    cJSON *info = chats_info(call->sandbox->world, call->arena, chat_id);
    json_set_copy(info, "photo", photo);
    chats_set_info(call->sandbox->world, call->arena, chat_id, info);
    cJSON *sizes = cJSON_CreateArray();
    cJSON_AddItemToArray(sizes, cJSON_Duplicate(size, true));
    announce(call, chat_id, "new_chat_photo", sizes);
    return 0;
}

static int delete_chat_photo(struct call *call)
{
    int64_t chat_id;

    int r = find_group(call, "photo", "change", &chat_id);
    if (r < 0)
        return r;
    cJSON *info = chats_info(call->sandbox->world, call->arena, chat_id);
    if (!json_get(info, "photo"))
        return call_refuse(call, "CHAT_NOT_MODIFIED");
    cJSON_DeleteItemFromObjectCaseSensitive(info, "photo");
    chats_set_info(call->sandbox->world, call->arena, chat_id, info);
    announce(call, chat_id, "delete_chat_photo", cJSON_CreateTrue());
    return 0;
}

/* Sets go by their names in lower case. */
static bool is_sticker_set(struct call *call, const char *name)
{
    char *key = arena_strdup(call->arena, name);

    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return world_record(call->sandbox->world, call->arena, "sticker_set", key);
}

/* name NULL = none. */
static int change_sticker_set(struct call *call, const char *name)
{
    struct world *world = call->sandbox->world;
    int64_t chat_id;

    int r = call_any_chat(call, ACCESS_WRITE, &chat_id);
    if (r == 0 && !chat_is_supergroup(world_chat(world, call->arena, chat_id)))
        r = call_refuse(call, FOR_SUPERGROUPS);
    if (r == 0 && name && !is_sticker_set(call, name))
        r = call_refuse(call, "STICKERSET_INVALID");
    if (r == 0)
        r = call_right(call, chat_id, "can_change_info",
                       "not enough rights to change supergroup sticker set");
    if (r < 0)
        return r;
    cJSON *info = chats_info(world, call->arena, chat_id);
    cJSON_DeleteItemFromObjectCaseSensitive(info, "sticker_set_name");
    if (name)
        json_set_text(info, "sticker_set_name", name);
    chats_set_info(world, call->arena, chat_id, info);
    return 0;
}

static int set_chat_sticker_set(struct call *call)
{
    return change_sticker_set(call, call_text(call, "sticker_set_name"));
}

static int delete_chat_sticker_set(struct call *call)
{
    return change_sticker_set(call, NULL);
}

/* ---- the rest ---- */

static int leave_chat(struct call *call)
{
    struct world *world = call->sandbox->world;
    int64_t chat_id;

    int r = call_any_chat(call, ACCESS_READ, &chat_id);
    if (r < 0)
        return r;
    if (chat_id > 0)
        return call_refuse(call, "can't leave private chats");
    if (member_is_there(members_find(world, call->arena, chat_id, THE_BOT)))
        members_change(call->sandbox, call->arena,
                       &(struct member_change){
                           .chat_id = chat_id,
                           .actor = world_bot(world, call->arena),
                           .member = members_new(world, call->arena, chat_id, THE_BOT, "left")});
    return 0;
}

/* Nobody boosts here; only administrators are told so. */
static int get_user_chat_boosts(struct call *call)
{
    struct world *world = call->sandbox->world;
    int64_t chat_id;

    if (call_int(call, "user_id", 0) <= 0)
        return call_refuse(call, "invalid user_id specified");
    int r = call_any_chat(call, ACCESS_WRITE, &chat_id);
    if (r < 0)
        return r;
    if (!chat_is_supergroup(world_chat(world, call->arena, chat_id)))
        return call_refuse(call, "PEER_ID_INVALID");
    if (!member_is_administrator(members_find(world, call->arena, chat_id, THE_BOT)))
        return call_refuse(call, "CHAT_ADMIN_REQUIRED");
    call->result = json_keep(call->arena, cJSON_CreateObject());
    cJSON_AddArrayToObject(call->result, "boosts");
    return 0;
}

static int get_business_connection(struct call *call)
{
    const cJSON *connection = world_record(call->sandbox->world, call->arena, "business_connection",
                                           call_text(call, "business_connection_id"));

    if (!connection)
        return call_refuse(call, "business connection not found");
    call->result = json_keep(call->arena, cJSON_Duplicate(connection, true));
    return 0;
}

const struct method chat_methods[] = {
    {"getChat", get_chat},
    {"setChatTitle", set_chat_title},
    {"setChatDescription", set_chat_description},
    {"setChatPhoto", set_chat_photo},
    {"deleteChatPhoto", delete_chat_photo},
    {"setChatStickerSet", set_chat_sticker_set},
    {"deleteChatStickerSet", delete_chat_sticker_set},
    {"leaveChat", leave_chat},
    {"getUserChatBoosts", get_user_chat_boosts},
    {"getBusinessConnection", get_business_connection},
    {0},
};

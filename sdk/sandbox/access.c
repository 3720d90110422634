/*
 * What the bot may do in a group. The words are Telegram's; of them only those that its servers say
 * themselves are names in capitals.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static int check_group(struct call *call, int64_t chat_id, const cJSON *member, enum access access)
{
    const cJSON *info = chats_info(call->sandbox->world, call->arena, chat_id);
    int64_t migrated_to = json_get_int(info, "migrated_to", 0);

    if (access == ACCESS_READ)
        return 0;
    if (migrated_to) {
        call->parameters = json_keep(call->arena, cJSON_CreateObject());
        json_set_int(call->parameters, "migrate_to_chat_id", migrated_to);
        return call_refuse(call, "group chat was upgraded to a supergroup chat");
    }
    if (json_get_bool(info, "is_deleted"))
        return call_fail(call, 403, "Forbidden: the group chat was deleted");
    if (member_is(member, "kicked"))
        return call_fail(call, 403, "Forbidden: bot was kicked from the group chat");
    if (!member_is_there(member))
        return call_fail(call, 403, "Forbidden: bot is not a member of the group chat");
    return 0;
}

/* A public one can be read by everybody who has not been banned. */
static int check_supergroup(struct call *call, const cJSON *chat, const cJSON *member,
                            enum access access)
{
    if (member_is(member, "kicked"))
        return call_fail(call, 403, "Forbidden: bot was kicked from the supergroup chat");
    if (!member_is_there(member) && (access == ACCESS_WRITE || !json_get(chat, "username")))
        return call_fail(call, 403, "Forbidden: bot is not a member of the supergroup chat");
    return 0;
}

int call_access(struct call *call, int64_t chat_id, enum access access)
{
    struct world *world = call->sandbox->world;

    if (chat_id > 0)
        return 0;
    const cJSON *chat = world_chat(world, call->arena, chat_id);
    const cJSON *member = members_find(world, call->arena, chat_id, THE_BOT);
    return chat_is_supergroup(chat) ? check_supergroup(call, chat, member, access)
                                    : check_group(call, chat_id, member, access);
}

int call_may_send(struct call *call, int64_t chat_id)
{
    static const struct {
        const char *method, *permission, *what;
    } needed[] = {
        {"sendMessage", "can_send_messages", "text messages"},
        {"sendRichMessage", "can_send_messages", "text messages"},
        {"sendPhoto", "can_send_photos", "photos"},
        {"sendLivePhoto", "can_send_photos", "photos"},
        {"sendAudio", "can_send_audios", "audios"},
        {"sendDocument", "can_send_documents", "documents"},
        {"sendVideo", "can_send_videos", "videos"},
        {"sendAnimation", "can_send_other_messages", "animations"},
        {"sendVoice", "can_send_voice_notes", "voice notes"},
        {"sendVideoNote", "can_send_video_notes", "video notes"},
        {"sendLocation", "can_send_messages", "locations"},
        {"sendVenue", "can_send_messages", "venues"},
        {"sendContact", "can_send_messages", "contacts"},
        {"sendPoll", "can_send_polls", "polls"},
        {"sendDice", "can_send_other_messages", "dice"},
        {"sendSticker", "can_send_other_messages", "stickers"},
        {"sendGame", "can_send_other_messages", "games"},
        {"sendInvoice", "can_send_messages", "invoice messages"},
    };
    struct world *world = call->sandbox->world;

    for (size_t i = 0; chat_id < 0 && i < sizeof needed / sizeof *needed; i++)
        if (strcmp(needed[i].method, call->method) == 0 &&
            !members_may(world, call->arena, chat_id,
                         members_find(world, call->arena, chat_id, THE_BOT), needed[i].permission))
            return call_refuse(call, "not enough rights to send %s to the chat", needed[i].what);
    return 0;
}

int call_any_chat(struct call *call, enum access access, int64_t *ret_chat_id)
{
    int64_t chat_id = call_int(call, "chat_id", 0);
    enum chat_standing standing = world_standing(call->sandbox->world, chat_id);

    if (!call_get(call, "chat_id"))
        return call_refuse(call, "chat_id is empty");
    if (standing == CHAT_UNKNOWN || (chat_id > 0 && standing == CHAT_SILENT))
        return call_refuse(call, "chat not found");
    *ret_chat_id = chat_id;
    return call_access(call, chat_id, access);
}

int call_right(struct call *call, int64_t chat_id, const char *right, const char *refusal)
{
    struct world *world = call->sandbox->world;
    const cJSON *bot = members_find(world, call->arena, chat_id, THE_BOT);

    if (member_is_administrator(bot))
        return members_may(world, call->arena, chat_id, bot, right)
                   ? 0
                   : call_refuse(call, "%s", refusal);
    /* What all members are allowed passes the library, and ends at the server. */
    if (members_may(world, call->arena, chat_id, bot, right))
        return call_refuse(call, "CHAT_ADMIN_REQUIRED");
    return call_refuse(call, "%s", refusal);
}

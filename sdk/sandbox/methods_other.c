/*
 * What the sandbox does not simulate: each answers as Telegram does to a bot that has not the right to
 * it, or to whom there is nothing to tell.
 */
#include <string.h>

#include "host/core/arena.h"
#include "host/core/log.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char too_old[] =
    "query is too old and response timeout expired or query ID is invalid";

static const struct refusal {
    const char *method, *description;
} refusals[] = {
    {"setUserEmojiStatus", "USER_PERMISSION_DENIED"},
    {"banChatSenderChat", "PARTICIPANT_ID_INVALID"},
    {"unbanChatSenderChat", "PARTICIPANT_ID_INVALID"},
    {"createChatSubscriptionInviteLink", "method is available only for channel chats"},
    {"editChatSubscriptionInviteLink", "method is available only for channel chats"},
    {"answerChatJoinRequestQuery", too_old},
    {"sendChatJoinRequestWebApp", too_old},
    {"getUserPersonalChatMessages", "chat not found"},
    {"getManagedBotToken", "BOT_ACCESS_FORBIDDEN"},
    {"replaceManagedBotToken", "BOT_ACCESS_FORBIDDEN"},
    {"getManagedBotAccessSettings", "BOT_ACCESS_FORBIDDEN"},
    {"setManagedBotAccessSettings", "BOT_ACCESS_FORBIDDEN"},
    {"sendGift", "STARGIFT_INVALID"},
    {"giftPremiumSubscription", "BALANCE_TOO_LOW"},
    {"verifyUser", "BOT_VERIFIER_FORBIDDEN"},
    {"verifyChat", "BOT_VERIFIER_FORBIDDEN"},
    {"removeUserVerification", "BOT_VERIFIER_FORBIDDEN"},
    {"removeChatVerification", "BOT_VERIFIER_FORBIDDEN"},
    {"setBusinessAccountName", "BOT_ACCESS_FORBIDDEN"},
    {"setBusinessAccountUsername", "BOT_ACCESS_FORBIDDEN"},
    {"setBusinessAccountBio", "BOT_ACCESS_FORBIDDEN"},
    {"setBusinessAccountProfilePhoto", "BOT_ACCESS_FORBIDDEN"},
    {"removeBusinessAccountProfilePhoto", "BOT_ACCESS_FORBIDDEN"},
    {"setBusinessAccountGiftSettings", "BOT_ACCESS_FORBIDDEN"},
    {"getBusinessAccountStarBalance", "BOT_ACCESS_FORBIDDEN"},
    {"transferBusinessAccountStars", "BOT_ACCESS_FORBIDDEN"},
    {"getBusinessAccountGifts", "BOT_ACCESS_FORBIDDEN"},
    {"convertGiftToStars", "BOT_ACCESS_FORBIDDEN"},
    {"upgradeGift", "BOT_ACCESS_FORBIDDEN"},
    {"transferGift", "BOT_ACCESS_FORBIDDEN"},
    {"postStory", "BOT_ACCESS_FORBIDDEN"},
    {"repostStory", "BOT_ACCESS_FORBIDDEN"},
    {"editStory", "BOT_ACCESS_FORBIDDEN"},
    {"deleteStory", "BOT_ACCESS_FORBIDDEN"},
    {"savePreparedKeyboardButton", "USER_PERMISSION_DENIED"},
    {"approveSuggestedPost", "chat is not a channel direct messages chat"},
    {"declineSuggestedPost", "chat is not a channel direct messages chat"},
    {"setPassportDataErrors", "DATA_HASH_SIZE_INVALID"},
};

/* Lists that are empty here: their members, besides a total_count of 0 where there is one. */
static const struct nothing {
    const char *method, *list;
    bool has_count;
} nothings[] = {
    {"getAvailableGifts", "gifts", false},
    {"getUserGifts", "gifts", true},
    {"getChatGifts", "gifts", true},
    {"getUserProfileAudios", "audios", true},
};

static bool is_bot(struct call *call, int64_t id)
{
    return json_get_int(world_bot(call->sandbox->world, call->arena), "id", 0) == id;
}

/* Whom and what the call names has to be there, whatever it wants of it. */
static int check_names(struct call *call)
{
    struct world *world = call->sandbox->world;
    const char *connection = call_text(call, "business_connection_id");
    int64_t user_id = call_int(call, "user_id", 0), chat_id;

    if (connection && !business_owner(world, call->arena, connection))
        return call_refuse(call, "business connection not found");
    if (call_get(call, "user_id") && user_id <= 0)
        return call_refuse(call, "invalid user_id specified");
    if (call_get(call, "user_id") && !world_user(world, call->arena, user_id) &&
        !is_bot(call, user_id))
        return call_refuse(call, "user not found");
    return call_get(call, "chat_id") ? call_any_chat(call, ACCESS_READ, &chat_id) : 0;
}

static int give_nothing(struct call *call, const struct nothing *nothing)
{
    call->result = json_keep(call->arena, cJSON_CreateObject());
    if (nothing->has_count)
        json_set_int(call->result, "total_count", 0);
    cJSON_AddArrayToObject(call->result, nothing->list);
    return 0;
}

/* Of all users here only the bot can have one. */
static int get_photos(struct call *call)
{
    const cJSON *photo = world_record(call->sandbox->world, call->arena, "bot_photo", "");
    bool has_photo =
        photo && json_get(photo, "width") && is_bot(call, call_int(call, "user_id", 0));
    cJSON *photos, *sizes;

    int r = check_names(call);
    if (r < 0)
        return r;
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_int(call->result, "total_count", has_photo);
    photos = cJSON_AddArrayToObject(call->result, "photos");
    if (has_photo && call_int(call, "offset", 0) <= 0) {
        sizes = cJSON_CreateArray();
        cJSON_AddItemToArray(photos, sizes);
        cJSON_AddItemToArray(sizes, cJSON_Duplicate(photo, true));
    }
    return 0;
}

const struct method other_methods[] = {
    {"getUserProfilePhotos", get_photos},
    {0},
};

int call_other(struct call *call)
{
    int r = check_names(call);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof nothings / sizeof *nothings; i++)
        if (strcmp(nothings[i].method, call->method) == 0)
            return give_nothing(call, &nothings[i]);
    log_info("sandbox", "%s is not simulated here", call->method);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strcmp(refusals[i].method, call->method) == 0)
            return call_refuse(call, "%s", refusals[i].description);
    return call_refuse(call, "METHOD_INVALID");
}

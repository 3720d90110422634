/*
 * The same names serve for the JSON, when the lane is chosen, and for the structs, when a handler
 * is about to run.
 */
#include "host/bot/update_kind.h"

#include <string.h>

#include "host/telegram/api.h"
#include "host/telegram/codec.h"

/* Telegram forgets queries after these times; a payment is broken off by the client even earlier. */
enum { QUERY_S = 150, INLINE_S = 30, CHECKOUT_S = 10 };

const struct update_kind update_kinds[] = {
    {.name = "message", .message = "", .person = "from", .lane = LANE_CHAT, .is_ours = true},
    {.name = "edited_message", .message = "", .person = "from", .lane = LANE_CHAT},
    {.name = "channel_post", .message = "", .person = "from", .lane = LANE_CHAT},
    {.name = "edited_channel_post", .message = "", .person = "from", .lane = LANE_CHAT},
    {.name = "business_connection", .chat_id = "user_chat_id", .person = "user", .lane = LANE_USER},
    {.name = "business_message", .message = "", .person = "from", .lane = LANE_CHAT},
    {.name = "edited_business_message", .message = "", .person = "from", .lane = LANE_CHAT},
    {.name = "deleted_business_messages", .chat = "chat", .lane = LANE_CHAT},
    {.name = "guest_message", .message = "", .person = "from", .lane = LANE_CHAT},
    {.name = "message_reaction", .chat = "chat", .person = "user", .lane = LANE_CHAT},
    {.name = "message_reaction_count", .chat = "chat", .lane = LANE_CHAT},
    {.name = "inline_query",
     .person = "from",
     .lane = LANE_USER,
     .answer = "answerInlineQuery",
     .life_s = INLINE_S,
     .is_question = true},
    {.name = "chosen_inline_result", .person = "from", .lane = LANE_USER},
    {.name = "callback_query",
     .message = "message",
     .person = "from",
     .lane = LANE_CHAT,
     .answer = "answerCallbackQuery",
     .life_s = QUERY_S,
     .is_ours = true},
    {.name = "shipping_query",
     .person = "from",
     .lane = LANE_ALONE,
     .answer = "answerShippingQuery",
     .life_s = QUERY_S,
     .is_question = true},
    {.name = "pre_checkout_query",
     .person = "from",
     .lane = LANE_ALONE,
     .answer = "answerPreCheckoutQuery",
     .life_s = CHECKOUT_S,
     .is_question = true},
    {.name = "purchased_paid_media", .person = "from", .lane = LANE_USER},
    {.name = "poll", .lane = LANE_OTHER},
    {.name = "poll_answer", .person = "user", .lane = LANE_USER},
    {.name = "my_chat_member",
     .chat = "chat",
     .person = "from",
     .lane = LANE_USER,
     .is_watched = true}, /* who has blocked the bot */
    {.name = "chat_member", .chat = "chat", .person = "from", .lane = LANE_CHAT},
    {.name = "chat_join_request", .chat = "chat", .person = "from", .lane = LANE_USER},
    {.name = "chat_boost", .chat = "chat", .lane = LANE_CHAT},
    {.name = "removed_chat_boost", .chat = "chat", .lane = LANE_CHAT},
    {.name = "managed_bot", .person = "user", .lane = LANE_USER},
    {.name = "subscription", .person = "user", .lane = LANE_USER},
    /* Behind the handler that generates, which has the chat's lane, it would come too late. */
    {.name = "stopped_message_generation", .chat = "chat", .lane = LANE_OTHER},
};
const size_t update_kind_count = sizeof update_kinds / sizeof *update_kinds;

const struct update_kind *update_kind_find(const char *name)
{
    for (size_t i = 0; name && i < update_kind_count; i++)
        if (strcmp(update_kinds[i].name, name) == 0)
            return &update_kinds[i];
    return NULL;
}

/* ---- in JSON ---- */

static const cJSON *member(const cJSON *object, const char *name)
{
    return name ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

static int64_t id_of(const cJSON *object)
{
    return codec_integer(member(object, "id"));
}

const struct update_kind *update_kind_of(const cJSON *update, const cJSON **ret_payload)
{
    const cJSON *child;

    cJSON_ArrayForEach(child, update) {
        const struct update_kind *kind =
            cJSON_IsObject(child) ? update_kind_find(child->string) : NULL;
        if (!kind)
            continue;
        if (ret_payload)
            *ret_payload = child;
        return kind;
    }
    return NULL;
}

int64_t update_person(const cJSON *update)
{
    const cJSON *payload = NULL;
    const struct update_kind *kind = update_kind_of(update, &payload);

    return kind ? id_of(member(payload, kind->person)) : 0;
}

/* Of a poll, whose id is a text: any number that stays the same. */
static int64_t number_of(const char *text)
{
    uint64_t hash = 14695981039346656037u;

    for (; text && *text; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return (int64_t)hash;
}

static struct lane_key chat_lane(const struct update_kind *kind, const cJSON *payload,
                                 const cJSON *message, int64_t chat_id)
{
    bool is_topic = cJSON_IsTrue(member(message, "is_topic_message"));
    bool is_business = member(message ? message : payload, "business_connection_id") != NULL;

    return (struct lane_key){
        .kind = is_business ? LANE_BUSINESS : kind->lane,
        .id = chat_id,
        .thread_id = is_topic ? codec_integer(member(message, "message_thread_id")) : 0};
}

struct lane_key update_lane(const cJSON *update, int64_t update_id)
{
    const cJSON *payload = NULL, *message = NULL;
    const struct update_kind *kind = update_kind_of(update, &payload);

    if (!kind)
        return (struct lane_key){.kind = LANE_OTHER};
    if (kind->lane == LANE_ALONE)
        return (struct lane_key){.kind = LANE_ALONE, .id = update_id};
    if (kind->message)
        message = *kind->message ? member(payload, kind->message) : payload;
    int64_t chat_id = id_of(message ? member(message, "chat") : member(payload, kind->chat));
    int64_t person_id = id_of(member(payload, kind->person));
    if (kind->lane == LANE_OTHER)
        return (struct lane_key){
            .kind = LANE_OTHER,
            .id = chat_id ? chat_id : number_of(cJSON_GetStringValue(member(payload, "id")))};
    if (kind->lane == LANE_CHAT && chat_id)
        return chat_lane(kind, payload, message, chat_id);
    return (struct lane_key){.kind = LANE_USER, .id = person_id ? person_id : chat_id};
}

/* ---- in structs ---- */

/* The member that is an object, and its type; NULL when there is none. */
static const void *object_at(const void *object, const struct api_type **type, const char *name)
{
    const struct api_field *field = object && name ? api_find_field(*type, name) : NULL;

    if (!field || field->value.kind != API_OBJECT || field->value.depth > 0)
        return NULL;
    *type = field->value.type;
    return *(const void *const *)(const void *)((const char *)object + field->offset);
}

static const void *member_at(const void *object, const struct api_type *type, const char *name)
{
    return object_at(object, &type, name);
}

static int64_t integer_at(const void *object, const struct api_type *type, const char *name)
{
    const struct api_field *field = name ? api_find_field(type, name) : NULL;

    if (!field || field->value.kind != API_INTEGER || field->value.depth > 0)
        return 0;
    return *(const int64_t *)(const void *)((const char *)object + field->offset);
}

static const char *text_at(const void *object, const struct api_type *type, const char *name)
{
    const struct api_field *field = name ? api_find_field(type, name) : NULL;

    if (!field || field->value.kind != API_TEXT || field->value.depth > 0)
        return NULL;
    return *(const char *const *)(const void *)((const char *)object + field->offset);
}

static void view_message(struct update_view *view)
{
    const struct aisha_message *message = view->message;

    /* Replies in ordinary groups carry a thread id too, which must not be sent back. */
    if (message->is_topic_message == 1)
        view->thread_id = message->message_thread_id;
    if (message->direct_messages_topic)
        view->direct_topic_id = message->direct_messages_topic->topic_id;
    view->business_connection_id = message->business_connection_id;
}

int update_read(struct arena *arena, const cJSON *update, struct update_view *ret)
{
    const struct update_kind *kind = NULL;
    const struct api_type *type = api_update_type;
    const struct aisha_chat *chat = NULL;
    const void *whole;

    int r = codec_read(arena, api_update_type, update, &whole);
    if (r < 0)
        return r;
    *ret = (struct update_view){.update = whole};
    kind = update_kind_find(codec_update_kind(whole));
    const void *payload = kind ? object_at(whole, &type, kind->name) : NULL;
    if (!payload)
        return 0;
    ret->kind = kind;
    if (kind->message)
        ret->message = *kind->message ? member_at(payload, type, kind->message) : payload;
    ret->from = member_at(payload, type, kind->person);
    ret->business_connection_id = text_at(payload, type, "business_connection_id");
    ret->chat_id = integer_at(payload, type, kind->chat_id);
    ret->thread_id = kind->message ? 0 : integer_at(payload, type, "message_thread_id");
    if (ret->message)
        view_message(ret);
    chat = ret->message ? ret->message->chat : member_at(payload, type, kind->chat);
    if (chat)
        ret->chat_id = chat->id;
    bool is_guest = ret->message && ret->message->guest_query_id;
    ret->is_private = !ret->business_connection_id && !is_guest &&
                      ((chat && strcmp(chat->type, "private") == 0) || kind->chat_id);
    return 0;
}

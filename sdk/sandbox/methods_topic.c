/*
 * Topics of forums, as bots make and change them.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_NAME = 128 };

/* The custom emoji that topics can have as icons: id, emoji. */
static const char *const icons[][2] = {
    {"5434144690511290129", "📰"},      {"5312536423851630001", "💡"},
    {"5312016608254762256", "⚡️"}, {"5377544228505134960", "🎙"},
    {"5418085807791545980", "🔝"},      {"5370870893004203704", "🗣"},
    {"5420216386448270341", "🆒"},      {"5379748062124056162", "❗️"},
    {"5373251851074415873", "📝"},      {"5433614043006903194", "📆"},
    {"5357315181649076022", "📁"},      {"5309965701241379366", "🔎"},
};

static bool is_icon(const char *id)
{
    for (size_t i = 0; i < sizeof icons / sizeof *icons; i++)
        if (strcmp(icons[i][0], id) == 0)
            return true;
    return false;
}

static int find_forum(struct call *call, int64_t *ret_chat_id)
{
    int r = call_any_chat(call, ACCESS_WRITE, ret_chat_id);
    if (r < 0)
        return r;
    if (!topics_are_in(call->sandbox->world, call->arena, *ret_chat_id))
        return call_refuse(call, "the chat is not a forum");
    return 0;
}

/* The topic of message_thread_id, which the bot may change when it has the right or made it. */
static int find_topic(struct call *call, const char *right, const char *refusal,
                      int64_t *ret_chat_id, cJSON **ret_topic)
{
    int64_t thread_id = call_int(call, "message_thread_id", 0);

    int r = find_forum(call, ret_chat_id);
    if (r < 0)
        return r;
    if (thread_id <= 0)
        return call_refuse(call, "invalid message thread identifier specified");
    cJSON *topic = topics_find(call->sandbox->world, call->arena, *ret_chat_id, thread_id);
    if (!topic || !json_get_bool(topic, "is_by_bot"))
        r = call_right(call, *ret_chat_id, right, refusal);
    if (r == 0 && !topic)
        r = call_refuse(call, "TOPIC_ID_INVALID");
    *ret_topic = topic;
    return r;
}

static void announce(struct call *call, int64_t chat_id, int64_t thread_id, const char *field,
                     cJSON *content)
{
    chats_announce(call->sandbox, call->arena,
                   &(struct announcement){.chat_id = chat_id,
                                          .from = world_bot(call->sandbox->world, call->arena),
                                          .field = field,
                                          .content = content,
                                          .thread_id = thread_id});
    chats_emit(call->sandbox, chat_id, 0);
}

static int create_forum_topic(struct call *call)
{
    const char *icon = call_text(call, "icon_custom_emoji_id");
    int64_t chat_id;

    int r = find_forum(call, &chat_id);
    if (r == 0)
        r = call_right(call, chat_id, "can_manage_topics", "not enough rights to create a topic");
    if (r == 0 && icon && *icon && !is_icon(icon))
        r = call_refuse(call, "DOCUMENT_INVALID");
    if (r < 0)
        return r;
    cJSON *topic = topics_create(call->sandbox, call->arena, chat_id,
                                 world_bot(call->sandbox->world, call->arena),
                                 text_cut(call->arena, call_text(call, "name"), LONGEST_NAME),
                                 call_int(call, "icon_color", DEFAULT_TOPIC_COLOR), icon);
    call->result = topic_object(call->arena, topic);
    return 0;
}

static int edit_forum_topic(struct call *call)
{
    const char *name = call_text(call, "name"), *icon = call_text(call, "icon_custom_emoji_id");
    cJSON *topic, *content = json_keep(call->arena, cJSON_CreateObject());
    int64_t chat_id;

    int r = find_topic(call, "can_manage_topics", "not enough rights to edit the topic", &chat_id,
                       &topic);
    if (r < 0)
        return r;
    const char *old_icon = json_get_text(topic, "icon_custom_emoji_id");
    if (icon && *icon && !is_icon(icon))
        return call_refuse(call, "DOCUMENT_INVALID");
    if (name && *name &&
        strcmp(text_cut(call->arena, name, LONGEST_NAME), json_get_text(topic, "name")) != 0)
        json_set_text(content, "name", text_cut(call->arena, name, LONGEST_NAME));
    if (icon && strcmp(icon, old_icon ? old_icon : "") != 0)
        json_set_text(content, "icon_custom_emoji_id", icon);
    if (!content->child)
        return call_refuse(call, "TOPIC_NOT_MODIFIED");
    json_set_copy(topic, "name", json_get(content, "name"));
    json_set_copy(topic, "icon_custom_emoji_id", json_get(content, "icon_custom_emoji_id"));
    topics_save(call->sandbox->world, call->arena, chat_id, topic);
    announce(call, chat_id, json_get_int(topic, "message_thread_id", 0), "forum_topic_edited",
             cJSON_Duplicate(content, true));
    return 0;
}

static int set_closed(struct call *call, bool is_closed)
{
    cJSON *topic;
    int64_t chat_id;

    int r = find_topic(call, "can_manage_topics", "not enough rights to close or open the topic",
                       &chat_id, &topic);
    if (r < 0)
        return r;
    if (json_get_bool(topic, "is_closed") == is_closed)
        return call_refuse(call, "TOPIC_NOT_MODIFIED");
    json_set_bool(topic, "is_closed", is_closed);
    topics_save(call->sandbox->world, call->arena, chat_id, topic);
    announce(call, chat_id, json_get_int(topic, "message_thread_id", 0),
             is_closed ? "forum_topic_closed" : "forum_topic_reopened", cJSON_CreateObject());
    return 0;
}

static int close_forum_topic(struct call *call)
{
    return set_closed(call, true);
}

static int reopen_forum_topic(struct call *call)
{
    return set_closed(call, false);
}

static int delete_forum_topic(struct call *call)
{
    cJSON *topic = NULL;
    int64_t chat_id;

    int r = find_topic(call, "can_delete_messages", "not enough rights to delete the topic",
                       &chat_id, &topic);
    if (r < 0)
        return r;
    topics_delete(call->sandbox, call->arena, chat_id, json_get_int(topic, "message_thread_id", 0));
    return 0;
}

/* ---- the general topic ---- */

/* The chat's info and its general topic, when the bot may change that. */
static int find_general(struct call *call, const char *refusal, int64_t *ret_chat_id,
                        cJSON **ret_info, cJSON **ret_general)
{
    int r = find_forum(call, ret_chat_id);
    if (r == 0)
        r = call_right(call, *ret_chat_id, "can_manage_topics", refusal);
    if (r < 0)
        return r;
    *ret_info = chats_info(call->sandbox->world, call->arena, *ret_chat_id);
    if (!json_get(*ret_info, "general"))
        json_set_text(cJSON_AddObjectToObject(*ret_info, "general"), "name", "General");
    *ret_general = json_get(*ret_info, "general");
    return 0;
}

static int edit_general_forum_topic(struct call *call)
{
    cJSON *info, *general, *content;
    int64_t chat_id;

    int r = find_general(call, "not enough rights to edit the topic", &chat_id, &info, &general);
    if (r < 0)
        return r;
    const char *name = text_cut(call->arena, call_text(call, "name"), LONGEST_NAME);
    if (strcmp(name, json_get_text(general, "name")) == 0)
        return call_refuse(call, "TOPIC_NOT_MODIFIED");
    json_set_text(general, "name", name);
    chats_set_info(call->sandbox->world, call->arena, chat_id, info);
    content = cJSON_CreateObject();
    json_set_text(content, "name", name);
    announce(call, chat_id, 0, "forum_topic_edited", content);
    return 0;
}

static int set_general(struct call *call, const char *property, bool value, const char *field)
{
    cJSON *info, *general;
    int64_t chat_id;

    int r = find_general(call, "not enough rights to close or open the topic", &chat_id, &info,
                         &general);
    if (r < 0)
        return r;
    if (json_get_bool(general, property) == value)
        return call_refuse(call, "TOPIC_NOT_MODIFIED");
    json_set_bool(general, property, value);
    chats_set_info(call->sandbox->world, call->arena, chat_id, info);
    announce(call, chat_id, 0, field, cJSON_CreateObject());
    return 0;
}

static int close_general_forum_topic(struct call *call)
{
    return set_general(call, "is_closed", true, "forum_topic_closed");
}

static int reopen_general_forum_topic(struct call *call)
{
    return set_general(call, "is_closed", false, "forum_topic_reopened");
}

static int hide_general_forum_topic(struct call *call)
{
    return set_general(call, "is_hidden", true, "general_forum_topic_hidden");
}

static int unhide_general_forum_topic(struct call *call)
{
    return set_general(call, "is_hidden", false, "general_forum_topic_unhidden");
}

static int get_forum_topic_icon_stickers(struct call *call)
{
    call->result = json_keep(call->arena, cJSON_CreateArray());
    for (size_t i = 0; i < sizeof icons / sizeof *icons; i++) {
        cJSON *sticker = cJSON_CreateObject();
        json_set_text(sticker, "file_id",
                      arena_printf(call->arena, "CAACAgIAAxUAAW%s", icons[i][0]));
        json_set_text(sticker, "file_unique_id", arena_printf(call->arena, "AgAD%s", icons[i][0]));
        json_set_text(sticker, "type", "custom_emoji");
        json_set_int(sticker, "width", 512);
        json_set_int(sticker, "height", 512);
        json_set_bool(sticker, "is_animated", true);
        json_set_bool(sticker, "is_video", false);
        json_set_text(sticker, "emoji", icons[i][1]);
        json_set_text(sticker, "set_name", "Topics");
        json_set_text(sticker, "custom_emoji_id", icons[i][0]);
        json_set_int(sticker, "file_size", 8192);
        cJSON_AddItemToArray(call->result, sticker);
    }
    return 0;
}

const struct method topic_methods[] = {
    {"createForumTopic", create_forum_topic},
    {"editForumTopic", edit_forum_topic},
    {"closeForumTopic", close_forum_topic},
    {"reopenForumTopic", reopen_forum_topic},
    {"deleteForumTopic", delete_forum_topic},
    {"editGeneralForumTopic", edit_general_forum_topic},
    {"closeGeneralForumTopic", close_general_forum_topic},
    {"reopenGeneralForumTopic", reopen_general_forum_topic},
    {"hideGeneralForumTopic", hide_general_forum_topic},
    {"unhideGeneralForumTopic", unhide_general_forum_topic},
    {"getForumTopicIconStickers", get_forum_topic_icon_stickers},
    {0},
};

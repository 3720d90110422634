#include "sdk/sandbox/topics.h"

#include <inttypes.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char *kind_of(struct arena *arena, int64_t chat_id)
{
    return arena_printf(arena, "topics:%" PRId64, chat_id);
}

static const char *id_of(struct arena *arena, int64_t thread_id)
{
    return arena_printf(arena, "%" PRId64, thread_id);
}

bool topics_are_in(struct world *world, struct arena *arena, int64_t chat_id)
{
    return chat_id < 0 && json_get_bool(world_chat(world, arena, chat_id), "is_forum");
}

cJSON *topics_find(struct world *world, struct arena *arena, int64_t chat_id, int64_t thread_id)
{
    return world_record(world, arena, kind_of(arena, chat_id), id_of(arena, thread_id));
}

cJSON *topics_list(struct world *world, struct arena *arena, int64_t chat_id)
{
    return world_records(world, arena, kind_of(arena, chat_id));
}

void topics_save(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *topic)
{
    int64_t thread_id = json_get_int(topic, "message_thread_id", 0);

    world_put_record(world, arena, kind_of(arena, chat_id), id_of(arena, thread_id), topic);
}

static cJSON *new_topic(struct arena *arena, int64_t thread_id, const char *name, int64_t color)
{
    cJSON *topic = json_keep(arena, cJSON_CreateObject());

    json_set_int(topic, "message_thread_id", thread_id);
    json_set_text(topic, "name", name);
    json_set_int(topic, "icon_color", color);
    return topic;
}

cJSON *topics_create(struct sandbox *sandbox, struct arena *arena, int64_t chat_id,
                     const cJSON *from, const char *name, int64_t color, const char *icon)
{
    int64_t thread_id = world_next_message_id(sandbox->world);
    cJSON *topic = new_topic(arena, thread_id, name, color);
    cJSON *content = cJSON_CreateObject();

    if (icon && *icon)
        json_set_text(topic, "icon_custom_emoji_id", icon);
    json_set_bool(topic, "is_by_bot", json_get_bool(from, "is_bot"));
    topics_save(sandbox->world, arena, chat_id, topic);
    json_set_text(content, "name", name);
    json_set_int(content, "icon_color", color);
    json_set_copy(content, "icon_custom_emoji_id", json_get(topic, "icon_custom_emoji_id"));
    chats_announce(sandbox, arena,
                   &(struct announcement){.chat_id = chat_id,
                                          .from = from,
                                          .field = "forum_topic_created",
                                          .content = content,
                                          .message_id = thread_id,
                                          .thread_id = thread_id});
    chats_emit(sandbox, chat_id, 0);
    return topic;
}

void topics_ensure(struct world *world, struct arena *arena, int64_t chat_id, int64_t thread_id)
{
    if (topics_find(world, arena, chat_id, thread_id))
        return;
    topics_save(world, arena, chat_id,
                new_topic(arena, thread_id, arena_printf(arena, "Topic %" PRId64, thread_id),
                          DEFAULT_TOPIC_COLOR));
}

void topics_delete(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, int64_t thread_id)
{
    const cJSON *messages = world_messages(sandbox->world, arena, chat_id), *message;

    cJSON_ArrayForEach(message, messages) {
        int64_t message_id = json_get_int(message, "message_id", 0);
        if (json_get_int(message, "message_thread_id", 0) == thread_id)
            chats_delete_message(sandbox, chat_id, message_id);
    }
    world_remove_record(sandbox->world, kind_of(arena, chat_id), id_of(arena, thread_id));
    chats_emit(sandbox, chat_id, 0);
}

cJSON *topic_object(struct arena *arena, const cJSON *topic)
{
    cJSON *object = json_keep(arena, cJSON_Duplicate(topic, true));

    cJSON_DeleteItemFromObjectCaseSensitive(object, "is_by_bot");
    cJSON_DeleteItemFromObjectCaseSensitive(object, "is_closed");
    return object;
}

void topics_anchor(struct world *world, struct arena *arena, cJSON *message)
{
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    int64_t thread_id = json_get_int(message, "message_thread_id", 0);

    if (chat_id < 0 && thread_id && !json_get(message, "reply_to_message"))
        json_set_copy(message, "reply_to_message", world_message(world, arena, chat_id, thread_id));
}

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/world_internal.h"

enum {
    SHOWN_MESSAGES = 500,
    MOST_IN_CHAT = 50000,
    MOST_BYTES = 256 * 1024 * 1024,
};

static const char kind[] = "message";

static struct message *find_message(struct world *world, int64_t id)
{
    struct message *message;

    HASH_FIND(hh, world->messages, &id, sizeof id, message);
    return message;
}

static size_t cost(const struct message *message)
{
    return sizeof *message + message->size;
}

static void remove_message(struct world *world, struct message *message)
{
    HASH_DEL(world->messages, message);
    TAILQ_REMOVE(&message->chat->messages, message, in_chat);
    TAILQ_REMOVE(&world->message_order, message, in_world);
    message->chat->message_count--;
    world->message_bytes -= cost(message);
    free(message->body);
    free(message);
}

static void forget(struct world *world, struct message *message)
{
    world_remove_row(world, kind, message->id);
    remove_message(world, message);
}

static struct message *add_message(struct world *world, int64_t id, int64_t chat_id)
{
    struct message *message = calloc(1, sizeof *message);

    if (!message)
        abort();
    message->id = id;
    message->chat = world_chat_of(world, chat_id);
    message->chat->message_count++;
    world->message_bytes += cost(message);
    HASH_ADD(hh, world->messages, id, sizeof message->id, message);
    TAILQ_INSERT_TAIL(&message->chat->messages, message, in_chat);
    TAILQ_INSERT_TAIL(&world->message_order, message, in_world);
    return message;
}

static struct message *set_message(struct world *world, int64_t id, int64_t chat_id,
                                   const char *body)
{
    struct message *message = find_message(world, id);

    if (!message)
        message = add_message(world, id, chat_id);
    world->message_bytes -= cost(message);
    free(message->body);
    message->body = world_strdup(body);
    message->size = strlen(body);
    world->message_bytes += cost(message);
    return message;
}

static int64_t chat_of(const cJSON *message)
{
    return json_get_int(json_get(message, "chat"), "id", 0);
}

void messages_load(struct world *world, const struct store_row *row)
{
    cJSON *message = cJSON_Parse(row->body);

    set_message(world, strtoll(row->key, NULL, 10), chat_of(message), row->body);
    cJSON_Delete(message);
}

void messages_forget(struct world *world)
{
    while (!TAILQ_EMPTY(&world->message_order))
        remove_message(world, TAILQ_FIRST(&world->message_order));
}

int64_t world_next_message_id(struct world *world)
{
    world_set_counter(world, COUNTER_MESSAGE, world->counters[COUNTER_MESSAGE] + 1);
    return world->counters[COUNTER_MESSAGE];
}

cJSON *world_message(struct world *world, struct arena *arena, int64_t chat_id, int64_t message_id)
{
    const struct message *message = find_message(world, message_id);

    if (!message || message->chat->id != chat_id)
        return NULL;
    return json_keep(arena, cJSON_Parse(message->body));
}

cJSON *world_messages(struct world *world, struct arena *arena, int64_t chat_id)
{
    cJSON *messages = json_keep(arena, cJSON_CreateArray());
    const struct chat *chat = world_find_chat(world, chat_id);
    const struct message *message = chat ? TAILQ_LAST(&chat->messages, message_list) : NULL;

    for (int i = 1; message && i < SHOWN_MESSAGES; i++) {
        const struct message *before = TAILQ_PREV(message, message_list, in_chat);
        if (!before)
            break;
        message = before;
    }
    for (; message; message = TAILQ_NEXT(message, in_chat))
        cJSON_AddItemToArray(messages, cJSON_Parse(message->body));
    return messages;
}

cJSON *world_last_message(struct world *world, struct arena *arena, int64_t chat_id)
{
    const struct chat *chat = world_find_chat(world, chat_id);
    const struct message *last = chat ? TAILQ_LAST(&chat->messages, message_list) : NULL;

    return last ? json_keep(arena, cJSON_Parse(last->body)) : NULL;
}

const char *world_save_message(struct world *world, struct arena *arena, const cJSON *message)
{
    int64_t id = json_get_int(message, "message_id", 0);
    const char *body = json_text(arena, message);
    const struct message *saved = set_message(world, id, chat_of(message), body);

    world_put_row(world, kind, id, body, 0, 0);
    if (saved->chat->message_count > MOST_IN_CHAT)
        forget(world, TAILQ_FIRST(&saved->chat->messages));
    while (world->message_bytes > MOST_BYTES)
        forget(world, TAILQ_FIRST(&world->message_order));
    return body;
}

void world_delete_message(struct world *world, int64_t message_id)
{
    struct message *message = find_message(world, message_id);

    if (message)
        forget(world, message);
}

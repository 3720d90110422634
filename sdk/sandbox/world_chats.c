#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/text.h"
#include "sdk/sandbox/world_internal.h"

#define FIRST_GROUP_ID INT64_C(-4000000001)
#define FIRST_SUPERGROUP_ID INT64_C(-1001000000001)

enum { FIRST_USER_ID = 1001, ACTION_SECONDS = 5 };

static const char chat_kind[] = "chat", markup_kind[] = "reply_markup";

struct chat *world_find_chat(struct world *world, int64_t id)
{
    struct chat *chat;

    HASH_FIND(hh, world->chats, &id, sizeof id, chat);
    return chat;
}

/* The chat, when it is known to be a user or a group. */
static struct chat *known_chat(struct world *world, int64_t id)
{
    struct chat *chat = world_find_chat(world, id);

    return chat && chat->body ? chat : NULL;
}

struct chat *world_chat_of(struct world *world, int64_t id)
{
    struct chat *chat = world_find_chat(world, id);

    if (chat)
        return chat;
    chat = calloc(1, sizeof *chat);
    if (!chat)
        abort();
    chat->id = id;
    TAILQ_INIT(&chat->messages);
    HASH_ADD(hh, world->chats, id, sizeof chat->id, chat);
    return chat;
}

/* The Chat of a user. */
static cJSON *private_chat(int64_t id, const cJSON *user)
{
    cJSON *chat = cJSON_CreateObject();

    json_set_int(chat, "id", id);
    json_set_copy(chat, "first_name", json_get(user, "first_name"));
    json_set_text(chat, "type", "private");
    return chat;
}

static char *private_chat_text(int64_t id, const char *user_text)
{
    cJSON *user = cJSON_Parse(user_text), *chat = private_chat(id, user);
    struct text text = {0};

    json_print(&text, chat);
    cJSON_Delete(user);
    cJSON_Delete(chat);
    return text_take(&text);
}

/* Takes body. */
static struct chat *set_chat(struct world *world, int64_t id, char *body,
                             enum chat_standing standing)
{
    struct chat *chat = world_chat_of(world, id);

    free(chat->body);
    free(chat->private_chat);
    chat->body = body;
    chat->private_chat = id > 0 ? private_chat_text(id, body) : NULL;
    chat->standing = standing;
    if (id > world->last_user_id)
        world->last_user_id = id;
    if (id <= FIRST_SUPERGROUP_ID && id < world->last_supergroup_id)
        world->last_supergroup_id = id;
    if (id > FIRST_SUPERGROUP_ID && id < world->last_group_id)
        world->last_group_id = id;
    return chat;
}

static void save_chat(struct world *world, const struct chat *chat)
{
    world_put_row(world, chat_kind, chat->id, chat->body, (int64_t)chat->standing, 0);
}

void chats_load(struct world *world, const struct store_row *row)
{
    set_chat(world, strtoll(row->key, NULL, 10), world_strdup(row->body),
             (enum chat_standing)row->numbers[0]);
}

void reply_markups_load(struct world *world, const struct store_row *row)
{
    struct chat *chat = world_chat_of(world, strtoll(row->key, NULL, 10));

    free(chat->reply_markup);
    chat->reply_markup = world_strdup(row->body);
}

void chats_forget(struct world *world)
{
    struct chat *chat, *next;

    HASH_ITER(hh, world->chats, chat, next)
    {
        HASH_DEL(world->chats, chat);
        free(chat->body);
        free(chat->private_chat);
        free(chat->reply_markup);
        free(chat);
    }
    world->last_user_id = FIRST_USER_ID - 1;
    world->last_group_id = FIRST_GROUP_ID + 1;
    world->last_supergroup_id = FIRST_SUPERGROUP_ID + 1;
}

/* ---- users and groups ---- */

static int by_id(const struct chat *a, const struct chat *b)
{
    return (a->id > b->id) - (a->id < b->id);
}

static cJSON *parsed(struct arena *arena, const char *body)
{
    return body ? json_keep(arena, cJSON_Parse(body)) : NULL;
}

cJSON *world_users(struct world *world, struct arena *arena)
{
    cJSON *users = json_keep(arena, cJSON_CreateArray());

    HASH_SORT(world->chats, by_id);
    for (const struct chat *chat = world->chats; chat; chat = chat->hh.next)
        if (chat->id > 0 && chat->body)
            cJSON_AddItemToArray(users, cJSON_Parse(chat->body));
    return users;
}

cJSON *world_user(struct world *world, struct arena *arena, int64_t id)
{
    const struct chat *chat = id > 0 ? known_chat(world, id) : NULL;

    return chat ? parsed(arena, chat->body) : NULL;
}

cJSON *world_chat(struct world *world, struct arena *arena, int64_t id)
{
    const struct chat *known = known_chat(world, id);

    if (known)
        return parsed(arena, id > 0 ? known->private_chat : known->body);
    return id > 0 ? json_keep(arena, private_chat(id, NULL)) : NULL;
}

void world_add_chat(struct world *world, struct arena *arena, cJSON *chat)
{
    bool is_group = strcmp(json_get_text(chat, "type"), "group") == 0;

    json_set_int(chat, "id", is_group ? world->last_group_id - 1 : world->last_supergroup_id - 1);
    world_set_chat(world, arena, chat);
}

void world_set_chat(struct world *world, struct arena *arena, const cJSON *chat)
{
    save_chat(world, set_chat(world, json_get_int(chat, "id", 0),
                              world_strdup(json_text(arena, chat)), CHAT_OPEN));
}

cJSON *world_groups(struct world *world, struct arena *arena)
{
    cJSON *groups = json_keep(arena, cJSON_CreateArray());

    HASH_SORT(world->chats, by_id);
    for (const struct chat *chat = world->chats; chat; chat = chat->hh.next)
        if (chat->id < 0 && chat->body)
            json_insert(groups, 0, cJSON_Parse(chat->body));
    return groups;
}

int64_t world_add_user(struct world *world, int64_t id, const char *first_name,
                       const char *language_code)
{
    if (!id)
        id = world->last_user_id + 1;
    else if (known_chat(world, id))
        return 0;
    cJSON *user = cJSON_CreateObject();
    json_set_int(user, "id", id);
    json_set_bool(user, "is_bot", false);
    json_set_text(user, "first_name", first_name);
    if (language_code && *language_code)
        json_set_text(user, "language_code", language_code);
    struct text body = {0};
    json_print(&body, user);
    cJSON_Delete(user);
    save_chat(world, set_chat(world, id, text_take(&body), CHAT_SILENT));
    return id;
}

/* ---- what goes on in a chat ---- */

enum chat_standing world_standing(struct world *world, int64_t chat_id)
{
    const struct chat *chat = known_chat(world, chat_id);

    return chat ? chat->standing : CHAT_UNKNOWN;
}

void world_set_standing(struct world *world, int64_t chat_id, enum chat_standing standing)
{
    struct chat *chat = known_chat(world, chat_id);

    if (!chat || chat->standing == standing)
        return;
    chat->standing = standing;
    save_chat(world, chat);
}

void world_set_action(struct world *world, int64_t chat_id, const char *action)
{
    struct chat *chat = known_chat(world, chat_id);

    if (!chat)
        return;
    snprintf(chat->action, sizeof chat->action, "%s", action ? action : "");
    chat->action_until = world_now(world) + ACTION_SECONDS;
}

const char *world_action(struct world *world, struct arena *arena, int64_t chat_id)
{
    const struct chat *chat = known_chat(world, chat_id);

    if (!chat || !*chat->action || chat->action_until <= world_now(world))
        return NULL;
    return arena_strdup(arena, chat->action);
}

cJSON *world_reply_markup(struct world *world, struct arena *arena, int64_t chat_id)
{
    const struct chat *chat = world_find_chat(world, chat_id);

    return chat ? parsed(arena, chat->reply_markup) : NULL;
}

void world_set_reply_markup(struct world *world, struct arena *arena, int64_t chat_id,
                            const cJSON *markup)
{
    struct chat *chat = world_find_chat(world, chat_id);

    if (!markup && (!chat || !chat->reply_markup))
        return;
    chat = chat ? chat : world_chat_of(world, chat_id);
    free(chat->reply_markup);
    chat->reply_markup = markup ? world_strdup(json_text(arena, markup)) : NULL;
    if (markup)
        world_put_row(world, markup_kind, chat_id, chat->reply_markup, 0, 0);
    else
        world_remove_row(world, markup_kind, chat_id);
}

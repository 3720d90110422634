#include "sdk/sandbox/commands.h"

#include <inttypes.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/world.h"

enum { MOST_SCOPES = 6 };

/* Their keys, the narrowest first. Returns how many. */
static size_t scopes_of(struct world *world, struct arena *arena, int64_t chat_id, int64_t user_id,
                        const char *scopes[MOST_SCOPES])
{
    const char *chat = arena_printf(arena, "chat:%" PRId64, chat_id);
    size_t count = 0;

    if (chat_id > 0) {
        scopes[count++] = chat;
        scopes[count++] = "all_private_chats";
        scopes[count++] = "default";
        return count;
    }
    bool is_administrator =
        user_id && member_is_administrator(members_find(world, arena, chat_id, user_id));
    if (user_id)
        scopes[count++] = arena_printf(arena, "chat_member:%" PRId64 ":%" PRId64, chat_id, user_id);
    if (is_administrator)
        scopes[count++] = arena_printf(arena, "chat_administrators:%" PRId64, chat_id);
    scopes[count++] = chat;
    if (is_administrator)
        scopes[count++] = "all_chat_administrators";
    scopes[count++] = "all_group_chats";
    scopes[count++] = "default";
    return count;
}

cJSON *commands_shown(struct world *world, struct arena *arena, int64_t chat_id, int64_t user_id)
{
    const char *scopes[MOST_SCOPES];
    size_t count = scopes_of(world, arena, chat_id, user_id, scopes);
    const cJSON *user = world_user(world, arena, chat_id > 0 ? chat_id : user_id);
    const char *language = json_get_text(user, "language_code");
    cJSON *commands = NULL;

    for (size_t i = 0; i < count && !cJSON_GetArraySize(commands); i++) {
        commands = world_commands(world, arena, scopes[i], language ? language : "");
        if (!cJSON_GetArraySize(commands))
            commands = world_commands(world, arena, scopes[i], "");
    }
    return commands;
}

/*
 * The bot's command lists, by scope and language.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { MOST_COMMANDS = 100, LONGEST_COMMAND = 32, LONGEST_DESCRIPTION = 256 };

int call_language(struct call *call, const char **ret_language)
{
    const char *language = call_text(call, "language_code");

    if (language && *language &&
        (strlen(language) != 2 || strspn(language, "abcdefghijklmnopqrstuvwxyz") != 2))
        return call_refuse(call, "invalid language code specified");
    *ret_language = language ? language : "";
    return 0;
}

/* The chat that a scope names, which the bot must be able to look into. */
static int find_chat(struct call *call, const cJSON *scope, int64_t *ret_chat_id)
{
    struct world *world = call->sandbox->world;
    const char *text = json_get_text(scope, "chat_id");
    int64_t chat_id = json_get_int(scope, "chat_id", 0);

    if (text)
        chat_id =
            *text == '@' ? chats_of_username(world, call->arena, text) : strtoll(text, NULL, 10);

    if (world_standing(world, chat_id) == CHAT_UNKNOWN)
        return call_refuse(call, "chat not found");
    *ret_chat_id = chat_id;
    return call_access(call, chat_id, ACCESS_READ_MEMBERS);
}

/* The scope as a key: its type and the ids that belong to it. */
static int read_scope(struct call *call, const char **ret_scope)
{
    const cJSON *scope = call_get(call, "scope");
    const char *type = scope ? json_get_text(scope, "type") : "default";
    int64_t user_id = json_get_int(scope, "user_id", 0), chat_id = 0;

    *ret_scope = type;
    if (strncmp(type, "chat", 4) != 0 || !json_get(scope, "chat_id"))
        return 0;
    if (strcmp(type, "chat_member") == 0 && user_id <= 0)
        return call_refuse(call, "can't parse BotCommandScope: Invalid user_id specified");
    int r = find_chat(call, scope, &chat_id);
    if (r < 0)
        return r;
    if (chat_id > 0 && strcmp(type, "chat") != 0)
        return call_refuse(call, "chat not found");
    *ret_scope = strcmp(type, "chat_member") == 0
                     ? arena_printf(call->arena, "%s:%" PRId64 ":%" PRId64, type, chat_id, user_id)
                     : arena_printf(call->arena, "%s:%" PRId64, type, chat_id);
    return 0;
}

static int read_list(struct call *call, const char **ret_scope, const char **ret_language)
{
    int r = read_scope(call, ret_scope);

    return r < 0 ? r : call_language(call, ret_language);
}

/* The text without blanks around it. */
static const char *trim(struct call *call, const char *text)
{
    static const char blanks[] = " \t\r\n";
    const char *start = text + strspn(text, blanks);
    size_t length = strlen(start);

    while (length && strchr(blanks, start[length - 1]))
        length--;
    return arena_strndup(call->arena, start, length);
}

/* The command as it is kept, into list. */
static int read_command(struct call *call, const cJSON *given, cJSON *list)
{
    const char *name = trim(call, json_get_text(given, "command"));
    const char *description = trim(call, json_get_text(given, "description"));

    name += *name == '/';
    if (!*name)
        return call_refuse(call, "command must be non-empty");
    if (utf8_length(name) > LONGEST_COMMAND)
        return call_refuse(call, "command length must not exceed 32");
    if (!*description)
        return call_refuse(call, "command description must be non-empty");
    if (utf8_length(description) > LONGEST_DESCRIPTION)
        return call_refuse(call, "command description length must not exceed 256");
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return call_refuse(call, "BOT_COMMAND_INVALID");
    cJSON *command = cJSON_Duplicate(given, true);
    json_set_text(command, "command", name);
    json_set_text(command, "description", description);
    cJSON_AddItemToArray(list, command);
    return 0;
}

/* Keeps the list, or forgets what was there: NULL. */
static void change(struct call *call, const char *scope, const char *language, const cJSON *list)
{
    world_set_commands(call->sandbox->world, call->arena, scope, language, list);
    sandbox_emit(call->sandbox, "commands", 0, NULL);
}

static int set_my_commands(struct call *call)
{
    const cJSON *given = call_get(call, "commands"), *command;
    cJSON *list = json_keep(call->arena, cJSON_CreateArray());
    const char *scope, *language;

    int r = read_list(call, &scope, &language);
    if (r < 0)
        return r;
    cJSON_ArrayForEach(command, given) {
        r = read_command(call, command, list);
        if (r < 0)
            return r;
    }
    if (cJSON_GetArraySize(list) > MOST_COMMANDS)
        return call_refuse(call, "BOT_COMMANDS_TOO_MUCH");
    change(call, scope, language, list);
    return 0;
}

static int delete_my_commands(struct call *call)
{
    const char *scope, *language;

    int r = read_list(call, &scope, &language);
    if (r == 0)
        change(call, scope, language, NULL);
    return r;
}

static int get_my_commands(struct call *call)
{
    const char *scope, *language;

    int r = read_list(call, &scope, &language);
    if (r == 0)
        call->result = world_commands(call->sandbox->world, call->arena, scope, language);
    return r;
}

const struct method command_methods[] = {
    {"setMyCommands", set_my_commands},
    {"getMyCommands", get_my_commands},
    {"deleteMyCommands", delete_my_commands},
    {0},
};

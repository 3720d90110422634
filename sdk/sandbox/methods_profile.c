/*
 * What users see of a bot before they write: its commands, name and descriptions.
 */
#include <inttypes.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { MOST_COMMANDS = 100, LONGEST_COMMAND = 32, LONGEST_DESCRIPTION = 256 };

/* The scope as a key: its type and the ids that belong to it. */
static int read_scope(struct call *call, const char **ret_scope, const char **ret_language)
{
    const cJSON *scope = call_get(call, "scope");
    const char *type = scope ? json_get_text(scope, "type") : "default";
    const char *language = call_text(call, "language_code");

    if (language && *language &&
        (strlen(language) != 2 || strspn(language, "abcdefghijklmnopqrstuvwxyz") != 2))
        return call_refuse(call, "invalid language code specified");
    if (json_get(scope, "chat_id") &&
        world_standing(call->sandbox->world, json_get_int(scope, "chat_id", 0)) == CHAT_UNKNOWN)
        return call_refuse(call, "chat not found");
    if (json_get(scope, "chat_id"))
        type = arena_printf(call->arena, "%s:%" PRId64, type, json_get_int(scope, "chat_id", 0));
    if (json_get(scope, "user_id"))
        type = arena_printf(call->arena, "%s:%" PRId64, type, json_get_int(scope, "user_id", 0));
    *ret_scope = type;
    *ret_language = language ? language : "";
    return 0;
}

static int check_command(struct call *call, const cJSON *command)
{
    const char *name = json_get_text(command, "command");
    const char *description = json_get_text(command, "description");

    if (!name || !description)
        return call_refuse(call, "can't parse bot command: expected String");
    name += *name == '/';
    size_t length = strlen(name);
    if (!length || length > LONGEST_COMMAND ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return call_refuse(call, "BOT_COMMAND_INVALID");
    length = utf8_length(description);
    if (!length || length > LONGEST_DESCRIPTION)
        return call_refuse(call, "BOT_COMMAND_DESCRIPTION_INVALID");
    return 0;
}

static int change_commands(struct call *call, const cJSON *commands)
{
    const char *scope, *language;

    int r = read_scope(call, &scope, &language);
    if (r < 0)
        return r;
    world_set_commands(call->sandbox->world, call->arena, scope, language, commands);
    sandbox_emit(call->sandbox, "commands", 0, NULL);
    return 0;
}

static int set_my_commands(struct call *call)
{
    const cJSON *commands = call_get(call, "commands"), *command;

    if (cJSON_GetArraySize(commands) > MOST_COMMANDS)
        return call_refuse(call, "BOT_COMMANDS_TOO_MUCH");
    cJSON_ArrayForEach(command, commands) {
        int r = check_command(call, command);
        if (r < 0)
            return r;
    }
    return change_commands(call, commands);
}

static int delete_my_commands(struct call *call)
{
    return change_commands(call, NULL);
}

static int get_my_commands(struct call *call)
{
    const char *scope, *language;

    int r = read_scope(call, &scope, &language);
    if (r < 0)
        return r;
    call->result = world_commands(call->sandbox->world, call->arena, scope, language);
    return 0;
}

static int set_text(struct call *call, const char *name, size_t longest)
{
    const char *value = call_text(call, name), *scope, *language;

    int r = read_scope(call, &scope, &language);
    if (r < 0)
        return r;
    if (value && utf8_length(value) > longest)
        return call_refuse(call, "%s is too long", name);
    world_set_text(call->sandbox->world, name, language, value ? value : "");
    return 0;
}

static int get_text(struct call *call, const char *name)
{
    const char *scope, *language;

    int r = read_scope(call, &scope, &language);
    if (r < 0)
        return r;
    const char *value = world_text(call->sandbox->world, call->arena, name, language);
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_text(call->result, name, value ? value : "");
    return 0;
}

static int set_my_name(struct call *call)
{
    return set_text(call, "name", 64);
}

static int set_my_description(struct call *call)
{
    return set_text(call, "description", 512);
}

static int set_my_short_description(struct call *call)
{
    return set_text(call, "short_description", 120);
}

static int get_my_name(struct call *call)
{
    return get_text(call, "name");
}

static int get_my_description(struct call *call)
{
    return get_text(call, "description");
}

static int get_my_short_description(struct call *call)
{
    return get_text(call, "short_description");
}

/* ---- the menu button: that of everybody, and those of single chats ---- */

/* Under which language of the texts it is kept: "" or the chat's id. */
static int menu_button_place(struct call *call, const char **ret_place)
{
    int64_t chat_id = call_int(call, "chat_id", 0);

    *ret_place = "";
    if (!call_get(call, "chat_id"))
        return 0;
    if (world_standing(call->sandbox->world, chat_id) == CHAT_UNKNOWN)
        return call_refuse(call, "chat not found");
    *ret_place = arena_printf(call->arena, "%" PRId64, chat_id);
    return 0;
}

static int set_chat_menu_button(struct call *call)
{
    const cJSON *button = call_get(call, "menu_button");
    const char *type = button ? json_get_text(button, "type") : "default", *place;

    int r = menu_button_place(call, &place);
    if (r < 0)
        return r;
    if (!type || (strcmp(type, "default") != 0 && strcmp(type, "commands") != 0 &&
                  strcmp(type, "web_app") != 0))
        return call_refuse(call, "MenuButton type is invalid");
    if (strcmp(type, "web_app") == 0)
        return call_fail(call, 501, "Not Implemented: the sandbox has no web apps yet");
    world_set_text(call->sandbox->world, "menu_button", place, type);
    return 0;
}

static int get_chat_menu_button(struct call *call)
{
    const char *place;

    int r = menu_button_place(call, &place);
    if (r < 0)
        return r;
    const char *type = world_text(call->sandbox->world, call->arena, "menu_button", place);
    if (!type)
        type = world_text(call->sandbox->world, call->arena, "menu_button", "");
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_text(call->result, "type", type ? type : "default");
    return 0;
}

const struct method profile_methods[] = {
    {"setMyCommands", set_my_commands},
    {"getMyCommands", get_my_commands},
    {"deleteMyCommands", delete_my_commands},
    {"setMyName", set_my_name},
    {"getMyName", get_my_name},
    {"setMyDescription", set_my_description},
    {"getMyDescription", get_my_description},
    {"setMyShortDescription", set_my_short_description},
    {"getMyShortDescription", get_my_short_description},
    {"setChatMenuButton", set_chat_menu_button},
    {"getChatMenuButton", get_chat_menu_button},
    {0},
};

/*
 * What users see of a bot before they write: its name, descriptions, photo, menu button, and the
 * rights it asks for.
 */
#include <inttypes.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

/* ---- texts by language ---- */

static int set_text(struct call *call, const char *name, size_t longest)
{
    const char *value = call_text(call, name), *language;

    int r = call_language(call, &language);
    if (r < 0)
        return r;
    if (value && utf8_length(value) > longest)
        return call_refuse(call, "%s is too long", name);
    world_set_text(call->sandbox->world, name, language, value ? value : "");
    return 0;
}

/* That of the language, or else that of all others. */
static int get_text(struct call *call, const char *name)
{
    struct world *world = call->sandbox->world;
    const char *language;

    int r = call_language(call, &language);
    if (r < 0)
        return r;
    const char *value = world_text(world, call->arena, name, language);
    if (!value)
        value = world_text(world, call->arena, name, "");
    if (!value && strcmp(name, "name") == 0)
        value = json_get_text(world_bot(world, call->arena), "first_name");
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

/* Under which id it is kept: "" or that of the user. */
static int menu_button_place(struct call *call, const char **ret_id)
{
    int64_t user_id = call_int(call, "chat_id", 0);

    *ret_id = "";
    if (!call_get(call, "chat_id"))
        return 0;
    if (user_id <= 0)
        return call_refuse(call, "invalid chat_id specified");
    if (world_standing(call->sandbox->world, user_id) == CHAT_UNKNOWN)
        return call_refuse(call, "chat not found");
    *ret_id = arena_printf(call->arena, "%" PRId64, user_id);
    return 0;
}

static int check_web_app(struct call *call, const cJSON *button)
{
    const char *url = json_get_text(json_get(button, "web_app"), "url");

    if (!*json_get_text(button, "text"))
        return call_refuse(call, "menu button text can't be empty");
    if (strncmp(url, "https://", 8) != 0)
        return call_refuse(call,
                           "inline keyboard button web app URL '%s' is invalid: Only HTTPS links "
                           "are allowed",
                           url);
    return 0;
}

static int set_chat_menu_button(struct call *call)
{
    const cJSON *button = call_get(call, "menu_button");
    const char *id;

    int r = menu_button_place(call, &id);
    if (r == 0 && json_get(button, "web_app"))
        r = check_web_app(call, button);
    if (r < 0)
        return r;
    if (button)
        world_put_record(call->sandbox->world, call->arena, "menu_button", id, button);
    else
        world_remove_record(call->sandbox->world, "menu_button", id);
    return 0;
}

static int get_chat_menu_button(struct call *call)
{
    struct world *world = call->sandbox->world;
    const char *id;

    int r = menu_button_place(call, &id);
    if (r < 0)
        return r;
    call->result = world_record(world, call->arena, "menu_button", id);
    if (!call->result)
        call->result = world_record(world, call->arena, "menu_button", "");
    if (!call->result) {
        call->result = json_keep(call->arena, cJSON_CreateObject());
        json_set_text(call->result, "type", "default");
    }
    return 0;
}

/* ---- rights that the bot asks for when it is made an administrator ---- */

static const char *rights_id(struct call *call)
{
    return call_bool(call, "for_channels") ? "channels" : "groups";
}

static int set_my_default_administrator_rights(struct call *call)
{
    const cJSON *rights = call_get(call, "rights");

    if (rights)
        world_put_record(call->sandbox->world, call->arena, "default_rights", rights_id(call),
                         rights);
    else
        world_remove_record(call->sandbox->world, "default_rights", rights_id(call));
    return 0;
}

static int get_my_default_administrator_rights(struct call *call)
{
    call->result =
        world_record(call->sandbox->world, call->arena, "default_rights", rights_id(call));
    if (call->result)
        return 0;
    call->result = json_keep(call->arena, cJSON_CreateObject());
    for (size_t i = 0; member_rights[i]; i++)
        json_set_bool(call->result, member_rights[i], false);
    return 0;
}

/* ---- the photo ---- */

static int set_my_profile_photo(struct call *call)
{
    const cJSON *photo = call_get(call, "photo");
    bool is_animated = json_get(photo, "animation") != NULL;
    const char *value = json_get_text(photo, is_animated ? "animation" : "photo");
    const struct upload *upload = NULL;

    if (value && strncmp(value, "attach://", 9) == 0)
        upload = params_upload(&call->params, value + 9);
    if (!upload)
        return call_refuse(call, "photo must be uploaded as an InputFile");
    const struct media media = {.kind = is_animated ? "animation" : "photo",
                                .file_name = upload->file_name,
                                .mime_type = upload->content_type,
                                .bytes = upload->bytes,
                                .size = upload->size};
    const cJSON *object = media_store(call->sandbox->world, call->arena, &media);
    if (!object)
        return call_refuse(call, "IMAGE_PROCESS_FAILED");
    world_put_record(call->sandbox->world, call->arena, "bot_photo", "", object);
    return 0;
}

static int remove_my_profile_photo(struct call *call)
{
    world_remove_record(call->sandbox->world, "bot_photo", "");
    return 0;
}

const struct method profile_methods[] = {
    {"setMyName", set_my_name},
    {"getMyName", get_my_name},
    {"setMyDescription", set_my_description},
    {"getMyDescription", get_my_description},
    {"setMyShortDescription", set_my_short_description},
    {"getMyShortDescription", get_my_short_description},
    {"setChatMenuButton", set_chat_menu_button},
    {"getChatMenuButton", get_chat_menu_button},
    {"setMyDefaultAdministratorRights", set_my_default_administrator_rights},
    {"getMyDefaultAdministratorRights", get_my_default_administrator_rights},
    {"setMyProfilePhoto", set_my_profile_photo},
    {"removeMyProfilePhoto", remove_my_profile_photo},
    {0},
};

/*
 * What a bot asks about itself and about files.
 */
#include "host/core/arena.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LARGEST_DOWNLOAD = 20 * 1024 * 1024 };

static int get_me(struct call *call)
{
    call->result = world_bot(call->sandbox->world, call->arena);
    json_set_bool(call->result, "can_join_groups", true);
    json_set_bool(call->result, "can_read_all_group_messages",
                  chats_bot_hears_all(call->sandbox->world, call->arena));
    json_set_bool(call->result, "supports_inline_queries", true);
    json_set_bool(call->result, "can_connect_to_business", true);
    json_set_bool(call->result, "has_main_web_app", false);
    return 0;
}

static int get_file(struct call *call)
{
    const char *file_id = call_text(call, "file_id");
    const cJSON *file = world_file(call->sandbox->world, call->arena, file_id);
    const cJSON *object = json_get(file, "object");

    if (!file)
        return call_refuse(call, "wrong file_id or the file is temporarily unavailable");
    if (json_get_int(object, "file_size", 0) > LARGEST_DOWNLOAD)
        return call_refuse(call, "file is too big");
    world_link_file(call->sandbox->world, file_id);
    call->result = json_keep(call->arena, cJSON_CreateObject());
    json_set_copy(call->result, "file_id", json_get(object, "file_id"));
    json_set_copy(call->result, "file_unique_id", json_get(object, "file_unique_id"));
    json_set_copy(call->result, "file_size", json_get(object, "file_size"));
    json_set_copy(call->result, "file_path", json_get(file, "path"));
    return 0;
}

const struct method self_methods[] = {
    {"getMe", get_me},
    {"getFile", get_file},
    {0},
};

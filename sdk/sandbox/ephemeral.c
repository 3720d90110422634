#include "sdk/sandbox/ephemeral.h"

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char message_kind[] = "ephemeral_message", number_kind[] = "ephemeral_number";

static const char *name_of(struct arena *arena, int64_t chat_id, int64_t id)
{
    return arena_printf(arena, "%lld:%lld", (long long)chat_id, (long long)id);
}

int ephemeral_read(struct call *call, struct place *place)
{
    const cJSON *parameters = call_get(call, "ephemeral_message_parameters");
    int64_t user_id = json_get_int(parameters, "receiver_user_id", 0);

    if (!parameters)
        return 0;
    if (user_id <= 0)
        return call_refuse(call, "invalid receiver_user_id specified");
    if (!world_user(call->sandbox->world, call->arena, user_id))
        return call_refuse(call, "user not found");
    if (place->chat_id > 0 && place->chat_id != user_id)
        return call_refuse(call, "USER_NOT_PARTICIPANT");
    place->receiver_id = user_id;
    return 0;
}

/* The next number of that chat. */
static int64_t next_number(struct sandbox *sandbox, struct arena *arena, int64_t chat_id)
{
    const char *name = name_of(arena, chat_id, 0);
    cJSON *record = world_record(sandbox->world, arena, number_kind, name);
    int64_t number = json_get_int(record, "last", 0) + 1;

    if (!record)
        record = json_keep(arena, cJSON_CreateObject());
    json_set_int(record, "last", number);
    world_put_record(sandbox->world, arena, number_kind, name, record);
    return number;
}

cJSON *ephemeral_new(struct call *call, const struct place *place)
{
    struct world *world = call->sandbox->world;
    cJSON *message = json_keep(call->arena, cJSON_CreateObject());

    json_set_int(message, "message_id", 0);
    json_set_copy(message, "from", world_bot(world, call->arena));
    json_set_copy(message, "receiver_user", world_user(world, call->arena, place->receiver_id));
    json_set_int(message, "ephemeral_message_id",
                 next_number(call->sandbox, call->arena, place->chat_id));
    json_set_copy(message, "chat", world_chat(world, call->arena, place->chat_id));
    json_set_int(message, "date", world_now(world));
    place_set(message, place);
    return message;
}

static int64_t chat_of(const cJSON *message)
{
    return json_get_int(json_get(message, "chat"), "id", 0);
}

void ephemeral_publish(struct sandbox *sandbox, struct arena *arena, const cJSON *message)
{
    int64_t id = json_get_int(message, "ephemeral_message_id", 0);
    cJSON *details = cJSON_CreateObject();

    world_put_record(sandbox->world, arena, message_kind, name_of(arena, chat_of(message), id),
                     message);
    json_set_int(details, "user_id", json_get_int(json_get(message, "receiver_user"), "id", 0));
    json_set_int(details, "ephemeral_message_id", id);
    json_set_copy(details, "message", message);
    sandbox_emit(sandbox, "ephemeral", chat_of(message), details);
}

cJSON *ephemeral_find(struct call *call, int64_t chat_id, int64_t id)
{
    return world_record(call->sandbox->world, call->arena, message_kind,
                        name_of(call->arena, chat_id, id));
}

static int delete_ephemeral(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    int64_t id = call_int(call, "ephemeral_message_id", 0), chat_id;
    int64_t user_id = call_int(call, "receiver_user_id", 0);

    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    const cJSON *message = ephemeral_find(call, chat_id, id);
    if (json_get_int(json_get(message, "receiver_user"), "id", 0) != user_id || !message)
        return call_refuse(call, "message to delete not found");
    world_remove_record(sandbox->world, message_kind, name_of(call->arena, chat_id, id));
    cJSON *details = cJSON_CreateObject();
    json_set_int(details, "user_id", user_id);
    json_set_int(details, "ephemeral_message_id", id);
    sandbox_emit(sandbox, "ephemeral", chat_id, details);
    return 0;
}

const struct method ephemeral_methods[] = {
    {"deleteEphemeralMessage", delete_ephemeral},
    {0},
};

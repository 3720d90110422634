#include "sdk/sandbox/inline.h"

#include <inttypes.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

const char inline_message_kind[] = "inline_message";

/* Where it shows, by its id; and its id, by where it shows. */
static const char shown_kind[] = "inline_shown", id_kind[] = "inline_id";

const char *inline_new(struct sandbox *sandbox, struct arena *arena, const cJSON *message)
{
    const char *id = world_random_name(arena);

    world_put_record(sandbox->world, arena, inline_message_kind, id, message);
    return id;
}

static const char *place_of(struct arena *arena, const cJSON *message)
{
    return arena_printf(arena, "%" PRId64 ":%" PRId64,
                        json_get_int(json_get(message, "chat"), "id", 0),
                        json_get_int(message, "message_id", 0));
}

void inline_show(struct sandbox *sandbox, struct arena *arena, const char *id, const cJSON *message)
{
    cJSON *place = json_keep(arena, cJSON_CreateObject());
    cJSON *name = json_keep(arena, cJSON_CreateObject());

    json_set_copy(place, "chat_id", json_get(json_get(message, "chat"), "id"));
    json_set_copy(place, "message_id", json_get(message, "message_id"));
    json_set_text(name, "id", id);
    world_put_record(sandbox->world, arena, shown_kind, id, place);
    world_put_record(sandbox->world, arena, id_kind, place_of(arena, message), name);
}

void inline_update(struct sandbox *sandbox, struct arena *arena, const char *id,
                   const cJSON *changed)
{
    const cJSON *place = world_record(sandbox->world, arena, shown_kind, id);
    cJSON *message = place ? world_message(sandbox->world, arena, json_get_int(place, "chat_id", 0),
                                           json_get_int(place, "message_id", 0))
                           : NULL;

    if (!message)
        return;
    content_put(message, content_of(arena, changed));
    cJSON_DeleteItemFromObjectCaseSensitive(message, "reply_markup");
    json_set_copy(message, "reply_markup", json_get(changed, "reply_markup"));
    json_set_int(message, "edit_date", world_now(sandbox->world));
    sandbox_publish(sandbox, arena, message, "edit");
}

const char *inline_id_of(struct sandbox *sandbox, struct arena *arena, const cJSON *message)
{
    return json_get_text(world_record(sandbox->world, arena, id_kind, place_of(arena, message)),
                         "id");
}

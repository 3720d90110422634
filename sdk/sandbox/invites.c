#include "sdk/sandbox/invites.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static const char chat_kind[] = "invite_chat";

static const char *links_of(struct arena *arena, int64_t chat_id)
{
    return arena_printf(arena, "invite_links:%" PRId64, chat_id);
}

static const char *requests_of(struct arena *arena, int64_t chat_id)
{
    return arena_printf(arena, "join_requests:%" PRId64, chat_id);
}

static const char *id_of(struct arena *arena, int64_t id)
{
    return arena_printf(arena, "%" PRId64, id);
}

/* ---- links ---- */

cJSON *invites_new(struct world *world, struct arena *arena, int64_t chat_id)
{
    cJSON *link = json_keep(arena, cJSON_CreateObject()),
          *chat = json_keep(arena, cJSON_CreateObject());
    const char *address = arena_printf(arena, "https://t.me/+%.16s", world_random_name(arena));

    json_set_text(link, "invite_link", address);
    json_set_copy(link, "creator", world_bot(world, arena));
    json_set_bool(link, "creates_join_request", false);
    json_set_bool(link, "is_primary", false);
    json_set_bool(link, "is_revoked", false);
    json_set_int(chat, "chat_id", chat_id);
    world_put_record(world, arena, chat_kind, address, chat);
    invites_save(world, arena, chat_id, link);
    return link;
}

void invites_save(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *link)
{
    world_put_record(world, arena, links_of(arena, chat_id), json_get_text(link, "invite_link"),
                     link);
}

cJSON *invites_find(struct world *world, struct arena *arena, int64_t chat_id, const char *link)
{
    return world_record(world, arena, links_of(arena, chat_id), link);
}

int64_t invites_chat_of(struct world *world, struct arena *arena, const char *link)
{
    return json_get_int(world_record(world, arena, chat_kind, link), "chat_id", 0);
}

static int64_t count_requests(struct world *world, struct arena *arena, int64_t chat_id,
                              const char *address)
{
    const cJSON *request;
    int64_t count = 0;

    cJSON_ArrayForEach(request, world_records(world, arena, requests_of(arena, chat_id)))
        count += strcmp(json_get_text(request, "link"), address) == 0;
    return count;
}

cJSON *invite_object(struct world *world, struct arena *arena, int64_t chat_id, const cJSON *link)
{
    cJSON *object = json_keep(arena, cJSON_Duplicate(link, true));
    int64_t pending = count_requests(world, arena, chat_id, json_get_text(link, "invite_link"));

    cJSON_DeleteItemFromObjectCaseSensitive(object, "uses");
    if (pending)
        json_set_int(object, "pending_join_request_count", pending);
    return object;
}

const char *invites_refusal(struct world *world, const cJSON *link)
{
    int64_t expires_at = json_get_int(link, "expire_date", 0);
    int64_t most = json_get_int(link, "member_limit", 0);

    if (json_get_bool(link, "is_revoked"))
        return "the link has been revoked";
    if (expires_at && expires_at <= world_now(world))
        return "the link has expired";
    if (most && json_get_int(link, "uses", 0) >= most)
        return "the link has been used as often as it may be";
    return NULL;
}

/* ---- coming by them ---- */

static void ask(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, const cJSON *user,
                const cJSON *link)
{
    struct world *world = sandbox->world;
    const cJSON *bot = members_find(world, arena, chat_id, THE_BOT);
    cJSON *record = json_keep(arena, cJSON_CreateObject());
    cJSON *request = json_keep(arena, cJSON_CreateObject());

    json_set_copy(record, "link", json_get(link, "invite_link"));
    world_put_record(world, arena, requests_of(arena, chat_id),
                     id_of(arena, json_get_int(user, "id", 0)), record);
    if (!member_is_administrator(bot) ||
        !members_may(world, arena, chat_id, bot, "can_invite_users"))
        return;
    json_set_copy(request, "chat", world_chat(world, arena, chat_id));
    json_set_copy(request, "from", user);
    json_set_copy(request, "user_chat_id", json_get(user, "id"));
    json_set_int(request, "date", world_now(world));
    json_set_copy(request, "invite_link", invite_object(world, arena, chat_id, link));
    sandbox_push_update(sandbox, arena, "chat_join_request", request, 0);
}

bool invites_use(struct sandbox *sandbox, struct arena *arena, int64_t chat_id, const cJSON *user,
                 cJSON *link)
{
    int64_t user_id = json_get_int(user, "id", 0);

    if (json_get_bool(link, "creates_join_request")) {
        ask(sandbox, arena, chat_id, user, link);
        return true;
    }
    json_set_int(link, "uses", json_get_int(link, "uses", 0) + 1);
    invites_save(sandbox->world, arena, chat_id, link);
    members_change(sandbox, arena,
                   &(struct member_change){
                       .chat_id = chat_id,
                       .actor = user,
                       .member = members_new(sandbox->world, arena, chat_id, user_id, "member"),
                       .invite_link = invite_object(sandbox->world, arena, chat_id, link)});
    return false;
}

cJSON *invites_take_request(struct world *world, struct arena *arena, int64_t chat_id,
                            int64_t user_id)
{
    cJSON *request = world_record(world, arena, requests_of(arena, chat_id), id_of(arena, user_id));

    if (request)
        world_remove_record(world, requests_of(arena, chat_id), id_of(arena, user_id));
    return request;
}

/*
 * The control API: what the sandbox knows, in whole and of a chat.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/core/loop.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/chats.h"
#include "sdk/sandbox/commands.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/members.h"
#include "sdk/sandbox/pins.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/stars.h"
#include "sdk/sandbox/topics.h"
#include "sdk/sandbox/updates.h"
#include "sdk/sandbox/webhook.h"
#include "sdk/sandbox/world.h"

enum { POLLING_MS = 2000 };

static cJSON *describe_bot(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    cJSON *bot = world_bot(sandbox->world, control->arena);
    int64_t ago_ms = loop_now_ms(sandbox->loop) - sandbox->poll.seen_at_ms;

    if (sandbox->poll.waiting)
        ago_ms = 0;
    json_set_copy(bot, "webhook_url", json_get(webhook_settings(sandbox->webhook), "url"));
    json_set_bool(bot, "polling",
                  sandbox->poll.waiting || (sandbox->poll.seen_at_ms && ago_ms < POLLING_MS));
    json_set(bot, "polling_seconds_ago",
             sandbox->poll.seen_at_ms ? cJSON_CreateNumber((double)ago_ms / 1000)
                                      : cJSON_CreateNull());
    return bot;
}

/* Private ones and groups. */
static int64_t chat_count(struct control *control)
{
    struct world *world = control->sandbox->world;

    return cJSON_GetArraySize(world_users(world, control->arena)) +
           cJSON_GetArraySize(world_groups(world, control->arena));
}

void control_get_state(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    cJSON *state = control_object(control);

    json_set_copy(state, "bot", describe_bot(control));
    json_set_copy(state, "users", world_users(sandbox->world, control->arena));
    json_set_int(state, "revision", feed_last(sandbox->events));
    json_set_int(state, "requests", feed_last(sandbox->requests));
    json_set_int(state, "updates", updates_last(sandbox->updates));
    json_set_int(state, "pending_update_count", world_update_count(sandbox->world));
    json_set_int(state, "faults", (int64_t)faults_waiting(sandbox->faults));
    json_set_copy(state, "clock", control_describe_clock(control));
    json_set_copy(state, "limits", control_describe_limits(control));
    json_set_copy(state, "webhook", webhook_info(sandbox->webhook, control->arena));
    json_set_int(state, "chats", chat_count(control));
    respond_json(control->exchange, 200, state);
}

/* What is queued about that chat. */
static cJSON *pending_of(struct control *control, int64_t chat_id)
{
    static const char *const people[] = {"from", "user"};
    cJSON *pending = json_keep(control->arena, cJSON_CreateArray());
    const cJSON *item;

    cJSON_ArrayForEach(item, world_updates(control->sandbox->world, control->arena, INT64_MAX)) {
        const char *text = item->valuestring;
        const cJSON *update = json_parse(control->arena, text, strlen(text));
        const cJSON *payload = update ? update->child->next : NULL;
        const cJSON *message = json_get(payload, "message");
        int64_t id = json_get_int(json_get(message ? message : payload, "chat"), "id", 0);
        for (size_t i = 0; !id && i < sizeof people / sizeof *people; i++)
            id = json_get_int(json_get(payload, people[i]), "id", 0);
        if (id == chat_id)
            cJSON_AddItemToArray(pending, cJSON_Duplicate(item, true));
    }
    return pending;
}

void control_inspect(struct control *control)
{
    static const char *const standings[] = {
        [CHAT_SILENT] = "silent", [CHAT_OPEN] = "open", [CHAT_BLOCKED] = "blocked"};
    struct world *world = control->sandbox->world;
    const char *text = http_exchange_param(control->exchange, "chat_id");
    int64_t chat_id = text ? strtoll(text, NULL, 10) : 0;
    enum chat_standing standing = world_standing(world, chat_id);
    cJSON *answer = control_object(control);

    if (standing == CHAT_UNKNOWN) {
        control_fail(control, 404, "there is no such chat");
        return;
    }
    const char *action = world_action(world, control->arena, chat_id);
    json_set_copy(answer, "chat", world_chat(world, control->arena, chat_id));
    json_set_text(answer, "standing", standings[standing]);
    json_set(answer, "typing", action ? cJSON_CreateString(action) : cJSON_CreateNull());
    json_set_copy(answer, "reply_markup", world_reply_markup(world, control->arena, chat_id));
    json_set_copy(answer, "commands", commands_shown(world, control->arena, chat_id, 0));
    json_set_copy(answer, "pinned_message", pins_newest(control->sandbox, control->arena, chat_id));
    if (chat_id < 0) {
        json_set_copy(answer, "info", chats_info(world, control->arena, chat_id));
        json_set_copy(answer, "members", members_list(world, control->arena, chat_id));
        json_set_copy(answer, "topics", topics_list(world, control->arena, chat_id));
    } else {
        json_set_int(answer, "stars", stars_of_user(world, control->arena, chat_id));
    }
    json_set_copy(answer, "messages", world_messages(world, control->arena, chat_id));
    json_set_copy(answer, "pending_updates", pending_of(control, chat_id));
    json_set_int(answer, "flooded_seconds", faults_flooded_s(control->sandbox->faults, chat_id));
    respond_json(control->exchange, 200, answer);
}

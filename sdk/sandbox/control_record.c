/*
 * The control API: updates as they are, those that were, and those again.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/updates.h"
#include "sdk/sandbox/world.h"

enum { MOST_AT_ONCE = 1000, MOST_REPLAYED = 100000 };

/* The one member besides update_id, or NULL. */
static cJSON *payload_of(const cJSON *update)
{
    cJSON *payload = NULL, *item;

    cJSON_ArrayForEach(item, update) {
        if (strcmp(item->string, "update_id") == 0)
            continue;
        if (payload)
            return NULL;
        payload = item;
    }
    return payload;
}

static const char *check_update(const cJSON *update)
{
    int64_t id = json_get_int(update, "update_id", 0);

    if (!cJSON_IsObject(update))
        return "an update is an object";
    if (json_get(update, "update_id") && (id < 1 || id > INT32_MAX))
        return "update_id must be a positive 32-bit number";
    return payload_of(update) ? NULL : "an update has one member besides update_id";
}

void control_push_update(struct control *control)
{
    const char *wrong = check_update(control->body);
    cJSON *answer = control_object(control);

    if (wrong) {
        control_fail(control, 400, "%s", wrong);
        return;
    }
    const cJSON *payload = payload_of(control->body);
    json_set_bool(answer, "queued",
                  sandbox_push_update(control->sandbox, control->arena, payload->string, payload,
                                      json_get_int(control->body, "update_id", 0)));
    respond_json(control->exchange, 200, answer);
}

void control_list_updates(struct control *control)
{
    const struct updates *updates = control->sandbox->updates;
    cJSON *answer = control_object(control);
    int64_t after, limit;
    bool has_gap;

    if (!control_number(control, "after", 0, &after) ||
        !control_number(control, "limit", MOST_AT_ONCE, &limit))
        return;
    if (limit > MOST_AT_ONCE)
        limit = MOST_AT_ONCE;
    json_set_copy(answer, "updates",
                  updates_recorded(updates, control->arena, after, limit, &has_gap));
    json_set_int(answer, "last", updates_last(updates));
    if (has_gap)
        json_set_bool(answer, "gap", true);
    respond_json(control->exchange, 200, answer);
}

/* Its sender writes to the bot again: the message is in their chat, with a new id and date. */
static void say_again(struct control *control, cJSON *message)
{
    struct sandbox *sandbox = control->sandbox;
    const cJSON *from = json_get(message, "from");
    int64_t chat_id = json_get_int(json_get(message, "chat"), "id", 0);
    const char *name = json_get_text(from, "first_name");

    if (chat_id == json_get_int(from, "id", 0) && chat_id > 0 && name) {
        world_add_user(sandbox->world, chat_id, name, json_get_text(from, "language_code"));
        world_set_standing(sandbox->world, chat_id, CHAT_OPEN);
    }
    if (world_standing(sandbox->world, chat_id) == CHAT_UNKNOWN)
        return;
    json_set_int(message, "message_id", world_next_message_id(sandbox->world));
    json_set_int(message, "date", world_now(sandbox->world));
    sandbox_publish(sandbox, control->arena, message, "message");
}

static void make_known(struct control *control, cJSON *payload)
{
    if (strcmp(payload->string, "message") == 0)
        say_again(control, payload);
    if (strcmp(payload->string, "callback_query") == 0 && json_get_text(payload, "id"))
        world_add_callback(control->sandbox->world, json_get_text(payload, "id"),
                           json_get_int(json_get(json_get(payload, "message"), "chat"), "id", 1));
}

/* An entry is an update, or one as it was recorded. */
static cJSON *update_in(cJSON *entry)
{
    cJSON *update = json_get(entry, "update");

    return update ? update : entry;
}

static const char *check_entries(const cJSON *entries)
{
    cJSON *entry;

    if (!cJSON_IsArray(entries) || cJSON_GetArraySize(entries) > MOST_REPLAYED)
        return "updates must be a list of at most 100000";
    cJSON_ArrayForEach(entry, entries) {
        const char *wrong = check_update(update_in(entry));
        if (wrong)
            return wrong;
    }
    return NULL;
}

/* As much time as there was before that entry, divided by speed. */
static AISHA_ASYNC int pause_before(struct control *control, const cJSON *entry, double speed)
{
    const cJSON *at = json_get(entry, "at"), *before = json_get(entry->prev, "at");
    double seconds = cJSON_IsNumber(at) && cJSON_IsNumber(before)
                         ? (at->valuedouble - before->valuedouble) / speed
                         : 0;

    return seconds > 0 ? clock_sleep(control->sandbox->clock, (int64_t)(seconds * 1000)) : 0;
}

void control_replay(struct control *control)
{
    const cJSON *speed = json_get(control->body, "speed"),
                *keep = json_get(control->body, "keep_ids");
    cJSON *entries = json_get(control->body, "updates"), *entry, *answer = control_object(control);
    const char *wrong = check_entries(entries);
    int64_t queued = 0;

    if (!wrong && speed && (!cJSON_IsNumber(speed) || speed->valuedouble <= 0))
        wrong = "speed must be a number above 0";
    if (!wrong && keep && !cJSON_IsBool(keep))
        wrong = "keep_ids must be true or false";
    if (wrong) {
        control_fail(control, 400, "%s", wrong);
        return;
    }
    cJSON_ArrayForEach(entry, entries) {
        cJSON *update = update_in(entry), *payload = payload_of(update);
        if (speed && pause_before(control, entry, speed->valuedouble) < 0)
            return;
        if (!cJSON_IsTrue(keep))
            make_known(control, payload);
        queued +=
            sandbox_push_update(control->sandbox, control->arena, payload->string, payload,
                                cJSON_IsTrue(keep) ? json_get_int(update, "update_id", 0) : 0);
    }
    json_set_int(answer, "queued", queued);
    respond_json(control->exchange, 200, answer);
}

/*
 * The control API: watching what happens.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/commands.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/feed.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/payments.h"
#include "sdk/sandbox/pins.h"
#include "sdk/sandbox/polls.h"
#include "sdk/sandbox/reactions.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_POLL_S = 50 };

/*
 * What people have done with the messages: "reactions" by message_id, "votes" by the id of the poll,
 * and "receipts" of that user by the message_id of the invoice.
 */
static void describe_deeds(struct control *control, int64_t chat_id, int64_t user_id,
                           const cJSON *messages, cJSON *answer)
{
    struct sandbox *sandbox = control->sandbox;
    cJSON *reactions = cJSON_AddObjectToObject(answer, "reactions");
    cJSON *votes = cJSON_AddObjectToObject(answer, "votes");
    cJSON *receipts = cJSON_AddObjectToObject(answer, "receipts");
    const cJSON *message;

    cJSON_ArrayForEach(message, messages) {
        int64_t id = json_get_int(message, "message_id", 0);
        const char *name = arena_printf(control->arena, "%" PRId64, id);
        const char *poll = json_get_text(json_get(message, "poll"), "id");
        json_set_copy(reactions, name, reactions_to(sandbox, control->arena, chat_id, id));
        if (poll)
            json_set_copy(votes, poll, poll_votes(sandbox, control->arena, poll));
        int64_t receipt = json_get(message, "invoice")
                              ? payments_receipt(sandbox, control->arena, user_id, chat_id, id)
                              : 0;
        if (receipt)
            json_set_int(receipts, name, receipt);
    }
}

void control_get_messages(struct control *control)
{
    struct world *world = control->sandbox->world;
    char *end;
    int64_t chat_id = strtoll(control->rest, &end, 10), user_id;

    if (!control_number(control, "user_id", 0, &user_id))
        return;
    if (end == control->rest || strcmp(end, "/messages") != 0 ||
        world_standing(world, chat_id) == CHAT_UNKNOWN) {
        control_fail(control, 404, "there is no such chat");
        return;
    }
    const char *action = world_action(world, control->arena, chat_id);
    const cJSON *messages = world_messages(world, control->arena, chat_id);
    cJSON *answer = control_object(control);
    json_set_copy(answer, "messages", messages);
    describe_deeds(control, chat_id, user_id, messages, answer);
    json_set_copy(answer, "pinned", pins_all(control->sandbox, control->arena, chat_id));
    json_set_int(answer, "revision", feed_last(control->sandbox->events));
    json_set(answer, "typing", action ? cJSON_CreateString(action) : cJSON_CreateNull());
    cJSON *markup = world_reply_markup(world, control->arena, chat_id);
    json_set(answer, "reply_markup", markup ? cJSON_Duplicate(markup, true) : cJSON_CreateNull());
    json_set_copy(answer, "commands", commands_shown(world, control->arena, chat_id, user_id));
    respond_json(control->exchange, 200, answer);
}

static void get_feed(struct control *control, const struct feed *feed, const char *name,
                     int64_t after)
{
    cJSON *answer = control_object(control);
    bool has_gap;

    json_set_copy(answer, name, feed_after(feed, control->arena, after, &has_gap));
    json_set_int(answer, "revision", feed_last(feed));
    if (has_gap)
        json_set_bool(answer, "gap", true);
    respond_json(control->exchange, 200, answer);
}

void control_get_events(struct control *control)
{
    struct feed *events = control->sandbox->events;
    int64_t after, timeout_s;

    if (!control_number(control, "after", 0, &after) ||
        !control_number(control, "timeout", 0, &timeout_s))
        return;
    if (timeout_s > LONGEST_POLL_S)
        timeout_s = LONGEST_POLL_S;
    /* A number of a later run than this one: show where we are. */
    if (timeout_s && after <= feed_last(events))
        aisha_ignore(feed_wait(events, after, timeout_s * 1000));
    if (!http_exchange_is_gone(control->exchange))
        get_feed(control, events, "events", after);
}

void control_get_requests(struct control *control)
{
    const char *method = http_exchange_param(control->exchange, "method");
    cJSON *answer = control_object(control);
    int64_t after;
    bool has_gap;

    if (!control_number(control, "after", 0, &after))
        return;
    cJSON *requests = feed_after(control->sandbox->requests, control->arena, after, &has_gap);
    for (cJSON *entry = requests->child, *next; entry; entry = next) {
        next = entry->next;
        if (method && strcmp(json_get_text(entry, "method"), method) != 0)
            cJSON_Delete(cJSON_DetachItemViaPointer(requests, entry));
    }
    json_set_copy(answer, "requests", requests);
    respond_json(control->exchange, 200, answer);
}

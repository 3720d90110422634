/*
 * Forwarding, which keeps who wrote it first, and copying, which does not.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/invoice.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/polls.h"
#include "sdk/sandbox/reply.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/share.h"
#include "sdk/sandbox/world.h"

enum { MOST_MESSAGES = 100 };

/* What one call repeats. */
struct batch {
    struct call *call;
    int64_t from_chat_id;
    bool is_copy;
    cJSON *groups; /* old media_group_id → new, of those with more than one message here */
};

static int find_source(struct call *call, int64_t *ret_chat_id)
{
    int64_t chat_id = call_int(call, "from_chat_id", 0);

    if (world_standing(call->sandbox->world, chat_id) == CHAT_UNKNOWN)
        return call_refuse(call, "chat not found");
    *ret_chat_id = chat_id;
    return 0;
}

/* A protected message can be copied by a bot, but not forwarded. */
static bool can_repeat(const struct batch *batch, const cJSON *message)
{
    const cJSON *poll = json_get(message, "poll");
    const char *type = json_get_text(poll, "type");

    if (!content_is_any(message) || json_get(message, "invoice"))
        return content_is_any(message) && !batch->is_copy;
    if (!batch->is_copy)
        return !json_get_bool(message, "has_protected_content");
    return !json_get(message, "paid_media") &&
           !(type && strcmp(type, "quiz") == 0 && !json_get(poll, "correct_option_ids"));
}

/* Buttons that work away from their message go with a forward; others take all with them. */
static bool keeps_keyboard(const cJSON *keyboard)
{
    static const char *const portable[] = {"url", "copy_text", "disabled"};
    const cJSON *row, *button;

    cJSON_ArrayForEach(row, json_get(keyboard, "inline_keyboard")) {
        cJSON_ArrayForEach(button, row) {
            bool is_portable = false;
            for (size_t i = 0; i < sizeof portable / sizeof *portable; i++)
                is_portable |= json_get(button, portable[i]) != NULL;
            if (!is_portable)
                return false;
        }
    }
    return keyboard;
}

/* Another throw, another poll, a place that does not move: a copy is as if sent anew. */
static void renew(struct call *call, cJSON *content)
{
    static const char *const live[] = {"live_period", "heading", "proximity_alert_radius"};
    cJSON *poll = json_get(content, "poll");

    if (json_get(content, "dice"))
        json_set_copy(content, "dice",
                      share_dice(call->arena, json_get_text(json_get(content, "dice"), "emoji")));
    for (size_t i = 0; i < sizeof live / sizeof *live; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(json_get(content, "location"), live[i]);
    if (!poll)
        return;
    json_set_bool(poll, "is_closed", false);
    int64_t period = json_get_int(poll, "open_period", 0);
    if (period)
        json_set_int(poll, "close_date", world_now(call->sandbox->world) + period);
    poll_add(call->sandbox, call->arena, poll, true);
}

static void drop_caption(cJSON *content)
{
    cJSON_DeleteItemFromObjectCaseSensitive(content, "caption");
    cJSON_DeleteItemFromObjectCaseSensitive(content, "caption_entities");
    cJSON_DeleteItemFromObjectCaseSensitive(content, "show_caption_above_media");
}

static int replace_caption(struct call *call, cJSON *content)
{
    cJSON *caption = json_keep(call->arena, cJSON_CreateObject());
    const char *kind = content_media(content);
    const cJSON *member;

    int r = call_caption(call, call->params.values, caption);
    if (r < 0 || !kind)
        return r;
    drop_caption(content);
    media_set_placement(content, call->params.values, kind);
    cJSON_ArrayForEach(member, caption)
        json_set_copy(content, member->string, member);
    return 0;
}

static int repeat(struct batch *batch, const cJSON *source)
{
    struct call *call = batch->call;
    cJSON *content = content_of(call->arena, source), *message;
    const char *group = json_get_text(source, "media_group_id");
    const cJSON *start = call_get(call, "video_start_timestamp");

    if (batch->is_copy && call_get(call, "caption")) {
        int r = replace_caption(call, content);
        if (r < 0)
            return r;
    }
    if (batch->is_copy)
        renew(call, content);
    if (call_bool(call, "remove_caption"))
        drop_caption(content);
    if (start && json_get(content, "video"))
        json_set_copy(json_get(content, "video"), "start_timestamp", start);
    int r = call_new_message(call, &message);
    if (r < 0)
        return r;
    content_put(message, content);
    if (!batch->is_copy) {
        json_set_copy(message, "forward_origin", message_origin(call->arena, source));
        if (keeps_keyboard(json_get(source, "reply_markup")))
            json_set_copy(message, "reply_markup", json_get(source, "reply_markup"));
        invoice_forward(call->sandbox->world, call->arena, source, message);
    }
    if (group)
        json_set_copy(message, "media_group_id", json_get(batch->groups, group));
    call_send(call, message);
    if (json_get(message, "poll"))
        poll_shown(call->sandbox, call->arena, message);
    return 0;
}

static int repeat_one(struct call *call, bool is_copy)
{
    struct batch batch = {.call = call, .is_copy = is_copy};

    int64_t chat_id;

    int r = find_source(call, &batch.from_chat_id);
    if (r < 0)
        return r;
    const cJSON *source = world_message(call->sandbox->world, call->arena, batch.from_chat_id,
                                        call_int(call, "message_id", 0));
    if (!source)
        return call_refuse(call, "message to %s not found", is_copy ? "copy" : "forward");
    r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    if (!can_repeat(&batch, source))
        return call_refuse(call, "the message can't be %s", is_copy ? "copied" : "forwarded");
    return repeat(&batch, source);
}

static int forward_message(struct call *call)
{
    return repeat_one(call, false);
}

static cJSON *id_of(struct call *call, const cJSON *message)
{
    cJSON *id = json_keep(call->arena, cJSON_CreateObject());

    json_set_copy(id, "message_id", json_get(message, "message_id"));
    return id;
}

static int copy_message(struct call *call)
{
    int r = repeat_one(call, true);

    if (r == 0)
        call->result = id_of(call, call->result);
    return r;
}

/* ---- several at once ---- */

static int check_ids(struct call *call, const cJSON *ids)
{
    const cJSON *id;
    double last = 0;

    if (!cJSON_GetArraySize(ids))
        return call_refuse(call, "message identifiers are not specified");
    if (cJSON_GetArraySize(ids) > MOST_MESSAGES)
        return call_refuse(call, "too many message identifiers specified");
    cJSON_ArrayForEach(id, ids) {
        if (id->valuedouble <= 0)
            return call_refuse(call, "invalid message identifier specified");
        if (id->valuedouble <= last)
            return call_refuse(call, "message identifiers must be in a strictly increasing order");
        last = id->valuedouble;
    }
    return 0;
}

/* Those that exist and can be repeated; the others are skipped. */
static cJSON *find_sources(const struct batch *batch, const cJSON *ids)
{
    struct call *call = batch->call;
    cJSON *sources = json_keep(call->arena, cJSON_CreateArray());
    const cJSON *id;

    cJSON_ArrayForEach(id, ids) {
        const cJSON *source = world_message(call->sandbox->world, call->arena, batch->from_chat_id,
                                            (int64_t)id->valuedouble);
        if (source && can_repeat(batch, source))
            cJSON_AddItemToArray(sources, cJSON_Duplicate(source, true));
    }
    return sources;
}

/* What was together stays so, in an album of its own. */
static void name_groups(struct batch *batch, const cJSON *sources)
{
    const cJSON *source, *other;

    batch->groups = json_keep(batch->call->arena, cJSON_CreateObject());
    cJSON_ArrayForEach(source, sources) {
        const char *group = json_get_text(source, "media_group_id");
        int count = 0;
        cJSON_ArrayForEach(other, sources) {
            const char *its = json_get_text(other, "media_group_id");
            count += group && its && strcmp(group, its) == 0;
        }
        if (count > 1 && !json_get(batch->groups, group))
            json_set_text(batch->groups, group, message_group_id(batch->call->arena));
    }
}

static int repeat_several(struct call *call, bool is_copy)
{
    struct batch batch = {.call = call, .is_copy = is_copy};
    cJSON *ids = json_keep(call->arena, cJSON_CreateArray());
    const cJSON *source;
    int64_t chat_id;

    int r = check_ids(call, call_get(call, "message_ids"));
    if (r == 0)
        r = call_chat(call, &chat_id);
    if (r == 0)
        r = find_source(call, &batch.from_chat_id);
    if (r < 0)
        return r;
    const cJSON *sources = find_sources(&batch, call_get(call, "message_ids"));
    if (!cJSON_GetArraySize(sources))
        return call_refuse(call, "there are no messages to %s", is_copy ? "copy" : "forward");
    name_groups(&batch, sources);
    cJSON_ArrayForEach(source, sources) {
        r = repeat(&batch, source);
        if (r < 0)
            return r;
        cJSON_AddItemToArray(ids, cJSON_Duplicate(id_of(call, call->result), true));
    }
    call->result = ids;
    return 0;
}

static int forward_messages(struct call *call)
{
    return repeat_several(call, false);
}

static int copy_messages(struct call *call)
{
    return repeat_several(call, true);
}

const struct method copy_methods[] = {
    {"forwardMessage", forward_message},
    {"forwardMessages", forward_messages},
    {"copyMessage", copy_message},
    {"copyMessages", copy_messages},
    {0},
};

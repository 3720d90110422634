#include "sdk/sandbox/reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/ephemeral.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/place.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_QUOTE = 1024 };

cJSON *message_origin(struct arena *arena, const cJSON *message)
{
    const cJSON *known = json_get(message, "forward_origin");
    cJSON *origin = json_keep(arena, known ? cJSON_Duplicate(known, true) : cJSON_CreateObject());

    if (known)
        return origin;
    json_set_text(origin, "type", "user");
    json_set_copy(origin, "date", json_get(message, "date"));
    json_set_copy(origin, "sender_user", json_get(message, "from"));
    return origin;
}

static bool is_supergroup(const cJSON *message)
{
    const char *type = json_get_text(json_get(message, "chat"), "type");

    return type && strcmp(type, "supergroup") == 0;
}

void reply_set(cJSON *message, const cJSON *original)
{
    cJSON *copy = cJSON_Duplicate(original, true);

    cJSON_DeleteItemFromObjectCaseSensitive(copy, "reply_to_message");
    json_set(message, "reply_to_message", copy);
    if (!is_supergroup(original) || json_get(message, "message_thread_id"))
        return;
    /* In a supergroup without topics replies form a thread. */
    const cJSON *thread = json_get(original, "message_thread_id");
    json_set_copy(message, "message_thread_id", thread ? thread : json_get(original, "message_id"));
}

/* The old parameter of the same meaning is still understood. */
static int64_t original_id(const struct call *call, const cJSON *parameters)
{
    const cJSON *old = call_get(call, "reply_to_message_id");
    int64_t id = 0;

    if (parameters)
        return json_get_int(parameters, "message_id", 0);
    if (cJSON_IsString(old))
        return strtoll(old->valuestring, NULL, 10);
    json_to_int(old, &id);
    return id;
}

static bool is_optional(const struct call *call, const cJSON *parameters)
{
    const char *old = call_text(call, "allow_sending_without_reply");

    if (parameters)
        return json_get_bool(parameters, "allow_sending_without_reply");
    return call_bool(call, "allow_sending_without_reply") ||
           (old && (strcasecmp(old, "true") == 0 || strcmp(old, "1") == 0));
}

/* ---- quotes ---- */

/* Whether a quote can have that formatting; other is not looked at. */
static bool is_quotable(const cJSON *entity)
{
    static const char *const types[] = {"bold",    "italic",       "underline", "strikethrough",
                                        "spoiler", "custom_emoji", "date_time"};
    const char *type = json_get_text(entity, "type");

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* The formatting of length units from offset on, as of a text of its own. */
static cJSON *clipped(struct arena *arena, const cJSON *entities, int64_t offset, int64_t length)
{
    cJSON *part = json_keep(arena, cJSON_CreateArray());
    const cJSON *entity;

    cJSON_ArrayForEach(entity, entities) {
        int64_t from = json_get_int(entity, "offset", 0) - offset;
        int64_t to = from + json_get_int(entity, "length", 0);
        from = from < 0 ? 0 : from;
        to = to > length ? length : to;
        if (!is_quotable(entity) || from >= to)
            continue;
        cJSON *copy = cJSON_Duplicate(entity, true);
        json_set_int(copy, "offset", from);
        json_set_int(copy, "length", to - from);
        cJSON_AddItemToArray(part, copy);
    }
    return part;
}

struct quote {
    const char *text; /* in which it is looked for */
    const cJSON *entities;
    struct formatted wanted;
    int64_t near;
};

/* The place of the quote nearest to the wanted one; -1 when there is none. */
static int64_t find_quote(struct arena *arena, const struct quote *quote)
{
    const char *wanted = quote->wanted.text;
    int64_t length = (int64_t)utf16_length(wanted, strlen(wanted)), best = -1;
    const cJSON *formatting = clipped(arena, quote->wanted.entities, 0, length);

    for (const char *p = strstr(quote->text, wanted); p; p = strstr(p + 1, wanted)) {
        int64_t offset = (int64_t)utf16_length(quote->text, (size_t)(p - quote->text));
        if (best >= 0 && llabs(offset - quote->near) >= llabs(best - quote->near))
            continue;
        if (cJSON_Compare(clipped(arena, quote->entities, offset, length), formatting, true))
            best = offset;
    }
    return best;
}

static void put_quote(cJSON *members, const char *text, const cJSON *entities, int64_t position,
                      bool is_manual)
{
    cJSON *quote = cJSON_CreateObject();

    json_set_text(quote, "text", text);
    if (cJSON_GetArraySize(entities))
        json_set_copy(quote, "entities", entities);
    json_set_int(quote, "position", position);
    if (is_manual)
        json_set_bool(quote, "is_manual", true);
    json_set(members, "quote", quote);
}

static int read_quote(struct call *call, const cJSON *parameters, const cJSON *original,
                      cJSON *members)
{
    const char *names;
    struct quote quote = {.near = json_get_int(parameters, "quote_position", 0)};

    int r =
        call_format(call, parameters, "quote", "quote_parse_mode", "quote_entities", &quote.wanted);
    if (r < 0 || !*quote.wanted.text)
        return r;
    quote.text = content_text(original, &names);
    quote.entities = json_get(original, names);
    int64_t position = -1;
    if (quote.text && utf8_length(quote.wanted.text) <= LONGEST_QUOTE)
        position = find_quote(call->arena, &quote);
    if (position < 0)
        return call_refuse(call, "QUOTE_TEXT_INVALID");
    int64_t length = (int64_t)utf16_length(quote.wanted.text, strlen(quote.wanted.text));
    put_quote(members, quote.wanted.text, clipped(call->arena, quote.wanted.entities, 0, length),
              position, true);
    return 0;
}

/* The beginning of what a message of another chat says is quoted by itself. */
static void quote_beginning(struct arena *arena, const cJSON *original, cJSON *members)
{
    const char *names, *text = content_text(original, &names);
    size_t size = 0, count = 0;

    if (!text)
        return;
    for (; text[size]; size++) {
        count += ((unsigned char)text[size] & 0xC0) != 0x80;
        if (count > LONGEST_QUOTE)
            break;
    }
    const char *part = arena_strndup(arena, text, size);
    put_quote(members, part,
              clipped(arena, json_get(original, names), 0, (int64_t)utf16_length(part, size)), 0,
              false);
}

/* ---- originals ---- */

static void set_external(struct arena *arena, const cJSON *original, cJSON *members)
{
    static const char *const left_out[] = {
        "text",    "entities",         "rich_message",
        "caption", "caption_entities", "show_caption_above_media"};
    cJSON *reply = content_of(arena, original);

    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(reply, left_out[i]);
    json_set_copy(reply, "origin", message_origin(arena, original));
    if (is_supergroup(original)) {
        json_set_copy(reply, "chat", json_get(original, "chat"));
        json_set_copy(reply, "message_id", json_get(original, "message_id"));
    }
    json_set_copy(members, "external_reply", reply);
    quote_beginning(arena, original, members);
}

static const cJSON *task_of(const cJSON *checklist, int64_t id)
{
    const cJSON *task;

    cJSON_ArrayForEach(task, json_get(checklist, "tasks")) {
        if (json_get_int(task, "id", 0) == id)
            return task;
    }
    return NULL;
}

static const cJSON *option_of(const cJSON *poll, const char *id)
{
    const cJSON *option;

    cJSON_ArrayForEach(option, json_get(poll, "options")) {
        if (strcmp(json_get_text(option, "persistent_id"), id) == 0)
            return option;
    }
    return NULL;
}

/* A task of a checklist or an option of a poll; what is not there is ignored. */
static void set_part(const cJSON *parameters, const cJSON *original, cJSON *members)
{
    const cJSON *task = json_get(parameters, "checklist_task_id");
    const char *option = json_get_text(parameters, "poll_option_id");

    if (task && task_of(json_get(original, "checklist"), (int64_t)task->valuedouble))
        json_set_copy(members, "reply_to_checklist_task_id", task);
    if (option && option_of(json_get(original, "poll"), option))
        json_set_text(members, "reply_to_poll_option_id", option);
}

/* The original; NULL when it may be missing. */
static int find_original(struct call *call, const struct place *place, cJSON **ret_original)
{
    const cJSON *parameters = call_get(call, "reply_parameters");
    struct world *world = call->sandbox->world;
    int64_t id = original_id(call, parameters);
    int64_t chat_id = json_get_int(parameters, "chat_id", place->chat_id);

    *ret_original = NULL;
    if (parameters && !json_get(parameters, "message_id") &&
        !json_get(parameters, "ephemeral_message_id"))
        return call_refuse(call, "can't find field \"message_id\"");
    if (json_get(parameters, "ephemeral_message_id")) {
        *ret_original = ephemeral_find(call, place->chat_id,
                                       json_get_int(parameters, "ephemeral_message_id", 0));
        if (!*ret_original || !place->receiver_id)
            return call_refuse(call, "message to be replied not found");
        return 0;
    }
    if (id <= 0)
        return 0;
    if (json_get(parameters, "chat_id") && world_standing(world, chat_id) == CHAT_UNKNOWN)
        return call_refuse(call, "chat not found");
    *ret_original = world_message(world, call->arena, chat_id, id);
    if (!*ret_original && (!is_optional(call, parameters) || chat_id != place->chat_id))
        return call_refuse(call, "message to be replied not found");
    return 0;
}

int reply_read(struct call *call, struct place *place, cJSON *members)
{
    const cJSON *parameters = call_get(call, "reply_parameters");
    cJSON *original;

    int r = find_original(call, place, &original);
    if (r < 0 || !original)
        return r;
    int64_t thread_id = json_get_bool(original, "is_topic_message")
                            ? json_get_int(original, "message_thread_id", 0)
                            : 0;
    bool is_here = json_get_int(json_get(original, "chat"), "id", 0) == place->chat_id;
    bool is_elsewhere = !is_here || (place->thread_id && place->thread_id != thread_id);
    if (is_elsewhere && json_get_bool(original, "has_protected_content"))
        return 0;
    if (is_elsewhere && content_is_any(original)) {
        set_external(call->arena, original, members);
    } else if (!is_elsewhere) {
        place->thread_id = thread_id;
        reply_set(members, original);
    }
    set_part(parameters, original, members);
    return read_quote(call, parameters, original, members);
}

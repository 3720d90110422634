#include "host/telegram/target.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "host/telegram/api.h"
#include "host/telegram/codec.h"
#include "host/telegram/outbound.h"

/* How many messages a method counts as, for each of its items; the first row whose name the method
 * begins with. All others count nothing. */
static const struct {
    const char *name;
    unsigned messages;
} costs[] = {
    {"sendChatAction", 0}, {"send", 1}, {"copy", 1}, {"forward", 1}, {"edit", 1}, {"stopPoll", 1},
};

static bool begins_with(const char *method, const char *name)
{
    return strncasecmp(method, name, strlen(name)) == 0;
}

static unsigned cost_of(const char *method, size_t items)
{
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (begins_with(method, costs[i].name))
            return costs[i].messages * (items > 1 ? (unsigned)items : 1);
    return 0;
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (uint64_t)tolower((unsigned char)*text)) * 1099511628211u;
    return hash;
}

static int64_t id_of_name(const char *name)
{
    return -(int64_t)(hash_of(name) >> 2 | 1ULL << 61);
}

static void fill(const char *method, int64_t chat_id, const char *chat_name, int64_t message_id,
                 size_t items, struct outbound_call *turn)
{
    if (begins_with(method, "get"))
        return;
    turn->chat_id = !chat_id && chat_name && *chat_name ? id_of_name(chat_name) : chat_id;
    turn->messages = cost_of(method, items);
    if (begins_with(method, "editMessage")) {
        turn->edits_message = message_id;
        turn->edit_kind = (unsigned)hash_of(method);
    }
}

/* ---- structs ---- */

/* NULL when the type has no such field, or the struct is too small for it. */
static const struct api_field *field_of(const struct api_type *type, const void *params,
                                        const char *name)
{
    size_t size = params ? *(const size_t *)params : 0;

    for (size_t i = 0; type && i < type->field_count; i++) {
        const struct api_field *field = &type->fields[i];
        size_t last = field->second ? field->second : field->offset;
        if (*field->name == *name && strcmp(field->name, name) == 0 &&
            last + sizeof(int64_t) <= size)
            return field;
    }
    return NULL;
}

static const char *at(const void *params, size_t offset)
{
    return (const char *)params + offset;
}

static int64_t integer_of(const struct api_type *type, const void *params, const char *name)
{
    const struct api_field *field = field_of(type, params, name);
    bool is_integer = field && !field->value.depth &&
                      (field->value.kind == API_INTEGER || field->value.kind == API_ID);

    return is_integer ? *(const int64_t *)(const void *)at(params, field->offset) : 0;
}

static size_t length_of(const struct api_type *type, const void *params, const char *name)
{
    const struct api_field *field = field_of(type, params, name);
    size_t length = 0;

    if (!field || !field->value.depth)
        return 0;
    if (field->value.kind == API_INTEGER)
        return *(const size_t *)(const void *)at(params, field->second);
    const void *const *list = *(const void *const *const *)(const void *)at(params, field->offset);
    while (list && list[length])
        length++;
    return length;
}

void target_of_params(const char *method, const struct api_type *type, const void *params,
                      struct outbound_call *turn)
{
    const struct api_field *chat = field_of(type, params, "chat_id");
    const char *name = NULL;

    if (chat && chat->value.kind == API_ID)
        name = *(const char *const *)(const void *)at(params, chat->second);
    size_t items = length_of(type, params, "media") + length_of(type, params, "message_ids");
    fill(method, integer_of(type, params, "chat_id"), name, integer_of(type, params, "message_id"),
         items, turn);
}

/* ---- JSON ---- */

static const cJSON *member(const cJSON *params, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(params, name);
}

void target_of_json(const char *method, const cJSON *params, struct outbound_call *turn)
{
    const cJSON *chat = member(params, "chat_id"), *media = member(params, "media");
    const cJSON *ids = member(params, "message_ids");
    const char *name = cJSON_GetStringValue(chat);
    int64_t chat_id = name ? strtoll(name, NULL, 10) : codec_integer(chat); /* "-100" is one, too */

    size_t items = (cJSON_IsArray(media) ? (size_t)cJSON_GetArraySize(media) : 0) +
                   (cJSON_IsArray(ids) ? (size_t)cJSON_GetArraySize(ids) : 0);
    fill(method, chat_id, name, codec_integer(member(params, "message_id")), items, turn);
}

/* ---- moving ---- */

bool target_can_move(int64_t chat_id)
{
    return chat_id < 0 && chat_id > -1000000000000;
}

static const char *with_chat(struct arena *arena, const char *json, int64_t chat_id)
{
    cJSON *params;

    if (codec_parse(json, strlen(json), &params) < 0)
        return json;
    cJSON_DeleteItemFromObjectCaseSensitive(params, "chat_id");
    cJSON_AddNumberToObject(params, "chat_id", (double)chat_id);
    char *text = cJSON_PrintUnformatted(params);
    cJSON_Delete(params);
    if (!text)
        abort();
    arena_defer(arena, free, text);
    return text;
}

void target_move(struct arena *arena, struct codec_body *body, int64_t chat_id)
{
    if (body->json) {
        body->json = with_chat(arena, body->json, chat_id);
        return;
    }
    struct codec_part *parts = arena_memdup(arena, body->parts, body->part_count * sizeof *parts);
    for (size_t i = 0; i < body->part_count; i++)
        if (strcmp(parts[i].name, "chat_id") == 0)
            parts[i].value = arena_printf(arena, "%lld", (long long)chat_id);
    body->parts = parts;
}

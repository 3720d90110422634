#include "sdk/sandbox/update_kind.h"

#include <string.h>
#include <strings.h>

#include "sdk/sandbox/json.h"

enum { DAY_SECONDS = 86400, QUEUE_SHIFT = 33 };

/* owner: where the payload says whose queue it is; number keeps queues of different things apart. */
static const struct update_kind {
    const char *name;
    int64_t seconds;
    const char *owner;
    int64_t number;
} kinds[] = {
    {"message", DAY_SECONDS, "chat.id", 0},
    {"edited_message", DAY_SECONDS, "chat.id", 0},
    {"channel_post", DAY_SECONDS, "chat.id", 0},
    {"edited_channel_post", DAY_SECONDS, "chat.id", 0},
    {"guest_message", DAY_SECONDS, "chat.id", 0},
    {"inline_query", 30, "from.id", 1},
    {"chosen_inline_result", 600, "from.id", 2},
    {"callback_query", 150, "from.id", 3},
    {"shipping_query", 150, "from.id", 4},
    {"pre_checkout_query", 150, "from.id", 4},
    {"my_chat_member", DAY_SECONDS, "chat.id", 5},
    {"chat_member", DAY_SECONDS, "new_chat_member.user.id", 6},
    {"chat_join_request", DAY_SECONDS, "from.id", 6},
    {"chat_boost", DAY_SECONDS, "chat.id", 7},
    {"removed_chat_boost", DAY_SECONDS, "chat.id", 7},
    {"message_reaction", DAY_SECONDS, "chat.id", 8},
    {"message_reaction_count", DAY_SECONDS, "chat.id", 9},
    {"business_connection", DAY_SECONDS, "user.id", 10},
    {"business_message", DAY_SECONDS, "chat.id", 11},
    {"edited_business_message", DAY_SECONDS, "chat.id", 11},
    {"deleted_business_messages", DAY_SECONDS, "chat.id", 11},
    {"purchased_paid_media", DAY_SECONDS, "from.id", 12},
    {"poll", DAY_SECONDS, "id", 13},
    {"poll_answer", DAY_SECONDS, "poll_id", 13},
    {"managed_bot", DAY_SECONDS, "user.id", 14},
    {"subscription", DAY_SECONDS, "user.id", 15},
    {"stopped_message_generation", DAY_SECONDS, "chat.id", 16},
};

static const struct update_kind *find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcasecmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

cJSON *update_kinds_known(struct arena *arena, const cJSON *names)
{
    cJSON *known = json_keep(arena, cJSON_CreateArray());
    const cJSON *name;

    cJSON_ArrayForEach(name, names) {
        const struct update_kind *kind = cJSON_IsString(name) ? find(name->valuestring) : NULL;
        if (kind)
            cJSON_AddItemToArray(known, cJSON_CreateString(kind->name));
    }
    return known;
}

int64_t update_kind_seconds(const char *kind)
{
    const struct update_kind *known = find(kind);

    return known ? known->seconds : DAY_SECONDS;
}

/* The value at a path of members, "a.b.c", or NULL. */
static const cJSON *value_at(const cJSON *value, const char *path)
{
    char name[32];

    while (value && *path) {
        size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        value = json_get(value, name);
        path += length + (path[length] == '.');
    }
    return value;
}

/* A number for an id that is one, or a text. */
static int64_t number_of(const cJSON *id)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    int64_t number = 0;

    if (!cJSON_IsString(id))
        return json_to_int(id, &number) ? number : 0;
    for (const char *c = id->valuestring; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return (int64_t)(hash >> 31) + 1;
}

int64_t update_kind_queue(const char *kind, const cJSON *payload)
{
    const struct update_kind *known = find(kind);
    int64_t owner = known ? number_of(value_at(payload, known->owner)) : 0;

    return owner ? owner + (known->number << QUEUE_SHIFT) : 0;
}

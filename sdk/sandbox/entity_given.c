/*
 * Entities that a bot gives itself instead of a parse mode.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/entities.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/link.h"

/* What can be given, and the member it needs. */
static const struct given {
    const char *type, *needs;
} given_types[] = {
    {"bold", NULL},
    {"italic", NULL},
    {"underline", NULL},
    {"strikethrough", NULL},
    {"spoiler", NULL},
    {"blockquote", NULL},
    {"code", NULL},
    {"pre", NULL},
    {"expandable_blockquote", NULL},
    {"text_link", "url"},
    {"text_mention", "user"},
    {"custom_emoji", "custom_emoji_id"},
    {"date_time", "unix_time"},
};

/* What is found in the text anyway. */
static bool is_found(const char *type)
{
    static const char *const types[] = {"mention", "hashtag", "cashtag",      "bot_command",
                                        "url",     "email",   "phone_number", "bank_card_number"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

bool entities_is_emoji_id(const char *text)
{
    char *end;

    errno = 0;
    strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

static const char *check_kind(struct arena *arena, const cJSON *entity)
{
    const char *type = json_get_text(entity, "type");
    const struct given *given = NULL;

    for (size_t i = 0; i < sizeof given_types / sizeof *given_types; i++)
        if (strcmp(given_types[i].type, type) == 0)
            given = &given_types[i];
    if (!given)
        return "can't parse MessageEntity: Unsupported type specified";
    if (given->needs && !json_get(entity, given->needs))
        return arena_printf(arena, "can't parse MessageEntity: Can't find field \"%s\"",
                            given->needs);
    if (strcmp(type, "custom_emoji") == 0 &&
        !entities_is_emoji_id(json_get_text(entity, "custom_emoji_id")))
        return "can't parse MessageEntity: Field \"custom_emoji_id\" must be a valid Number";
    return NULL;
}

/* Whether the unit is within the text, and not the second half of a character. */
enum place_in_text { IS_BEHIND, IS_WITHIN, IS_AT_CHARACTER };

static enum place_in_text find_unit(const char *text, int64_t unit)
{
    int64_t units = 0;

    for (const char *p = text; units < unit; p++) {
        if (!*p)
            return IS_BEHIND;
        if (((unsigned char)*p & 0xC0) != 0x80)
            units += (unsigned char)*p >= 0xF0 ? 2 : 1;
    }
    return units == unit ? IS_AT_CHARACTER : IS_WITHIN;
}

static const char *check_range(struct arena *arena, const char *text, long long from, long long to)
{
    enum place_in_text begin = find_unit(text, from), end = find_unit(text, to);

    if (begin == IS_BEHIND)
        return arena_printf(arena, "entity begins after the end of the text at UTF-16 offset %lld",
                            from);
    if (begin == IS_WITHIN)
        return arena_printf(
            arena, "entity begins in a middle of a UTF-16 symbol at UTF-16 offset %lld", from);
    if (end == IS_BEHIND)
        return arena_printf(arena,
                            "entity beginning at UTF-16 offset %lld ends after the end of the text "
                            "at UTF-16 offset %lld",
                            from, to);
    if (end == IS_WITHIN)
        return arena_printf(arena,
                            "entity beginning at UTF-16 offset %lld ends in a middle of a UTF-16 "
                            "symbol at UTF-16 offset %lld",
                            from, to);
    return NULL;
}

static const char *add(struct rich_text *rich, const char *text, const cJSON *entity)
{
    struct arena *arena = rich->arena;
    const char *type = json_get_text(entity, "type"), *url = json_get_text(entity, "url"), *link;
    int64_t offset = json_get_int(entity, "offset", 0), length = json_get_int(entity, "length", 0);
    bool is_link = strcmp(type, "text_link") == 0;

    const char *wrong = check_kind(arena, entity);
    if (!wrong && offset < 0)
        wrong =
            arena_printf(arena, "receive an entity with incorrect offset %lld", (long long)offset);
    if (!wrong && length < 0)
        wrong =
            arena_printf(arena, "receive an entity with incorrect length %lld", (long long)length);
    if (wrong || !length)
        return wrong;
    wrong = is_link ? link_read(arena, url, LINK_ANY, &link) : NULL;
    if (wrong)
        return arena_printf(arena, "entity %s", wrong);
    wrong = check_range(arena, text, offset, offset + length);
    if (wrong)
        return wrong;
    cJSON *copy = cJSON_Duplicate(entity, true);
    if (is_link)
        json_set_text(copy, "url", link);
    cJSON_AddItemToArray(rich->entities, copy);
    return NULL;
}

const char *given_read(struct rich_text *rich, const char *text, const cJSON *given)
{
    const cJSON *entity;

    rich_text_add(rich, text, strlen(text));
    cJSON_ArrayForEach(entity, given) {
        if (is_found(json_get_text(entity, "type")))
            continue;
        const char *wrong = add(rich, text, entity);
        if (wrong)
            return wrong;
    }
    return NULL;
}

/*
 * Sticker sets of the bot. Each is the record {"set": StickerSet, "keywords": {file_id: […]}}, by its
 * name in lower case.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/media.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_NAME = 64,
    LONGEST_TITLE = 64,
    MOST_AT_FIRST = 50,
    MOST_STICKERS = 120,
    MOST_EMOJI = 200, /* stickers of a set of custom emoji, and identifiers of one request */
    MOST_EMOJI_OF_ONE = 20,
    MOST_KEYWORDS = 20,
    LONGEST_KEYWORDS = 64,
};

static const char kind[] = "sticker_set";

static const char *key_of(struct arena *arena, const char *name)
{
    char *key = arena_strdup(arena, name);

    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return key;
}

static void save(struct call *call, const cJSON *set)
{
    world_put_record(call->sandbox->world, call->arena, kind,
                     key_of(call->arena, json_get_text(set, "name")), set);
}

static int load(struct call *call, const char *name, cJSON **ret_set)
{
    *ret_set = world_record(call->sandbox->world, call->arena, kind, key_of(call->arena, name));
    return *ret_set ? 0 : call_refuse(call, "STICKERSET_INVALID");
}

static int check_owner(struct call *call)
{
    int64_t user_id = call_int(call, "user_id", 0);

    if (user_id <= 0)
        return call_refuse(call, "invalid user_id specified");
    if (!world_user(call->sandbox->world, call->arena, user_id))
        return call_refuse(call, "user not found");
    return 0;
}

static bool is_format(const char *format)
{
    return strcmp(format, "static") == 0 || strcmp(format, "animated") == 0 ||
           strcmp(format, "video") == 0;
}

/* ---- single stickers ---- */

static AISHA_ASYNC int upload_file(struct call *call)
{
    static const char *const names[] = {"file_id", "file_unique_id", "file_size"};
    cJSON *object;

    if (!is_format(call_text(call, "sticker_format")))
        return call_refuse(call, "invalid sticker format specified");
    int r = check_owner(call);
    if (r == 0)
        r = call_media(call, "sticker", "sticker", call_text(call, "sticker"), call->params.values,
                       &object);
    if (r < 0)
        return r;
    call->result = json_keep(call->arena, cJSON_CreateObject());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_set_copy(call->result, names[i], json_get(object, names[i]));
    return 0;
}

static int check_emoji(struct call *call, const cJSON *list)
{
    const cJSON *emoji;

    if (!cJSON_GetArraySize(list))
        return call_refuse(call, "can't parse InputSticker: emoji list must be non-empty");
    if (cJSON_GetArraySize(list) > MOST_EMOJI_OF_ONE)
        return call_refuse(call, "can't parse InputSticker: too many emoji specified");
    cJSON_ArrayForEach(emoji, list) {
        if (!cJSON_IsString(emoji) || (unsigned char)*emoji->valuestring < 0x80)
            return call_refuse(call, "can't parse InputSticker: expected a Unicode emoji");
    }
    return 0;
}

static int check_keywords(struct call *call, const cJSON *keywords)
{
    const cJSON *keyword;
    size_t length = 0;

    cJSON_ArrayForEach(keyword, keywords)
        length += utf8_length(keyword->valuestring);
    if (cJSON_GetArraySize(keywords) > MOST_KEYWORDS || length > LONGEST_KEYWORDS)
        return call_refuse(call, "STICKER_KEYWORDS_INVALID");
    return 0;
}

/* The sticker as sets have it. */
static AISHA_ASYNC int read_sticker(struct call *call, const cJSON *given, const cJSON *set,
                                    cJSON **ret_sticker)
{
    const char *type = json_get_text(set, "sticker_type");
    const char *format = json_get_text(given, "format");
    cJSON *sticker;

    if (!is_format(format))
        return call_refuse(call, "can't parse InputSticker: Invalid sticker format specified");
    int r = check_emoji(call, json_get(given, "emoji_list"));
    if (r == 0)
        r = check_keywords(call, json_get(given, "keywords"));
    if (r == 0)
        r = call_media(call, "sticker", NULL, json_get_text(given, "sticker"), given, &sticker);
    if (r < 0)
        return r;
    json_set_text(sticker, "type", type);
    json_set_bool(sticker, "is_animated", strcmp(format, "animated") == 0);
    json_set_bool(sticker, "is_video", strcmp(format, "video") == 0);
    json_set_copy(sticker, "set_name", json_get(set, "name"));
    json_set_copy(sticker, "emoji", cJSON_GetArrayItem(json_get(given, "emoji_list"), 0));
    if (strcmp(type, "mask") == 0)
        json_set_copy(sticker, "mask_position", json_get(given, "mask_position"));
    if (strcmp(type, "custom_emoji") == 0)
        json_set_text(sticker, "custom_emoji_id", world_random_number(call->arena));
    if (strcmp(type, "custom_emoji") == 0 && call_bool(call, "needs_repainting"))
        json_set_bool(sticker, "needs_repainting", true);
    *ret_sticker = sticker;
    return 0;
}

/* ---- sets ---- */

/* Letters, digits and single underscores, and the name of the bot at the end. */
static bool is_name(struct call *call, const char *name)
{
    const cJSON *bot = world_bot(call->sandbox->world, call->arena);
    const char *end = arena_printf(call->arena, "_by_%s", json_get_text(bot, "username"));
    size_t length = strlen(name);

    if (!isalpha((unsigned char)*name) || length > LONGEST_NAME || length <= strlen(end) ||
        strcasecmp(name + length - strlen(end), end) != 0 || strstr(name, "__"))
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

static int check_title(struct call *call)
{
    const char *title = call_text(call, "title");

    return *title && utf8_length(title) <= LONGEST_TITLE
               ? 0
               : call_refuse(call, "invalid sticker set title is specified");
}

static AISHA_ASYNC int create_set(struct call *call)
{
    const char *name = call_text(call, "name"), *type = call_text(call, "sticker_type");
    const cJSON *given = call_get(call, "stickers"), *each;
    cJSON *set = json_keep(call->arena, cJSON_CreateObject()), *stickers, *sticker;

    if (cJSON_GetArraySize(given) > MOST_AT_FIRST)
        return call_refuse(call, "too many stickers specified");
    int r = check_owner(call);
    if (r == 0)
        r = check_title(call);
    if (r < 0)
        return r;
    if (!is_name(call, name))
        return call_refuse(call, "invalid sticker set name is specified");
    if (world_record(call->sandbox->world, call->arena, kind, key_of(call->arena, name)))
        return call_refuse(call, "sticker set name is already occupied");
    if (!cJSON_GetArraySize(given))
        return call_refuse(call, "STICKERS_EMPTY");
    json_set_text(set, "name", name);
    json_set_copy(set, "title", call_get(call, "title"));
    json_set_text(set, "sticker_type", type && *type ? type : "regular");
    stickers = cJSON_AddArrayToObject(set, "stickers");
    cJSON_ArrayForEach(each, given) {
        r = read_sticker(call, each, set, &sticker);
        if (r < 0)
            return r;
        cJSON_AddItemToArray(stickers, cJSON_Duplicate(sticker, true));
    }
    save(call, set);
    return 0;
}

static int get_set(struct call *call)
{
    cJSON *set;

    int r = load(call, call_text(call, "name"), &set);
    if (r == 0)
        call->result = set;
    return r;
}

static int delete_set(struct call *call)
{
    cJSON *set;

    int r = load(call, call_text(call, "name"), &set);
    if (r == 0)
        world_remove_record(call->sandbox->world, kind,
                            key_of(call->arena, call_text(call, "name")));
    return r;
}

static int set_title(struct call *call)
{
    cJSON *set;

    int r = check_title(call);
    if (r == 0)
        r = load(call, call_text(call, "name"), &set);
    if (r < 0)
        return r;
    json_set_copy(set, "title", call_get(call, "title"));
    save(call, set);
    return 0;
}

static AISHA_ASYNC int set_thumbnail(struct call *call)
{
    cJSON *set, *thumbnail = NULL;
    bool is_given = call_text(call, "thumbnail") || params_upload(&call->params, "thumbnail");

    if (!is_format(call_text(call, "format")))
        return call_refuse(call, "invalid sticker format specified");
    int r = check_owner(call);
    if (r == 0)
        r = load(call, call_text(call, "name"), &set);
    if (r == 0 && is_given)
        r = call_media(call, "thumbnail", "thumbnail", call_text(call, "thumbnail"),
                       call->params.values, &thumbnail);
    if (r < 0)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(set, "thumbnail");
    json_set_copy(set, "thumbnail", thumbnail);
    save(call, set);
    return 0;
}

static int set_emoji_thumbnail(struct call *call)
{
    const char *id = call_text(call, "custom_emoji_id");
    const cJSON *sticker;
    cJSON *set;

    int r = load(call, call_text(call, "name"), &set);
    if (r < 0)
        return r;
    if (!id || !*id)
        return 0;
    cJSON_ArrayForEach(sticker, json_get(set, "stickers")) {
        const char *its = json_get_text(sticker, "custom_emoji_id");
        if (its && strcmp(its, id) == 0)
            return 0;
    }
    return call_refuse(call, "STICKER_INVALID");
}

/* ---- stickers in sets ---- */

struct place_in_set {
    cJSON *set, *stickers;
    cJSON *sticker;
};

/* The set of that sticker, and the sticker in it. */
static int find_sticker(struct call *call, const char *file_id, struct place_in_set *ret)
{
    const cJSON *sets = world_records(call->sandbox->world, call->arena, kind), *each;

    cJSON_ArrayForEach(each, sets) {
        cJSON *set = json_keep(call->arena, cJSON_Duplicate(each, true));
        cJSON *stickers = json_get(set, "stickers"), *sticker;
        cJSON_ArrayForEach(sticker, stickers) {
            if (file_id && strcmp(json_get_text(sticker, "file_id"), file_id) == 0) {
                *ret = (struct place_in_set){set, stickers, sticker};
                return 0;
            }
        }
    }
    return call_refuse(call, file_id && *file_id ? "STICKER_INVALID" : "sticker is not specified");
}

static AISHA_ASYNC int add_sticker(struct call *call)
{
    cJSON *set, *sticker;

    int r = check_owner(call);
    if (r == 0)
        r = load(call, call_text(call, "name"), &set);
    if (r == 0)
        r = read_sticker(call, call_get(call, "sticker"), set, &sticker);
    if (r < 0)
        return r;
    bool is_emoji = strcmp(json_get_text(set, "sticker_type"), "custom_emoji") == 0;
    if (cJSON_GetArraySize(json_get(set, "stickers")) >= (is_emoji ? MOST_EMOJI : MOST_STICKERS))
        return call_refuse(call, "STICKERS_TOO_MUCH");
    cJSON_AddItemToArray(json_get(set, "stickers"), cJSON_Duplicate(sticker, true));
    save(call, set);
    return 0;
}

static AISHA_ASYNC int replace_sticker(struct call *call)
{
    struct place_in_set place;
    cJSON *sticker;

    int r = check_owner(call);
    if (r == 0)
        r = find_sticker(call, call_text(call, "old_sticker"), &place);
    if (r == 0 && strcasecmp(json_get_text(place.set, "name"), call_text(call, "name")) != 0)
        r = call_refuse(call, "STICKERSET_INVALID");
    if (r == 0)
        r = read_sticker(call, call_get(call, "sticker"), place.set, &sticker);
    if (r < 0)
        return r;
    cJSON_ReplaceItemViaPointer(place.stickers, place.sticker, cJSON_Duplicate(sticker, true));
    save(call, place.set);
    return 0;
}

static int delete_sticker(struct call *call)
{
    struct place_in_set place;

    int r = find_sticker(call, call_text(call, "sticker"), &place);
    if (r < 0)
        return r;
    cJSON_Delete(cJSON_DetachItemViaPointer(place.stickers, place.sticker));
    save(call, place.set);
    return 0;
}

static int set_position(struct call *call)
{
    int64_t position = call_int(call, "position", -1);
    struct place_in_set place;

    int r = find_sticker(call, call_text(call, "sticker"), &place);
    if (r < 0)
        return r;
    if (position < 0 || position > MOST_EMOJI)
        return call_refuse(call, "invalid sticker position specified");
    cJSON *sticker = cJSON_DetachItemViaPointer(place.stickers, place.sticker);
    if (position >= cJSON_GetArraySize(place.stickers))
        cJSON_AddItemToArray(place.stickers, sticker);
    else
        cJSON_InsertItemInArray(place.stickers, (int)position, sticker);
    save(call, place.set);
    return 0;
}

static int set_emoji_list(struct call *call)
{
    struct place_in_set place;

    int r = check_emoji(call, call_get(call, "emoji_list"));
    if (r == 0)
        r = find_sticker(call, call_text(call, "sticker"), &place);
    if (r < 0)
        return r;
    json_set_copy(place.sticker, "emoji", cJSON_GetArrayItem(call_get(call, "emoji_list"), 0));
    save(call, place.set);
    return 0;
}

/* Nobody can search here. */
static int set_keywords(struct call *call)
{
    struct place_in_set place;

    int r = check_keywords(call, call_get(call, "keywords"));
    return r < 0 ? r : find_sticker(call, call_text(call, "sticker"), &place);
}

static int set_mask_position(struct call *call)
{
    struct place_in_set place;

    int r = find_sticker(call, call_text(call, "sticker"), &place);
    if (r == 0 && strcmp(json_get_text(place.sticker, "type"), "mask") != 0)
        r = call_refuse(call, "STICKER_INVALID");
    if (r < 0)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(place.sticker, "mask_position");
    json_set_copy(place.sticker, "mask_position", call_get(call, "mask_position"));
    save(call, place.set);
    return 0;
}

static bool is_in(const cJSON *ids, const char *wanted)
{
    const cJSON *id;

    cJSON_ArrayForEach(id, ids) {
        if (wanted && strcmp(id->valuestring, wanted) == 0)
            return true;
    }
    return false;
}

static int get_custom_emoji(struct call *call)
{
    const cJSON *ids = call_get(call, "custom_emoji_ids"), *id, *set, *sticker;
    const cJSON *sets = world_records(call->sandbox->world, call->arena, kind);

    if (cJSON_GetArraySize(ids) > MOST_EMOJI)
        return call_refuse(call, "too many custom emoji identifiers specified");
    cJSON_ArrayForEach(id, ids) {
        if (!cJSON_IsString(id) || !entities_is_emoji_id(id->valuestring))
            return call_refuse(call, "invalid custom emoji identifier specified");
    }
    call->result = json_keep(call->arena, cJSON_CreateArray());
    cJSON_ArrayForEach(set, sets) {
        cJSON_ArrayForEach(sticker, json_get(set, "stickers")) {
            if (is_in(ids, json_get_text(sticker, "custom_emoji_id")))
                cJSON_AddItemToArray(call->result, cJSON_Duplicate(sticker, true));
        }
    }
    return 0;
}

const struct method sticker_methods[] = {
    {"uploadStickerFile", upload_file},
    {"createNewStickerSet", create_set},
    {"getStickerSet", get_set},
    {"deleteStickerSet", delete_set},
    {"setStickerSetTitle", set_title},
    {"setStickerSetThumbnail", set_thumbnail},
    {"setCustomEmojiStickerSetThumbnail", set_emoji_thumbnail},
    {"addStickerToSet", add_sticker},
    {"replaceStickerInSet", replace_sticker},
    {"deleteStickerFromSet", delete_sticker},
    {"setStickerPositionInSet", set_position},
    {"setStickerEmojiList", set_emoji_list},
    {"setStickerKeywords", set_keywords},
    {"setStickerMaskPosition", set_mask_position},
    {"getCustomEmojiStickers", get_custom_emoji},
    {0},
};

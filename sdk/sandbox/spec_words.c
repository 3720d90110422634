#include "sdk/sandbox/spec_words.h"

#include <ctype.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/spec.h"

/* What Telegram calls the objects it speaks of: those whose type begins so. */
static const struct spoken {
    const char *type, *words;
    const char *unsupported; /* said of an unknown "type"; NULL = names it */
} spoken[] = {
    {"InlineKeyboardButton", "inline keyboard button", NULL},
    {"KeyboardButton", "keyboard button", NULL},
    {"MessageEntity", "MessageEntity", NULL},
    {"InputMedia", "InputMedia", NULL},
    {"InputPaidMedia", "InputPaidMedia", NULL},
    {"InputPollOption", "InputPollOption", NULL},
    {"InputRichBlock", "InputRichBlock", NULL},
    {"InputSticker", "InputSticker", NULL},
    {"ReactionType", "ReactionType", "invalid reaction type specified"},
    {"LabeledPrice", "labeled price", NULL},
    {"ShippingOption", "shipping option", NULL},
    {"BotCommandScope", "BotCommandScope", "Unsupported type specified"},
    {"BotCommand", "BotCommand", NULL},
    {"MenuButton", "menu button", "MenuButton has unsupported type"},
    {"InlineQueryResultsButton", "inline query results button", NULL},
    {"InlineQueryResult", "inline query result", NULL},
    {"InputMessageContent", "inline query result", NULL},
    {"ChatPermissions", "chat permissions", NULL},
    {"ChatAdministratorRights", "chat administrator rights", NULL},
    {"MaskPosition", "mask position", NULL},
    {"PassportElementError", "PassportElementError", "wrong source specified"},
};

/* Parameters that are objects or lists, as Telegram asks for them. */
static const struct {
    const char *name, *no_json, *other;
} parameters[] = {
    {"reply_markup", "reply keyboard markup", "object expected as reply markup"},
    {"reply_parameters", "reply parameters", "object expected as reply parameters"},
    {"link_preview_options", "link preview options", "object expected as link preview options"},
    {"media", "media", "expected an Array of InputMedia"},
    {"options", "options", "expected an Array of InputPollOption"},
    {"message_ids", "message_ids", "expected an Array of message identifiers"},
    {"reaction", "reaction types", "expected an Array of ReactionType"},
    {"prices", "prices", "expected an Array of labeled prices"},
    {"results", "JSON encoded inline query results", "expected an Array of inline query results"},
    {"commands", "commands", "expected an Array of BotCommand"},
    {"permissions", "permissions", "object expected as permissions"},
    {"custom_emoji_ids", "custom emoji identifiers",
     "expected an Array of custom emoji identifiers"},
};

static const struct spoken *find_spoken(const char *type)
{
    for (size_t i = 0; i < sizeof spoken / sizeof *spoken; i++)
        if (strncmp(spoken[i].type, type, strlen(spoken[i].type)) == 0)
            return &spoken[i];
    return NULL;
}

bool spec_is_spoken_of(const char *type)
{
    return find_spoken(type);
}

/* "video_note" → "video note" */
static const char *in_words(struct arena *arena, const char *name)
{
    char *words = arena_strdup(arena, name);

    for (char *c = words; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return words;
}

#define TOO_OLD "query is too old and response timeout expired or query ID is invalid"

const char *spec_say_missing(struct arena *arena, const char *method,
                             const struct spec_field *field)
{
    static const struct {
        const char *name, *text;
        const char *method; /* NULL = of all others */
    } texts[] = {
        {"chat_id", "chat_id is empty", NULL},
        {"text", "message text is empty", NULL},
        {"message_id", "message identifier is not specified", NULL},
        {"message_ids", "message identifiers are not specified", NULL},
        {"file_id", "file_id not specified", NULL},
        {"action", "wrong parameter action in request", NULL},
        {"user_id", "invalid user_id specified", NULL},
        {"invite_link", "invite link must be non-empty", NULL},
        {"message_thread_id", "invalid message thread identifier specified", NULL},
        {"receiver_user_id", "invalid receiver_user_id specified", NULL},
        {"latitude", "latitude is empty", NULL},
        {"longitude", "longitude is empty", NULL},
        {"result", "result isn't specified", NULL},
        {"callback_query_id", TOO_OLD, NULL},
        {"inline_query_id", TOO_OLD, NULL},
        {"pre_checkout_query_id", TOO_OLD, NULL},
        {"shipping_query_id", TOO_OLD, NULL},
        {"web_app_query_id", TOO_OLD, NULL},
        {"sticker_set_name", "STICKERSET_INVALID", NULL},
        {"title", "title must be non-empty", "setChatTitle"},
        {"name", "title must be non-empty", "createForumTopic"},
        {"business_connection_id", "business connection not found", "getBusinessConnection"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, field->name) == 0 &&
            (!texts[i].method || strcmp(texts[i].method, method) == 0))
            return texts[i].text;
    if (field->takes & 1U << SPEC_FILE)
        return arena_printf(arena, "there is no %s in the request", in_words(arena, field->name));
    return arena_printf(arena, "parameter \"%s\" is required", field->name);
}

const char *spec_say_no_json(struct arena *arena, const char *parameter)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (strcmp(parameters[i].name, parameter) == 0)
            return arena_printf(arena, "can't parse %s JSON object", parameters[i].no_json);
    return arena_printf(arena, "can't parse %s JSON object", in_words(arena, parameter));
}

/* The parameter itself is of another type. */
static const char *say_other(struct arena *arena, const char *parameter, const char *rest)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (strcmp(parameters[i].name, parameter) == 0)
            return parameters[i].other;
    return arena_printf(arena, "can't parse %s: expected%s", in_words(arena, parameter),
                        rest ? strrchr(rest, ' ') : " another type");
}

const char *spec_say_problem(struct arena *arena, const char *parameter,
                             const struct spec_problem *problem)
{
    const struct spoken *of = problem->type ? find_spoken(problem->type) : NULL;

    if (!problem->field || !problem->type)
        return say_other(arena, parameter, problem->rest);
    char *text = arena_printf(arena, "%s\"%s\"%s", problem->what, problem->field, problem->rest);
    if (strcmp(problem->what, "type ") == 0 && of && of->unsupported)
        return arena_printf(arena, "can't parse %s: %s", of->words, of->unsupported);
    if (of)
        return arena_printf(arena, "can't parse %s: %s", of->words, text);
    *text = (char)tolower((unsigned char)*text);
    return text;
}

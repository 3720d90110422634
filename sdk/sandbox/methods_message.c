/*
 * Sending a text, chat actions, deleting, answering a button.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/reply_markup.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum {
    LONGEST_TEXT = 4096,
    LONGEST_CALLBACK_ANSWER = 200,
    MOST_DELETED = 100,
    DELETABLE_SECONDS = 48 * 3600,
};

static int send_message(struct call *call)
{
    struct formatted formatted;
    cJSON *message;

    int r = call_formatted(call, "text", "entities", LONGEST_TEXT, &formatted);
    if (r == 0 && !*formatted.text)
        r = call_refuse(call, "text must be non-empty");
    if (r == 0)
        r = call_new_message(call, &message);
    if (r < 0)
        return r;
    message_set_text(message, "text", "entities", &formatted);
    call_send(call, message);
    return 0;
}

static bool is_action(const char *action)
{
    static const char *const actions[] = {
        "typing",        "upload_photo",      "record_video",      "upload_video",
        "record_voice",  "upload_voice",      "upload_document",   "choose_sticker",
        "find_location", "record_video_note", "upload_video_note",
    };

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i], action) == 0)
            return true;
    return false;
}

static int send_chat_action(struct call *call)
{
    const char *action = call_text(call, "action");
    int64_t chat_id;

    int r = call_chat(call, &chat_id);
    if (r == 0 && !is_action(action))
        r = call_refuse(call, "wrong parameter action in request");
    if (r < 0)
        return r;
    world_set_action(call->sandbox->world, chat_id, action);
    cJSON *details = cJSON_CreateObject();
    json_set_text(details, "action", action);
    sandbox_emit(call->sandbox, "chat_action", chat_id, details);
    return 0;
}

static void delete_one(struct call *call, int64_t chat_id, int64_t message_id)
{
    cJSON *details = cJSON_CreateObject();

    world_delete_message(call->sandbox->world, message_id);
    json_set_int(details, "message_id", message_id);
    sandbox_emit(call->sandbox, "delete", chat_id, details);
    reply_markup_forget(call->sandbox, call->arena, chat_id, message_id);
}

static int delete_message(struct call *call)
{
    int64_t chat_id, message_id = call_int(call, "message_id", 0);

    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    const cJSON *message = world_message(call->sandbox->world, call->arena, chat_id, message_id);
    if (!message)
        return call_refuse(call, "message to delete not found");
    if (world_now(call->sandbox->world) - json_get_int(message, "date", 0) > DELETABLE_SECONDS)
        return call_refuse(call, "message can't be deleted for everyone");
    delete_one(call, chat_id, message_id);
    return 0;
}

static int delete_messages(struct call *call)
{
    const cJSON *ids = call_get(call, "message_ids"), *id;
    int count = cJSON_GetArraySize(ids);
    int64_t chat_id, message_id;

    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    if (count < 1)
        return call_refuse(call, "message identifiers are not specified");
    if (count > MOST_DELETED)
        return call_refuse(call, "too many message identifiers specified");
    cJSON_ArrayForEach(id, ids) {
        if (json_to_int(id, &message_id) &&
            world_message(call->sandbox->world, call->arena, chat_id, message_id))
            delete_one(call, chat_id, message_id);
    }
    return 0;
}

static int answer_callback_query(struct call *call)
{
    const char *id = call_text(call, "callback_query_id"), *text = call_text(call, "text");

    if (text && utf8_length(text) > LONGEST_CALLBACK_ANSWER)
        return call_refuse(call, "MESSAGE_TOO_LONG");
    int64_t chat_id = world_take_callback(call->sandbox->world, id);
    if (!chat_id)
        return call_refuse(call, "query is too old and response timeout expired or query ID is "
                                 "invalid");
    cJSON *details = cJSON_CreateObject();
    json_set_text(details, "callback_query_id", id);
    json_set_copy(details, "text", call_get(call, "text"));
    json_set_copy(details, "url", call_get(call, "url"));
    json_set_bool(details, "show_alert", call_bool(call, "show_alert"));
    sandbox_emit(call->sandbox, "answer_callback", chat_id, details);
    return 0;
}

const struct method message_methods[] = {
    {"sendMessage", send_message},
    {"sendChatAction", send_chat_action},
    {"deleteMessage", delete_message},
    {"deleteMessages", delete_messages},
    {"answerCallbackQuery", answer_callback_query},
    {0},
};

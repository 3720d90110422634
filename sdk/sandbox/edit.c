#include "sdk/sandbox/edit.h"

#include "host/core/arena.h"
#include "sdk/sandbox/content.h"
#include "sdk/sandbox/ephemeral.h"
#include "sdk/sandbox/inline.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/keyboard.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

static int find_ephemeral(struct call *call, cJSON **ret_message)
{
    int64_t chat_id;

    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    cJSON *message = ephemeral_find(call, chat_id, call_int(call, "ephemeral_message_id", 0));
    if (!message || json_get_int(json_get(message, "receiver_user"), "id", 0) !=
                        call_int(call, "receiver_user_id", 0))
        return call_refuse(call, "message to edit not found");
    *ret_message = message;
    return 0;
}

static int find_own(struct call *call, cJSON **ret_message)
{
    cJSON *message;

    int r = call_message(call, "message to edit", &message);
    if (r < 0)
        return r;
    if (!message_is_own(message) || json_get(message, "forward_origin") ||
        !content_is_any(message) || message_is_sealed(call->sandbox, call->arena, message))
        return call_refuse(call, "message can't be edited");
    *ret_message = message;
    return 0;
}

int edit_begin(struct call *call, struct edit *ret_edit)
{
    struct edit edit = {0};
    int r = 0;

    if (call_get(call, "ephemeral_message_id"))
        r = find_ephemeral(call, &edit.before);
    else if (call_get(call, "chat_id") || call_get(call, "message_id"))
        r = find_own(call, &edit.before);
    else if (!call_text(call, "inline_message_id"))
        return call_refuse(call, "message identifier is not specified");
    else
        edit.inline_id = call_text(call, "inline_message_id");
    if (r < 0)
        return r;
    if (edit.inline_id)
        edit.before =
            world_record(call->sandbox->world, call->arena, inline_message_kind, edit.inline_id);
    if (!edit.before)
        return call_refuse(call, "MESSAGE_ID_INVALID");
    edit.after = json_keep(call->arena, cJSON_Duplicate(edit.before, true));
    *ret_edit = edit;
    return 0;
}

static void publish(struct call *call, const struct edit *edit)
{
    struct sandbox *sandbox = call->sandbox;

    if (edit->inline_id) {
        world_put_record(sandbox->world, call->arena, inline_message_kind, edit->inline_id,
                         edit->after);
        inline_update(sandbox, call->arena, edit->inline_id, edit->after);
        return;
    }
    json_set_int(edit->after, "edit_date", world_now(sandbox->world));
    if (json_get(edit->after, "ephemeral_message_id")) {
        ephemeral_publish(sandbox, call->arena, edit->after);
        return;
    }
    call_publish(call, edit->after, "edit");
    call->result = edit->after;
}

int edit_end(struct call *call, const struct edit *edit)
{
    const cJSON *keyboard;

    int r = call_markup(call, &keyboard);
    if (r < 0)
        return r;
    cJSON_DeleteItemFromObjectCaseSensitive(edit->after, "reply_markup");
    json_set_copy(edit->after, "reply_markup", keyboard);
    if (cJSON_Compare(edit->before, edit->after, true))
        return call_refuse(call,
                           "message is not modified: specified new message content and reply "
                           "markup are exactly the same as a current content and reply markup of "
                           "the message");
    publish(call, edit);
    return 0;
}

/*
 * Drafts: what a message will be, shown for a while as it is being written.
 */
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/methods.h"
#include "sdk/sandbox/rich.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/world.h"

enum { LONGEST_TEXT = 4096 };

/* Only a person to whom the bot writes in private sees them. */
static int show(struct call *call, cJSON *content)
{
    static const char *const copied[] = {"draft_id", "message_thread_id", "can_stop",
                                         "keep_on_stop"};
    int64_t chat_id;

    if (!call_int(call, "draft_id", 0))
        return call_refuse(call, "invalid draft identifier specified");
    int r = call_chat(call, &chat_id);
    if (r < 0)
        return r;
    if (chat_id < 0)
        return call_refuse(call, "message drafts can be sent only to private chats");
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        json_set_copy(content, copied[i], call_get(call, copied[i]));
    sandbox_emit(call->sandbox, "draft", chat_id, cJSON_Duplicate(content, true));
    return 0;
}

static int send_draft(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());
    struct formatted formatted;

    int r = call_formatted(call, "text", "entities", LONGEST_TEXT, &formatted);
    if (r < 0)
        return r;
    message_set_text(content, "text", "entities", &formatted);
    return show(call, content);
}

static AISHA_ASYNC int send_rich_draft(struct call *call)
{
    cJSON *content = json_keep(call->arena, cJSON_CreateObject());

    int r = rich_read(call, call_get(call, "rich_message"), content);
    return r < 0 ? r : show(call, content);
}

const struct method draft_methods[] = {
    {"sendMessageDraft", send_draft},
    {"sendRichMessageDraft", send_rich_draft},
    {0},
};

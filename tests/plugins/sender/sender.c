/*
 * sender: calls whatever it is told to, anywhere, and says what came of it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

/* Answers "ok RESULT" or "failed CODE DESCRIPTION"; a failed call is no failure of the handler. */
static AISHA_ASYNC int tell(struct aisha_ctx *ctx, int r, const char *result)
{
    if (r == 0)
        return aisha_reply(ctx, .text = aisha_printf(ctx, "ok %s", result));
    if (r != -AISHA_E_TELEGRAM)
        return r;
    const struct aisha_telegram_failure *failure = aisha_telegram_error(ctx);
    return aisha_reply(
        ctx, .text = aisha_printf(ctx, "failed %d %s", failure->error_code, failure->description));
}

/* /call METHOD JSON */
static AISHA_ASYNC int cmd_call(struct aisha_ctx *ctx)
{
    char *method = aisha_strdup(ctx, aisha_args(ctx)), *space = strchr(method, ' ');
    const char *json = "{}", *result = NULL;

    if (space) {
        *space = '\0';
        json = space + 1;
    }
    int r = aisha_call_json(ctx, method, json, &result);
    return tell(ctx, r, r == 0 ? result : NULL);
}

/* /broadcast COUNT: numbered messages nobody waits for. */
static AISHA_ASYNC int cmd_broadcast(struct aisha_ctx *ctx)
{
    long count = strtol(aisha_args(ctx), NULL, 10);
    int r = 0;

    aisha_set_priority(ctx, AISHA_BROADCAST);
    for (long i = 1; r == 0 && i <= count; i++)
        r = aisha_reply(ctx, .text = aisha_printf(ctx, "broadcast %ld", i));
    return r;
}

/* /keep KEY TEXT: a blob. */
static AISHA_ASYNC int cmd_keep(struct aisha_ctx *ctx)
{
    char *key = aisha_strdup(ctx, aisha_args(ctx)), *space = strchr(key, ' ');

    if (!space)
        return aisha_fail(ctx, -AISHA_E_INVALID, "/keep KEY TEXT");
    *space = '\0';
    int r = aisha_blob_put(ctx, key, space + 1, strlen(space + 1));
    return r < 0 ? r : aisha_reply(ctx, .text = "kept");
}

/* /drop KEY */
static AISHA_ASYNC int cmd_drop(struct aisha_ctx *ctx)
{
    int r = aisha_blob_delete(ctx, aisha_args(ctx));

    return r < 0 ? r : aisha_reply(ctx, .text = "dropped");
}

/* /file KEY: the blob as a document. */
static AISHA_ASYNC int cmd_file(struct aisha_ctx *ctx)
{
    int r = aisha_send_document(ctx, NULL, .chat_id = aisha_chat_id(ctx),
                                .document =
                                    AISHA_FILE(.blob = aisha_args(ctx), .file_name = "kept.txt"));

    if (r == -AISHA_E_NOT_FOUND)
        return aisha_reply(ctx, .text = "no such blob");
    return tell(ctx, r, "sent");
}

/* /broken: markup that Telegram refuses, in a text, a caption and an edit of each. */
static AISHA_ASYNC int cmd_broken(struct aisha_ctx *ctx)
{
    const struct aisha_file *file = AISHA_FILE(.bytes = "x", .bytes_size = 1, .file_name = "x");

    int r = aisha_reply(ctx, .html = "<x>text</x> & more");
    if (r == 0)
        r = aisha_reply(ctx, .html = "<x>caption</x> & more", .document = file);
    if (r == 0)
        r = aisha_screen(ctx, .text = "a screen");
    if (r == 0)
        r = aisha_screen(ctx, .html = "<x>edit</x> & more");
    return r < 0 ? r : aisha_screen(ctx, .html = "<x>file</x> & more", .document = file);
}

static const struct aisha_command commands[] = {
    {.name = "call", .summary = "Call", .run = cmd_call},
    {.name = "broadcast", .summary = "Broadcast", .run = cmd_broadcast},
    {.name = "keep", .summary = "Keep a blob", .run = cmd_keep},
    {.name = "drop", .summary = "Drop a blob", .run = cmd_drop},
    {.name = "broken", .summary = "Broken markup", .run = cmd_broken},
    {.name = "file", .summary = "Send a blob", .run = cmd_file},
};

AISHA_PLUGIN(.name = "sender", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands))

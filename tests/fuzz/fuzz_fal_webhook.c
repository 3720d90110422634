/*
 * A webhook as anybody may send it: a line each for the four headers, then the body. No signature is
 * made by chance, and what is read of a body is bounded.
 */
#include <assert.h>
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/config.h"
#include "host/bot/ctx.h"
#include "host/core/arena.h"
#include "plugins/fal/reply.h"
#include "plugins/fal/signature.h"
#include "tests/fuzz/fuzz.h"

/* The text up to the next line; NULL for an empty one. */
static const char *take_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');

    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return *line ? line : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config = {.limits.memory_mb = 64};
    static struct bot bot = {.config = &config};
    struct aisha_ctx ctx = {.bot = &bot};
    struct signature_keys keys = {.count = 0};
    struct reply_webhook hook;

    char *text = aisha_printf(&ctx, "%.*s", (int)size, (const char *)data);
    const struct signature signature = {.request_id = take_line(&text),
                                        .user_id = take_line(&text),
                                        .timestamp = take_line(&text),
                                        .hex = take_line(&text)};
    assert(signature_add_key(&keys, "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"));
    signature_add_key(&keys, signature.user_id);
    enum signature_fault fault = signature_check(&signature, &keys, text, strlen(text), 1767268800);
    assert(*signature_fault_name(fault));
    assert(fault != SIGNATURE_GOOD || strstr(text, "11111111-2222-3333-4444-555555555555"));
    if (reply_webhook(&ctx, aisha_json_parse(&ctx, text, strlen(text)), &hook)) {
        assert(*hook.request_id && strlen(hook.request_id) <= REPLY_ID_MOST);
        assert(hook.event == FAL_DONE || hook.error.reason);
    }
    arena_clear(&ctx.arena);
    return 0;
}

/*
 * What fal.ai answers, read as each of the answers it can be. What is taken from it is bounded.
 */
#include <assert.h>
#include <string.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/config.h"
#include "host/bot/ctx.h"
#include "host/core/arena.h"
#include "plugins/fal/reply.h"
#include "tests/fuzz/fuzz.h"

static void check_url(const char *url)
{
    static const char base[] = "https://queue.fal.run", hosts[] = "fal.media *.fal.media";

    assert(!url || strlen(url) <= REPLY_URL_MOST);
    if (url && reply_url_is_of(url, base)) {
        char next = url[strlen(base)];
        assert(strncasecmp(url, base, strlen(base)) == 0);
        assert(next == '\0' || next == '/' || next == '?' || next == '#');
    }
    if (url && reply_url_is_listed(url, hosts))
        assert(strncasecmp(url, "https://", 8) == 0 && strcasestr(url, "fal.media"));
}

static void read_all(struct aisha_ctx *ctx, const struct aisha_json *json, const char *text)
{
    struct reply_accepted accepted;
    struct reply_status status;
    struct reply_weights weights;
    struct reply_pictures pictures;

    struct reply_error error = reply_error(ctx, (unsigned char)*text * 4, json);
    assert(error.cause > AISHA_CAUSE_NONE && error.cause < AISHA_CAUSE_UNKNOWN);
    assert(strlen(error.reason) < 200);
    if (reply_accepted(json, &accepted)) {
        assert(*accepted.request_id && strlen(accepted.request_id) <= REPLY_ID_MOST);
        check_url(accepted.status_url);
    }
    if (reply_status(ctx, json, &status)) {
        assert(status.percent >= -1 && status.percent <= 100);
        assert(strlen(status.log) <= REPLY_TEXT_MOST);
    }
    if (reply_weights(reply_output(json), &weights))
        check_url(weights.url);
    if (reply_pictures(reply_output(json), text, &pictures)) {
        assert(pictures.count > 0 && pictures.count <= REPLY_PICTURES_MOST);
        check_url(pictures.pictures[0].url);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config = {.limits.memory_mb = 64};
    static struct bot bot = {.config = &config};
    struct aisha_ctx ctx = {.bot = &bot};

    const char *text = aisha_printf(&ctx, "%.*s", (int)size, (const char *)data);
    const struct aisha_json *json = aisha_json_parse(&ctx, text, strlen(text));
    check_url(strlen(text) <= REPLY_URL_MOST ? text : NULL);
    read_all(&ctx, json, text);
    arena_clear(&ctx.arena);
    return 0;
}

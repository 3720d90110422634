/*
 * hooks: webhooks that say what they were told, keep what they got, fail and take long.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

struct config {
    const char *token;
};

static AISHA_ASYNC int on_echo(struct aisha_ctx *ctx)
{
    const struct aisha_request *request = aisha_request(ctx);
    const char *name = aisha_request_param(ctx, "name");
    const char *color = aisha_request_header(ctx, "x-color");

    return aisha_respond(ctx, .text = aisha_printf(ctx, "%s name=%s color=%s %zu bytes: %.100s",
                                                   request->method, name ? name : "-",
                                                   color ? color : "-", request->body_size,
                                                   request->body));
}

static AISHA_ASYNC int on_keep(struct aisha_ctx *ctx)
{
    return aisha_db_exec(ctx, "INSERT INTO hooks_kept (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
                         aisha_request(ctx)->body);
}

static AISHA_ASYNC int on_url(struct aisha_ctx *ctx)
{
    const char *url = aisha_webhook_url(ctx, "echo");

    return aisha_respond(ctx, .status = 201,
                         .json = aisha_printf(ctx, "{\"url\":\"%s\"}", url ? url : ""));
}

/* Keeps the body as a blob and tells where it can be fetched for so many seconds. */
static AISHA_ASYNC int on_publish(struct aisha_ctx *ctx)
{
    const struct aisha_request *request = aisha_request(ctx);
    const char *name = aisha_request_param(ctx, "name"), *ttl = aisha_request_param(ctx, "ttl");

    int r = aisha_blob_put(ctx, name, request->body, request->body_size);
    if (r < 0)
        return r;
    return aisha_respond(ctx, .text = aisha_blob_url(ctx, name, strtol(ttl, NULL, 10)));
}

/* Counts the bytes of a body of any size. */
static AISHA_ASYNC int on_count(struct aisha_ctx *ctx)
{
    char bytes[4096];
    int64_t total = 0, count;

    while ((count = aisha_request_read(ctx, bytes, sizeof bytes)) > 0)
        total += count;
    return count < 0 ? (int)count
                     : aisha_respond(ctx, .text = aisha_printf(ctx, "%lld", (long long)total));
}

static AISHA_ASYNC int on_fail(struct aisha_ctx *ctx)
{
    return aisha_fail(ctx, -AISHA_E_UPSTREAM, "as it was told to");
}

static AISHA_ASYNC int on_pass(struct aisha_ctx *ctx)
{
    (void)ctx;
    return AISHA_PASS;
}

static AISHA_ASYNC int on_twice(struct aisha_ctx *ctx)
{
    int r = aisha_respond(ctx, .text = "first");

    return r < 0 ? r : aisha_respond(ctx, .text = "second");
}

static AISHA_ASYNC int on_slow(struct aisha_ctx *ctx)
{
    return aisha_sleep(ctx, 3600 * 1000);
}

/* Without a person there is nobody to reply to. */
static AISHA_ASYNC int on_reply(struct aisha_ctx *ctx)
{
    return aisha_reply(ctx, .text = "hello?");
}

static const struct aisha_webhook webhooks[] = {
    {.name = "echo", .run = on_echo},
    {.name = "keep", .run = on_keep, .max_body_bytes = 10},
    {.name = "url", .run = on_url},
    {.name = "publish", .run = on_publish, .max_body_bytes = 8 << 20},
    {.name = "count",
     .run = on_count,
     .token = "token",
     .max_body_bytes = 20 << 20,
     .is_streamed = true},
    {.name = "fail", .run = on_fail},
    {.name = "pass", .run = on_pass},
    {.name = "twice", .run = on_twice},
    {.name = "slow", .run = on_slow},
    {.name = "reply", .run = on_reply},
    {.name = "guarded", .run = on_echo, .token = "token"},
};

static const struct aisha_option options[] = {
    AISHA_OPTION(struct config, token, .value = "", .is_secret = true,
                 .summary = "what callers of guarded have to know"),
};

static const struct aisha_migration migrations[] = {
    {.version = 1, .name = "kept", .sql = "CREATE TABLE hooks_kept (id TEXT PRIMARY KEY)"},
};

AISHA_PLUGIN(.name = "hooks", .version = "1.0", .summary = "For tests",
             .config_size = sizeof(struct config), .options = AISHA_TABLE(options),
             .webhooks = AISHA_TABLE(webhooks), .migrations = AISHA_TABLE(migrations))

/*
 * blobs: everything of <aisha/blob.h>, by webhooks; and a command that keeps something.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>

static int64_t number(struct aisha_ctx *ctx, const char *name)
{
    const char *text = aisha_request_param(ctx, name);

    return text ? strtoll(text, NULL, 10) : 0;
}

static AISHA_ASYNC int say(struct aisha_ctx *ctx, int r, const char *text)
{
    return aisha_respond(ctx, .status = r < 0 ? 500 : 200,
                         .text = r < 0 ? aisha_error_text(r) : text);
}

/* The body, piece by piece; with leave=1 without an end. */
static AISHA_ASYNC int on_write(struct aisha_ctx *ctx)
{
    struct aisha_blob_writer *writer;
    char bytes[4000];
    int64_t count;

    int r = aisha_blob_create(ctx, &writer, .key = aisha_request_param(ctx, "key"),
                              .content_type = aisha_request_param(ctx, "type"),
                              .expires_in_s = number(ctx, "expires"));
    if (r < 0)
        return say(ctx, r, "");
    while (r == 0 && (count = aisha_request_read(ctx, bytes, sizeof bytes)) != 0)
        r = count < 0 ? (int)count : aisha_blob_write(writer, bytes, (size_t)count);
    if (r == 0 && !number(ctx, "leave"))
        r = aisha_blob_finish(writer);
    return say(ctx, r, "written");
}

/* count bytes from offset on. */
static AISHA_ASYNC int on_read(struct aisha_ctx *ctx)
{
    size_t size = (size_t)number(ctx, "count");
    struct aisha_blob_reader *reader;
    char *bytes = aisha_alloc(ctx, size + 1);

    int r = aisha_blob_open(ctx, &reader, aisha_request_param(ctx, "key"));
    if (r == 0)
        r = aisha_blob_read(reader, number(ctx, "offset"), bytes, size, &size);
    if (r < 0)
        return say(ctx, r, "");
    const char *type = aisha_strdup(ctx, aisha_blob_info(reader)->content_type);
    aisha_blob_close(reader);
    return aisha_respond(ctx, .body = bytes, .body_size = size, .content_type = type);
}

static AISHA_ASYNC int on_head(struct aisha_ctx *ctx)
{
    const struct aisha_blob_info *info;

    int r = aisha_blob_head(ctx, aisha_request_param(ctx, "key"), &info);
    if (r < 0)
        return say(ctx, r, "");
    return say(ctx, r,
               aisha_printf(ctx, "%s %" PRId64 " %s %s", info->key, info->bytes, info->content_type,
                            aisha_now(ctx) - info->modified_at < 60 ? "new" : "old"));
}

static AISHA_ASYNC int on_list(struct aisha_ctx *ctx)
{
    const struct aisha_blob_page *page;
    const char *text = "";

    int r = aisha_blob_list(ctx, &page, .prefix = aisha_request_param(ctx, "prefix"),
                            .after = aisha_request_param(ctx, "after"),
                            .max = (size_t)number(ctx, "max"));
    for (size_t i = 0; r == 0 && i < page->count; i++)
        text =
            aisha_printf(ctx, "%s%s:%" PRId64 " ", text, page->items[i].key, page->items[i].bytes);
    return say(ctx, r, r < 0 ? "" : aisha_printf(ctx, "%s%s", text, page->next ? page->next : "."));
}

static AISHA_ASYNC int on_delete(struct aisha_ctx *ctx)
{
    const char *folder = aisha_request_param(ctx, "folder");

    return say(ctx,
               folder ? aisha_blob_delete_folder(ctx, folder)
                      : aisha_blob_delete(ctx, aisha_request_param(ctx, "key")),
               "deleted");
}

static AISHA_ASYNC int on_fetch(struct aisha_ctx *ctx)
{
    const struct aisha_blob_fetched *fetched;

    int r =
        aisha_blob_fetch(ctx, &fetched, .key = aisha_request_param(ctx, "key"),
                         .url = aisha_request_param(ctx, "url"), .max_bytes = number(ctx, "max"));
    if (r < 0)
        return say(ctx, r, "");
    return say(ctx, r,
               aisha_printf(ctx, "%s %d %" PRId64 " %s", r == 0 ? "stored" : "not stored",
                            fetched->status, fetched->bytes,
                            fetched->content_type ? fetched->content_type : "-"));
}

static AISHA_ASYNC int on_links(struct aisha_ctx *ctx)
{
    const char *key = aisha_request_param(ctx, "key");
    const char *get = aisha_blob_url(ctx, key, number(ctx, "ttl"));
    const char *put = aisha_blob_upload_url(ctx, .key = key, .ttl_s = number(ctx, "ttl"),
                                            .max_bytes = number(ctx, "max"));
    const char *everybody = aisha_blob_public_url(ctx, key);

    return say(ctx, 0,
               aisha_printf(ctx, "%s\n%s\n%s", get ? get : "-", put ? put : "-",
                            everybody ? everybody : "-"));
}

static AISHA_ASYNC int on_expire(struct aisha_ctx *ctx)
{
    return say(ctx, aisha_blob_expire(ctx, aisha_request_param(ctx, "key"), number(ctx, "in")),
               "noted");
}

/* For files that are larger than what webhooks take. */
static AISHA_ASYNC int on_push(struct aisha_ctx *ctx)
{
    return say(
        ctx,
        aisha_blob_put_file(ctx, aisha_request_param(ctx, "key"), aisha_request_param(ctx, "path")),
        "pushed");
}

static AISHA_ASYNC int on_pull(struct aisha_ctx *ctx)
{
    return say(
        ctx,
        aisha_blob_get_file(ctx, aisha_request_param(ctx, "key"), aisha_request_param(ctx, "path")),
        "pulled");
}

/* "7-word": keeps a blob under that name, notes it, says the word. */
static AISHA_ASYNC int cmd_keep(struct aisha_ctx *ctx)
{
    const char *key = aisha_printf(ctx, "kept/%s", aisha_args(ctx));
    const char *dash = strchr(key, '-');

    int r = aisha_blob_put(ctx, key, key, strlen(key));
    if (r == 0)
        r = aisha_db_exec(ctx, "INSERT INTO blobs_kept (key) VALUES ($1)", key);
    if (r < 0)
        return r;
    return aisha_reply(ctx, .text = aisha_printf(ctx, "kept %s", dash ? dash + 1 : ""));
}

static const struct aisha_command commands[] = {
    {.name = "keep", .summary = "Keep a word", .run = cmd_keep},
};

static const struct aisha_migration migrations[] = {
    {.version = 1, .name = "kept", .sql = "CREATE TABLE blobs_kept (key TEXT)"},
};

static const struct aisha_webhook webhooks[] = {
    {.name = "write", .run = on_write, .max_body_bytes = 100 << 20, .is_streamed = true},
    {.name = "read", .run = on_read},
    {.name = "head", .run = on_head},
    {.name = "list", .run = on_list},
    {.name = "delete", .run = on_delete},
    {.name = "fetch", .run = on_fetch},
    {.name = "links", .run = on_links},
    {.name = "expire", .run = on_expire},
    {.name = "push", .run = on_push},
    {.name = "pull", .run = on_pull},
};

AISHA_PLUGIN(.name = "blobs", .version = "1.0", .summary = "For tests",
             .commands = AISHA_TABLE(commands), .migrations = AISHA_TABLE(migrations),
             .webhooks = AISHA_TABLE(webhooks))

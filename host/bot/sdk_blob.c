/*
 * The SDK: files the bot keeps. A plugin sees its own keys only; the host's name for one begins with
 * the plugin's.
 */
#include <string.h>
#include <unistd.h>

#include <aisha/aisha.h>

#include "host/bot/bot.h"
#include "host/bot/ctx.h"
#include "host/bot/files.h"
#include "host/bot/handler.h"
#include "host/bot/registry.h"
#include "host/bot/sized.h"
#include "host/core/arena.h"
#include "host/io/http_client.h"
#include "host/store/blob.h"
#include "host/store/sent_files.h"
#include "host/store/temp_blobs.h"

enum {
    MAX_TTL_S = 7 * 24 * 3600,
    FETCH_TIMEOUT_MS = 5 * 60 * 1000,
    STANDARD_PAGE = 100,
};

struct aisha_blob_reader {
    struct aisha_ctx *ctx;
    struct blob_reader *inner; /* NULL once it is closed */
    struct aisha_blob_info info;
};

struct aisha_blob_writer {
    struct aisha_ctx *ctx;
    struct blob_writer *inner; /* NULL once it is finished or discarded */
};

static const char *full_key(struct aisha_ctx *ctx, const char *key)
{
    if (!key)
        return ""; /* which is none */
    return *key == '/' ? key + 1 : arena_printf(&ctx->arena, "%s/%s", ctx->plugin->name, key);
}

/* The part of a full key that the plugin knows, or the name of another plugin's. */
static const char *own_key(struct aisha_ctx *ctx, const char *key)
{
    size_t length = strlen(ctx->plugin->name);

    return strncmp(key, ctx->plugin->name, length) == 0 && key[length] == '/'
               ? key + length + 1
               : arena_printf(&ctx->arena, "/%s", key);
}

const char *aisha_blob_name(struct aisha_ctx *ctx, const char *key)
{
    return *key == '/' ? key : arena_printf(&ctx->arena, "/%s", full_key(ctx, key));
}

static int note(struct aisha_ctx *ctx, int r)
{
    if (r == -AISHA_E_UNAVAILABLE && blob_is_remote(ctx->bot->blobs))
        ctx->has_store_failed = true; /* a disk does not mend itself, a server comes back */
    return r < 0 && r != -AISHA_E_CANCELED ? aisha_fail(ctx, r, "blob: %s", aisha_error_text(r))
                                           : r;
}

static struct aisha_blob_info info_of(const char *key, const struct blob_info *info)
{
    return (struct aisha_blob_info){.size = sizeof(struct aisha_blob_info),
                                    .bytes = info->size,
                                    .modified_at = info->modified_at,
                                    .etag = info->etag,
                                    .content_type = info->content_type,
                                    .key = key};
}

/* ---- whole files ---- */

static AISHA_ASYNC int set_expiry(struct aisha_ctx *ctx, const char *key, int64_t in_s)
{
    if (in_s < 0)
        return -AISHA_E_INVALID;
    return temp_blobs_set(ctx->bot->db, &ctx->arena, key, in_s > 0 ? aisha_now(ctx) + in_s : 0);
}

static AISHA_ASYNC int save(struct aisha_ctx *ctx, const struct aisha_blob_source *source)
{
    const char *key = full_key(ctx, source->key);

    if (!source->key || (source->bytes && source->path))
        return -AISHA_E_INVALID;
    int r = set_expiry(ctx, key, source->expires_in_s);
    if (r < 0)
        return r;
    return source->path ? blob_put_file(ctx->bot->blobs, key, source->content_type, source->path)
                        : blob_put(ctx->bot->blobs, key, source->content_type, source->bytes,
                                   source->bytes_size);
}

int aisha_blob_save_(struct aisha_ctx *ctx, const struct aisha_blob_source *source)
{
    struct aisha_blob_source own;

    REFUSE_TO_WAIT(ctx);
    sized_copy(&own, sizeof own, source);
    return note(ctx, save(ctx, &own));
}

int aisha_blob_put(struct aisha_ctx *ctx, const char *key, const void *bytes, size_t size)
{
    return aisha_blob_save(ctx, .key = key, .bytes = bytes, .bytes_size = size);
}

int aisha_blob_put_file(struct aisha_ctx *ctx, const char *key, const char *path)
{
    return aisha_blob_save(ctx, .key = key, .path = path);
}

int aisha_blob_expire(struct aisha_ctx *ctx, const char *key, int64_t in_s)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, set_expiry(ctx, full_key(ctx, key), in_s));
}

int aisha_blob_get(struct aisha_ctx *ctx, const char *key, size_t max_size, const void **ret_bytes,
                   size_t *ret_size)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, blob_get(ctx->bot->blobs, &ctx->arena, full_key(ctx, key), max_size, ret_bytes,
                              ret_size));
}

int aisha_blob_get_file(struct aisha_ctx *ctx, const char *key, const char *path)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, blob_get_file(ctx->bot->blobs, full_key(ctx, key), path));
}

int aisha_blob_head(struct aisha_ctx *ctx, const char *key, const struct aisha_blob_info **ret_info)
{
    struct blob_info info;

    REFUSE_TO_WAIT(ctx);
    int r = blob_head(ctx->bot->blobs, &ctx->arena, full_key(ctx, key), &info);
    if (r < 0)
        return note(ctx, r);
    struct aisha_blob_info *ret = arena_alloc(&ctx->arena, sizeof *ret);
    *ret = info_of(arena_strdup(&ctx->arena, key), &info);
    *ret_info = ret;
    return 0;
}

int aisha_blob_size(struct aisha_ctx *ctx, const char *key, int64_t *ret_size)
{
    const struct aisha_blob_info *info;

    int r = aisha_blob_head(ctx, key, &info);
    if (r == 0)
        *ret_size = info->bytes;
    return r;
}

/* What Telegram has of it is forgotten, too. */
static AISHA_ASYNC int delete_one(struct aisha_ctx *ctx, const char *key)
{
    int r = sent_files_delete_blob(ctx->bot->db, &ctx->arena, key);

    if (r == 0)
        r = blob_delete(ctx->bot->blobs, key);
    if (r == 0)
        r = temp_blobs_set(ctx->bot->db, &ctx->arena, key, 0);
    return r;
}

int aisha_blob_delete(struct aisha_ctx *ctx, const char *key)
{
    REFUSE_TO_WAIT(ctx);
    return note(ctx, delete_one(ctx, full_key(ctx, key)));
}

int aisha_blob_delete_folder(struct aisha_ctx *ctx, const char *folder)
{
    const char *prefix = full_key(ctx, folder);
    struct blob_page page = {.has_more = true};
    int r = 0;

    REFUSE_TO_WAIT(ctx);
    if (!folder || !*folder || folder[strlen(folder) - 1] != '/')
        return note(ctx, -AISHA_E_INVALID);
    while (r == 0 && page.has_more) {
        r = blob_list(ctx->bot->blobs, &ctx->arena, prefix, "", 0, &page);
        for (size_t i = 0; r == 0 && i < page.count; i++)
            r = delete_one(ctx, page.items[i].key);
    }
    return note(ctx, r);
}

/* ---- in pieces ---- */

void aisha_blob_discard(struct aisha_blob_writer *writer)
{
    if (!writer)
        return;
    blob_discard(writer->inner);
    writer->inner = NULL;
}

static void forget_writer(void *writer)
{
    aisha_blob_discard(writer);
}

int aisha_blob_create_(struct aisha_ctx *ctx, struct aisha_blob_writer **ret_writer,
                       const struct aisha_blob_source *source)
{
    struct aisha_blob_source own;
    struct blob_writer *inner;

    REFUSE_TO_WAIT(ctx);
    sized_copy(&own, sizeof own, source);
    if (!own.key || own.bytes || own.path)
        return note(ctx, -AISHA_E_INVALID);
    const char *key = full_key(ctx, own.key);
    int r = set_expiry(ctx, key, own.expires_in_s);
    if (r == 0)
        r = blob_create(ctx->bot->blobs, key, own.content_type, &inner);
    if (r < 0)
        return note(ctx, r);
    struct aisha_blob_writer *writer = arena_alloc(&ctx->arena, sizeof *writer);
    *writer = (struct aisha_blob_writer){.ctx = ctx, .inner = inner};
    arena_defer(&ctx->arena, forget_writer, writer);
    *ret_writer = writer;
    return 0;
}

int aisha_blob_write(struct aisha_blob_writer *writer, const void *bytes, size_t size)
{
    REFUSE_TO_WAIT(writer->ctx);
    return note(writer->ctx,
                writer->inner ? blob_write(writer->inner, bytes, size) : -AISHA_E_INVALID);
}

int aisha_blob_finish(struct aisha_blob_writer *writer)
{
    struct blob_writer *inner = writer->inner;

    REFUSE_TO_WAIT(writer->ctx);
    writer->inner = NULL;
    return note(writer->ctx, inner ? blob_finish(inner) : -AISHA_E_INVALID);
}

void aisha_blob_close(struct aisha_blob_reader *reader)
{
    if (!reader)
        return;
    blob_close(reader->inner);
    reader->inner = NULL;
}

static void forget_reader(void *reader)
{
    aisha_blob_close(reader);
}

int aisha_blob_open(struct aisha_ctx *ctx, struct aisha_blob_reader **ret_reader, const char *key)
{
    struct blob_reader *inner;

    REFUSE_TO_WAIT(ctx);
    int r = blob_open(ctx->bot->blobs, full_key(ctx, key), &inner);
    if (r < 0)
        return note(ctx, r);
    struct aisha_blob_reader *reader = arena_alloc(&ctx->arena, sizeof *reader);
    *reader = (struct aisha_blob_reader){
        .ctx = ctx,
        .inner = inner,
        .info = info_of(arena_strdup(&ctx->arena, key), blob_reader_info(inner)),
    };
    arena_defer(&ctx->arena, forget_reader, reader);
    *ret_reader = reader;
    return 0;
}

const struct aisha_blob_info *aisha_blob_info(const struct aisha_blob_reader *reader)
{
    return &reader->info;
}

int aisha_blob_read(struct aisha_blob_reader *reader, int64_t offset, void *bytes, size_t size,
                    size_t *ret_size)
{
    REFUSE_TO_WAIT(reader->ctx);
    if (!reader->inner || offset < 0)
        return note(reader->ctx, -AISHA_E_INVALID);
    int64_t left = reader->info.bytes > offset ? reader->info.bytes - offset : 0;
    if ((uint64_t)size > (uint64_t)left)
        size = (size_t)left;
    int r = size > 0 ? blob_read(reader->inner, offset, bytes, size) : 0;
    if (r == 0)
        *ret_size = size;
    return note(reader->ctx, r);
}

/* ---- many ---- */

static const struct aisha_blob_page *page_of(struct aisha_ctx *ctx, const struct blob_page *page)
{
    struct aisha_blob_info *items = arena_alloc(&ctx->arena, page->count * sizeof *items);
    struct aisha_blob_page *ret = arena_alloc(&ctx->arena, sizeof *ret);

    for (size_t i = 0; i < page->count; i++)
        items[i] = (struct aisha_blob_info){.size = sizeof *items,
                                            .bytes = page->items[i].size,
                                            .modified_at = page->items[i].modified_at,
                                            .etag = page->items[i].etag,
                                            .key = own_key(ctx, page->items[i].key)};
    *ret = (struct aisha_blob_page){
        .size = sizeof *ret,
        .items = items,
        .count = page->count,
        .next = page->has_more && page->count > 0 ? items[page->count - 1].key : NULL,
    };
    return ret;
}

int aisha_blob_list_(struct aisha_ctx *ctx, const struct aisha_blob_page **ret_page,
                     const struct aisha_blob_query *query)
{
    struct aisha_blob_query own;
    struct blob_page page;

    REFUSE_TO_WAIT(ctx);
    sized_copy(&own, sizeof own, query);
    int r = blob_list(ctx->bot->blobs, &ctx->arena, full_key(ctx, own.prefix ? own.prefix : ""),
                      own.after ? full_key(ctx, own.after) : "", own.max ? own.max : STANDARD_PAGE,
                      &page);
    if (r == 0)
        *ret_page = page_of(ctx, &page);
    return note(ctx, r);
}

/* ---- from and for the outside ---- */

static AISHA_ASYNC int download(struct aisha_ctx *ctx, const struct aisha_blob_fetch *fetch,
                                const char *path, const struct aisha_http_response **ret_response)
{
    const struct aisha_http_request request = {
        .size = sizeof request,
        .url = fetch->url,
        .headers = fetch->headers,
        .timeout_ms = fetch->timeout_ms > 0 ? fetch->timeout_ms : FETCH_TIMEOUT_MS,
        .max_body_bytes = (size_t)fetch->max_bytes,
        .save_path = path,
    };
    const char *error = "";

    int r = http_client_fetch(ctx->bot->http, &ctx->arena, &request, ret_response, &error);
    return r < 0 && r != -AISHA_E_CANCELED ? aisha_fail(ctx, r, "%s", error) : r;
}

/* By way of a file: then the store takes it as fast as it can, and again if it has to. */
int aisha_blob_fetch_(struct aisha_ctx *ctx, const struct aisha_blob_fetched **ret_fetched,
                      const struct aisha_blob_fetch *fetch)
{
    const struct aisha_http_response *response;
    struct aisha_blob_fetch own;

    REFUSE_TO_WAIT(ctx);
    sized_copy(&own, sizeof own, fetch);
    if (!own.key || !own.url || own.max_bytes <= 0)
        return note(ctx, -AISHA_E_INVALID);
    const char *path = aisha_temp_path(ctx, "");
    int r = download(ctx, &own, path, &response);
    if (r < 0)
        return r;
    struct aisha_blob_fetched *fetched = arena_alloc(&ctx->arena, sizeof *fetched);
    *fetched = (struct aisha_blob_fetched){
        .size = sizeof *fetched,
        .status = response->status,
        .content_type = aisha_http_header(response, "content-type"),
    };
    *ret_fetched = fetched;
    if (response->status != 200)
        r = AISHA_BLOB_NOT_FETCHED;
    else
        r = note(ctx, save(ctx, &(const struct aisha_blob_source){
                                    .key = own.key,
                                    .path = path,
                                    .content_type = own.content_type,
                                    .expires_in_s = own.expires_in_s,
                                }));
    if (r == 0)
        fetched->bytes = (int64_t)response->body_size;
    aisha_ignore(unlink(path)); /* it may be large, and the handler may go on for long */
    return r;
}

static int64_t bounded_ttl(int64_t ttl_s)
{
    return ttl_s < MAX_TTL_S ? ttl_s : MAX_TTL_S;
}

const char *aisha_blob_url(struct aisha_ctx *ctx, const char *key, int64_t ttl_s)
{
    const char *full = full_key(ctx, key);
    const char *url = blob_url(ctx->bot->blobs, &ctx->arena, full, bounded_ttl(ttl_s));

    return url ? url : files_url(ctx->bot, &ctx->arena, full, aisha_now(ctx) + bounded_ttl(ttl_s));
}

const char *aisha_blob_public_url(struct aisha_ctx *ctx, const char *key)
{
    const char *prefix = ctx->bot->config->blob.cdn_url;
    size_t length = strlen(prefix);

    if (!length)
        return NULL;
    return arena_printf(&ctx->arena, "%s%s%s", prefix, prefix[length - 1] == '/' ? "" : "/",
                        full_key(ctx, key));
}

/* A link of S3 itself knows no limit: with one, uploads go through the host. */
const char *aisha_blob_upload_url_(struct aisha_ctx *ctx, const struct aisha_blob_upload *upload)
{
    struct aisha_blob_upload own;

    sized_copy(&own, sizeof own, upload);
    const char *key = full_key(ctx, own.key);
    int64_t ttl_s = bounded_ttl(own.ttl_s);
    const char *url =
        own.max_bytes > 0 ? NULL : blob_upload_url(ctx->bot->blobs, &ctx->arena, key, ttl_s);

    return url ? url
               : files_upload_url(ctx->bot, &ctx->arena, key, aisha_now(ctx) + ttl_s,
                                  own.max_bytes > 0 ? own.max_bytes : 0);
}

/*
 * PUT /upload/KEY: the body goes to the store as it comes, and is thrown away when it is too long or
 * does not come to its end.
 */
#include <stdlib.h>
#include <string.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/files.h"
#include "host/bot/signed_url.h"
#include "host/bot/web.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/io/http_server.h"
#include "host/store/blob.h"
#include "host/store/sent_files.h"

enum { PIECE_BYTES = 128 * 1024 };

static const char prefix[] = "/upload/";

const char *files_upload_url(struct bot *bot, struct arena *arena, const char *key,
                             int64_t expires_at, int64_t max_bytes)
{
    return signed_url_make(
        bot, arena,
        &(const struct signed_url){
            .prefix = prefix, .key = key, .expires_at = expires_at, .max_bytes = max_bytes});
}

bool files_upload_is_streamed(const struct http_exchange *exchange)
{
    return strncmp(exchange->path, prefix, strlen(prefix)) == 0;
}

static AISHA_ASYNC int take_body(struct http_exchange *exchange, struct blob_writer *writer,
                                 int64_t max_bytes)
{
    char *piece = arena_alloc(exchange->arena, PIECE_BYTES);
    int64_t taken = 0;
    ssize_t got;
    int r = 0;

    while (r == 0 && (got = http_exchange_read(exchange, piece, PIECE_BYTES)) != 0) {
        if (got < 0)
            return (int)got;
        taken += got;
        if (max_bytes > 0 && taken > max_bytes)
            return -AISHA_E_LIMIT;
        r = blob_write(writer, piece, (size_t)got);
    }
    return r;
}

static AISHA_ASYNC int take_upload(struct http_exchange *exchange, struct bot *bot,
                                   const struct signed_url *url)
{
    const char *type = http_exchange_header(exchange, "content-type");
    struct blob_writer *writer;

    int r = blob_create(bot->blobs, url->key, type, &writer);
    if (r < 0)
        return r;
    r = take_body(exchange, writer, url->max_bytes);
    if (r == 0)
        r = sent_files_delete_blob(bot->db, exchange->arena, url->key);
    if (r == 0)
        return blob_finish(writer);
    blob_discard(writer);
    return r;
}

static bool is_too_long(const struct http_exchange *exchange, const struct signed_url *url)
{
    const char *length = http_exchange_header(exchange, "content-length");

    return url->max_bytes > 0 && length && strtoll(length, NULL, 10) > url->max_bytes;
}

static void answer(struct http_exchange *exchange, int r)
{
    switch (-r) {
    case 0:
        web_respond(exchange, 200, "stored\n");
        break;
    case AISHA_E_LIMIT:
        web_respond(exchange, 413, "too long\n");
        break;
    case AISHA_E_INVALID:
        web_respond(exchange, 400, "this cannot be stored\n");
        break;
    case AISHA_E_CONFLICT:
        web_respond(exchange, 409, "something else is there\n");
        break;
    case AISHA_E_CANCELED: /* whoever sent it has gone, or we go */
        break;
    default:
        log_error("files", "an upload cannot be stored: %s", aisha_error_text(r));
        web_respond_later(exchange);
    }
}

void files_upload_handle(struct http_exchange *exchange, struct bot *bot)
{
    struct signed_url url;

    if (strcmp(exchange->method, "PUT") != 0) {
        http_exchange_add_header(exchange, "Allow", "PUT");
        web_respond(exchange, 405, "PUT\n");
    } else if (signed_url_admits(exchange, bot, prefix, &url)) {
        answer(exchange,
               is_too_long(exchange, &url) ? -AISHA_E_LIMIT : take_upload(exchange, bot, &url));
    }
}

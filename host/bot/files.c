#include "host/bot/files.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/signed_url.h"
#include "host/bot/web.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/io/http_server.h"
#include "host/store/blob.h"

enum { PIECE_BYTES = 128 * 1024 };

static const char prefix[] = "/files/";

const char *files_url(struct bot *bot, struct arena *arena, const char *key, int64_t expires_at)
{
    return signed_url_make(
        bot, arena,
        &(const struct signed_url){.prefix = prefix, .key = key, .expires_at = expires_at});
}

/* ---- what is asked for ---- */

/* Only what a browser does not run. */
static const char *harmless(const char *type)
{
    static const char *const good[] = {
        "image/jpeg", "image/png",       "image/webp",      "image/gif",        "audio/",
        "video/",     "application/zip", "application/pdf", "application/json", "text/plain",
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (strncasecmp(type, good[i], strlen(good[i])) == 0)
            return type;
    return "application/octet-stream";
}

static const char *http_date(struct arena *arena, int64_t time_s)
{
    time_t when = (time_t)time_s;
    struct tm utc;
    char text[40];

    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &utc));
    return arena_strdup(arena, text);
}

/* Whether a list of ETags has this one, or is "*". */
static bool has_etag(const char *list, const char *etag)
{
    return strstr(list, etag) || strcmp(list, "*") == 0; /* quotes are part of it */
}

/* RFC 9110, 13.2.2: the time counts only when no ETag is given. */
static bool is_unchanged(const struct http_exchange *exchange, const char *etag, const char *date)
{
    const char *etags = http_exchange_header(exchange, "if-none-match");
    const char *since = http_exchange_header(exchange, "if-modified-since");

    if (etags)
        return has_etag(etags, etag);
    return since && strcmp(since, date) == 0; /* what we sent ourselves */
}

struct span {
    uint64_t first, count;
    bool is_part;
};

/* Up to 18 digits, perhaps none. */
static uint64_t read_number(const char **text, bool *ret_is_there)
{
    size_t digits = strspn(*text, "0123456789");
    uint64_t number = digits > 0 && digits <= 18 ? strtoull(*text, NULL, 10) : 0;

    *ret_is_there = digits > 0 && digits <= 18;
    *text += digits;
    return number;
}

/* "bytes=a-b", "bytes=a-", "bytes=-n"; anything else means all. false when it lies outside. */
static bool read_range(const char *text, uint64_t size, struct span *ret)
{
    bool has_first, has_last;

    *ret = (struct span){.count = size};
    if (!text || strncasecmp(text, "bytes=", 6) != 0)
        return true;
    text += 6;
    uint64_t first = read_number(&text, &has_first);
    if (*text++ != '-')
        return true;
    uint64_t last = read_number(&text, &has_last);
    if (*text || (!has_first && !has_last) || (has_first && has_last && last < first))
        return true;
    if (!has_first) { /* the last n */
        first = last == 0 ? size : last < size ? size - last : 0;
        has_last = false;
    }
    if (first >= size)
        return false;
    if (!has_last || last >= size)
        last = size - 1;
    *ret = (struct span){.first = first, .count = last - first + 1, .is_part = true};
    return true;
}

/* ---- answers ---- */

static AISHA_ASYNC void send_span(struct http_exchange *exchange, struct blob_reader *reader,
                                  const struct span *span)
{
    char *piece = arena_alloc(exchange->arena, PIECE_BYTES);
    uint64_t sent = 0;
    int r = 0;

    while (r == 0 && sent < span->count) {
        uint64_t left = span->count - sent;
        size_t count = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        r = blob_read(reader, (int64_t)(span->first + sent), piece, count);
        if (r == 0)
            r = http_exchange_write(exchange, piece, count);
        sent += count;
    }
    if (r < 0 && r != -AISHA_E_CANCELED)
        log_error("files", "a file could not be read to its end: %s", aisha_error_text(r));
}

static void add_headers(struct http_exchange *exchange, const char *etag, const char *date,
                        int64_t max_age_s)
{
    http_exchange_add_header(exchange, "ETag", etag);
    http_exchange_add_header(exchange, "Last-Modified", date);
    http_exchange_add_header(exchange, "Accept-Ranges", "bytes");
    http_exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    http_exchange_add_header(exchange, "Cache-Control",
                             arena_printf(exchange->arena, "private, max-age=%" PRId64, max_age_s));
}

static AISHA_ASYNC void serve(struct http_exchange *exchange, struct blob_reader *reader,
                              int64_t max_age_s)
{
    const struct blob_info *info = blob_reader_info(reader);
    const char *etag = arena_printf(exchange->arena, "\"%s\"", info->etag);
    const char *date = http_date(exchange->arena, info->modified_at);
    const char *range = http_exchange_header(exchange, "range");
    const char *if_range = http_exchange_header(exchange, "if-range");
    uint64_t size = (uint64_t)info->size;
    struct span span;

    add_headers(exchange, etag, date, max_age_s);
    if (is_unchanged(exchange, etag, date)) {
        http_exchange_respond(exchange, 304, NULL, NULL, 0);
        return;
    }
    if (if_range && strcmp(if_range, etag) != 0 && strcmp(if_range, date) != 0)
        range = NULL;
    if (!read_range(strcmp(exchange->method, "GET") == 0 ? range : NULL, size, &span)) {
        http_exchange_add_header(exchange, "Content-Range",
                                 arena_printf(exchange->arena, "bytes */%" PRIu64, size));
        http_exchange_respond(exchange, 416, NULL, NULL, 0);
        return;
    }
    if (span.is_part)
        http_exchange_add_header(exchange, "Content-Range",
                                 arena_printf(exchange->arena,
                                              "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, span.first,
                                              span.first + span.count - 1, size));
    http_exchange_begin(exchange, span.is_part ? 206 : 200, harmless(info->content_type),
                        span.count);
    if (strcmp(exchange->method, "HEAD") != 0)
        send_span(exchange, reader, &span);
}

static AISHA_ASYNC void open_and_serve(struct http_exchange *exchange, struct bot *bot,
                                       const char *key, int64_t max_age_s)
{
    struct blob_reader *reader;

    int r = blob_open(bot->blobs, key, &reader);
    if (r == -AISHA_E_NOT_FOUND || r == -AISHA_E_INVALID) {
        web_respond(exchange, 404, "there is no such file\n");
    } else if (r < 0) {
        log_error("files", "a file cannot be opened: %s", aisha_error_text(r));
        web_respond_later(exchange);
    } else {
        serve(exchange, reader, max_age_s);
        blob_close(reader);
    }
}

void files_handle(struct http_exchange *exchange, struct bot *bot)
{
    struct signed_url url;

    if (strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0) {
        http_exchange_add_header(exchange, "Allow", "GET, HEAD");
        web_respond(exchange, 405, "GET or HEAD\n");
    } else if (signed_url_admits(exchange, bot, prefix, &url)) {
        open_and_serve(exchange, bot, url.key, url.expires_at - (int64_t)time(NULL));
    }
}

#include "host/bot/files.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <aisha/error.h>

#include "host/bot/bot.h"
#include "host/bot/web.h"
#include "host/core/arena.h"
#include "host/core/log.h"
#include "host/io/http_server.h"
#include "host/store/blob.h"
#include "host/store/hex.h"

enum { SIGNATURE_BYTES = 16, PIECE_BYTES = 128 * 1024 };

static const char prefix[] = "/files/";

/* ---- signatures ---- */

static const char *sign(struct arena *arena, const uint8_t *secret, const char *key,
                        int64_t expires_at)
{
    const char *text = arena_printf(arena, "%s\n%" PRId64, key, expires_at);
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (!HMAC(EVP_sha256(), secret, SECRET_SIZE, (const uint8_t *)text, strlen(text), digest, NULL))
        abort(); /* no memory */
    return hex_encode(arena, digest, SIGNATURE_BYTES);
}

const char *files_url(struct bot *bot, struct arena *arena, const char *key, int64_t expires_at)
{
    const char *base = bot->config->http.public_url;

    if (!*base)
        return NULL;
    return arena_printf(arena, "%s%s%s?expires=%" PRId64 "&signature=%s", base, prefix, key,
                        expires_at, sign(arena, bot->files_key.value, key, expires_at));
}

static bool is_signed(struct http_exchange *exchange, const struct secret *secret, const char *key,
                      int64_t *ret_expires_at)
{
    const char *expires = http_exchange_param(exchange, "expires");
    const char *signature = http_exchange_param(exchange, "signature");
    const uint8_t *const secrets[] = {secret->value, secret->previous};
    static const uint8_t no_secret[SECRET_SIZE];

    if (!expires || !signature || strlen(signature) != 2 * SIGNATURE_BYTES ||
        strspn(expires, "0123456789") != strlen(expires) || strlen(expires) > 12)
        return false;
    *ret_expires_at = strtoll(expires, NULL, 10);
    for (size_t i = 0; i < 2; i++) {
        const char *good = sign(exchange->arena, secrets[i], key, *ret_expires_at);
        if (memcmp(secrets[i], no_secret, SECRET_SIZE) != 0 &&
            CRYPTO_memcmp(good, signature, 2 * SIGNATURE_BYTES) == 0)
            return true;
    }
    return false;
}

/* ---- what is asked for ---- */

/* Only what a browser does not run. */
static const char *content_type(const char *key)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"},
        {".png", "image/png"},         {".webp", "image/webp"},
        {".gif", "image/gif"},         {".mp3", "audio/mpeg"},
        {".ogg", "audio/ogg"},         {".wav", "audio/wav"},
        {".mp4", "video/mp4"},         {".zip", "application/zip"},
        {".json", "application/json"}, {".txt", "text/plain; charset=utf-8"},
    };

    const char *dot = strrchr(key, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
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

static AISHA_ASYNC void send_span(struct http_exchange *exchange, struct bot *bot,
                                  const struct blob_file *file, const struct span *span)
{
    char *piece = arena_alloc(exchange->arena, PIECE_BYTES);
    uint64_t sent = 0;
    int r = 0;

    while (r == 0 && sent < span->count) {
        uint64_t left = span->count - sent;
        size_t count = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        r = blob_read(bot->blobs, file, (int64_t)(span->first + sent), piece, count);
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

static AISHA_ASYNC void serve(struct http_exchange *exchange, struct bot *bot, const char *key,
                              const struct blob_file *file, int64_t max_age_s)
{
    const char *etag = arena_printf(exchange->arena, "\"%" PRIx64 "-%" PRIx64 "\"",
                                    (uint64_t)file->modified_at_ns, (uint64_t)file->size);
    const char *date = http_date(exchange->arena, file->modified_at_ns / 1000000000);
    const char *range = http_exchange_header(exchange, "range");
    const char *if_range = http_exchange_header(exchange, "if-range");
    uint64_t size = (uint64_t)file->size;
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
    http_exchange_begin(exchange, span.is_part ? 206 : 200, content_type(key), span.count);
    if (strcmp(exchange->method, "HEAD") != 0)
        send_span(exchange, bot, file, &span);
}

static AISHA_ASYNC void open_and_serve(struct http_exchange *exchange, struct bot *bot,
                                       const char *key, int64_t max_age_s)
{
    struct blob_file file;

    int r = blob_open(bot->blobs, key, &file);
    if (r == -AISHA_E_NOT_FOUND || r == -AISHA_E_INVALID) {
        web_respond(exchange, 404, "there is no such file\n");
    } else if (r < 0) {
        log_error("files", "a file cannot be opened: %s", aisha_error_text(r));
        web_respond_later(exchange);
    } else {
        serve(exchange, bot, key, &file, max_age_s);
        close(file.fd);
    }
}

void files_handle(struct http_exchange *exchange, struct bot *bot)
{
    const char *key = exchange->path + strlen(prefix);
    int64_t expires_at, now = (int64_t)time(NULL);

    if (!bot->inbox) {
        web_respond_later(exchange); /* still starting */
    } else if (strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0) {
        http_exchange_add_header(exchange, "Allow", "GET, HEAD");
        web_respond(exchange, 405, "GET or HEAD\n");
    } else if (!is_signed(exchange, &bot->files_key, key, &expires_at)) {
        web_respond(exchange, 403, "this address is not signed by us\n");
    } else if (expires_at <= now) {
        web_respond(exchange, 410, "this address is no longer valid\n");
    } else {
        open_and_serve(exchange, bot, key, expires_at - now);
    }
}

#include "host/bot/signed_url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "host/bot/bot.h"
#include "host/bot/web.h"
#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "host/store/hex.h"

enum { SIGNATURE_BYTES = 16, MAX_DIGITS = 12 };

static bool is_upload(const struct signed_url *url)
{
    return strcmp(url->prefix, "/upload/") == 0;
}

static const char *sign(struct arena *arena, const uint8_t *secret, const struct signed_url *url)
{
    /* no key has a newline: what is signed for one purpose is never good for the other */
    const char *text = is_upload(url)
                           ? arena_printf(arena, "PUT\n%s\n%" PRId64 "\n%" PRId64, url->key,
                                          url->expires_at, url->max_bytes)
                           : arena_printf(arena, "%s\n%" PRId64, url->key, url->expires_at);
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (!HMAC(EVP_sha256(), secret, SECRET_SIZE, (const uint8_t *)text, strlen(text), digest, NULL))
        abort(); /* no memory */
    return hex_encode(arena, digest, SIGNATURE_BYTES);
}

const char *signed_url_make(struct bot *bot, struct arena *arena, const struct signed_url *url)
{
    const char *base = bot->config->http.public_url;

    if (!*base)
        return NULL;
    const char *limit = is_upload(url) ? arena_printf(arena, "&max=%" PRId64, url->max_bytes) : "";
    return arena_printf(arena, "%s%s%s?expires=%" PRId64 "%s&signature=%s", base, url->prefix,
                        url->key, url->expires_at, limit, sign(arena, bot->files_key.value, url));
}

static bool read_number(const struct http_exchange *exchange, const char *name, int64_t *ret)
{
    const char *text = http_exchange_param(exchange, name);

    if (!text || !*text || strlen(text) > MAX_DIGITS || strspn(text, "0123456789") != strlen(text))
        return false;
    *ret = strtoll(text, NULL, 10);
    return true;
}

static bool is_signed(struct http_exchange *exchange, const struct secret *secret,
                      struct signed_url *url)
{
    const char *signature = http_exchange_param(exchange, "signature");
    const uint8_t *const secrets[] = {secret->value, secret->previous};
    static const uint8_t no_secret[SECRET_SIZE];

    if (!signature || strlen(signature) != 2 * SIGNATURE_BYTES ||
        !read_number(exchange, "expires", &url->expires_at) ||
        (is_upload(url) && !read_number(exchange, "max", &url->max_bytes)))
        return false;
    for (size_t i = 0; i < 2; i++) {
        const char *good = sign(exchange->arena, secrets[i], url);
        if (memcmp(secrets[i], no_secret, SECRET_SIZE) != 0 &&
            CRYPTO_memcmp(good, signature, 2 * SIGNATURE_BYTES) == 0)
            return true;
    }
    return false;
}

bool signed_url_admits(struct http_exchange *exchange, struct bot *bot, const char *prefix,
                       struct signed_url *ret)
{
    *ret = (struct signed_url){.prefix = prefix, .key = exchange->path + strlen(prefix)};
    if (!bot->inbox)
        web_respond_later(exchange); /* still starting */
    else if (!is_signed(exchange, &bot->files_key, ret))
        web_respond(exchange, 403, "this address is not signed by us\n");
    else if (ret->expires_at <= (int64_t)time(NULL))
        web_respond(exchange, 403, "this address is no longer valid: ask for a new one\n");
    else
        return true;
    return false;
}

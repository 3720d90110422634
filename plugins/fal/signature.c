#include "signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum { SIGNATURE_BYTES = 64, HASH_BYTES = 32, HEADER_MOST = 256 };

/* ---- reading ---- */

static int base64url_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

bool signature_add_key(struct signature_keys *keys, const char *x)
{
    uint8_t *key = keys->count < SIGNATURE_KEYS_MOST ? keys->keys[keys->count] : NULL;
    size_t length = x ? strlen(x) : 0, at = 0;
    uint32_t bits = 0, held = 0;

    if (length == 44 && x[43] == '=')
        length--;
    if (!key || length != 43)
        return false;
    for (size_t i = 0; i < length; i++) {
        int digit = base64url_digit(x[i]);
        if (digit < 0)
            return false;
        held = held << 6 | (uint32_t)digit;
        bits += 6;
        if (bits >= 8 && at < SIGNATURE_KEY_BYTES) {
            bits -= 8;
            key[at++] = (uint8_t)(held >> bits);
        }
    }
    keys->count++;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex(const char *hex, uint8_t ret[SIGNATURE_BYTES])
{
    if (strlen(hex) != 2 * SIGNATURE_BYTES)
        return false;
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_time(const char *text, int64_t *ret)
{
    char *end;

    if (strlen(text) > 12 || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && end != text;
}

enum signature_fault signature_check_headers(const struct signature *signature, int64_t now)
{
    uint8_t bytes[SIGNATURE_BYTES];
    int64_t at;

    if (!signature->request_id || !signature->user_id || !signature->timestamp || !signature->hex)
        return SIGNATURE_MISSING;
    if (strlen(signature->request_id) > HEADER_MOST || strlen(signature->user_id) > HEADER_MOST ||
        !read_time(signature->timestamp, &at) || !read_hex(signature->hex, bytes))
        return SIGNATURE_ODD;
    if (at < now - SIGNATURE_TOLERANCE_S || at > now + SIGNATURE_TOLERANCE_S)
        return SIGNATURE_OLD;
    return SIGNATURE_GOOD;
}

/* ---- checking ---- */

/* request id, user id, timestamp and the body's hash, a line each. Returns its length. */
static size_t write_message(const struct signature *signature, const void *body, size_t body_size,
                            char *ret, size_t room)
{
    const char *const parts[] = {signature->request_id, signature->user_id, signature->timestamp};
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t at = 0;

    if (EVP_Digest(body, body_size, hash, NULL, EVP_sha256(), NULL) != 1)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(parts[i]);
        if (at + length + 1 > room)
            return 0;
        memcpy(ret + at, parts[i], length);
        at += length;
        ret[at++] = '\n';
    }
    if (at + (size_t)2 * HASH_BYTES > room)
        return 0;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        ret[at++] = digits[hash[i] >> 4];
        ret[at++] = digits[hash[i] & 15];
    }
    return at;
}

static bool verifies(const uint8_t key[SIGNATURE_KEY_BYTES],
                     const uint8_t signature[SIGNATURE_BYTES], const char *message, size_t size)
{
    EVP_PKEY *public =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SIGNATURE_KEY_BYTES);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    bool is_good =
        public && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) == 1 &&
        EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, (const uint8_t *)message, size) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(public);
    return is_good;
}

enum signature_fault signature_check(const struct signature *signature,
                                     const struct signature_keys *keys, const void *body,
                                     size_t body_size, int64_t now)
{
    char message[2 * HEADER_MOST + 128];
    uint8_t bytes[SIGNATURE_BYTES];

    enum signature_fault fault = signature_check_headers(signature, now);
    if (fault != SIGNATURE_GOOD)
        return fault;
    size_t size = write_message(signature, body, body_size, message, sizeof message);
    if (size == 0 || !read_hex(signature->hex, bytes))
        return SIGNATURE_ODD;
    for (size_t i = 0; i < keys->count; i++)
        if (verifies(keys->keys[i], bytes, message, size))
            return SIGNATURE_GOOD;
    return SIGNATURE_WRONG;
}

const char *signature_fault_name(enum signature_fault fault)
{
    static const char *const names[] = {"good", "missing", "odd", "old", "wrong"};

    return names[fault];
}

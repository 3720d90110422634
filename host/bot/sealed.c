#include "host/bot/sealed.h"

#include <ctype.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <aisha/error.h>

#include "host/core/arena.h"

#define PREFIX "enc:v1:"

enum {
    NONCE_SIZE = 12,
    TAG_SIZE = 16,
    MAX_NAME = 80,
    KEY_HEX = 2 * MASTER_KEY_SIZE,
    KEY_BASE64 = 43, /* without the padding */
};

/* ---- base64 ---- */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* White space is passed over. False when it is not base64, the bits left over included. */
static bool decode_base64(struct arena *arena, const char *text, uint8_t **ret_bytes,
                          size_t *ret_size)
{
    uint8_t *bytes = arena_alloc(arena, strlen(text) * 3 / 4 + 1);
    size_t size = 0;
    unsigned bits = 0, waiting = 0;

    for (; *text && *text != '='; text++) {
        if (isspace((unsigned char)*text))
            continue;
        int digit = digit_of(*text);
        if (digit < 0)
            return false;
        bits = bits << 6 | (unsigned)digit;
        waiting += 6;
        if (waiting >= 8)
            bytes[size++] = (uint8_t)(bits >> (waiting -= 8));
        bits &= (1u << waiting) - 1;
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return waiting < 6 && bits == 0 && text[strspn(text, "= \t\r\n")] == '\0';
}

static const char *encode_base64(struct arena *arena, const uint8_t *bytes, size_t size)
{
    unsigned char *text = arena_alloc(arena, (size + 2) / 3 * 4 + 1);

    EVP_EncodeBlock(text, bytes, (int)size);
    return (const char *)text;
}

/* ---- the key ---- */

static bool read_hex(const char *text, uint8_t *bytes)
{
    for (size_t i = 0; i < MASTER_KEY_SIZE; i++) {
        int high = OPENSSL_hexchar2int((unsigned char)text[2 * i]);
        int low = OPENSSL_hexchar2int((unsigned char)text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

const char *master_key_parse(struct arena *arena, const char *text, struct master_key *ret_key)
{
    size_t length = strlen(text), size;
    uint8_t *bytes;

    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    text = arena_strndup(arena, text, length);
    if (!length)
        return "it is empty";
    if (length == KEY_HEX && read_hex(text, ret_key->bytes))
        return NULL;
    if (length == KEY_HEX)
        return "it has the 64 characters of a hexadecimal key, but not all are 0-9 or a-f";
    if (!decode_base64(arena, text, &bytes, &size))
        return arena_printf(arena, "its %zu characters are neither base64 nor hexadecimal", length);
    if (size != MASTER_KEY_SIZE)
        return arena_printf(arena, "it has %zu bytes instead of 32 (as base64, %zu characters)",
                            size, length);
    memcpy(ret_key->bytes, bytes, MASTER_KEY_SIZE);
    return NULL;
}

const char *master_key_new(struct arena *arena)
{
    uint8_t bytes[MASTER_KEY_SIZE];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return NULL;
    return encode_base64(arena, bytes, sizeof bytes);
}

/* ---- values ---- */

bool is_sealed(const char *text)
{
    return strncmp(text, "enc:", 4) == 0;
}

bool is_seal_name(const char *name)
{
    size_t size = 0;

    while (isalnum((unsigned char)name[size]) || (name[size] && strchr("_-.", name[size])))
        size++;
    return size > 0 && size <= MAX_NAME && !name[size];
}

/* One pass of AES-256-GCM, to or from bytes. Decrypting, the tag is looked at. */
static bool crypt_bytes(const struct master_key *key, const char *head, bool is_encrypting,
                        const uint8_t *from, size_t size, const uint8_t *nonce, uint8_t *tag,
                        uint8_t *to)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int direction = is_encrypting ? 1 : 0, used = 0;

    bool is_good =
        c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, nonce, direction) == 1 &&
        EVP_CipherUpdate(c, NULL, &used, (const uint8_t *)head, (int)strlen(head)) == 1 &&
        EVP_CipherUpdate(c, to, &used, from, (int)size) == 1 &&
        (is_encrypting || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1) &&
        EVP_CipherFinal_ex(c, to + used, &used) == 1 &&
        (!is_encrypting || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) == 1);
    EVP_CIPHER_CTX_free(c);
    return is_good;
}

const char *seal(struct arena *arena, const struct master_key *key, const char *name,
                 const char *value)
{
    const char *head = name ? arena_printf(arena, PREFIX "%s:", name) : arena_strdup(arena, PREFIX);
    size_t size = strlen(value), all = NONCE_SIZE + size + TAG_SIZE;
    uint8_t *bytes = arena_alloc(arena, all);

    if (getrandom(bytes, NONCE_SIZE, 0) != NONCE_SIZE ||
        !crypt_bytes(key, head, true, (const uint8_t *)value, size, bytes,
                     bytes + NONCE_SIZE + size, bytes + NONCE_SIZE))
        return NULL;
    return arena_printf(arena, "%s%s", head, encode_base64(arena, bytes, all));
}

const char *unseal(struct arena *arena, const struct master_key *key, const char *name,
                   const char *text, const char **ret_cause, const char **ret_remedy)
{
    const char *colon = strrchr(text, ':');
    size_t size;
    uint8_t *bytes;

    *ret_remedy = "encrypt it again, with \"aisha secrets encrypt\"";
    if (strncmp(text, PREFIX, strlen(PREFIX)) != 0) {
        *ret_cause = "it is encrypted in a way that this version does not know";
        return NULL;
    }
    const char *head = arena_strndup(arena, text, (size_t)(colon + 1 - text));
    const char *owner = head + strlen(PREFIX);
    size_t owner_size = strlen(owner); /* with a colon at its end, or 0 */
    if (name && owner_size &&
        (owner_size - 1 != strlen(name) || strncmp(owner, name, owner_size - 1) != 0)) {
        *ret_cause = arena_printf(arena, "it was encrypted for %.*s, and this is %s",
                                  (int)(owner_size - 1), owner, name);
        return NULL;
    }
    if (!decode_base64(arena, colon + 1, &bytes, &size) || size < NONCE_SIZE + TAG_SIZE) {
        *ret_cause =
            "the encrypted value is damaged: a part of it is missing, or another character";
        return NULL;
    }
    size -= NONCE_SIZE + TAG_SIZE;
    char *value = arena_alloc(arena, size + 1);
    if (!crypt_bytes(key, head, false, bytes + NONCE_SIZE, size, bytes, bytes + NONCE_SIZE + size,
                     (uint8_t *)value)) {
        *ret_cause = "it cannot be decrypted: it was made with another key, or changed since";
        return NULL;
    }
    return value;
}

/*
 * Trailing zeros of the payload are not sent: a handler's struct is zero-filled again.
 */
#include "host/bot/button.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <aisha/error.h>

#include "host/store/secrets.h"

enum { HEAD_SIZE = 5, MAC_SIZE = 8, MAX_SIZE = HEAD_SIZE + MAC_SIZE + AISHA_PAYLOAD_MAX };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

uint32_t button_route(const char *plugin, const char *callback, int version)
{
    char name[128];
    uint8_t digest[32];
    unsigned size = sizeof digest;

    int length = snprintf(name, sizeof name, "%s/%s/%d", plugin, callback, version);
    if (length < 0 || (size_t)length >= sizeof name)
        abort(); /* the loader limits the length of names */
    if (EVP_Digest(name, (size_t)length, digest, &size, EVP_sha256(), NULL) != 1)
        abort();
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
           digest[3];
}

static void put_number(uint8_t *to, uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
}

static void button_mac(const uint8_t key[SECRET_SIZE], const struct button_place *place,
                       const struct button *button, uint8_t ret_mac[MAC_SIZE])
{
    uint8_t message[3 * 8 + HEAD_SIZE + AISHA_PAYLOAD_MAX], digest[32];
    unsigned size = sizeof digest;
    bool is_for_anyone = button->flags & BUTTON_FOR_ANYONE;

    put_number(message, (uint64_t)place->bot_id, 8);
    put_number(message + 8, (uint64_t)place->chat_id, 8);
    put_number(message + 16, is_for_anyone ? 0 : (uint64_t)place->telegram_id, 8);
    put_number(message + 24, button->route, 4);
    message[28] = button->flags;
    memcpy(message + 29, button->payload, button->payload_size);
    if (!HMAC(EVP_sha256(), key, SECRET_SIZE, message, 29 + button->payload_size, digest, &size))
        abort();
    memcpy(ret_mac, digest, MAC_SIZE);
}

static void base64url(const uint8_t *bytes, size_t size, char *ret_text)
{
    uint32_t bits = 0;
    int count = 0;

    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            *ret_text++ = alphabet[bits >> (count - 6) & 63];
    }
    if (count > 0)
        *ret_text++ = alphabet[bits << (6 - count) & 63];
    *ret_text = '\0';
}

/* Returns the number of bytes, or -1: as strict as to take each button in one spelling only. */
static int from_base64url(const char *text, uint8_t bytes[MAX_SIZE])
{
    uint32_t bits = 0;
    int count = 0, size = 0;

    for (; *text; text++) {
        const char *digit = strchr(alphabet, *text);
        if (!digit)
            return -1;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        if (size == MAX_SIZE)
            return -1;
        bytes[size++] = (uint8_t)(bits >> count);
    }
    return count < 6 && (bits & ((1U << count) - 1)) == 0 ? size : -1;
}

void button_encode(const struct secret *key, const struct button_place *place,
                   const struct button *button, char ret_text[BUTTON_TEXT_SIZE])
{
    uint8_t bytes[MAX_SIZE];
    struct button sent = *button;

    while (sent.payload_size > 0 && sent.payload[sent.payload_size - 1] == 0)
        sent.payload_size--;
    put_number(bytes, sent.route, 4);
    bytes[4] = sent.flags;
    button_mac(key->value, place, &sent, bytes + HEAD_SIZE);
    memcpy(bytes + HEAD_SIZE + MAC_SIZE, sent.payload, sent.payload_size);
    base64url(bytes, HEAD_SIZE + MAC_SIZE + sent.payload_size, ret_text);
}

int button_decode(const struct secret *key, const struct button_place *place, const char *text,
                  struct button *ret_button)
{
    static const uint8_t none[SECRET_SIZE];
    uint8_t bytes[MAX_SIZE], mac[MAC_SIZE];
    struct button button = {0};

    int size = from_base64url(text, bytes);
    if (size < HEAD_SIZE + MAC_SIZE)
        return -AISHA_E_INVALID;
    button.route =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    button.flags = bytes[4];
    button.payload_size = (size_t)size - HEAD_SIZE - MAC_SIZE;
    memcpy(button.payload, bytes + HEAD_SIZE + MAC_SIZE, button.payload_size);
    button_mac(key->value, place, &button, mac);
    bool is_ours = CRYPTO_memcmp(mac, bytes + HEAD_SIZE, MAC_SIZE) == 0;
    if (!is_ours && memcmp(key->previous, none, SECRET_SIZE) != 0) {
        button_mac(key->previous, place, &button, mac);
        is_ours = CRYPTO_memcmp(mac, bytes + HEAD_SIZE, MAC_SIZE) == 0;
    }
    if (!is_ours)
        return -AISHA_E_INVALID;
    *ret_button = button;
    return 0;
}

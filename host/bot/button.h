/*
 * callback_data of our buttons: 64 bytes that name a handler, carry its payload and cannot be made
 * or moved to another chat or person by anyone but us.
 *
 *     base64url(route 4, flags 1, MAC 8, payload 0..35)
 *
 * The MAC is the beginning of HMAC-SHA256 over bot, chat, person (0 = anyone), route, flags and
 * payload.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>
#include <aisha/plugin.h>

struct secret;

enum {
    BUTTON_TEXT_SIZE = 65,      /* with the zero byte */
    BUTTON_FOR_ANYONE = 1 << 0, /* flag: not only for whom it was made */
    BUTTON_OF_JOB = 1 << 1,     /* flag: cancels the job whose message it is under, no handler */
};

struct button {
    uint32_t route;
    uint8_t flags;
    uint8_t payload[AISHA_PAYLOAD_MAX];
    size_t payload_size;
};

/* Where a button stands and for whom. */
struct button_place {
    int64_t bot_id, chat_id, telegram_id;
};

/* The route of a plugin's callback in that version. */
uint32_t button_route(const char *plugin, const char *callback, int version);

void button_encode(const struct secret *key, const struct button_place *place,
                   const struct button *button, char ret_text[BUTTON_TEXT_SIZE]);

/* -AISHA_E_INVALID: not ours, changed, or for another place. */
AISHA_CHECKED int button_decode(const struct secret *key, const struct button_place *place,
                                const char *text, struct button *ret_button);

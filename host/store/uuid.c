/* 48 bits of milliseconds, then randomness. */
#include "host/store/uuid.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <aisha/error.h>

#include "host/core/arena.h"

const char *uuid_new(struct arena *arena)
{
    struct timespec now;
    uint8_t b[UUID_BYTES];

    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (getrandom(b, sizeof b, 0) != sizeof b)
        abort(); /* up to 256 bytes cannot fail on a running system */
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
    return uuid_text(arena, b);
}

const char *uuid_text(struct arena *arena, const uint8_t b[UUID_BYTES])
{
    return arena_printf(
        arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
        b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

int uuid_pack(const char *text, uint8_t ret_bytes[UUID_BYTES])
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t nibbles = 0;

    if (!text || strlen(text) != strlen(form))
        return -AISHA_E_INVALID;
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return -AISHA_E_INVALID;
        if (form[i] == '-')
            continue;
        int c = tolower((unsigned char)text[i]);
        int value = c <= '9' ? c - '0' : c - 'a' + 10;
        uint8_t *byte = &ret_bytes[nibbles++ / 2];
        *byte = (uint8_t)(*byte << 4 | value);
    }
    return 0;
}

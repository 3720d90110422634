/* Two digits a byte, lower case. */
#include "host/store/hex.h"

#include <stdint.h>
#include <string.h>

#include "host/core/arena.h"

static const char digits[] = "0123456789abcdef";

const char *hex_encode(struct arena *arena, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    char *text = arena_alloc(arena, 2 * size + 1);

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[in[i] >> 4];
        text[2 * i + 1] = digits[in[i] & 15];
    }
    return text;
}

void *hex_decode(struct arena *arena, const char *text, size_t *ret_size)
{
    *ret_size = 0;
    if (!text || strlen(text) % 2 != 0 || strspn(text, digits) != strlen(text))
        return NULL;
    size_t size = strlen(text) / 2;
    uint8_t *bytes = arena_alloc(arena, size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
                             (strchr(digits, text[2 * i + 1]) - digits));
    *ret_size = size;
    return bytes;
}

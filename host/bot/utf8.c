/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. A broken
 * sequence is as long as it could have become a character.
 */
#include <stdint.h>

#include "host/bot/split.h"
#include "host/bot/text.h"

struct decoded {
    unsigned code;
    size_t size; /* of the sequence, at least 1 */
    bool is_valid;
};

/* How long a sequence with this first byte is, and the range of its second byte. */
static size_t sequence_size(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        return 1;
    if (first < 0xc2)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

static struct decoded decode(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char low, high;
    size_t wanted = sequence_size(bytes[0], &low, &high);
    struct decoded d = {.code = bytes[0], .size = 1, .is_valid = wanted == 1};

    if (wanted < 2)
        return d;
    d.code = bytes[0] & (0x7fU >> wanted);
    for (; d.size < wanted; d.size++) {
        if (d.size == size || bytes[d.size] < low || bytes[d.size] > high)
            return d;
        d.code = d.code << 6 | (bytes[d.size] & 0x3fU);
        low = 0x80;
        high = 0xbf;
    }
    d.is_valid = true;
    return d;
}

bool utf8_is_valid(const char *text, size_t size)
{
    while (size) {
        struct decoded d = decode(text, size);
        if (!d.is_valid)
            return false;
        text += d.size;
        size -= d.size;
    }
    return true;
}

unsigned utf8_next(const char **text)
{
    struct decoded d = decode(*text, SIZE_MAX); /* the zero at the end continues no sequence */

    if (!**text)
        return 0;
    *text += d.size;
    return d.is_valid ? d.code : 0xfffd;
}

static bool is_control(unsigned code)
{
    return (code < ' ' && code != '\t' && code != '\n' && code != '\r') ||
           (code >= 0x7f && code <= 0x9f);
}

/* How many bytes can stay as they are. */
static size_t clean_size(const char *text, size_t size)
{
    size_t clean = 0;

    while (clean < size) {
        if (text[clean] >= ' ' && text[clean] <= '~') {
            clean++;
            continue;
        }
        struct decoded d = decode(text + clean, size - clean);
        if (!d.is_valid || is_control(d.code))
            break;
        clean += d.size;
    }
    return clean;
}

char *utf8_repair(struct arena *arena, const char *text, size_t size, size_t *ret_size)
{
    struct text out = {.arena = arena};

    for (;;) {
        size_t clean = clean_size(text, size);
        text_add(&out, text, clean);
        text += clean;
        size -= clean;
        if (!size)
            break;
        struct decoded d = decode(text, size);
        if (!d.is_valid)
            text_adds(&out, "\xef\xbf\xbd");
        text += d.size;
        size -= d.size;
    }
    if (ret_size)
        *ret_size = out.size;
    return text_done(&out);
}

/*
 * What stands on a button. The first byte chooses: callback_data as a stranger may send it, which is
 * refused; or a button of ours, which is read again as it was made, and in no other place, for nobody
 * else and with no letter changed.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "host/bot/button.h"
#include "host/store/secrets.h"
#include "tests/fuzz/fuzz.h"

static const struct secret key = {.value = "a key", .previous = "the key before it"};

/* Bytes of the input, zeros behind its end. */
static void take(const uint8_t **data, size_t *size, void *ret, size_t wanted)
{
    size_t got = wanted < *size ? wanted : *size;

    memset(ret, 0, wanted);
    if (got)
        memcpy(ret, *data, got);
    *data += got;
    *size -= got;
}

static void read_foreign(const uint8_t *data, size_t size)
{
    const struct button_place place = {.bot_id = 1, .chat_id = 2, .telegram_id = 3};
    char text[256] = "";
    struct button button;

    memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
    assert(button_decode(&key, &place, text, &button) < 0);
}

static void read_changed(const struct button_place *place, const char *text, size_t at, char change)
{
    char changed[BUTTON_TEXT_SIZE];
    struct button button;

    memcpy(changed, text, strlen(text) + 1);
    changed[at % strlen(text)] ^= change;
    assert(change == 0 || button_decode(&key, place, changed, &button) < 0);
}

static void make_and_read(const uint8_t *data, size_t size)
{
    const struct secret newer = {.value = "the next key", .previous = "a key"};
    struct button_place place, other;
    struct button button = {0}, read;
    char text[BUTTON_TEXT_SIZE], change;
    uint8_t at;

    take(&data, &size, &place, sizeof place);
    take(&data, &size, &at, 1);
    take(&data, &size, &change, 1);
    take(&data, &size, &button.route, sizeof button.route);
    take(&data, &size, &button.flags, 1);
    button.payload_size = size < sizeof button.payload ? size : sizeof button.payload;
    take(&data, &size, button.payload, button.payload_size);
    button_encode(&key, &place, &button, text);
    assert(strlen(text) >= 18 && strlen(text) < BUTTON_TEXT_SIZE);

    assert(button_decode(&key, &place, text, &read) == 0);
    assert(read.route == button.route && read.flags == button.flags);
    assert(read.payload_size <= button.payload_size);
    assert(memcmp(read.payload, button.payload, sizeof read.payload) == 0); /* zeros behind it */
    assert(button_decode(&newer, &place, text, &read) == 0);

    read_changed(&place, text, at, change);
    other = place;
    other.chat_id ^= 1;
    assert(button_decode(&key, &other, text, &read) < 0);
    other = place;
    other.telegram_id ^= 1;
    assert((button_decode(&key, &other, text, &read) == 0) == (button.flags & BUTTON_FOR_ANYONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2)
        read_foreign(data + 1, size - 1);
    else
        make_and_read(data + 1, size - 1);
    return 0;
}

/*
 * What a Redis says. It is read in one piece and byte by byte, which have to give the same replies and
 * to fail at the same place. An odd first byte: the rest is a URL.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/io/redis_codec.h"
#include "host/io/redis_dial.h"
#include "tests/fuzz/fuzz.h"

struct heard {
    struct arena arena;
    const struct redis_reply *replies[64];
    size_t count;
    bool has_failed;
};

static void hear(struct redis_reader *reader, const char *bytes, size_t size, struct heard *heard)
{
    const struct redis_reply *reply;

    heard->has_failed = heard->has_failed || redis_reader_feed(reader, bytes, size) < 0;
    do {
        reply = NULL;
        heard->has_failed =
            heard->has_failed || redis_reader_next(reader, &heard->arena, &reply) < 0;
        if (reply && heard->count < sizeof heard->replies / sizeof *heard->replies)
            heard->replies[heard->count++] = reply;
    } while (reply && !heard->has_failed);
}

static bool is_same(const struct redis_reply *a, const struct redis_reply *b)
{
    if (a->type != b->type || a->integer != b->integer || a->size != b->size ||
        a->count != b->count)
        return false;
    if (a->text)
        assert(a->text[a->size] == '\0');
    if (a->size && memcmp(a->text, b->text, a->size) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!is_same(a->items[i], b->items[i]))
            return false;
    return true;
}

static void read_replies(const char *bytes, size_t size)
{
    struct heard whole = {0}, pieces = {0};
    struct redis_reader *readers[2];

    for (size_t i = 0; i < 2; i++)
        if (redis_reader_new(&readers[i]) < 0)
            abort();
    hear(readers[0], bytes, size, &whole);
    for (size_t i = 0; i < size && !pieces.has_failed; i++)
        hear(readers[1], bytes + i, 1, &pieces);
    assert(whole.count == pieces.count && whole.has_failed == pieces.has_failed);
    for (size_t i = 0; i < whole.count; i++)
        assert(is_same(whole.replies[i], pieces.replies[i]));
    for (size_t i = 0; i < 2; i++)
        redis_reader_free(readers[i]);
    arena_clear(&whole.arena);
    arena_clear(&pieces.arena);
}

static void read_url(const char *bytes, size_t size)
{
    struct arena arena = {0};
    const char *error = NULL;
    struct redis_url url;

    if (redis_url_parse(&arena, arena_strndup(&arena, bytes, size), &url, &error) == 0)
        assert(*url.host && *url.port && strlen(url.port) < 6 && url.database >= 0 && !error);
    else
        assert(error);
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2)
        read_url((const char *)data + 1, size - 1);
    else
        read_replies((const char *)data + 1, size - 1);
    return 0;
}

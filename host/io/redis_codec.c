#include "host/io/redis_codec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <hiredis/read.h>

#include <aisha/error.h>

#include "host/core/arena.h"

enum {
    MAX_REPLY_BYTES = 8 * 1024 * 1024, /* far above any value of ours: see store/cache.h */
    MAX_ITEMS = 65536,
    HEAD_SIZE = 32, /* "$" or "*", a number, line end */
};

struct redis_reader {
    redisReader *hiredis;
    struct arena *arena; /* of the reply that is being read */
    bool is_too_large;
};

/* ---- what hiredis calls ---- */

static struct redis_reply *add_reply(const redisReadTask *task, enum redis_type type)
{
    const struct redis_reader *reader = task->privdata;
    struct redis_reply *reply = arena_alloc(reader->arena, sizeof *reply);

    reply->type = type;
    if (task->parent) {
        struct redis_reply *list = task->parent->obj;
        list->items[task->idx] = reply;
    }
    return reply;
}

static void *on_text(const redisReadTask *task, char *text, size_t size)
{
    const struct redis_reader *reader = task->privdata;
    struct redis_reply *reply =
        add_reply(task, task->type == REDIS_REPLY_ERROR ? REDIS_REFUSAL : REDIS_TEXT);
    char *copy = arena_alloc(reader->arena, size + 1);

    memcpy(copy, text, size);
    reply->text = copy;
    reply->size = size;
    return reply;
}

static void *on_list(const redisReadTask *task, int count)
{
    struct redis_reader *reader = task->privdata;

    if (count > MAX_ITEMS) {
        reader->is_too_large = true;
        return NULL; /* which hiredis takes for the end of memory */
    }
    struct redis_reply *reply = add_reply(task, REDIS_LIST);
    reply->count = (size_t)count;
    reply->items = arena_alloc(reader->arena, (reply->count + 1) * sizeof(*reply->items));
    return reply;
}

static void *on_integer(const redisReadTask *task, long long integer)
{
    struct redis_reply *reply = add_reply(task, REDIS_INTEGER);

    reply->integer = integer;
    return reply;
}

static void *on_nil(const redisReadTask *task)
{
    return add_reply(task, REDIS_NIL);
}

static void on_free(void *reply)
{
    (void)reply; /* the arena's */
}

/* ---- reading ---- */

int redis_reader_new(struct redis_reader **ret_reader)
{
    static redisReplyObjectFunctions functions = {
        .createString = on_text,
        .createArray = on_list,
        .createInteger = on_integer,
        .createNil = on_nil,
        .freeObject = on_free,
    };
    struct redis_reader *reader = calloc(1, sizeof *reader);

    if (reader)
        reader->hiredis = redisReaderCreateWithFunctions(&functions);
    if (!reader || !reader->hiredis) {
        free(reader);
        return -ENOMEM;
    }
    reader->hiredis->privdata = reader;
    *ret_reader = reader;
    return 0;
}

void redis_reader_free(struct redis_reader *reader)
{
    if (!reader)
        return;
    redisReaderFree(reader->hiredis);
    free(reader);
}

int redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t size)
{
    if (reader->hiredis->len - reader->hiredis->pos + size > MAX_REPLY_BYTES) {
        reader->is_too_large = true;
        return -AISHA_E_UPSTREAM;
    }
    return redisReaderFeed(reader->hiredis, bytes, size) == REDIS_OK ? 0 : -AISHA_E_UPSTREAM;
}

int redis_reader_next(struct redis_reader *reader, struct arena *arena,
                      const struct redis_reply **ret_reply)
{
    void *reply = NULL;

    reader->arena = arena;
    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK)
        return -AISHA_E_UPSTREAM;
    *ret_reply = reply;
    return 0;
}

const char *redis_reader_error(const struct redis_reader *reader)
{
    return reader->is_too_large ? "an answer that is too large"
                                : "an answer that is not Redis' protocol";
}

/* ---- writing ---- */

struct redis_arg redis_arg_int(struct arena *arena, int64_t number)
{
    const char *text = arena_printf(arena, "%" PRId64, number);

    return REDIS_ARG(text);
}

static void write_head(struct evbuffer *out, char kind, size_t number)
{
    char head[HEAD_SIZE];
    int size = snprintf(head, sizeof head, "%c%zu\r\n", kind, number);

    if (evbuffer_add(out, head, (size_t)size) < 0)
        abort();
}

void redis_write_command(struct evbuffer *out, const struct redis_arg *args, size_t count)
{
    write_head(out, '*', count);
    for (size_t i = 0; i < count; i++) {
        write_head(out, '$', args[i].size);
        if (evbuffer_add(out, args[i].bytes, args[i].size) < 0 || evbuffer_add(out, "\r\n", 2) < 0)
            abort();
    }
}

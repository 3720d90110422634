/*
 * Redis' protocol (RESP2): commands as bytes, bytes as replies. hiredis reads; the replies are made
 * in an arena of ours, so nothing of it has to be freed. Needs no connection.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

struct arena;
struct evbuffer;
struct redis_reader;

enum redis_type {
    REDIS_NIL,
    REDIS_TEXT, /* bytes, or a status such as OK */
    REDIS_INTEGER,
    REDIS_LIST,
    REDIS_REFUSAL, /* an error, in text */
};

struct redis_reply {
    enum redis_type type;
    int64_t integer;
    const char *text; /* ended by a zero that size does not count */
    size_t size;
    struct redis_reply **items; /* of a list; none is NULL */
    size_t count;
};

struct redis_arg {
    const void *bytes;
    size_t size;
};

#define REDIS_ARG(string)                                                                          \
    (struct redis_arg)                                                                             \
    {                                                                                              \
        .bytes = (string), .size = strlen(string)                                                  \
    }

/* As a decimal number, in arena. */
struct redis_arg redis_arg_int(struct arena *arena, int64_t number);

void redis_write_command(struct evbuffer *out, const struct redis_arg *args, size_t count);

int redis_reader_new(struct redis_reader **ret_reader);

/* NULL is fine. */
void redis_reader_free(struct redis_reader *reader);

/* More of what came. -AISHA_E_UPSTREAM when that is no reply, or one that is too large. */
AISHA_CHECKED int redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t size);

/* The next whole reply, or NULL when more has to come; what has come of one is in the arena of that
 * call. -AISHA_E_UPSTREAM as above. */
AISHA_CHECKED int redis_reader_next(struct redis_reader *reader, struct arena *arena,
                                    const struct redis_reply **ret_reply);

/* What was wrong, in one line without what came from outside. */
const char *redis_reader_error(const struct redis_reader *reader);

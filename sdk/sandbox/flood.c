#include "sdk/sandbox/flood.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "sdk/sandbox/clock.h"

enum {
    CHAT_BURST = 6,
    GROUP_PER_MINUTE = 20,
    GLOBAL_PER_SECOND = 30,
    PAID_PER_SECOND = 1000,
    MINUTE_MS = 60000,
    MOST_CHATS = 50000, /* remembered before the quiet ones are forgotten */
};

/* So many tokens may be spent at once, and come back at a rate. */
struct bucket {
    double spent;
    int64_t at_ms; /* of clock_steady_ms() */
};

struct chat {
    int64_t id;
    struct bucket bucket;
    int64_t *sent_at_ms; /* a group's newest messages, as a ring */
    int64_t next;        /* where in it the next one goes */
    int64_t banned_until_ms;
    UT_hash_handle hh;
};

struct flood {
    struct clock *clock;
    struct flood_limits limits;
    struct bucket global, paid;
    int64_t banned_until_ms;
    struct chat *chats;
};

struct flood_limits flood_defaults(bool enabled)
{
    return (struct flood_limits){.enabled = enabled,
                                 .chat_per_second = 1,
                                 .chat_burst = CHAT_BURST,
                                 .group_per_minute = GROUP_PER_MINUTE,
                                 .global_per_second = GLOBAL_PER_SECOND,
                                 .paid_per_second = PAID_PER_SECOND};
}

int flood_new(struct flood **ret_flood, struct clock *clock)
{
    struct flood *flood = calloc(1, sizeof *flood);

    if (!flood)
        return -ENOMEM;
    flood->clock = clock;
    flood->limits = flood_defaults(false);
    *ret_flood = flood;
    return 0;
}

static void forget(struct flood *flood, struct chat *chat)
{
    HASH_DEL(flood->chats, chat);
    free(chat->sent_at_ms);
    free(chat);
}

static void forget_all(struct flood *flood)
{
    struct chat *chat, *next;

    HASH_ITER(hh, flood->chats, chat, next)
    forget(flood, chat);
    flood->global = flood->paid = (struct bucket){0};
    flood->banned_until_ms = 0;
}

void flood_free(struct flood *flood)
{
    if (!flood)
        return;
    forget_all(flood);
    free(flood);
}

const struct flood_limits *flood_limits(const struct flood *flood)
{
    return &flood->limits;
}

void flood_set_limits(struct flood *flood, const struct flood_limits *limits)
{
    forget_all(flood);
    flood->limits = *limits;
}

static void refill(struct bucket *bucket, double per_second, int64_t now_ms)
{
    bucket->spent -= per_second * (double)(now_ms - bucket->at_ms) / 1000;
    if (bucket->spent < 0)
        bucket->spent = 0;
    bucket->at_ms = now_ms;
}

/* How long until so many more fit in; more than a burst fit when nothing is spent. */
static int64_t bucket_wait_ms(struct bucket *bucket, double per_second, double burst, int64_t count,
                              int64_t now_ms)
{
    refill(bucket, per_second, now_ms);
    double room = (double)count < burst ? burst - (double)count : 0;
    return bucket->spent > room ? (int64_t)ceil((bucket->spent - room) / per_second * 1000) : 0;
}

/* The quiet ones have nothing to remember. */
static void forget_quiet(struct flood *flood, int64_t now_ms)
{
    struct chat *chat, *next;

    HASH_ITER(hh, flood->chats, chat, next)
    if (now_ms - chat->bucket.at_ms > MINUTE_MS && chat->banned_until_ms < now_ms)
        forget(flood, chat);
}

static struct chat *find_chat(struct flood *flood, int64_t id, int64_t now_ms)
{
    struct chat *chat;

    HASH_FIND(hh, flood->chats, &id, sizeof id, chat);
    if (chat)
        return chat;
    if (HASH_COUNT(flood->chats) >= MOST_CHATS)
        forget_quiet(flood, now_ms);
    chat = calloc(1, sizeof *chat);
    if (!chat)
        abort();
    chat->id = id;
    if (id < 0) {
        size_t most = (size_t)flood->limits.group_per_minute;
        chat->sent_at_ms = malloc(most * sizeof *chat->sent_at_ms);
        if (!chat->sent_at_ms)
            abort();
        for (size_t i = 0; i < most; i++)
            chat->sent_at_ms[i] = now_ms - MINUTE_MS;
    }
    HASH_ADD(hh, flood->chats, id, sizeof chat->id, chat);
    return chat;
}

/* At most so many in any minute: as many of the oldest as are to come must be older than that. */
static int64_t group_wait_ms(const struct flood *flood, const struct chat *chat, int64_t count,
                             int64_t now_ms)
{
    int64_t most = flood->limits.group_per_minute;
    int64_t last = (chat->next + (count < most ? count : most) - 1) % most;
    int64_t wait_ms = chat->sent_at_ms[last] + MINUTE_MS - now_ms;

    return wait_ms > 0 ? wait_ms : 0;
}

static int64_t chat_wait_ms(struct flood *flood, struct chat *chat, int64_t count, int64_t now_ms)
{
    const struct flood_limits *limits = &flood->limits;

    return chat->id < 0 ? group_wait_ms(flood, chat, count, now_ms)
                        : bucket_wait_ms(&chat->bucket, limits->chat_per_second,
                                         (double)limits->chat_burst, count, now_ms);
}

static void count_in(struct flood *flood, struct chat *chat, int64_t count, int64_t now_ms)
{
    chat->bucket.spent += (double)count;
    chat->bucket.at_ms = now_ms;
    for (int64_t i = 0; chat->id < 0 && i < count; i++) {
        chat->sent_at_ms[chat->next] = now_ms;
        chat->next = (chat->next + 1) % flood->limits.group_per_minute;
    }
}

/* Refused for whole seconds, by which the ban then lasts. */
static int64_t ban(int64_t *banned_until_ms, int64_t wait_ms, int64_t now_ms)
{
    int64_t seconds = (wait_ms + 999) / 1000;

    *banned_until_ms = now_ms + seconds * 1000;
    return seconds;
}

/* A tenth above the rate, so that whoever keeps it exactly is not refused by a hair. */
static int64_t overall_wait_ms(struct bucket *bucket, double per_second, int64_t count,
                               int64_t now_ms)
{
    return bucket_wait_ms(bucket, per_second, per_second * 1.1, count, now_ms);
}

int64_t flood_send(struct flood *flood, int64_t chat_id, int64_t count, bool can_pay,
                   bool *ret_is_paid)
{
    const struct flood_limits *limits = &flood->limits;
    int64_t now_ms = clock_steady_ms(flood->clock);
    struct chat *chat = find_chat(flood, chat_id, now_ms);
    int64_t free_ms, paid_ms, wait_ms;

    if (chat->banned_until_ms > now_ms)
        return (chat->banned_until_ms - now_ms + 999) / 1000;
    if (flood->banned_until_ms > now_ms && !can_pay)
        return (flood->banned_until_ms - now_ms + 999) / 1000;
    wait_ms = chat_wait_ms(flood, chat, count, now_ms);
    if (wait_ms)
        return ban(&chat->banned_until_ms, wait_ms, now_ms);
    free_ms = overall_wait_ms(&flood->global, limits->global_per_second, count, now_ms);
    if (free_ms && !can_pay)
        return ban(&flood->banned_until_ms, free_ms, now_ms);
    paid_ms = overall_wait_ms(&flood->paid, limits->paid_per_second, count, now_ms);
    if (free_ms && paid_ms)
        return (paid_ms + 999) / 1000;
    *ret_is_paid = free_ms > 0;
    (free_ms ? &flood->paid : &flood->global)->spent += (double)count;
    count_in(flood, chat, count, now_ms);
    return 0;
}

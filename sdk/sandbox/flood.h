/*
 * Telegram's limits of how much a bot may send: so many messages to a chat, to a group, and
 * overall. What is too much is refused for a while, and asking again meanwhile changes nothing.
 *
 * Telegram does not publish them; these are the numbers that are known from its FAQ.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct clock;
struct flood;

struct flood_limits {
    bool enabled;
    double chat_per_second;   /* to a private chat, and */
    int64_t chat_burst;       /* so many at once */
    int64_t group_per_minute; /* to a group */
    double global_per_second; /* to all together */
    double paid_per_second;   /* more than these, when they are paid for */
};

int flood_new(struct flood **ret_flood, struct clock *clock);
void flood_free(struct flood *flood);

/* The usual numbers. */
struct flood_limits flood_defaults(bool enabled);

/* Setting them forgets what was sent before. */
const struct flood_limits *flood_limits(const struct flood *flood);
void flood_set_limits(struct flood *flood, const struct flood_limits *limits);

/*
 * Counts that many messages to a chat. 0, or for how many seconds they are refused. With can_pay
 * those above the overall limit are let through against payment; ret_is_paid says so.
 */
int64_t flood_send(struct flood *flood, int64_t chat_id, int64_t count, bool can_pay,
                   bool *ret_is_paid);

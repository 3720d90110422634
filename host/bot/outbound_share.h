/*
 * OUTBOUND_RATE over all hosts of the bot: what may be sent is taken from a bucket in Redis, as much
 * at a time as waits. While Redis cannot be reached each host takes the part of the rate that would be
 * its own if all who were there last sent as much as they may.
 */
#pragma once

#include <aisha/base.h>

struct cache;
struct loop;
struct outbound;
struct outbound_share;

/* rate: messages in a second. Borrows all three; nobody may send any more when they go. */
AISHA_CHECKED int outbound_share_start(struct outbound_share **ret_share, struct loop *loop,
                                       struct cache *cache, struct outbound *outbound, int rate);

/* After the loop has ended. NULL is fine. */
void outbound_share_free(struct outbound_share *share);

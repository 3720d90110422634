/*
 * What the files of the plugin share.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

enum { MAX_FILE_ID = 256, MAX_FILE_NAME = 256 };

/* The jobs' data: what to transcribe, and how far that is. */
struct order {
    char file_id[MAX_FILE_ID];
    char name[MAX_FILE_NAME]; /* of the file; "" = it has none */
    int64_t held;             /* for it, in hundredths of a credit; 0 = it is free */
    int64_t seconds;          /* as Telegram says, and once it has been decoded, as is paid for */
    bool is_file_sent;        /* of a long text */
};

/* Says what so many seconds cost, and waits for the person to accept that, if it is more than what is
 * held for the order, by the price at which it was. What is held no longer, of a job that is replayed,
 * is 0 from here on. 0, or AUDIO_OFFERED. */
enum { AUDIO_OFFERED = 1 };

AISHA_ASYNC AISHA_CHECKED int audio_offer(struct aisha_ctx *ctx, struct order *order,
                                          int64_t seconds);

/* Its text was delivered. What that cost and the job's end are one: who cancels it later is too late, and
 * does not read that nothing was charged. */
AISHA_ASYNC AISHA_CHECKED int audio_collect(struct aisha_ctx *ctx, const struct order *order);

/* Buttons under an offer; and the way back to it after a top-up. */
AISHA_ASYNC int on_pay(struct aisha_ctx *ctx);
AISHA_ASYNC int on_decline(struct aisha_ctx *ctx);
AISHA_ASYNC int on_resume(struct aisha_ctx *ctx);

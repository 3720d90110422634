/*
 * Whether what a plugin needs is there and works: rows of .health, asked by `aisha check` and, at
 * most once a minute each, by GET /readyz.
 *
 *     static AISHA_ASYNC int check_key(struct aisha_ctx *ctx)
 *     {
 *         ...
 *         if (answer->status == 401)
 *             return aisha_health(ctx, .state = AISHA_HEALTH_FAILED, .text = "the key is refused",
 *                                 .advice = "get a new one and put it into EXAMPLE_KEY");
 *         return 0;
 *     }
 */
#pragma once

#include <stddef.h>

#include <aisha/base.h>

struct aisha_ctx;

enum aisha_health_state {
    AISHA_HEALTH_OK = 0,
    AISHA_HEALTH_WARNING, /* the bot works, but somebody should look */
    AISHA_HEALTH_FAILED,  /* users meet errors until somebody has done something */
};

/*
 * A row of .health. Its function runs like a handler, without a chat or a person, for at most 10
 * seconds. Everything is well when it returns 0 and has said nothing else; a negative code means
 * that the check has failed, for the reason that it gave to aisha_fail().
 */
struct aisha_health_check {
    const char *name; /* unique within the plugin */
    int (*run)(struct aisha_ctx *ctx);
};

struct aisha_health_report {
    size_t size;
    enum aisha_health_state state;
    const char *text;   /* a few words: what was found, or what is wrong; no secrets */
    const char *advice; /* what to do about it; NULL = nothing */
};

/* Says how it is; the last call counts. Returns 0, to be returned. */
#define aisha_health(ctx, ...)                                                                     \
    aisha_health_((ctx), &(const struct aisha_health_report){                                      \
                             .size = sizeof(struct aisha_health_report), __VA_ARGS__})

AISHA_PUBLIC int aisha_health_(struct aisha_ctx *ctx, const struct aisha_health_report *report);

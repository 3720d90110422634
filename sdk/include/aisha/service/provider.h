/*
 * What long, paid work at another company has in common: trainer.h and images.h are made of it.
 *
 * Who wants such work starts it with an id of their own, within the transaction that also holds the
 * money for it, and is told of its end exactly once, within a transaction again. In between the
 * provider is responsible: it asks, is called, waits, repeats what may be repeated, and survives
 * kill -9 at every point.
 *
 * Who starts work names a service that its own plugin provides, the listener, so that it can be
 * found again after a restart:
 *
 *     static const struct aisha_images_listener listener = {
 *         .size = sizeof listener, .ended = on_drawn, .progress = on_progress};
 *     static const struct aisha_service services[] = {
 *         {.name = "pictures_drawn", .version = 1, .functions = &listener},
 *     };
 *
 * Both functions run as the plugin that provides the listener, for the person and in the place
 * where the work was started, with its screen.
 *
 * .ended runs within a transaction. It may write, enqueue jobs and wake them, and must not wait for
 * anything else; what it writes takes effect once, together with the mark that the end was told.
 * When it fails all of that is undone, and it is called again later.
 *
 * .progress may do anything, such as aisha_progress(); it may be called late, twice or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/base.h>

/* How far work is. */
enum aisha_work_phase {
    AISHA_WORK_WAITING = 1, /* for its turn: so many of one kind run at a time */
    AISHA_WORK_QUEUED,      /* at the provider */
    AISHA_WORK_RUNNING,
    AISHA_WORK_COLLECTING, /* it is done, its results are being fetched */
    AISHA_WORK_SUCCEEDED,
    AISHA_WORK_FAILED,
    AISHA_WORK_CANCELLED,
    AISHA_WORK_EXPIRED, /* it took too long, and was given up */
};

/* Why work failed. */
enum aisha_cause {
    AISHA_CAUSE_NONE = 0,
    /* What the person can mend: */
    AISHA_CAUSE_CONTENT_POLICY, /* not allowed there: other words, other pictures */
    AISHA_CAUSE_NO_FACE,        /* no face in the photos */
    AISHA_CAUSE_BAD_IMAGE,      /* too small, too large, broken, not a picture */
    /* What they cannot: */
    AISHA_CAUSE_OURS,         /* a mistake of the bot's or of its configuration */
    AISHA_CAUSE_PROVIDER,     /* the other company's */
    AISHA_CAUSE_OUT_OF_FUNDS, /* the operator's account is empty */
    AISHA_CAUSE_UNKNOWN,      /* nobody can tell whether the work was accepted */
};

/* Whether the person can do something about it. */
static inline bool aisha_cause_is_theirs(enum aisha_cause cause)
{
    return cause >= AISHA_CAUSE_CONTENT_POLICY && cause <= AISHA_CAUSE_BAD_IMAGE;
}

/* For .progress, and for who asks. */
struct aisha_work_status {
    size_t size;
    const char *id;    /* the provider's, as it was returned by the start */
    const char *op_id; /* the starter's */
    enum aisha_work_phase phase;
    int64_t position; /* how many are before it while it waits or is queued; -1 = not known */
    int percent;      /* 0 to 100; -1 = not known */
    const char *log;  /* the provider's last line, not for people; "" when there is none */
};

/* The end, whatever it is; part of what .ended gets. */
struct aisha_work_end {
    size_t size;
    const char *id, *op_id;
    enum aisha_work_phase phase; /* SUCCEEDED, FAILED, CANCELLED or EXPIRED */
    enum aisha_cause cause;      /* of a failure */
    const char *reason;          /* in English, for the log; "" when there is none */
    const char *model;           /* which did it; "" when none was asked */
    bool is_submitted;           /* the provider has had it, so it may cost although it failed */
};

enum {
    AISHA_WORK_EXISTS = 1 /* it was started before, by the same op_id: ret_id is that one's */
};

/*
 * Rows of provider_requests: what was ordered, how far it is, and what came of it. A row is written
 * before anything is asked of the provider. It is changed by the job that drives it, by webhooks and
 * by who cancels, none of which waits for another: each writes only over the version it has read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/aisha.h>
#include <aisha/service/provider.h>

#include "machine.h"

enum { REQUEST_COLLECT_S = 24 * 3600 }; /* so long results are tried to be fetched */

enum fal_kind { FAL_TRAINING, FAL_DRAWING };

struct fal_request {
    /* As ordered. */
    const char *user_id, *id, *job_id;
    const char *listener, *op_id;
    enum fal_kind kind;
    const char *order; /* JSON, written by orders.c */
    int64_t created_at;

    int64_t version; /* as it was read */
    struct fal_machine machine;
    const char *model;      /* that is or was asked; "" = none yet */
    int64_t turn;           /* of the models that have refused, how many */
    const char *upload_url; /* of a training's photos, once they are there; "" */
    const char *request_id; /* the provider's; "" = not known */
    const char *status_url, *response_url, *cancel_url;
    int64_t submits;        /* how often it was sent */
    int64_t unsure;         /* of those, how many nobody knows about */
    int64_t deadline_at;    /* of the state it is in */
    int64_t next_at;        /* not before: the next submit, or the next look */
    int64_t pauses;         /* how often it had to wait in a row */
    bool is_told_to_stop;   /* the provider is */
    int64_t ahead, percent; /* so many are before it; -1 = not known */
    const char *log;
    const char
        *answer; /* the provider's, JSON: a webhook's body or a result; "" = has to be fetched */
    const char *result; /* what was collected, JSON; "" */
    enum aisha_cause cause;
    const char *reason;
    bool is_delivered; /* the listener has been told of the end */
    int64_t ended_at;
    int64_t started_at; /* when its last turn came */
};

/* What its row has in every statement that reads it: SELECT FAL_COLUMNS FROM provider_requests … */
extern const char fal_columns[];

/* The request, from that row. */
void request_read(const struct aisha_rows *rows, size_t row, struct fal_request *ret);

/* Fills ret. -AISHA_E_NOT_FOUND. */
AISHA_ASYNC AISHA_CHECKED int request_load(struct aisha_ctx *ctx, const char *id,
                                           struct fal_request *ret);

/* The order as a statement; one of the same listener and op_id is left as it is. */
struct aisha_statement request_insert(struct aisha_ctx *ctx, const struct fal_request *request);

/* Everything that changes, over the version that was read. REQUEST_STALE: somebody else was faster, so
 * read it again and decide anew. */
enum { REQUEST_STALE = 1 };

AISHA_ASYNC AISHA_CHECKED int request_save(struct aisha_ctx *ctx, struct fal_request *request);

/* Lets the jobs of those go on that may have the places that are free now. */
AISHA_ASYNC AISHA_CHECKED int request_wake_next(struct aisha_ctx *ctx, const char *model);

/* For the transaction that decides whose turn it is: until it ends nobody else decides. */
AISHA_ASYNC AISHA_CHECKED int request_lock_model(struct aisha_ctx *ctx, const char *model);

/* How many that wait have their turn before it, and how many are at work. */
AISHA_ASYNC AISHA_CHECKED int request_place(struct aisha_ctx *ctx,
                                            const struct fal_request *request, int64_t *ret_before,
                                            int64_t *ret_active);

/* The phase that others see. */
enum aisha_work_phase request_phase(const struct fal_request *request);

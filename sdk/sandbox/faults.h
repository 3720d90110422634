/*
 * Failures to order: calls that are late, refused, answered with nonsense or not at all; updates
 * that come twice, in another order or not; users who block the bot. README.md lists them.
 *
 * An order waits for what it spoils: for so many times, or for so many seconds, or until it is
 * removed; always, or with a probability.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arena;
struct clock;
struct faults;

enum fault_kind {
    FAULT_CALL,
    FAULT_CHAOS,
    FAULT_FLOOD,
    FAULT_CONFLICT,
    FAULT_DUPLICATE,
    FAULT_REORDER,
    FAULT_LOST_WEBHOOK,
    FAULT_CUT_WEBHOOK,
    FAULT_BLOCK,
    FAULT_FAL_RUN,
    FAULT_FAL_WEBHOOK,
};

/* What happens to a call. */
struct fault {
    int64_t delay_ms;
    bool is_after;  /* the call takes effect first: only its answer goes wrong */
    bool is_answer; /* false when the call is answered as usual, if late, slowly or in part */
    bool is_drop;   /* the connection is closed without an answer */
    bool is_reset;  /* the same, by force */
    int status;     /* 0 for these */
    const char *content_type;
    const char *body;
    int64_t retry_after;      /* seconds, for the header; 0 = none */
    bool is_truncated;        /* half of the body comes */
    int64_t bytes_per_second; /* of the body; 0 = at once */
};

/* on_change(user) is called after the list has changed. */
int faults_new(struct faults **ret_faults, struct clock *clock, void (*on_change)(void *user),
               void *user);
void faults_free(struct faults *faults);

/* Orders that still wait for a number of events. */
size_t faults_waiting(const struct faults *faults);

/* Adds what /sandbox/faults was given; NULL when it is fine, or what is wrong with it. */
const char *faults_add(struct faults *faults, struct arena *arena, const cJSON *order,
                       int64_t *ret_id);

/* The orders with what is left of them: "id", "left" and "seconds_left" (null = no end). */
cJSON *faults_list(const struct faults *faults, struct arena *arena);

/* false when there is none of that id. */
bool faults_remove(struct faults *faults, int64_t id);
void faults_clear(struct faults *faults);

/* The fault for this call of method ("*" orders match all), or NULL. */
const struct fault *faults_take(struct faults *faults, struct arena *arena, const char *method);

/* Whether this event of that kind is spoilt. */
bool faults_take_kind(struct faults *faults, enum fault_kind kind);

/* What happens to this webhook of fal.ai (the order's "what"), or NULL. */
const char *faults_take_webhook(struct faults *faults, struct arena *arena);

/* What this run of a model of fal.ai ends with: the order, or NULL. */
const cJSON *faults_take_run(struct faults *faults, struct arena *arena, const char *model);

/* How many more events of that kind will be; -1 = no end. */
int64_t faults_left(const struct faults *faults, enum fault_kind kind);

/* For how many seconds calls about that chat (0 = none) are refused as too many; 0 = they are not. */
int64_t faults_flooded_s(const struct faults *faults, int64_t chat_id);

/* --- faults_order.c --- */

/* NULL when the order makes sense, or what is wrong with it. */
const char *fault_order_check(struct arena *arena, const cJSON *order, enum fault_kind *ret_kind);

/* An order as FAULT_CHAOS makes them, chosen by a number from 0 up to 1. */
const cJSON *fault_order_any(struct arena *arena, double chance);

/* What a FAULT_CALL order does to a call of that method; providers' errors have another shape. */
const struct fault *fault_order_make(struct arena *arena, const cJSON *order, const char *method);

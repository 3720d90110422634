/*
 * Failures to order: the next calls of a method are late, refused, answered with nonsense or not at
 * all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct arena;
struct faults;
struct http_exchange;
struct loop;

struct fault {
    int64_t delay_ms;
    bool is_after;  /* the call takes effect first: only its answer goes wrong */
    bool is_answer; /* false when there is only a delay */
    bool is_drop;   /* the connection is closed without an answer */
    int status;     /* 0 for a drop */
    const char *content_type;
    const char *body;
    int64_t retry_after; /* seconds, for the header; 0 = none */
};

int faults_new(struct faults **ret_faults);
void faults_free(struct faults *faults);
void faults_clear(struct faults *faults);

/* Orders that still wait for calls. */
size_t faults_waiting(const struct faults *faults);

/* Adds what /sandbox/faults was given; NULL when it is fine, or what is wrong with it. */
const char *faults_add(struct faults *faults, const cJSON *order);

/* The fault for this call of method ("*" orders match all), or NULL. */
const struct fault *faults_take(struct faults *faults, struct arena *arena, const char *method);

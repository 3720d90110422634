/*
 * What providers say when something is wrong with them: the errors that a fault can name.
 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "sdk/sandbox/faults.h"

struct arena;

/* Whether a call of that name is one to a provider, and not to the Bot API. */
bool provider_is_called(const char *method);

/* The body of an error that has no name. */
const char *provider_error(struct arena *arena, const char *method, int status,
                           const char *description);

/* NULL when the order's "error" and "what" are known, or what is wrong. */
const char *provider_order_check(struct arena *arena, const cJSON *order, enum fault_kind kind);

/* Sets status, body and headers of that error. */
void provider_set_error(struct arena *arena, const char *name, const cJSON *order,
                        struct fault *fault);

/* The end of a run of fal.ai's models with that error. */
struct provider_end {
    int status;
    bool is_model; /* a list of details, and not an error of the infrastructure */
    bool is_retryable;
    const char *message;
};

struct provider_end provider_run_end(const char *name);

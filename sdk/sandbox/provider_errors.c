#include "sdk/sandbox/provider_errors.h"

#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"

/* Errors of calls. OpenAI's have a type and a code; of fal.ai's the type is the error_type. */
static const struct call_error {
    const char *name;
    bool is_openai;
    int status;
    const char *type, *code, *message;
    int retry_after;
} call_errors[] = {
    {"fal_unauthorized", false, 401, NULL, NULL,
     "Cannot access application: invalid key credentials", 0},
    {"fal_locked", false, 403, NULL, NULL,
     "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
     0},
    {"fal_not_found", false, 404, NULL, NULL, "Application not found", 0},
    {"fal_expired", false, 404, NULL, NULL, "Request not found", 0},
    {"fal_rate_limit", false, 429, NULL, NULL, "Too many requests", 1},
    {"fal_bad_request", false, 400, "bad_request", NULL, "Bad request", 0},
    {"fal_internal", false, 500, "internal_error", NULL, "Internal Server Error", 0},
    {"fal_incomplete", false, 502, "runner_incomplete_response", NULL, "Incomplete response", 0},
    {"fal_unavailable", false, 503, "runner_scheduling_failure", NULL, "No runner available", 0},
    {"fal_timeout", false, 504, "request_timeout", NULL, "Request timed out", 0},
    {"openai_invalid_key", true, 401, "invalid_request_error", "invalid_api_key",
     "Incorrect API key provided.", 0},
    {"openai_country", true, 403, "request_forbidden", "unsupported_country_region_territory",
     "Country, region, or territory not supported", 0},
    {"openai_model", true, 404, "invalid_request_error", "model_not_found",
     "The model does not exist or you do not have access to it.", 0},
    {"openai_too_large", true, 413, "server_error", NULL,
     "Maximum content size limit (26214400) exceeded", 0},
    {"openai_rate_limit", true, 429, "rate_limit_error", "rate_limit_exceeded",
     "Rate limit reached. Please try again in 1s.", 1},
    {"openai_slow_down", true, 429, "rate_limit_error", "slow_down", "Slow down.", 1},
    {"openai_quota", true, 429, "insufficient_quota", "insufficient_quota",
     "You exceeded your current quota, please check your plan and billing details.", 0},
    {"openai_credit", true, 429, "insufficient_quota", "credit_balance_exhausted",
     "Your credit balance is exhausted.", 0},
    {"openai_spend_limit", true, 429, "insufficient_quota", "project_spend_limit_exceeded",
     "The spend limit of the project is exceeded.", 0},
    {"openai_server", true, 500, "server_error", NULL,
     "The server had an error while processing your request. Sorry about that!", 0},
    {"openai_overloaded", true, 503, "service_unavailable_error", "server_is_overloaded",
     "The engine is currently overloaded, please try again later", 0},
    {"openai_timeout", true, 408, "invalid_request_error", "timeout", "The request timed out.", 0},
};

/* How runs of fal.ai's models end. */
static const struct run_error {
    const char *name;
    struct provider_end end;
} run_errors[] = {
    {"internal_server_error", {500, true, true, "Internal server error"}},
    {"generation_timeout", {504, true, true, "Generation timeout"}},
    {"downstream_service_error", {400, true, true, "Downstream service error"}},
    {"downstream_service_unavailable", {500, true, true, "Downstream service unavailable"}},
    {"content_policy_violation",
     {422, true, false, "The content was flagged by a content checker"}},
    {"no_media_generated", {422, true, false, "No media was generated"}},
    {"face_detection_error", {422, true, false, "Could not detect face in the image"}},
    {"image_too_small", {422, true, false, "Image dimensions are too small"}},
    {"image_too_large", {422, true, false, "Image dimensions are too large"}},
    {"image_load_error", {422, true, false, "Failed to load the image"}},
    {"file_download_error", {422, true, false, "Failed to download the file"}},
    {"file_too_large", {422, true, false, "File size exceeds the limit"}},
    {"unsupported_image_format", {422, true, false, "Unsupported image format"}},
    {"feature_not_supported", {422, true, false, "Feature is not supported"}},
    {"value_error", {422, true, false, "Value error"}},
    {"request_timeout", {504, false, true, "Request timed out"}},
    {"startup_timeout", {504, false, true, "The runner did not start in time"}},
    {"runner_scheduling_failure", {503, false, true, "No runner available"}},
    {"runner_connection_timeout", {503, false, true, "Connection to the runner timed out"}},
    {"runner_disconnected", {503, false, true, "The runner has disconnected"}},
    {"runner_connection_refused", {503, false, true, "The runner refused the connection"}},
    {"runner_connection_error", {503, false, true, "Connection to the runner failed"}},
    {"runner_incomplete_response", {502, false, true, "Incomplete response"}},
    {"runner_server_error", {500, false, true, "The runner has failed"}},
    {"internal_error", {500, false, true, "Internal Server Error"}},
    {"client_cancelled", {499, false, false, "Request was cancelled"}},
    {"bad_request", {400, false, false, "Bad request"}},
};

static const char *const webhook_faults[] = {
    "retried", "no_payload", "lost", "doubled", "reordered", "forged", "stale", "unsigned", "cut"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

bool provider_is_called(const char *method)
{
    return strcmp(method, "transcription") == 0 || strncmp(method, "openai.", 7) == 0 ||
           strncmp(method, "fal.", 4) == 0;
}

static const char *openai_error(struct arena *arena, const char *type, const char *code,
                                const char *message)
{
    cJSON *body = json_keep(arena, cJSON_CreateObject());
    cJSON *error = cJSON_AddObjectToObject(body, "error");

    json_set_text(error, "message", message);
    json_set_text(error, "type", type);
    json_set(error, "param", cJSON_CreateNull());
    json_set(error, "code", code ? cJSON_CreateString(code) : cJSON_CreateNull());
    return json_text(arena, body);
}

static const char *fal_error(struct arena *arena, const char *type, const char *message)
{
    cJSON *body = json_keep(arena, cJSON_CreateObject());

    json_set_text(body, "detail", message);
    if (type)
        json_set_text(body, "error_type", type);
    return json_text(arena, body);
}

const char *provider_error(struct arena *arena, const char *method, int status,
                           const char *description)
{
    if (strncmp(method, "fal.", 4) == 0)
        return fal_error(arena, status >= 500 ? "internal_error" : NULL, description);
    return openai_error(arena,
                        status >= 500   ? "server_error"
                        : status == 429 ? "rate_limit_error"
                                        : "invalid_request_error",
                        NULL, description);
}

static const struct call_error *find_call_error(const char *name)
{
    for (size_t i = 0; i < COUNT(call_errors); i++)
        if (strcmp(call_errors[i].name, name) == 0)
            return &call_errors[i];
    return NULL;
}

static const struct run_error *find_run_error(const char *name)
{
    for (size_t i = 0; i < COUNT(run_errors); i++)
        if (strcmp(run_errors[i].name, name) == 0)
            return &run_errors[i];
    return NULL;
}

static bool is_webhook_fault(const char *what)
{
    for (size_t i = 0; i < COUNT(webhook_faults); i++)
        if (strcmp(webhook_faults[i], what) == 0)
            return true;
    return false;
}

const char *provider_order_check(struct arena *arena, const cJSON *order, enum fault_kind kind)
{
    const char *error = json_get_text(order, "error"), *what = json_get_text(order, "what");
    const char *known = "";

    if (kind == FAULT_FAL_WEBHOOK)
        return is_webhook_fault(what) ? NULL
                                      : "what must be lost, doubled, reordered, forged, stale,"
                                        " unsigned, cut, retried or no_payload";
    if (!error ||
        (kind == FAULT_CALL ? find_call_error(error) != NULL : find_run_error(error) != NULL))
        return NULL;
    for (size_t i = 0; i < (kind == FAULT_CALL ? COUNT(call_errors) : COUNT(run_errors)); i++)
        known = arena_printf(arena, "%s %s", known,
                             kind == FAULT_CALL ? call_errors[i].name : run_errors[i].name);
    return arena_printf(arena, "error must be one of:%s", known);
}

void provider_set_error(struct arena *arena, const char *name, const cJSON *order,
                        struct fault *fault)
{
    const struct call_error *error = find_call_error(name);
    const char *description = json_get_text(order, "description");
    const char *message = description ? description : error->message;

    fault->status = (int)json_get_int(order, "http", error->status);
    if (!fault->retry_after)
        fault->retry_after = error->retry_after;
    fault->body = error->is_openai ? openai_error(arena, error->type, error->code, message)
                                   : fal_error(arena, error->type, message);
}

struct provider_end provider_run_end(const char *name)
{
    return find_run_error(name)->end;
}

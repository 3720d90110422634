#include "sdk/sandbox/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "host/core/arena.h"
#include "sdk/sandbox/json.h"

enum { MOST_ORDERS = 1000, LONGEST_DELAY_MS = 600000 };

struct order {
    STAILQ_ENTRY(order) link;
    cJSON *order;
    int64_t count;
};

struct faults {
    STAILQ_HEAD(, order) orders;
    size_t count;
};

int faults_new(struct faults **ret_faults)
{
    struct faults *faults = calloc(1, sizeof *faults);

    if (!faults)
        return -ENOMEM;
    STAILQ_INIT(&faults->orders);
    *ret_faults = faults;
    return 0;
}

static void remove_order(struct faults *faults, struct order *order)
{
    STAILQ_REMOVE(&faults->orders, order, order, link);
    cJSON_Delete(order->order);
    free(order);
    faults->count--;
}

void faults_clear(struct faults *faults)
{
    while (!STAILQ_EMPTY(&faults->orders))
        remove_order(faults, STAILQ_FIRST(&faults->orders));
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    faults_clear(faults);
    free(faults);
}

size_t faults_waiting(const struct faults *faults)
{
    return faults->count;
}

static bool is_int_within(const cJSON *value, int64_t from, int64_t to)
{
    int64_t number;

    return !value || (json_to_int(value, &number) && number >= from && number <= to);
}

static bool is_bool(const cJSON *value)
{
    return !value || cJSON_IsBool(value);
}

static const char *check(const cJSON *order)
{
    static const char *const known[] = {"method",      "count",       "http",     "body",
                                        "error_code",  "description", "delay_ms", "html",
                                        "retry_after", "drop",        "after"};
    const cJSON *member, *description = json_get(order, "description");

    cJSON_ArrayForEach(member, order) {
        size_t i = 0, count = sizeof known / sizeof *known;
        while (i < count && strcmp(known[i], member->string) != 0)
            i++;
        if (i == count)
            return "unknown member: method, count, http, body, error_code, description,"
                   " retry_after, delay_ms, html, drop and after are known";
    }
    const char *method = json_get_text(order, "method");
    if (!method || !*method)
        return "method must be a text";
    if (!is_int_within(json_get(order, "count"), 1, 1000000))
        return "count must be a whole number from 1";
    if (!is_int_within(json_get(order, "http"), 200, 599) ||
        !is_int_within(json_get(order, "error_code"), 200, 599))
        return "http and error_code must be from 200 to 599";
    if (!is_int_within(json_get(order, "retry_after"), 0, 86400))
        return "retry_after must be seconds";
    if (!is_int_within(json_get(order, "delay_ms"), 0, LONGEST_DELAY_MS))
        return "delay_ms must be from 0 to 600000";
    if (description && !cJSON_IsString(description))
        return "description must be a text";
    if (!is_bool(json_get(order, "html")) || !is_bool(json_get(order, "drop")) ||
        !is_bool(json_get(order, "after")))
        return "html, drop and after must be true or false";
    return NULL;
}

const char *faults_add(struct faults *faults, const cJSON *order)
{
    const char *wrong = cJSON_IsObject(order) ? check(order) : "the body must be a JSON object";

    if (wrong)
        return wrong;
    if (faults->count == MOST_ORDERS)
        return "too many faults are waiting";
    struct order *added = calloc(1, sizeof *added);
    if (!added)
        return "out of memory";
    added->order = cJSON_Duplicate(order, true);
    added->count = json_get_int(order, "count", 1);
    STAILQ_INSERT_TAIL(&faults->orders, added, link);
    faults->count++;
    return NULL;
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {400, "Bad Request"},       {401, "Unauthorized"},
        {403, "Forbidden"},         {404, "Not Found"},
        {409, "Conflict"},          {413, "Request Entity Too Large"},
        {429, "Too Many Requests"}, {500, "Internal Server Error"},
        {502, "Bad Gateway"},       {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Error";
}

/* The Bot API's envelope for its methods, OpenAI's for a provider. */
static const char *error_body(struct arena *arena, const cJSON *order, int status, bool is_provider)
{
    cJSON *body = json_keep(arena, cJSON_CreateObject());
    const char *description = json_get_text(order, "description");
    int64_t retry_after = json_get_int(order, "retry_after", 0);

    if (!description)
        description =
            retry_after && !is_provider
                ? arena_printf(arena, "Too Many Requests: retry after %d", (int)retry_after)
                : reason(status);
    if (is_provider) {
        cJSON *error = cJSON_AddObjectToObject(body, "error");
        json_set_text(error, "message", description);
        json_set_text(error, "type",
                      status >= 500   ? "server_error"
                      : status == 429 ? "rate_limit_error"
                                      : "invalid_request_error");
        cJSON_AddNullToObject(error, "param");
        cJSON_AddNullToObject(error, "code");
        return json_text(arena, body);
    }
    json_set_bool(body, "ok", false);
    json_set_int(body, "error_code", json_get_int(order, "error_code", status));
    json_set_text(body, "description", description);
    if (retry_after)
        json_set_int(cJSON_AddObjectToObject(body, "parameters"), "retry_after", retry_after);
    return json_text(arena, body);
}

static const struct fault *make(struct arena *arena, const cJSON *order, bool is_provider)
{
    struct fault *fault = arena_alloc(arena, sizeof *fault);
    const cJSON *body = json_get(order, "body");
    int usual = json_get(order, "retry_after") ? 429 : json_get_bool(order, "html") ? 502 : 500;

    usual = (int)json_get_int(order, "error_code", body ? 200 : usual);
    fault->delay_ms = json_get_int(order, "delay_ms", 0);
    fault->is_after = json_get_bool(order, "after");
    fault->is_drop = json_get_bool(order, "drop");
    fault->status = (int)json_get_int(order, "http", usual);
    if (fault->is_drop)
        fault->status = 0;
    fault->retry_after = json_get_int(order, "retry_after", 0);
    fault->is_answer = body || fault->is_drop || json_get_bool(order, "html") ||
                       json_get(order, "http") || json_get(order, "error_code") ||
                       json_get(order, "retry_after") || json_get(order, "description");
    fault->content_type = "application/json";
    if (json_get_bool(order, "html")) {
        fault->content_type = "text/html";
        fault->body = arena_printf(arena, "<html><body><h1>%d %s</h1></body></html>\n",
                                   fault->status, reason(fault->status));
    } else if (cJSON_IsString(body)) {
        fault->body = arena_strdup(arena, body->valuestring);
    } else if (body) {
        fault->body = json_text(arena, body);
    } else {
        fault->body = error_body(arena, order, fault->status, is_provider);
    }
    return fault;
}

const struct fault *faults_take(struct faults *faults, struct arena *arena, const char *method)
{
    bool is_provider = strcmp(method, "transcription") == 0;
    struct order *order;

    STAILQ_FOREACH(order, &faults->orders, link) {
        const char *wanted = json_get_text(order->order, "method");
        if (strcmp(wanted, "*") != 0 && strcasecmp(wanted, method) != 0)
            continue;
        const struct fault *fault = make(arena, order->order, is_provider);
        if (--order->count == 0)
            remove_order(faults, order);
        return fault;
    }
    return NULL;
}

/*
 * What an order may say, as tables, and what it does to a call.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/provider_errors.h"

enum { LONGEST_DELAY_MS = 3600000, LONGEST_S = 86400, MOST_TIMES = 1000000 };

enum member_type { ANY, TEXT, BOOL, WHOLE, CHANCE };

static const struct member {
    const char *name;
    enum member_type type;
    int64_t least, most;
} members[] = {
    {"fault", TEXT},
    {"method", TEXT},
    {"count", WHOLE, 1, MOST_TIMES},
    {"seconds", WHOLE, 1, LONGEST_S},
    {"probability", CHANCE},
    {"seed", WHOLE, 0, INT32_MAX},
    {"http", WHOLE, 200, 599},
    {"error_code", WHOLE, 200, 599},
    {"description", TEXT},
    {"retry_after", WHOLE, 0, LONGEST_S},
    {"body", ANY},
    {"html", BOOL},
    {"drop", BOOL},
    {"reset", BOOL},
    {"after", BOOL},
    {"delay_ms", WHOLE, 0, LONGEST_DELAY_MS},
    {"truncate", BOOL},
    {"bytes_per_second", WHOLE, 1, 1000000000},
    {"chat_id", WHOLE, INT64_C(-9007199254740991), INT64_C(9007199254740991)},
    {"user_id", WHOLE, 1, INT64_C(9007199254740991)},
    {"what", TEXT},
    {"error", TEXT},
    {"model", TEXT},
};

/* The members it may have, and the one it must have. */
static const struct kind {
    const char *name, *members, *required;
} kinds[] = {
    [FAULT_CALL] = {"call",
                    " method count seconds probability seed http error_code description retry_after"
                    " body html drop reset after delay_ms truncate bytes_per_second error ",
                    "method"},
    [FAULT_CHAOS] = {"chaos", " probability seed count seconds ", "probability"},
    [FAULT_FLOOD] = {"flood", " chat_id seconds ", "seconds"},
    [FAULT_CONFLICT] = {"conflict", " count seconds probability seed ", NULL},
    [FAULT_DUPLICATE] = {"duplicate", " count seconds probability seed ", NULL},
    [FAULT_REORDER] = {"reorder", " count ", "count"},
    [FAULT_LOST_WEBHOOK] = {"lost_webhook", " count seconds probability seed ", NULL},
    [FAULT_CUT_WEBHOOK] = {"cut_webhook", " count seconds probability seed ", NULL},
    [FAULT_BLOCK] = {"block", " user_id ", "user_id"},
    [FAULT_FAL_RUN] = {"fal_run", " error model http description count seconds probability seed ",
                       "error"},
    [FAULT_FAL_WEBHOOK] = {"fal_webhook", " what count seconds probability seed ", "what"},
};

static const char *check_value(struct arena *arena, const struct member *member, const cJSON *value)
{
    int64_t number;

    switch (member->type) {
    case ANY:
        return NULL;
    case TEXT:
        return cJSON_IsString(value) && *value->valuestring
                   ? NULL
                   : arena_printf(arena, "%s must be a text", member->name);
    case BOOL:
        return cJSON_IsBool(value) ? NULL
                                   : arena_printf(arena, "%s must be true or false", member->name);
    case WHOLE:
        return json_to_int(value, &number) && number >= member->least && number <= member->most
                   ? NULL
                   : arena_printf(arena, "%s must be a whole number from %lld to %lld",
                                  member->name, (long long)member->least, (long long)member->most);
    case CHANCE:
        return cJSON_IsNumber(value) && value->valuedouble > 0 && value->valuedouble <= 1
                   ? NULL
                   : arena_printf(arena, "%s must be above 0 and at most 1", member->name);
    }
    return NULL;
}

static const struct member *find_member(const char *name)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static bool find_kind(const char *name, enum fault_kind *ret_kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret_kind = (enum fault_kind)i;
            return true;
        }
    }
    return false;
}

const char *fault_order_check(struct arena *arena, const cJSON *order, enum fault_kind *ret_kind)
{
    const cJSON *item, *name = json_get(order, "fault");
    enum fault_kind kind = FAULT_CALL;

    if (!cJSON_IsObject(order))
        return "the body must be a JSON object";
    if (name && (!cJSON_IsString(name) || !find_kind(name->valuestring, &kind)))
        return "fault must be call, chaos, flood, conflict, duplicate, reorder, lost_webhook,"
               " cut_webhook, block, fal_run or fal_webhook";
    cJSON_ArrayForEach(item, order) {
        const struct member *member = find_member(item->string);
        const char *allowed = kinds[kind].members;
        if (!member ||
            (item != name && !strstr(allowed, arena_printf(arena, " %s ", item->string))))
            return arena_printf(arena, "%s is not known for %s; these are:%s", item->string,
                                kinds[kind].name, allowed);
        const char *wrong = check_value(arena, member, item);
        if (wrong)
            return wrong;
    }
    if (kinds[kind].required && !json_get(order, kinds[kind].required))
        return arena_printf(arena, "%s is missing", kinds[kind].required);
    const char *wrong = provider_order_check(arena, order, kind);
    if (wrong)
        return wrong;
    *ret_kind = kind;
    return NULL;
}

const cJSON *fault_order_any(struct arena *arena, double chance)
{
    static const char *const orders[] = {
        "{\"retry_after\":1}", "{\"http\":500}",
        "{\"html\":true}",     "{\"html\":true,\"http\":504,\"after\":true}",
        "{\"drop\":true}",     "{\"drop\":true,\"after\":true}",
        "{\"reset\":true}",    "{\"reset\":true,\"after\":true}",
        "{\"delay_ms\":300}",  "{\"delay_ms\":100,\"after\":true,\"drop\":true}",
        "{\"truncate\":true}", "{\"bytes_per_second\":5000}",
    };
    const char *text = orders[(size_t)(chance * (sizeof orders / sizeof *orders))];

    return json_parse(arena, text, strlen(text));
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

static const char *error_body(struct arena *arena, const cJSON *order, int status,
                              const char *method)
{
    cJSON *body = json_keep(arena, cJSON_CreateObject());
    const char *description = json_get_text(order, "description");
    int64_t retry_after = json_get_int(order, "retry_after", 0);

    if (!description)
        description =
            retry_after && !provider_is_called(method)
                ? arena_printf(arena, "Too Many Requests: retry after %d", (int)retry_after)
                : reason(status);
    if (provider_is_called(method))
        return provider_error(arena, method, status, description);
    json_set_bool(body, "ok", false);
    json_set_int(body, "error_code", json_get_int(order, "error_code", status));
    json_set_text(body, "description", description);
    if (retry_after)
        json_set_int(cJSON_AddObjectToObject(body, "parameters"), "retry_after", retry_after);
    return json_text(arena, body);
}

static bool answers(const cJSON *order)
{
    static const char *const names[] = {"body",        "http",        "error_code",
                                        "retry_after", "description", "error"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_get(order, names[i]))
            return true;
    return json_get_bool(order, "html") || json_get_bool(order, "drop") ||
           json_get_bool(order, "reset");
}

const struct fault *fault_order_make(struct arena *arena, const cJSON *order, const char *method)
{
    struct fault *fault = arena_alloc(arena, sizeof *fault);
    const cJSON *body = json_get(order, "body");
    int usual = json_get(order, "retry_after") ? 429 : json_get_bool(order, "html") ? 502 : 500;

    usual = (int)json_get_int(order, "error_code", body ? 200 : usual);
    *fault = (struct fault){
        .delay_ms = json_get_int(order, "delay_ms", 0),
        .is_after = json_get_bool(order, "after"),
        .is_answer = answers(order),
        .is_drop = json_get_bool(order, "drop"),
        .is_reset = json_get_bool(order, "reset"),
        .status = (int)json_get_int(order, "http", usual),
        .content_type = "application/json",
        .retry_after = json_get_int(order, "retry_after", 0),
        .is_truncated = json_get_bool(order, "truncate"),
        .bytes_per_second = json_get_int(order, "bytes_per_second", 0),
    };
    if (json_get(order, "error")) {
        provider_set_error(arena, json_get_text(order, "error"), order, fault);
    } else if (json_get_bool(order, "html")) {
        fault->content_type = "text/html";
        fault->body = arena_printf(arena, "<html><body><h1>%d %s</h1></body></html>\n",
                                   fault->status, reason(fault->status));
    } else if (cJSON_IsString(body)) {
        fault->body = arena_strdup(arena, body->valuestring);
    } else if (body) {
        fault->body = json_text(arena, body);
    } else {
        fault->body = error_body(arena, order, fault->status, method);
    }
    if (fault->is_drop || fault->is_reset)
        fault->status = 0;
    return fault;
}

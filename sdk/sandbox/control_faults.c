/*
 * The control API: what goes wrong, and how much is too much.
 */
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "host/io/http_server.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/flood.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"

enum { HIGHEST_RATE = 1000000 };

void control_list_faults(struct control *control)
{
    cJSON *answer = control_object(control);

    json_set_copy(answer, "faults", faults_list(control->sandbox->faults, control->arena));
    respond_json(control->exchange, 200, answer);
}

static int64_t blocking_user(const cJSON *order)
{
    const char *kind = json_get_text(order, "fault");

    return kind && strcmp(kind, "block") == 0 ? json_get_int(order, "user_id", 0) : 0;
}

void control_order_fault(struct control *control)
{
    cJSON *answer = control_object(control);
    int64_t id, user_id = blocking_user(control->body);

    if (user_id && !control_user(control, user_id))
        return;
    const char *wrong = faults_add(control->sandbox->faults, control->arena, control->body, &id);
    if (wrong) {
        control_fail(control, 400, "%s", wrong);
        return;
    }
    if (user_id)
        control_set_blocked(control, user_id, true);
    json_set_int(answer, "id", id);
    respond_json(control->exchange, 200, answer);
}

void control_remove_faults(struct control *control)
{
    struct faults *faults = control->sandbox->faults;
    const cJSON *orders = faults_list(faults, control->arena), *order;
    int64_t id;

    if (!control_number(control, "id", 0, &id))
        return;
    if (!id) {
        faults_clear(faults);
    } else if (!faults_remove(faults, id)) {
        control_fail(control, 404, "there is no fault of that id");
        return;
    }
    cJSON_ArrayForEach(order, orders) {
        int64_t user_id = blocking_user(order);
        if (user_id && (!id || id == json_get_int(order, "id", 0)))
            control_set_blocked(control, user_id, false);
    }
    respond_json(control->exchange, 200, control_object(control));
}

/* A number of the limits, by its name in the API. */
static const struct rate {
    const char *name;
    size_t offset;
    bool is_whole;
} rates[] = {
    {"chat_per_second", offsetof(struct flood_limits, chat_per_second), false},
    {"chat_burst", offsetof(struct flood_limits, chat_burst), true},
    {"group_per_minute", offsetof(struct flood_limits, group_per_minute), true},
    {"global_per_second", offsetof(struct flood_limits, global_per_second), false},
    {"paid_per_second", offsetof(struct flood_limits, paid_per_second), false},
};

enum { RATES = sizeof rates / sizeof *rates };

static double get_rate(const struct flood_limits *limits, const struct rate *rate)
{
    const char *field = (const char *)limits + rate->offset;

    return rate->is_whole ? (double)*(const int64_t *)field : *(const double *)field;
}

static void set_rate(struct flood_limits *limits, const struct rate *rate, double value)
{
    char *field = (char *)limits + rate->offset;

    if (rate->is_whole)
        *(int64_t *)field = (int64_t)value;
    else
        *(double *)field = value;
}

cJSON *control_describe_limits(struct control *control)
{
    const struct flood_limits *limits = flood_limits(control->sandbox->flood);
    cJSON *answer = control_object(control);

    json_set_bool(answer, "enabled", limits->enabled);
    for (size_t i = 0; i < RATES; i++)
        json_set(answer, rates[i].name, cJSON_CreateNumber(get_rate(limits, &rates[i])));
    return answer;
}

void control_get_limits(struct control *control)
{
    respond_json(control->exchange, 200, control_describe_limits(control));
}

/* NULL, or what is wrong. */
static const char *read_limit(struct control *control, const cJSON *item,
                              struct flood_limits *limits)
{
    size_t i = 0;

    if (strcmp(item->string, "enabled") == 0) {
        limits->enabled = cJSON_IsTrue(item);
        return cJSON_IsBool(item) ? NULL : "enabled must be true or false";
    }
    while (i < RATES && strcmp(rates[i].name, item->string) != 0)
        i++;
    if (i == RATES)
        return arena_printf(control->arena, "%s is not known", item->string);
    if (!cJSON_IsNumber(item) || item->valuedouble <= 0 || item->valuedouble > HIGHEST_RATE ||
        (rates[i].is_whole && !json_is_int(item)))
        return arena_printf(control->arena, "%s must be a %s up to %d", item->string,
                            rates[i].is_whole ? "whole number from 1" : "number above 0",
                            HIGHEST_RATE);
    set_rate(limits, &rates[i], item->valuedouble);
    return NULL;
}

void control_set_limits(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    struct flood_limits limits = *flood_limits(sandbox->flood);
    const char *wrong = NULL;
    const cJSON *item;

    cJSON_ArrayForEach(item, control->body) {
        if (!wrong)
            wrong = read_limit(control, item, &limits);
    }
    if (wrong) {
        control_fail(control, 400, "%s", wrong);
        return;
    }
    flood_set_limits(sandbox->flood, &limits);
    sandbox_emit(sandbox, "limits", 0, NULL);
    control_get_limits(control);
}

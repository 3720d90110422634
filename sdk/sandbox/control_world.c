/*
 * The control API: how the world around the bot behaves, and its end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/core/arena.h"
#include "sdk/sandbox/clock.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/faults.h"
#include "sdk/sandbox/flood.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"
#include "sdk/sandbox/updates.h"
#include "sdk/sandbox/webhook.h"
#include "sdk/sandbox/world.h"

#define LONGEST_ADVANCE_S 315360000.0 /* ten years */

enum { MOST_TRANSCRIPTS = 1000 };

cJSON *control_describe_clock(struct control *control)
{
    const struct clock *clock = control->sandbox->clock;
    cJSON *description = control_object(control);

    json_set_int(description, "now", clock_now(clock));
    json_set(description, "offset_s", cJSON_CreateNumber((double)clock_offset_ms(clock) / 1000));
    return description;
}

void control_get_clock(struct control *control)
{
    respond_json(control->exchange, 200, control_describe_clock(control));
}

/* The offset that the body asks for. false after having answered. */
static bool wanted_offset(struct control *control, int64_t *ret_offset_ms)
{
    const struct clock *clock = control->sandbox->clock;
    const cJSON *advance = json_get(control->body, "advance_s"), *now;
    int64_t offset_ms = clock_offset_ms(clock);
    double advance_s = cJSON_IsNumber(advance) ? advance->valuedouble : -1;

    if (cJSON_GetArraySize(control->body) != 1) {
        control_fail(control, 400, "one of advance_s, now and reset is wanted");
        return false;
    }
    if (advance && advance_s >= 0 && advance_s <= LONGEST_ADVANCE_S) {
        *ret_offset_ms = offset_ms + (int64_t)(advance_s * 1000);
        return true;
    }
    if (json_get_bool(control->body, "reset")) {
        *ret_offset_ms = 0;
        return true;
    }
    now = json_get(control->body, "now");
    if (json_is_int(now) && now->valuedouble > 0 && now->valuedouble <= INT32_MAX) {
        *ret_offset_ms =
            offset_ms + json_get_int(control->body, "now", 0) * 1000 - clock_now_ms(clock);
        return true;
    }
    control_fail(control, 400,
                 "advance_s must be seconds from 0, now a Unix time, or reset must be true");
    return false;
}

void control_set_clock(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;
    int64_t offset_ms;

    if (!wanted_offset(control, &offset_ms))
        return;
    if (clock_now(sandbox->clock) + (offset_ms - clock_offset_ms(sandbox->clock)) / 1000 >
        INT32_MAX) {
        control_fail(control, 400, "Telegram's dates end in 2038");
        return;
    }
    sandbox_move_clock(sandbox, offset_ms);
    respond_json(control->exchange, 200, control_describe_clock(control));
}

void control_script_transcription(struct control *control)
{
    cJSON *texts = json_get(control->body, "texts"), *text;

    if (texts && (!cJSON_IsArray(texts) || cJSON_GetArraySize(texts) > MOST_TRANSCRIPTS)) {
        control_fail(control, 400, "texts must be a list of at most 1000 texts");
        return;
    }
    cJSON_ArrayForEach(text, texts) {
        if (!cJSON_IsString(text)) {
            control_fail(control, 400, "texts must be a list of texts");
            return;
        }
    }
    cJSON_Delete(control->sandbox->transcripts);
    control->sandbox->transcripts = texts ? cJSON_Duplicate(texts, true) : cJSON_CreateArray();
    respond_json(control->exchange, 200, control_object(control));
}

void control_reset(struct control *control)
{
    struct sandbox *sandbox = control->sandbox;

    webhook_change(sandbox->webhook, NULL);
    world_reset(sandbox->world);
    updates_clear(sandbox->updates);
    fal_reset(sandbox->fal);
    openai_done(&sandbox->openai);
    openai_start(&sandbox->openai, sandbox->world);
    faults_clear(sandbox->faults);
    flood_set_limits(sandbox->flood, &sandbox->limits);
    clock_set_offset(sandbox->clock, 0);
    sandbox->poll = (struct sandbox_poll){.waiting = sandbox->poll.waiting,
                                          .seen_at_ms = sandbox->poll.seen_at_ms,
                                          .launched_at_ms = clock_steady_ms(sandbox->clock)};
    cJSON_Delete(sandbox->transcripts);
    sandbox->transcripts = cJSON_CreateArray();
    sandbox_emit(sandbox, "reset", 0, NULL);
    respond_json(control->exchange, 200, control_object(control));
}

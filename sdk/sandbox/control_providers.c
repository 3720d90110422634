/*
 * The control API: how the providers behave.
 */
#include "host/core/arena.h"
#include "sdk/sandbox/control.h"
#include "sdk/sandbox/fal.h"
#include "sdk/sandbox/fal_sign.h"
#include "sdk/sandbox/json.h"
#include "sdk/sandbox/sandbox.h"

void control_get_fal(struct control *control)
{
    const struct fal *fal = control->sandbox->fal;
    cJSON *answer = fal_describe_settings(fal, control->arena);

    json_set_int(answer, "queued", (int64_t)fal_count(fal, false));
    json_set_int(answer, "running", (int64_t)fal_count(fal, true));
    respond_json(control->exchange, 200, answer);
}

void control_set_fal(struct control *control)
{
    const char *wrong = fal_set_settings(control->sandbox->fal, control->arena, control->body);

    if (wrong)
        control_fail(control, 400, "%s", wrong);
    else
        control_get_fal(control);
}

void control_rotate_fal_key(struct control *control)
{
    fal_rotate_key(control->sandbox->fal, json_get_bool(control->body, "sudden"));
    respond_json(control->exchange, 200, control_object(control));
}

void control_get_openai(struct control *control)
{
    respond_json(control->exchange, 200,
                 openai_describe(&control->sandbox->openai, control->arena));
}

void control_set_openai(struct control *control)
{
    const char *wrong = openai_change(&control->sandbox->openai, control->arena, control->body);

    if (wrong)
        control_fail(control, 400, "%s", wrong);
    else
        control_get_openai(control);
}

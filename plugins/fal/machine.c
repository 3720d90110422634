#include "machine.h"

#include <stddef.h>
#include <string.h>

/* Stays where it is; all that is not in the table. (FAL_WAITING itself is 0.) */
#define TO(state) ((state) + 1)

/* clang-format off */
static const unsigned char next[FAL_STATE_COUNT][FAL_EVENT_COUNT] = {
    [FAL_WAITING] = {
        [FAL_TURN] = TO(FAL_SUBMITTING),
        /* Of an earlier submit of which nobody knew. */
        [FAL_DONE] = TO(FAL_COLLECTING),
        [FAL_ERROR] = TO(FAL_FAILED),
        [FAL_CANCEL] = TO(FAL_CANCELLED),
        [FAL_DEADLINE] = TO(FAL_EXPIRED),
    },
    [FAL_SUBMITTING] = {
        [FAL_ACCEPTED] = TO(FAL_SUBMITTED),
        [FAL_DECLINED] = TO(FAL_WAITING),
        [FAL_REPEAT] = TO(FAL_WAITING),
        /* The webhook was faster than the answer, or there was no answer. */
        [FAL_DONE] = TO(FAL_COLLECTING),
        [FAL_ERROR] = TO(FAL_FAILED),
        [FAL_STOPPED] = TO(FAL_CANCELLED),
        [FAL_DEADLINE] = TO(FAL_EXPIRED),
    },
    [FAL_SUBMITTED] = {
        [FAL_IN_QUEUE] = TO(FAL_QUEUED),
        [FAL_IN_PROGRESS] = TO(FAL_RUNNING),
        [FAL_DONE] = TO(FAL_COLLECTING),
        [FAL_ERROR] = TO(FAL_FAILED),
        [FAL_STOPPED] = TO(FAL_CANCELLED),
        [FAL_DEADLINE] = TO(FAL_EXPIRED),
    },
    [FAL_QUEUED] = {
        [FAL_IN_PROGRESS] = TO(FAL_RUNNING),
        [FAL_DONE] = TO(FAL_COLLECTING),
        [FAL_ERROR] = TO(FAL_FAILED),
        [FAL_STOPPED] = TO(FAL_CANCELLED),
        [FAL_DEADLINE] = TO(FAL_EXPIRED),
    },
    [FAL_RUNNING] = {
        [FAL_DONE] = TO(FAL_COLLECTING),
        [FAL_ERROR] = TO(FAL_FAILED),
        [FAL_STOPPED] = TO(FAL_CANCELLED),
        [FAL_DEADLINE] = TO(FAL_EXPIRED),
    },
    /* It is paid for: it is not given up because somebody does not want it or because it is late. */
    [FAL_COLLECTING] = {
        [FAL_COLLECTED] = TO(FAL_SUCCEEDED),
        [FAL_ERROR] = TO(FAL_FAILED),
    },
};

/* clang-format on */

bool fal_machine_apply(struct fal_machine *machine, enum fal_event event)
{
    unsigned char to = next[machine->state][event];

    if (to) {
        machine->state = (enum fal_state)(to - 1);
        /* Sent back to wait while nobody wanted it. */
        if (machine->state == FAL_WAITING && machine->is_unwanted)
            machine->state = FAL_CANCELLED;
        return true;
    }
    if (event != FAL_CANCEL || machine->is_unwanted || !fal_state_is_active(machine->state))
        return false;
    machine->is_unwanted = true;
    return true;
}

bool fal_state_is_end(enum fal_state state)
{
    return state >= FAL_SUCCEEDED;
}

bool fal_state_is_active(enum fal_state state)
{
    return state >= FAL_SUBMITTING && state <= FAL_RUNNING;
}

static const char *const names[FAL_STATE_COUNT] = {
    [FAL_WAITING] = "waiting",     [FAL_SUBMITTING] = "submitting", [FAL_SUBMITTED] = "submitted",
    [FAL_QUEUED] = "queued",       [FAL_RUNNING] = "running",       [FAL_COLLECTING] = "collecting",
    [FAL_SUCCEEDED] = "succeeded", [FAL_FAILED] = "failed",         [FAL_CANCELLED] = "cancelled",
    [FAL_EXPIRED] = "expired",
};

const char *fal_state_name(enum fal_state state)
{
    return names[state];
}

int fal_state_of_name(const char *name)
{
    for (int i = 0; name && i < FAL_STATE_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

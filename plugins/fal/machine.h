/*
 * The life of a request, as a function without memory: which event leads from which state to which.
 * What asks (the job), what is called (the webhook) and who ordered (cancelling) all go through it, in
 * any order and as often as they like.
 *
 *     waiting → submitting → submitted → queued → running → collecting → succeeded
 *
 * An event that does not fit changes nothing: a state is never left backwards, but for a submit that
 * certainly was not accepted, or that is given up by the operator's policy; and an end is never
 * left.
 */
#pragma once

#include <stdbool.h>

enum fal_state {
    FAL_WAITING,    /* for its turn; nothing of it is under way */
    FAL_SUBMITTING, /* it is being sent, or was, and nobody knows whether it arrived */
    FAL_SUBMITTED,  /* the provider has it and has given it an id */
    FAL_QUEUED,
    FAL_RUNNING,
    FAL_COLLECTING, /* the provider has done it; its results are not with us yet */
    FAL_SUCCEEDED,
    FAL_FAILED,
    FAL_CANCELLED,
    FAL_EXPIRED,
    FAL_STATE_COUNT,
};

enum fal_event {
    FAL_TURN,     /* it may be submitted now */
    FAL_ACCEPTED, /* the submit was answered with an id */
    FAL_DECLINED, /* the submit was certainly not accepted; later, or by another model */
    FAL_REPEAT,   /* nobody knows about the submit, and it shall be made again */
    FAL_IN_QUEUE, /* the provider says so */
    FAL_IN_PROGRESS,
    FAL_DONE,      /* the provider says that it is done, and well */
    FAL_COLLECTED, /* its results are in our store */
    FAL_ERROR,     /* it cannot be done, whoever says so */
    FAL_CANCEL,    /* it is not wanted any more */
    FAL_STOPPED,   /* the provider has stopped it for us */
    FAL_DEADLINE,  /* it took too long */
    FAL_EVENT_COUNT,
};

struct fal_machine {
    enum fal_state state;
    bool is_unwanted; /* the provider has to be told */
};

/* Whether anything has changed. */
bool fal_machine_apply(struct fal_machine *machine, enum fal_event event);

bool fal_state_is_end(enum fal_state state);

/* Whether it takes one of the places that a model has. */
bool fal_state_is_active(enum fal_state state);

/* "waiting", …; and the state of a name, or -1. */
const char *fal_state_name(enum fal_state state);
int fal_state_of_name(const char *name);

/*
 * Updates that arrive one by one, from many connections at once: those that come while a commit
 * runs share the next one.
 */
#pragma once

#include <cjson/cJSON.h>

#include <aisha/base.h>

struct inbox;
struct inbox_gate;
struct loop;

int inbox_gate_new(struct inbox_gate **ret_gate, struct loop *loop, struct inbox *inbox);

/* After the loop has ended. NULL is fine. */
void inbox_gate_free(struct inbox_gate *gate);

/*
 * Takes the update, which was read from text, in any case. 0 when it is on disk, or was seen before:
 * it may be acknowledged. Not ended by cancelling: the caller may be gone, the update stays.
 */
AISHA_ASYNC AISHA_CHECKED int inbox_gate_receive(struct inbox_gate *gate, cJSON *update,
                                                 const char *text);

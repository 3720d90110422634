/*
 * Which handler an update is for: a command, a pressed button, the answer to a question, a kind of
 * message, another kind of update, and last the host's own "I did not understand".
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

/* An album is for somebody who takes its messages one by one. Not in the way of AISHA_PASS. */
enum { ROUTER_SPLIT = 2 };

/* Finds the handler and runs it; its result is the result, or ROUTER_SPLIT. ctx has been read. */
AISHA_ASYNC AISHA_CHECKED int router_run(struct aisha_ctx *ctx);

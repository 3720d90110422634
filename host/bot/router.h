/*
 * Which handler an update is for: a command, a pressed button, the answer to a question, a kind of
 * message, another kind of update, and last the host's own "I did not understand".
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

/* Finds the handler and runs it; its result is the result. ctx has been read. An album
 * for somebody who takes single messages is not run: must_split is set. */
AISHA_ASYNC AISHA_CHECKED int router_run(struct aisha_ctx *ctx);

/*
 * The answer to an aisha_confirm(): a button of the host's that stands for one of the plugin's.
 */
#pragma once

#include <stdint.h>

#include <aisha/base.h>

struct aisha_ctx;

uint32_t confirm_route(void);

/*
 * ctx->button is one of that route: makes it the one that was meant, and the answer part of what the
 * unit commits. Returns 1 when nothing was meant: a no without a callback, said to the user.
 * -AISHA_E_NOT_FOUND when the question is answered already, or forgotten.
 */
AISHA_ASYNC AISHA_CHECKED int confirm_take(struct aisha_ctx *ctx);

/* The callback has done its work: takes the buttons away, unless it has shown something in their
 * place. */
AISHA_ASYNC void confirm_done(struct aisha_ctx *ctx);

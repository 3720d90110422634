/*
 * A callback query that nobody has answered after 3 s is answered by the host, so that the button does
 * not turn for ever; what the handler answers later is said in a message.
 */
#pragma once

struct aisha_ctx;

/* For a unit that has just been delivered; nothing if it is no callback query. Its timer is in ctx. */
void late_answer_arm(struct aisha_ctx *ctx);

/* The action of <aisha/progress.h> that a unit shows in its chat. */
#pragma once

struct aisha_ctx;

/* Nothing is sent after it but what is on its way already. */
void chat_action_end(struct aisha_ctx *ctx);

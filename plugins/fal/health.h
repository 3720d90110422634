/*
 * Whether fal.ai would take what is ordered: the rows of .health.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

AISHA_ASYNC int check_key(struct aisha_ctx *ctx);
AISHA_ASYNC int check_models(struct aisha_ctx *ctx);
AISHA_ASYNC int check_account(struct aisha_ctx *ctx);

/*
 * The job "drive": see drive.c.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

AISHA_ASYNC int run_drive(struct aisha_ctx *ctx);
AISHA_ASYNC int drive_failed(struct aisha_ctx *ctx);

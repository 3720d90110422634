/*
 * After a crash or a restart: messages that still promise progress are told the truth.
 */
#pragma once

#include <aisha/base.h>

struct bot;

/* Before anything is handled. The messages are edited by a task of its own. */
AISHA_ASYNC AISHA_CHECKED int tidy_start(struct bot *bot);

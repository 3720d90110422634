/*
 * A database that cannot be reached for a while: waiting for it, and finding out what became of a
 * write that was under way.
 */
#pragma once

#include <aisha/base.h>

struct aisha_ctx;

/* Waits until the database can be written again. Negative: the unit is cancelled. */
AISHA_ASYNC AISHA_CHECKED int outage_wait(struct aisha_ctx *ctx);

enum { OUTAGE_WITHOUT_EFFECT = 1 };

/*
 * The first write of the unit, which carries its mark, failed with -AISHA_E_UNAVAILABLE. On a
 * database that may nevertheless have done it, waits until it can be asked. 0: the write took
 * effect. OUTAGE_WITHOUT_EFFECT: it did not, and the unit may be run again. Negative: the unit is
 * cancelled.
 */
AISHA_ASYNC AISHA_CHECKED int outage_settle(struct aisha_ctx *ctx);

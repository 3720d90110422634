#include "host/io/redis_pause.h"

#include <stdlib.h>

#include "host/core/wait.h"

enum { FIRST_MS = 50, LAST_MS = 2000 };

void redis_pause_reset(struct redis_pause *pause)
{
    pause->next_ms = 0;
}

int redis_pause(struct redis_pause *pause, struct loop *loop)
{
    int64_t whole_ms = pause->next_ms ? pause->next_ms : FIRST_MS;

    pause->next_ms = 2 * whole_ms < LAST_MS ? 2 * whole_ms : LAST_MS;
    return wait_sleep(loop, whole_ms / 2 + random() % (whole_ms / 2 + 1));
}
